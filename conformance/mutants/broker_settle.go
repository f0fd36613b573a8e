package mutants

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerSettleMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "acks-lost-on-close", Clauses: []string{"BR-031"}, Kills: brokerCase("settled-does-not-come-again"),
			AlsoFails: brokerCase("from-start-leaves-a-group-alone", "group-keeps-its-place", "key-goes-on-with-the-next-subscriber",
				"others-come-and-go", "unsettled-comes-again-after-close"),
			Wrap: acksLost()},
		{Name: "ack-before-handling", Clauses: []string{"BR-032"},
			Kills: brokerCase("unsettled-comes-again-after-close"),
			AlsoFails: brokerCase("attempt-counts-from-one", "attempt-is-exact", "back-again", "cut-off",
				"errors-name-driver-and-operation", "exclusive-is-free-after-close", "extend-starts-the-lease-anew",
				"failover-takes-over", "from-start-gets-what-is-kept", "held-key-holds-no-other",
				"key-goes-on-with-the-next-subscriber", "key-is-held-while-unsettled", "lease-ends",
				"lease-ends-for-a-hanging-subscriber", "lease-holds", "lost-is-told", "lost-lease-is-a-conflict",
				"message-without-id-gets-one", "nack-delay-beyond-the-lease", "nack-holds-its-key",
				"nack-lets-others-pass", "nack-not-before-its-delay", "nacked-comes-again", "no-key-is-one-key",
				"prefetch-bounds-unsettled", "receiver-owns-its-message", "settling-does-not-close-lost",
				"settling-twice-is-a-conflict", "sticky-holds-a-key-when-members-change",
				"unsettled-comes-again-after-client-close", "what-comes-again-is-the-same"),
			Wrap: acksBeforeHandling()},
		{Name: "client-close-settles", Clauses: []string{"BR-033"},
			Kills: brokerCase("unsettled-comes-again-after-client-close"), Wrap: closeSettles()},
		{Name: "ack-on-handler-error", Clauses: []string{"BR-034"}, Kills: brokerCase("nacked-comes-again"),
			AlsoFails: brokerCase("attempt-counts-from-one", "attempt-is-exact", "lost-lease-is-a-conflict",
				"message-without-id-gets-one", "nack-delay-beyond-the-lease", "nack-holds-its-key",
				"nack-lets-others-pass", "nack-not-before-its-delay", "receiver-owns-its-message",
				"settling-does-not-close-lost", "settling-twice-is-a-conflict", "what-comes-again-is-the-same"),
			Wrap: nacking(func(ctx context.Context, d *brokenDelivery, delay time.Duration) error {
				if !d.again() || delay < 0 {
					return d.Delivery.Nack(ctx, delay)
				}
				return d.Delivery.Ack(ctx)
			})},
		{Name: "nack-in-minutes", Clauses: []string{"BR-034"}, Kills: brokerCase("nacked-comes-again"),
			AlsoFails: brokerCase("nack-delay-beyond-the-lease", "nack-holds-its-key", "nack-lets-others-pass",
				"nack-not-before-its-delay"),
			Wrap: nacking(func(ctx context.Context, d *brokenDelivery, delay time.Duration) error {
				return d.Delivery.Nack(ctx, 60*delay)
			})},
		{Name: "nack-delay-ignored", Clauses: []string{"BR-035"}, Kills: brokerCase("nack-not-before-its-delay"),
			AlsoFails: brokerCase("nack-delay-beyond-the-lease", "nack-lets-others-pass"),
			Wrap: nacking(func(ctx context.Context, d *brokenDelivery, delay time.Duration) error {
				return d.Delivery.Nack(ctx, min(delay, 0))
			})},
		{Name: "nack-blocks-everyone", Clauses: []string{"BR-036"}, Kills: brokerCase("nack-lets-others-pass"), Wrap: nackBlocks()},
		{Name: "nack-clamped-to-the-lease", Clauses: []string{"BR-037"}, Kills: brokerCase("nack-delay-beyond-the-lease"),
			Wrap: nacking(func(ctx context.Context, d *brokenDelivery, delay time.Duration) error {
				if d.sub.options.Lease > 0 {
					delay = min(delay, d.sub.options.Lease)
				}
				return d.Delivery.Nack(ctx, delay)
			})},
		{Name: "negative-delay-accepted", Clauses: []string{"BR-038"}, Kills: brokerCase("nack-with-a-negative-delay"),
			Wrap: nacking(func(ctx context.Context, d *brokenDelivery, delay time.Duration) error {
				return d.Delivery.Nack(ctx, max(delay, 0))
			})},
		{Name: "second-ack-accepted", Clauses: []string{"BR-039"}, Kills: brokerCase("settling-twice-is-a-conflict"),
			AlsoFails: brokerCase("errors-name-driver-and-operation"),
			Wrap: brokerBug{ack: func(ctx context.Context, d *brokenDelivery) error {
				err := d.Delivery.Ack(ctx)
				if err == nil {
					d.add("acked", 1)
				}
				if errors.Is(err, ports.ErrConflict) && d.add("acked", 0) > 0 {
					return nil
				}
				return err
			}}.broker()},
		{Name: "attempt-counts-fetches", Clauses: []string{"BR-040"}, Kills: brokerCase("attempt-counts-from-one"),
			AlsoFails: brokerCase("attempt-is-exact"),
			Wrap:      brokerBug{attempt: func(d *brokenDelivery) int { return 2 * d.Delivery.Attempt() }}.broker()},
		{Name: "no-attempt-count", Clauses: []string{"BR-041"}, Kills: brokerCase("attempt-is-exact"),
			Wrap: brokerBug{attempt: func(*brokenDelivery) int { return 1 }}.broker()},
		{Name: "attempt-forgotten-on-close", Clauses: []string{"BR-041"}, Kills: brokerCase("attempt-is-exact"),
			Wrap: brokerBug{attempt: func(d *brokenDelivery) int {
				m := d.Delivery.Message()
				if d.add("counted", 1) == 0 {
					d.sub.add(m.ID, 1)
				}
				return d.sub.add(m.ID, 0)
			}}.broker()},
		{Name: "redelivered-without-headers", Clauses: []string{"BR-042"}, Kills: brokerCase("what-comes-again-is-the-same"),
			AlsoFails: brokerCase("receiver-owns-its-message"),
			Wrap: brokerBug{message: func(d *brokenDelivery) *ports.Message {
				m := d.Delivery.Message()
				if d.Delivery.Attempt() > 1 {
					m = m.Clone()
					m.Headers = nil
				}
				return m
			}}.broker()},
	}
}

func nacking(nack func(context.Context, *brokenDelivery, time.Duration) error) func(ports.Broker) ports.Broker {
	return brokerBug{nack: nack}.broker()
}

// again is whether a settled delivery may come again.
func (d *brokenDelivery) again() bool { return d.sub.options.Strategy != ports.Broadcast }

// acksLost sends what was acknowledged again when the subscription is closed.
func acksLost() func(ports.Broker) ports.Broker {
	return brokerBug{
		ack: func(ctx context.Context, d *brokenDelivery) error {
			err := d.Delivery.Ack(ctx)
			if err == nil && d.again() {
				acked, _ := d.sub.recall("acked").([]*ports.Message)
				d.sub.keep("acked", append(slices.Clone(acked), d.Delivery.Message()))
			}
			return err
		},
		closeSub: func(ctx context.Context, s *brokenSubscription) error {
			acked, _ := s.keep("acked", nil).([]*ports.Message)
			for _, m := range acked {
				_, _ = s.broker.Broker.Publish(ctx, m)
			}
			return s.Subscription.Close(ctx)
		},
	}.broker()
}

func acksBeforeHandling() func(ports.Broker) ports.Broker {
	return brokerBug{
		receive: func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
			d, err := s.get(ctx)
			if err == nil && s.options.Strategy != ports.Broadcast {
				_ = d.(*brokenDelivery).Delivery.Ack(ctx)
			}
			return d, err
		},
		ack: func(ctx context.Context, d *brokenDelivery) error {
			if d.again() {
				return ctx.Err()
			}
			return d.Delivery.Ack(ctx)
		},
	}.broker()
}

// closeSettles acknowledges what a client has in hand when it is closed.
func closeSettles() func(ports.Broker) ports.Broker {
	return brokerBug{
		receive: func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
			d, err := s.get(ctx)
			if err == nil {
				held, _ := s.broker.recall("held").([]ports.Delivery)
				s.broker.keep("held", append(slices.Clone(held), d.(*brokenDelivery).Delivery))
			}
			return d, err
		},
		close: func(ctx context.Context, b *brokenBroker) error {
			held, _ := b.recall("held").([]ports.Delivery)
			for _, d := range held {
				_ = d.Ack(ctx)
			}
			return b.Broker.Close(ctx)
		},
	}.broker()
}

func nackBlocks() func(ports.Broker) ports.Broker {
	return brokerBug{
		nack: func(ctx context.Context, d *brokenDelivery, delay time.Duration) error {
			d.sub.keep("until", time.Now().Add(delay))
			return d.Delivery.Nack(ctx, delay)
		},
		receive: func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
			until, _ := s.recall("until").(time.Time)
			if wait := time.Until(until); wait > 0 {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
				}
			}
			return s.get(ctx)
		},
	}.broker()
}
