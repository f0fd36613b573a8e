package mutants

import (
	"context"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerStrategyMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "broadcast-as-shared", Clauses: []string{"BR-050"}, Kills: brokerCase("broadcast-reaches-everyone"),
			AlsoFails: brokerCase("broadcast-keeps-nothing", "close-harms-no-other", "each-group-gets-every-message",
				"new-group-starts-now", "others-come-and-go", "receiver-owns-its-message", "session-lease-lasts",
				"undeclared-is-unsupported"),
			Wrap: asking(func(_ *brokenBroker, o *ports.SubscribeOptions) {
				if o.Strategy == ports.Broadcast && !o.FromStart {
					o.Strategy, o.Group = ports.LoadBalanced, "everyone"
				}
			})},
		{Name: "broadcast-out-of-order", Clauses: []string{"BR-051"}, Kills: brokerCase("broadcast-keeps-order"),
			AlsoFails: brokerCase("delayed-message-holds-nothing-back"),
			Wrap:      broadcastSwaps()},
		{Name: "broadcast-is-durable", Clauses: []string{"BR-052"}, Kills: brokerCase("broadcast-keeps-nothing"),
			AlsoFails: brokerCase("new-group-starts-now", "others-come-and-go"),
			Wrap:      broadcastKeeps()},
		{Name: "load-balanced-to-all", Clauses: []string{"BR-053"}, Kills: brokerCase("load-balanced-gives-to-one"),
			AlsoFails: brokerCase("group-has-one-strategy", "unsettled-comes-again-after-client-close"),
			Wrap: asking(func(b *brokenBroker, o *ports.SubscribeOptions) {
				if o.Strategy == ports.LoadBalanced && b.number > 0 {
					o.Group += " of another client"
				}
			})},
		{Name: "load-balanced-to-the-first", Clauses: []string{"BR-054"}, Kills: brokerCase("load-balanced-passes-by-the-busy"),
			AlsoFails: brokerCase("group-has-one-strategy"),
			Wrap:      instead(ports.LoadBalanced, ports.Failover)},
		{Name: "sticky-as-shared", Clauses: []string{"BR-056", "BR-057", "BR-061"},
			Kills: brokerCase("key-is-held-while-unsettled", "no-key-is-one-key", "sticky-key-stays", "sticky-holds-a-key-when-members-change"),
			AlsoFails: brokerCase("group-has-one-strategy", "held-key-holds-no-other", "key-goes-on-with-the-next-subscriber",
				"nack-holds-its-key", "sticky-spreads-keys"),
			Wrap: instead(ports.Sticky, ports.LoadBalanced)},
		{Name: "sticky-as-failover", Clauses: []string{"BR-062"}, Kills: brokerCase("sticky-spreads-keys"),
			AlsoFails: brokerCase("group-has-one-strategy"),
			Wrap:      instead(ports.Sticky, ports.Failover)},
		{Name: "failover-as-sticky", Clauses: []string{"BR-063"}, Kills: brokerCase("failover-has-one-active"),
			AlsoFails: brokerCase("group-has-one-strategy"),
			Wrap:      instead(ports.Failover, ports.Sticky)},
		{Name: "standby-never-takes-over", Clauses: []string{"BR-064"}, Kills: brokerCase("failover-takes-over"),
			AlsoFails: brokerCase("close-harms-no-other", "close-leaves-no-goroutine", "group-has-one-strategy",
				"key-goes-on-with-the-next-subscriber", "unsettled-comes-again-after-client-close"),
			Wrap: asking(func(b *brokenBroker, o *ports.SubscribeOptions) {
				if o.Strategy == ports.Failover && b.number > 0 {
					o.Topic += " that nobody publishes to"
				}
			})},
		{Name: "exclusive-admits-all", Clauses: []string{"BR-065"}, Kills: brokerCase("exclusive-refuses-a-second"),
			AlsoFails: brokerCase("group-has-one-strategy"),
			Wrap:      instead(ports.Exclusive, ports.Failover)},
		{Name: "exclusive-never-free", Clauses: []string{"BR-066"}, Kills: brokerCase("exclusive-is-free-after-close"),
			AlsoFails: brokerCase("attempt-counts-from-one", "attempt-is-exact", "from-start-leaves-a-group-alone",
				"group-keeps-its-place", "key-goes-on-with-the-next-subscriber", "settled-does-not-come-again",
				"unsettled-comes-again-after-client-close", "unsettled-comes-again-after-close",
				"what-comes-again-is-the-same"),
			Wrap: subscribing(func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
				s, err := b.open(ctx, o)
				if err == nil && o.Strategy == ports.Exclusive && b.server.add(o.Topic+" "+o.Group, 1) > 0 {
					_ = s.Close(ctx)
					return nil, ports.Errorf(b.Name(), "subscribe", ports.ErrConflict, "it had a subscriber before")
				}
				return s, err
			})},
	}
}

// instead makes one strategy behave as another.
func instead(asked, given ports.Strategy) func(ports.Broker) ports.Broker {
	return asking(func(_ *brokenBroker, o *ports.SubscribeOptions) {
		if o.Strategy == asked {
			o.Strategy = given
		}
	})
}

// broadcastSwaps hands out every second message first, where two are there.
func broadcastSwaps() func(ports.Broker) ports.Broker {
	return receiving(func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
		if s.options.Strategy != ports.Broadcast {
			return s.get(ctx)
		}
		if second := s.keep("second", nil); second != nil {
			return second.(ports.Delivery), nil
		}
		first, err := s.get(ctx)
		if err != nil {
			return nil, err
		}
		moment, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		second, err := s.get(moment)
		if err != nil {
			return first, nil
		}
		s.keep("second", first)
		return second, nil
	})
}

// broadcastKeeps sends a topic's messages again to whoever subscribes.
func broadcastKeeps() func(ports.Broker) ports.Broker {
	return brokerBug{
		publish: func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
			position, err := b.Broker.Publish(ctx, m)
			if err == nil {
				sent, _ := b.recall(m.Topic).([]*ports.Message)
				b.keep(m.Topic, append(slices.Clone(sent), m.Clone()))
			}
			return position, err
		},
		subscribe: func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
			s, err := b.open(ctx, o)
			if err == nil && o.Strategy == ports.Broadcast {
				sent, _ := b.recall(o.Topic).([]*ports.Message)
				for _, m := range sent {
					_, _ = b.Broker.Publish(ctx, m)
				}
			}
			return s, err
		},
	}.broker()
}
