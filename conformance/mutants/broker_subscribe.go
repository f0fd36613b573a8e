package mutants

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerSubscribeMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "others-publishes-lost", Clauses: []string{"BR-012"}, Kills: brokerCase("subscription-is-live"),
			Wrap: sending(func(b *brokenBroker, m *ports.Message) {
				if b.number > 0 {
					m.Topic += " of another client"
				}
			})},
		{Name: "from-start-always", Clauses: []string{"BR-013"}, Kills: brokerCase("new-group-starts-now"),
			AlsoFails: brokerCase("others-come-and-go", "publish-without-readers", "subscription-is-live"),
			Wrap: asking(func(_ *brokenBroker, o *ports.SubscribeOptions) {
				o.FromStart = o.FromStart || o.Strategy != ports.Broadcast
			})},
		{Name: "from-start-ignored", Clauses: []string{"BR-014"}, Kills: brokerCase("from-start-gets-what-is-kept"),
			Wrap: asking(func(_ *brokenBroker, o *ports.SubscribeOptions) {
				o.FromStart = o.FromStart && o.Strategy == ports.Broadcast
			})},
		{Name: "from-start-again", Clauses: []string{"BR-015"}, Kills: brokerCase("from-start-leaves-a-group-alone"),
			Wrap: asking(func(_ *brokenBroker, o *ports.SubscribeOptions) {
				if o.FromStart {
					o.Group += rand.Text()
				}
			})},
		{Name: "group-forgets-its-place", Clauses: []string{"BR-016"}, Kills: brokerCase("group-keeps-its-place"),
			AlsoFails: brokerCase("attempt-counts-from-one", "attempt-is-exact", "exclusive-is-free-after-close",
				"from-start-leaves-a-group-alone", "key-goes-on-with-the-next-subscriber",
				"unsettled-comes-again-after-close", "what-comes-again-is-the-same"),
			Wrap: forgetsPlace()},
		{Name: "groups-are-one", Clauses: []string{"BR-017"}, Kills: brokerCase("each-group-gets-every-message"),
			AlsoFails: brokerCase("close-harms-no-other", "close-leaves-no-goroutine", "exclusive-refuses-a-second",
				"from-start-gets-what-is-kept", "from-start-leaves-a-group-alone", "message-without-id-gets-one",
				"new-group-starts-now", "others-come-and-go", "receiver-owns-its-message", "strategies-share-a-topic"),
			Wrap: asking(func(_ *brokenBroker, o *ports.SubscribeOptions) {
				if o.Group != "" {
					o.Group = "group"
				}
			})},
		{Name: "one-strategy-a-topic", Clauses: []string{"BR-018"}, Kills: brokerCase("strategies-share-a-topic"),
			Wrap: subscribing(func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
				before, ok := b.server.recall(o.Topic).(ports.Strategy)
				if _, err := o.WithDefaults(); err == nil && ok && before != o.Strategy {
					return nil, ports.Errorf(b.Name(), "subscribe", ports.ErrConflict, "the topic is for %v", before)
				}
				b.server.keep(o.Topic, o.Strategy)
				return b.open(ctx, o)
			})},
		{Name: "options-corrected", Clauses: []string{"BR-019"}, Kills: brokerCase("invalid-options"),
			Wrap: asking(func(_ *brokenBroker, o *ports.SubscribeOptions) {
				o.Prefetch, o.Lease = max(o.Prefetch, 0), max(o.Lease, 0)
			})},
		{Name: "unsupported-returns-nil", Clauses: []string{"BR-020"}, Kills: brokerCase("undeclared-is-unsupported"),
			Wrap: brokerBug{nack: func(ctx context.Context, d *brokenDelivery, delay time.Duration) error {
				err := d.Delivery.Nack(ctx, delay)
				if errors.Is(err, ports.ErrUnsupported) {
					return nil
				}
				return err
			}}.broker()},
		{Name: "strategies-mix-in-a-group", Clauses: []string{"BR-021"}, Kills: brokerCase("group-has-one-strategy"),
			Wrap: asking(func(_ *brokenBroker, o *ports.SubscribeOptions) {
				if o.Group != "" {
					o.Group += " " + o.Strategy.String()
				}
			})},
		{Name: "subscription-ends-with-its-context", Clauses: []string{"BR-022"}, Kills: brokerCase("subscription-outlives-its-context"),
			Wrap: subscribing(func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
				s, err := b.open(ctx, o)
				if err == nil {
					context.AfterFunc(ctx, func() { _ = s.Close(context.WithoutCancel(ctx)) })
				}
				return s, err
			})},
	}
}

func subscribing(subscribe func(context.Context, *brokenBroker, ports.SubscribeOptions) (ports.Subscription, error)) func(ports.Broker) ports.Broker {
	return brokerBug{subscribe: subscribe}.broker()
}

// asking changes what a Subscribe asks for.
func asking(change func(*brokenBroker, *ports.SubscribeOptions)) func(ports.Broker) ports.Broker {
	return subscribing(func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
		if utf8.ValidString(o.Group) {
			change(b, &o)
		}
		return b.open(ctx, o)
	})
}

// forgetsPlace makes a new group of one whose last subscriber has gone.
func forgetsPlace() func(ports.Broker) ports.Broker {
	name := func(o ports.SubscribeOptions) string { return o.Topic + " " + o.Group }
	return brokerBug{
		subscribe: func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
			asked := o
			for range b.server.add("generation of "+name(asked), 0) {
				o.Group += "'"
			}
			s, err := b.open(ctx, o)
			if err == nil {
				b.server.add("open in "+name(asked), 1)
				s.(*brokenSubscription).options = asked
			}
			return s, err
		},
		closeSub: func(ctx context.Context, s *brokenSubscription) error {
			if s.add("closed", 1) == 0 && s.broker.server.add("open in "+name(s.options), -1) == 1 {
				s.broker.server.add("generation of "+name(s.options), 1)
			}
			return s.Subscription.Close(ctx)
		},
	}.broker()
}
