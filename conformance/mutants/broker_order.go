package mutants

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerOrderMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "some-come-late", Clauses: []string{"BR-055"}, Kills: brokerCase("key-keeps-order"),
			AlsoFails: brokerCase("broadcast-keeps-order"),
			Wrap: sending(func(b *brokenBroker, m *ports.Message) {
				if b.add("sent to "+m.Topic, 1)%25 == 20 {
					m.DeliverAt = time.Now().Add(time.Millisecond)
				}
			})},
		{Name: "no-key-no-order", Clauses: []string{"BR-057"}, Kills: brokerCase("no-key-is-one-key"), Wrap: keysChanged(
			func(m *ports.Message) bool { return m.Key == "" }, rand.Text)},
		{Name: "all-keys-are-one", Clauses: []string{"BR-058"}, Kills: brokerCase("held-key-holds-no-other"),
			AlsoFails: brokerCase("key-goes-on-with-the-next-subscriber", "nack-lets-others-pass", "prefetch-bounds-unsettled",
				"receives-at-once-share", "sticky-holds-a-key-when-members-change", "sticky-spreads-keys",
				"unsettled-comes-again-after-client-close", "unsettled-comes-again-after-close"),
			Wrap: keysChanged(
				func(*ports.Message) bool { return true }, func() string { return "one" })},
		{Name: "nack-reorders-key", Clauses: []string{"BR-059"}, Kills: brokerCase("nack-holds-its-key"),
			AlsoFails: brokerCase("attempt-is-exact", "receiver-owns-its-message"),
			Wrap: nacking(func(ctx context.Context, d *brokenDelivery, delay time.Duration) error {
				if !d.sub.options.Strategy.Ordered() || delay < 0 {
					return d.Delivery.Nack(ctx, delay)
				}
				return d.sendAgain(ctx, delay)
			})},
		{Name: "close-reorders-keys", Clauses: []string{"BR-060"}, Kills: brokerCase("key-goes-on-with-the-next-subscriber"),
			AlsoFails: brokerCase("attempt-is-exact", "failover-takes-over"),
			Wrap:      closeReorders()},
	}
}

// sendAgain puts the message behind all others.
func (d *brokenDelivery) sendAgain(ctx context.Context, delay time.Duration) error {
	if err := d.Delivery.Ack(ctx); err != nil {
		return err
	}
	m := d.Delivery.Message().Clone()
	if delay > 0 {
		m.DeliverAt = time.Now().Add(delay)
	}
	_, err := d.broker.Broker.Publish(ctx, m)
	return err
}

const realKey = ports.HeaderPrefix + "real-key"

// keysChanged gives messages other keys while they are in the broker.
func keysChanged(which func(*ports.Message) bool, key func() string) func(ports.Broker) ports.Broker {
	return brokerBug{
		publish: func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
			if ports.ValidateMessage(m) != nil || !which(m) {
				return b.Broker.Publish(ctx, m)
			}
			m = m.Clone()
			if m.Headers == nil {
				m.Headers = map[string]string{}
			}
			m.Headers[realKey], m.Key = m.Key, key()
			return b.Broker.Publish(ctx, m)
		},
		message: func(d *brokenDelivery) *ports.Message {
			m := d.Delivery.Message()
			if was, ok := m.Headers[realKey]; ok {
				m.Key = was
				delete(m.Headers, realKey)
			}
			return m
		},
	}.broker()
}

// closeReorders puts what a subscriber of an ordered strategy leaves behind all others.
func closeReorders() func(ports.Broker) ports.Broker {
	return brokerBug{
		receive: func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
			d, err := s.get(ctx)
			if err == nil && s.options.Strategy.Ordered() {
				held, _ := s.recall("held").([]*brokenDelivery)
				s.keep("held", append(slices.Clone(held), d.(*brokenDelivery)))
			}
			return d, err
		},
		closeSub: func(ctx context.Context, s *brokenSubscription) error {
			held, _ := s.recall("held").([]*brokenDelivery)
			for _, d := range held {
				_ = d.sendAgain(ctx, 0)
			}
			return s.Subscription.Close(ctx)
		},
	}.broker()
}
