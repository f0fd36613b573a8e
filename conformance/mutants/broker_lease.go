package mutants

import (
	"context"
	"errors"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerLeaseMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "lease-never-ends", Clauses: []string{"BR-043"}, Kills: brokerCase("lease-ends", "lease-ends-for-a-hanging-subscriber"),
			AlsoFails: brokerCase("back-again", "lease-holds", "lost-is-told", "lost-lease-is-a-conflict"),
			Wrap: asking(func(_ *brokenBroker, o *ports.SubscribeOptions) {
				if o.Lease > 0 {
					o.Lease = 24 * time.Hour
				}
			})},
		{Name: "lease-ends-early", Clauses: []string{"BR-044"}, Kills: brokerCase("lease-holds"),
			Wrap: asking(func(_ *brokenBroker, o *ports.SubscribeOptions) { o.Lease /= 2 })},
		{Name: "double-delivery-to-slow-handler", Clauses: []string{"BR-045"}, Kills: brokerCase("extend-starts-the-lease-anew"),
			Wrap: brokerBug{extend: func(ctx context.Context, d *brokenDelivery) error {
				if d.again() && d.Delivery.Attempt() == 1 && d.add("extended", 1) > 0 {
					return ctx.Err()
				}
				return d.Delivery.Extend(ctx)
			}}.broker()},
		{Name: "ack-after-lost-lease", Clauses: []string{"BR-046"}, Kills: brokerCase("lost-lease-is-a-conflict"), Wrap: acksAfterLoss()},
		{Name: "lost-never-told", Clauses: []string{"BR-047"}, Kills: brokerCase("lost-is-told"),
			Wrap: brokerBug{lost: func(*brokenDelivery) <-chan struct{} { return make(chan struct{}) }}.broker()},
		{Name: "ack-closes-lost", Clauses: []string{"BR-048"}, Kills: brokerCase("settling-does-not-close-lost"), Wrap: ackClosesLost()},
		{Name: "session-lease-expires", Clauses: []string{"BR-049"}, Kills: brokerCase("session-lease-lasts"),
			Wrap: brokerBug{extend: func(ctx context.Context, d *brokenDelivery) error {
				err := d.Delivery.Extend(ctx)
				if err == nil && !d.again() {
					return ports.Errorf(d.broker.Name(), "extend", ports.ErrConflict, "the lease has ended")
				}
				return err
			}}.broker()},
	}
}

// acksAfterLoss settles the message whoever holds it now, as a plain XACK does.
func acksAfterLoss() func(ports.Broker) ports.Broker {
	name := func(d *brokenDelivery) string {
		m := d.Delivery.Message()
		return m.Topic + " " + d.sub.options.Group + " " + m.ID
	}
	return brokerBug{
		receive: func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
			d, err := s.get(ctx)
			if err == nil {
				own := d.(*brokenDelivery)
				s.broker.server.keep(name(own), own)
			}
			return d, err
		},
		ack: func(ctx context.Context, d *brokenDelivery) error {
			err := d.Delivery.Ack(ctx)
			holder, _ := d.broker.server.recall(name(d)).(*brokenDelivery)
			if errors.Is(err, ports.ErrConflict) && !isOpen(d.Delivery.Lost()) && holder != d {
				return holder.Delivery.Ack(ctx)
			}
			return err
		},
	}.broker()
}

func isOpen(c <-chan struct{}) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}

// ackClosesLost takes every end of a delivery for a loss.
func ackClosesLost() func(ports.Broker) ports.Broker {
	lost := func(d *brokenDelivery) chan struct{} {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.kept == nil {
			d.kept = map[string]any{"lost": make(chan struct{})}
		}
		return d.kept["lost"].(chan struct{})
	}
	end := func(d *brokenDelivery) {
		if d.add("ended", 1) == 0 {
			close(lost(d))
		}
	}
	return brokerBug{
		lost: func(d *brokenDelivery) <-chan struct{} { return lost(d) },
		ack: func(ctx context.Context, d *brokenDelivery) error {
			err := d.Delivery.Ack(ctx)
			if err == nil {
				end(d)
			}
			return err
		},
		extend: func(ctx context.Context, d *brokenDelivery) error {
			err := d.Delivery.Extend(ctx)
			if errors.Is(err, ports.ErrConflict) {
				end(d)
			}
			return err
		},
	}.broker()
}
