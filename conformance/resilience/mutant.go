package resilience

import (
	"context"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/ports"
)

type (
	sendFunc  = func(ctx context.Context, topic string, payload any, key string, o ...messaging.SendOption) (messaging.Receipt, error)
	flushFunc = func(ctx context.Context, topic string, batch int) (int, error)
	closeFunc = func(ctx context.Context) error
)

// Mutant is core broken in one way, by what stands around it: its backends, its configuration, its handlers or its
// methods. Nil functions change nothing.
type Mutant struct {
	// Name is the bug's ("delete-before-confirm").
	Name string
	// Clauses that the mutant breaks.
	Clauses []string
	// Kills are the ids of the cases that must not pass, AlsoFails of those that may fail too.
	Kills, AlsoFails []string

	config  func(*messaging.Config)
	options func(*messaging.HandlerOptions)
	handle  func(h handler, asked messaging.HandlerOptions) handler
	send    func(c *client, config messaging.Config) sendFunc
	flush   func(c *client) flushFunc
	close   func(c *client, config messaging.Config) closeFunc
}

// ids of cases, of their names in one text.
func ids(names string) []string {
	all := strings.Fields(names)
	for i, name := range all {
		all[i] = port + "/" + name
	}
	return all
}

// Mutants describes the mutants of core, for the ledger.
func Mutants() []mutants.Info {
	var infos []mutants.Info
	for _, m := range allMutants() {
		infos = append(infos, mutants.Info{Port: port, Name: m.Name, Clauses: m.Clauses, Kills: m.Kills, AlsoFails: m.AlsoFails})
	}
	return infos
}

func (m Mutant) client(c *client, config messaging.Config) {
	if m.send != nil {
		c.send = m.send(c, config)
	}
	if m.flush != nil {
		c.flush = m.flush(c)
	}
	if m.close != nil {
		c.close = m.close(c, config)
	}
}

func (m Mutant) handler(h handler, o messaging.HandlerOptions) (handler, messaging.HandlerOptions) {
	if m.handle != nil {
		h = m.handle(h, o)
	}
	if m.options != nil {
		m.options(&o)
	}
	return h, o
}

// brokenBroker changes what a client publishes and receives. Nil functions change nothing.
type brokenBroker struct {
	ports.Broker
	publish  func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error)
	delivery func(ports.Delivery) ports.Delivery
	receive  func(ctx context.Context, next ports.Subscription) (ports.Delivery, error)
	closing  func(ctx context.Context, next ports.Subscription) error
}

func (b *brokenBroker) Publish(ctx context.Context, m *ports.Message) (string, error) {
	if b.publish == nil {
		return b.Broker.Publish(ctx, m)
	}
	return b.publish(ctx, m, b.Broker)
}

func (b *brokenBroker) Subscribe(ctx context.Context, o ports.SubscribeOptions) (ports.Subscription, error) {
	s, err := b.Broker.Subscribe(ctx, o)
	if err != nil {
		return nil, err
	}
	return &mutantSubscription{s, b}, nil
}

type mutantSubscription struct {
	ports.Subscription
	b *brokenBroker
}

func (s *mutantSubscription) Receive(ctx context.Context) (d ports.Delivery, err error) {
	if s.b.receive != nil {
		d, err = s.b.receive(ctx, s.Subscription)
	} else {
		d, err = s.Subscription.Receive(ctx)
	}
	if err == nil && s.b.delivery != nil {
		d = s.b.delivery(d)
	}
	return d, err
}

func (s *mutantSubscription) Close(ctx context.Context) error {
	if s.b.closing != nil {
		return s.b.closing(ctx, s.Subscription)
	}
	return s.Subscription.Close(ctx)
}

// primary makes a mutant's configuration of a broken broker.
func primary(b brokenBroker) func(*messaging.Config) {
	return func(c *messaging.Config) {
		b := b
		b.Broker = c.Primary
		c.Primary = &b
	}
}

// brokenDelivery settles in another way than it is told. Nil functions change nothing.
type brokenDelivery struct {
	ports.Delivery
	ack, extend func(ctx context.Context, next ports.Delivery) error
	nack        func(ctx context.Context, next ports.Delivery, delay time.Duration) error
	message     *ports.Message
	lost        chan struct{}
}

func (d *brokenDelivery) Ack(ctx context.Context) error {
	if d.ack == nil {
		return d.Delivery.Ack(ctx)
	}
	return d.ack(ctx, d.Delivery)
}

func (d *brokenDelivery) Nack(ctx context.Context, delay time.Duration) error {
	if d.nack == nil {
		return d.Delivery.Nack(ctx, delay)
	}
	return d.nack(ctx, d.Delivery, delay)
}

func (d *brokenDelivery) Extend(ctx context.Context) error {
	if d.extend == nil {
		return d.Delivery.Extend(ctx)
	}
	return d.extend(ctx, d.Delivery)
}

func (d *brokenDelivery) Message() *ports.Message {
	if d.message == nil {
		return d.Delivery.Message()
	}
	return d.message
}

func (d *brokenDelivery) Lost() <-chan struct{} {
	if d.lost == nil {
		return d.Delivery.Lost()
	}
	return d.lost
}

// brokenStore changes what a client strands and reads back. Nil functions change nothing.
type brokenStore struct {
	ports.EmergencyStore
	topics   func(ctx context.Context, next ports.EmergencyStore) ([]string, error)
	stranded func(ctx context.Context, topic string, next ports.EmergencyStore) (ports.StrandedReader, error)
	next     func(ctx context.Context, next ports.StrandedReader) (ports.Delivery, error)
}

func (s *brokenStore) Topics(ctx context.Context) ([]string, error) {
	if s.topics == nil {
		return s.EmergencyStore.Topics(ctx)
	}
	return s.topics(ctx, s.EmergencyStore)
}

func (s *brokenStore) Stranded(ctx context.Context, topic string) (r ports.StrandedReader, err error) {
	if s.stranded != nil {
		r, err = s.stranded(ctx, topic, s.EmergencyStore)
	} else {
		r, err = s.EmergencyStore.Stranded(ctx, topic)
	}
	if err == nil && s.next != nil {
		r = &mutantReader{r, s.next}
	}
	return r, err
}

type mutantReader struct {
	ports.StrandedReader
	next func(ctx context.Context, next ports.StrandedReader) (ports.Delivery, error)
}

func (r *mutantReader) Next(ctx context.Context) (ports.Delivery, error) {
	return r.next(ctx, r.StrandedReader)
}

// store makes a mutant's configuration of a broken store.
func store(s brokenStore) func(*messaging.Config) {
	return func(c *messaging.Config) {
		if c.Fallback == nil {
			return
		}
		s := s
		s.EmergencyStore = c.Fallback
		c.Fallback = &s
	}
}
