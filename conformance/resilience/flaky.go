package resilience

import (
	"context"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// outage says how a driver fails; nil = not at all. It is asked before each call of an operation, and the call has no
// effect when it returns an error.
type outage func(ctx context.Context, op, topic string) error

// down is a backend that nobody reaches.
func down(_ context.Context, op, _ string) error {
	return &ports.Error{Op: op, Driver: "flaky", Kind: ports.ErrUnavailable}
}

// silent is a backend that does not answer.
func silent(ctx context.Context, op, _ string) error {
	<-ctx.Done()
	return ports.ContextError(ctx, "flaky", op)
}

// answering is a backend that answers with an error of a kind.
func answering(kind ports.Kind) outage {
	return func(_ context.Context, op, _ string) error { return &ports.Error{Op: op, Driver: "flaky", Kind: kind} }
}

// only limits an outage to one operation.
func only(op string, o outage) outage {
	return func(ctx context.Context, called, topic string) error {
		if called != op {
			return nil
		}
		return o(ctx, called, topic)
	}
}

// onTopic limits an outage to one topic.
func onTopic(topic string, o outage) outage {
	return func(ctx context.Context, op, called string) error {
		if called != topic {
			return nil
		}
		return o(ctx, op, called)
	}
}

// flaky counts calls and lets an outage stop them.
type flaky struct {
	mu    sync.Mutex
	how   outage
	calls map[string]int
}

func (f *flaky) set(o outage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.how = o
}

// count of the calls of an operation ("ack"), or of those of one topic ("ack orders").
func (f *flaky) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

func (f *flaky) enter(ctx context.Context, op, topic string) error {
	f.mu.Lock()
	how := f.how
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[op]++
	f.calls[op+" "+topic]++
	f.mu.Unlock()
	if how == nil {
		return nil
	}
	return how(ctx, op, topic)
}

// flakyBroker publishes, subscribes and settles only while it is up.
type flakyBroker struct {
	ports.Broker
	flaky
}

func newFlakyBroker(b ports.Broker) *flakyBroker { return &flakyBroker{Broker: b} }

func (b *flakyBroker) Publish(ctx context.Context, m *ports.Message) (string, error) {
	if err := b.enter(ctx, "publish", m.Topic); err != nil {
		return "", err
	}
	return b.Broker.Publish(ctx, m)
}

func (b *flakyBroker) Subscribe(ctx context.Context, o ports.SubscribeOptions) (ports.Subscription, error) {
	if err := b.enter(ctx, "subscribe", o.Topic); err != nil {
		return nil, err
	}
	s, err := b.Broker.Subscribe(ctx, o)
	if err != nil {
		return nil, err
	}
	return &brokenSubscription{Subscription: s, wrap: func(d ports.Delivery) ports.Delivery {
		return &flakyDelivery{d, &b.flaky}
	}}, nil
}

// flakyStore does the same for an emergency store.
type flakyStore struct {
	ports.EmergencyStore
	flaky
}

func newFlakyStore(s ports.EmergencyStore) *flakyStore { return &flakyStore{EmergencyStore: s} }

func (s *flakyStore) Strand(ctx context.Context, m *ports.Message, failedAt time.Time) error {
	if err := s.enter(ctx, "strand", m.Topic); err != nil {
		return err
	}
	return s.EmergencyStore.Strand(ctx, m, failedAt)
}

func (s *flakyStore) Stranded(ctx context.Context, topic string) (ports.StrandedReader, error) {
	if err := s.enter(ctx, "stranded", topic); err != nil {
		return nil, err
	}
	r, err := s.EmergencyStore.Stranded(ctx, topic)
	if err != nil {
		return nil, err
	}
	return &brokenReader{StrandedReader: r, wrap: func(d ports.Delivery) ports.Delivery {
		return &flakyDelivery{d, &s.flaky}
	}}, nil
}

func (s *flakyStore) Topics(ctx context.Context) ([]string, error) {
	if err := s.enter(ctx, "topics", ""); err != nil {
		return nil, err
	}
	return s.EmergencyStore.Topics(ctx)
}

type flakyDelivery struct {
	ports.Delivery
	f *flaky
}

func (d *flakyDelivery) Ack(ctx context.Context) error {
	if err := d.f.enter(ctx, "ack", d.Message().Topic); err != nil {
		return err
	}
	return d.Delivery.Ack(ctx)
}

// brokenSubscription and brokenReader change the deliveries that they hand out.
type brokenSubscription struct {
	ports.Subscription
	wrap func(ports.Delivery) ports.Delivery
}

func (s *brokenSubscription) Receive(ctx context.Context) (ports.Delivery, error) {
	d, err := s.Subscription.Receive(ctx)
	if err != nil {
		return nil, err
	}
	return s.wrap(d), nil
}

type brokenReader struct {
	ports.StrandedReader
	wrap func(ports.Delivery) ports.Delivery
}

func (r *brokenReader) Next(ctx context.Context) (ports.Delivery, error) {
	d, err := r.StrandedReader.Next(ctx)
	if err != nil {
		return nil, err
	}
	return r.wrap(d), nil
}
