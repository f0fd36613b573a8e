package mutants

import (
	"context"
	"errors"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerLifeMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "publish-after-close", Clauses: []string{"BR-072"}, Kills: brokerCase("closed-client"), Wrap: publishing(swallow(ports.ErrClosed))},
		{Name: "second-client-close-fails", Clauses: []string{"BR-073"}, Kills: brokerCase("close-client-twice"),
			AlsoFails: brokerCase("close-harms-no-other", "close-leaves-no-goroutine", "closed-client", "stranded-cut-off",
				"stranded-reader-closes", "unsettled-comes-again-after-client-close"),
			Wrap: brokerBug{close: func(ctx context.Context, b *brokenBroker) error {
				if b.add("closed", 1) == 1 {
					return ports.Errorf(b.Name(), "close", ports.ErrClosed, "closed already")
				}
				return b.Broker.Close(ctx)
			}}.broker()},
		{Name: "close-shared-client", Clauses: []string{"BR-074"}, Kills: brokerCase("close-harms-no-other"),
			AlsoFails: brokerCase("closed-client", "stranded-cut-off", "stranded-reader-closes",
				"unsettled-comes-again-after-client-close"),
			Wrap: brokerBug{close: func(ctx context.Context, b *brokenBroker) error {
				for _, other := range b.server.all() {
					_ = other.Broker.Close(ctx)
				}
				return nil
			}}.broker()},
		{Name: "leaks-goroutine", Clauses: []string{"BR-075"}, Kills: brokerCase("close-leaves-no-goroutine"),
			Wrap: subscribing(func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
				s, err := b.open(ctx, o)
				if err == nil {
					go Deaf()
				}
				return s, err
			})},
		{Name: "bare-errors", Clauses: []string{"BR-076"}, Kills: brokerCase("errors-name-driver-and-operation"),
			Wrap: publishing(func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
				position, err := b.Broker.Publish(ctx, m)
				if errors.Is(err, ports.ErrInvalid) {
					return "", ports.ErrInvalid
				}
				return position, err
			})},
		{Name: "as-takes-anything", Clauses: []string{"BR-077"}, Kills: brokerCase("as-leaves-unknown-targets-alone"),
			Wrap: brokerBug{as: func(any) bool { return true }}.broker()},
		{Name: "swallow-error", Clauses: []string{"BR-078"}, Kills: brokerCase("cut-off"), Wrap: publishing(swallow(ports.ErrUnavailable))},
		{Name: "dead-after-an-outage", Clauses: []string{"BR-079"}, Kills: brokerCase("back-again"),
			Wrap: brokerBug{
				ack: func(ctx context.Context, d *brokenDelivery) error {
					err := d.Delivery.Ack(ctx)
					if errors.Is(err, ports.ErrUnavailable) {
						d.sub.keep("dead", err)
					}
					return err
				},
				receive: func(ctx context.Context, s *brokenSubscription) (ports.Delivery, error) {
					if err, ok := s.recall("dead").(error); ok {
						return nil, err
					}
					return s.get(ctx)
				},
			}.broker()},
	}
}
