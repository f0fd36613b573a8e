package hanging

import (
	"context"
	"errors"

	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/ports"
)

// Broker lists the Broker drivers that spin.
func Broker() []mutants.Mutant[ports.Broker] {
	return []mutants.Mutant[ports.Broker]{
		{Name: "hot-loop-when-down", Clauses: []string{"BR-078"}, Kills: []string{"broker/cut-off"},
			Wrap: func(d ports.Broker) ports.Broker { return spinning{d} }},
	}
}

// spinning takes an outage for a hiccup that is over at once.
type spinning struct{ ports.Broker }

func (m spinning) Subscribe(ctx context.Context, o ports.SubscribeOptions) (ports.Subscription, error) {
	s, err := m.Broker.Subscribe(ctx, o)
	if err != nil {
		return nil, err
	}
	return spinningSubscription{s}, nil
}

type spinningSubscription struct{ ports.Subscription }

func (s spinningSubscription) Receive(ctx context.Context) (ports.Delivery, error) {
	for {
		d, err := s.Subscription.Receive(ctx)
		if !errors.Is(err, ports.ErrUnavailable) {
			return d, err
		}
	}
}
