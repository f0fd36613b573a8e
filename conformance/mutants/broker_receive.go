package mutants

import (
	"context"
	"errors"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerReceiveMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "prefetch-ignored", Clauses: []string{"BR-023"}, Kills: brokerCase("prefetch-bounds-unsettled"),
			AlsoFails: brokerCase("undeclared-is-unsupported"),
			Wrap:      asking(func(_ *brokenBroker, o *ports.SubscribeOptions) { o.Prefetch = min(0, o.Prefetch) })},
		{Name: "misses-the-wake-up", Clauses: []string{"BR-024"}, Kills: brokerCase("receive-waits-for-a-message"),
			AlsoFails: brokerCase("back-again", "closed-client", "closed-subscription", "cut-off", "delayed-message-holds-nothing-back",
				"delayed-message-waits", "key-is-held-while-unsettled", "lease-ends",
				"lease-ends-for-a-hanging-subscriber", "lease-holds", "lost-is-told", "lost-lease-is-a-conflict",
				"nack-delay-beyond-the-lease", "nack-holds-its-key", "nack-lets-others-pass",
				"nack-not-before-its-delay", "nacked-comes-again", "prefetch-bounds-unsettled",
				"receives-at-once-share"),
			Wrap: receiving(missesWakeUp)},
		{Name: "ignore-cancel", Clauses: []string{"BR-025"}, Kills: brokerCase("receive-heeds-its-context"),
			AlsoFails: brokerCase("failover-has-one-active", "failover-takes-over", "load-balanced-gives-to-one",
				"sticky-holds-a-key-when-members-change", "sticky-key-stays", "sticky-spreads-keys"),
			Wrap: receiving(func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
				if ctx.Err() != nil {
					return s.get(ctx)
				}
				deadline, ok := ctx.Deadline()
				ctx = context.WithoutCancel(ctx)
				if ok {
					var cancel func()
					ctx, cancel = context.WithDeadline(ctx, deadline)
					defer cancel()
				}
				return s.get(ctx)
			})},
		{Name: "cancel-drops-a-message", Clauses: []string{"BR-026"}, Kills: brokerCase("cancelled-receive-loses-nothing"),
			Wrap: receiving(func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
				ended := ctx.Err()
				d, err := s.get(ctx)
				if ended == nil && errors.Is(err, context.Canceled) {
					moment, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Millisecond)
					defer cancel()
					_, _ = s.get(moment)
				}
				return d, err
			})},
		{Name: "receives-share-a-delivery", Clauses: []string{"BR-027"}, Kills: brokerCase("receives-at-once-share"), Wrap: sharesDeliveries()},
		{Name: "closed-is-unavailable", Clauses: []string{"BR-028"}, Kills: brokerCase("closed-subscription"),
			AlsoFails: brokerCase("closed-client"),
			Wrap: receiving(func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
				d, err := s.get(ctx)
				if errors.Is(err, ports.ErrClosed) {
					return nil, ports.Errorf(s.broker.Name(), "receive", ports.ErrUnavailable, "gone")
				}
				return d, err
			})},
		{Name: "second-close-fails", Clauses: []string{"BR-029"}, Kills: brokerCase("close-subscription-twice"),
			Wrap: brokerBug{closeSub: func(ctx context.Context, s *brokenSubscription) error {
				if s.add("closed", 1) > 0 {
					return ports.Errorf(s.broker.Name(), "close", ports.ErrClosed, "closed already")
				}
				return s.Subscription.Close(ctx)
			}}.broker()},
		{Name: "close-ends-the-topic", Clauses: []string{"BR-030"}, Kills: brokerCase("others-come-and-go"), Wrap: closeEndsTopic()},
	}
}

func receiving(receive func(context.Context, *brokenSubscription) (ports.Delivery, error)) func(ports.Broker) ports.Broker {
	return brokerBug{receive: receive}.broker()
}

// missesWakeUp sees what is there and what comes soon; after that it waits for a call that never comes.
func missesWakeUp(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	d, err := s.get(soon)
	if err == nil || soon.Err() == nil || ctx.Err() != nil {
		return d, err
	}
	<-ctx.Done()
	return s.get(ctx)
}

// shared is a Receive whose result others get too.
type shared struct {
	done chan struct{}
	d    ports.Delivery
	err  error
}

func sharesDeliveries() func(ports.Broker) ports.Broker {
	return receiving(func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
		own := &shared{done: make(chan struct{})}
		if first := s.keep("receive", own); first != nil {
			other := first.(*shared)
			select {
			case <-other.done: // over; this one is the first now
			default:
				s.keep("receive", other)
				select {
				case <-other.done:
					return other.d, other.err
				case <-ctx.Done():
					return s.get(ctx)
				}
			}
		}
		own.d, own.err = s.get(ctx)
		close(own.done)
		return own.d, own.err
	})
}

// closeEndsTopic closes a client's other subscriptions of the topic together with one.
func closeEndsTopic() func(ports.Broker) ports.Broker {
	return brokerBug{
		subscribe: func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
			s, err := b.open(ctx, o)
			if err == nil && b.recall("first of "+o.Topic) == nil {
				b.keep("first of "+o.Topic, s)
			}
			return s, err
		},
		closeSub: func(ctx context.Context, s *brokenSubscription) error {
			if first, ok := s.broker.recall("first of " + s.options.Topic).(*brokenSubscription); ok {
				_ = first.Subscription.Close(ctx)
			}
			return s.Subscription.Close(ctx)
		},
	}.broker()
}
