package ports

import (
	"context"
	"time"
)

// InterceptBroker puts i around every call of b, of its subscriptions and of their deliveries, and of the
// [EmergencyStore] that [Optional] finds on it where b has one; a nil i is none, and b comes back as it is.
func InterceptBroker(b Broker, i Interceptor) Broker {
	if i == nil {
		return b
	}
	return &interceptedBroker{Broker: b, seam: seam{i, "broker", b.Name()}}
}

type interceptedBroker struct {
	Broker
	seam seam
}

// Unwrap is [Unwrapper].
func (b *interceptedBroker) Unwrap() Driver { return b.Broker }

func (b *interceptedBroker) offer(target any) bool {
	return offered(target, b.Broker, func(s EmergencyStore) EmergencyStore {
		return &interceptedEmergencyStore{store: s, seam: seam{b.seam.intercept, "emergency", b.seam.driver}}
	})
}

func (b *interceptedBroker) Close(ctx context.Context) error {
	return b.seam.do(ctx, "close", "", b.Broker.Close)
}

func (b *interceptedBroker) Publish(ctx context.Context, m *Message) (string, error) {
	return ask(ctx, &b.seam, "publish", topicOf(m), func(ctx context.Context) (string, error) {
		return b.Broker.Publish(ctx, m)
	})
}

// topicOf leaves it to the driver to refuse a message that is nil.
func topicOf(m *Message) string {
	if m == nil {
		return ""
	}
	return m.Topic
}

func (b *interceptedBroker) Subscribe(ctx context.Context, o SubscribeOptions) (Subscription, error) {
	s, err := ask(ctx, &b.seam, "subscribe", o.Topic, func(ctx context.Context) (Subscription, error) {
		return b.Broker.Subscribe(ctx, o)
	})
	if err != nil {
		return nil, err
	}
	return &interceptedSubscription{Subscription: s, seam: &b.seam, topic: o.Topic}, nil
}

type interceptedSubscription struct {
	Subscription
	seam  *seam
	topic string
}

func (s *interceptedSubscription) Receive(ctx context.Context) (Delivery, error) {
	d, err := ask(ctx, s.seam, "receive", s.topic, s.Subscription.Receive)
	if err != nil {
		return nil, err
	}
	return &interceptedDelivery{Delivery: d, seam: s.seam, topic: s.topic}, nil
}

func (s *interceptedSubscription) Close(ctx context.Context) error {
	return s.seam.do(ctx, "close subscription", s.topic, s.Subscription.Close)
}

type interceptedDelivery struct {
	Delivery
	seam  *seam
	topic string
}

func (d *interceptedDelivery) Ack(ctx context.Context) error {
	return d.seam.do(ctx, "ack", d.topic, d.Delivery.Ack)
}

func (d *interceptedDelivery) Nack(ctx context.Context, delay time.Duration) error {
	return d.seam.do(ctx, "nack", d.topic, func(ctx context.Context) error { return d.Delivery.Nack(ctx, delay) })
}

func (d *interceptedDelivery) Extend(ctx context.Context) error {
	return d.seam.do(ctx, "extend", d.topic, d.Delivery.Extend)
}

type interceptedEmergencyStore struct {
	store EmergencyStore
	seam  seam
}

func (e *interceptedEmergencyStore) Strand(ctx context.Context, m *Message, failedAt time.Time) error {
	return e.seam.do(ctx, "strand", topicOf(m), func(ctx context.Context) error { return e.store.Strand(ctx, m, failedAt) })
}

func (e *interceptedEmergencyStore) Topics(ctx context.Context) ([]string, error) {
	return ask(ctx, &e.seam, "topics", "", e.store.Topics)
}

func (e *interceptedEmergencyStore) Stranded(ctx context.Context, topic string) (StrandedReader, error) {
	r, err := ask(ctx, &e.seam, "stranded", topic, func(ctx context.Context) (StrandedReader, error) {
		return e.store.Stranded(ctx, topic)
	})
	if err != nil {
		return nil, err
	}
	return &interceptedStrandedReader{reader: r, seam: &e.seam, topic: topic}, nil
}

type interceptedStrandedReader struct {
	reader StrandedReader
	seam   *seam
	topic  string
}

func (r *interceptedStrandedReader) Next(ctx context.Context) (Delivery, error) {
	d, err := ask(ctx, r.seam, "next", r.topic, r.reader.Next)
	if err != nil {
		return nil, err
	}
	return &interceptedDelivery{Delivery: d, seam: r.seam, topic: r.topic}, nil
}

func (r *interceptedStrandedReader) Close(ctx context.Context) error {
	return r.seam.do(ctx, "close reader", r.topic, r.reader.Close)
}
