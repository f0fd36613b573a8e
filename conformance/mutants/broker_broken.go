package mutants

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// brokerBug says what a broken broker does otherwise; what is nil it does as the sound one.
type brokerBug struct {
	as        func(any) bool
	publish   func(context.Context, *brokenBroker, *ports.Message) (string, error)
	subscribe func(context.Context, *brokenBroker, ports.SubscribeOptions) (ports.Subscription, error)
	close     func(context.Context, *brokenBroker) error

	receive  func(context.Context, *brokenSubscription) (ports.Delivery, error)
	closeSub func(context.Context, *brokenSubscription) error

	message func(*brokenDelivery) *ports.Message
	attempt func(*brokenDelivery) int
	lost    func(*brokenDelivery) <-chan struct{}
	ack     func(context.Context, *brokenDelivery) error
	nack    func(context.Context, *brokenDelivery, time.Duration) error
	extend  func(context.Context, *brokenDelivery) error

	strand   func(context.Context, *brokenBroker, *ports.Message, time.Time) error
	stranded func(context.Context, *brokenBroker, string) (ports.StrandedReader, error)
	topics   func(context.Context, *brokenBroker) ([]string, error)
	next     func(context.Context, *brokenReader) (ports.Delivery, error)
	closeRd  func(context.Context, *brokenReader) error
	// strandedDelivery stands for ack, nack and message of what a reader gives.
	strandedDelivery *brokerBug
}

// broker makes a mutant's Wrap of the bug.
func (bug brokerBug) broker() func(ports.Broker) ports.Broker {
	var mu sync.Mutex
	servers := map[*memory.Server]*brokenServer{}
	return func(d ports.Broker) ports.Broker {
		var srv *memory.Server
		d.As(&srv)
		mu.Lock()
		defer mu.Unlock()
		if servers[srv] == nil {
			servers[srv] = &brokenServer{}
		}
		store, _ := ports.Optional[ports.EmergencyStore](d)
		b := &brokenBroker{Broker: d, store: store, bug: &bug, server: servers[srv]}
		b.number = b.server.join(b)
		return b
	}
}

// brokenServer is what all clients of one namespace share.
type brokenServer struct {
	clients []*brokenBroker
	notes
}

// join adds a client and returns its number, from 0.
func (s *brokenServer) join(b *brokenBroker) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, b)
	return len(s.clients) - 1
}

func (s *brokenServer) all() []*brokenBroker {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.clients)
}

// notes is whatever a bug remembers; the zero value is empty.
type notes struct {
	mu    sync.Mutex
	count map[string]int
	kept  map[string]any
}

// add changes a count and returns what it was before.
func (n *notes) add(what string, by int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.count == nil {
		n.count = map[string]int{}
	}
	n.count[what] += by
	return n.count[what] - by
}

// keep remembers a value, and returns the one that was there before, or nil.
func (n *notes) keep(what string, value any) any {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kept == nil {
		n.kept = map[string]any{}
	}
	before := n.kept[what]
	n.kept[what] = value
	return before
}

func (n *notes) recall(what string) any {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.kept[what]
}

// brokenBroker is a client with a bug.
type brokenBroker struct {
	ports.Broker
	store  ports.EmergencyStore
	bug    *brokerBug
	server *brokenServer
	number int // of the namespace's clients, from 0
	notes
}

func (b *brokenBroker) As(target any) bool {
	if b.bug.as != nil {
		return b.bug.as(target)
	}
	return b.Broker.As(target)
}

func (b *brokenBroker) Close(ctx context.Context) error {
	if b.bug.close != nil {
		return b.bug.close(ctx, b)
	}
	return b.Broker.Close(ctx)
}

func (b *brokenBroker) Publish(ctx context.Context, m *ports.Message) (string, error) {
	if b.bug.publish != nil {
		return b.bug.publish(ctx, b, m)
	}
	return b.Broker.Publish(ctx, m)
}

func (b *brokenBroker) Subscribe(ctx context.Context, o ports.SubscribeOptions) (ports.Subscription, error) {
	if b.bug.subscribe != nil {
		return b.bug.subscribe(ctx, b, o)
	}
	return b.open(ctx, o)
}

// open subscribes as the sound driver does; what comes of it has the bug.
func (b *brokenBroker) open(ctx context.Context, o ports.SubscribeOptions) (ports.Subscription, error) {
	s, err := b.Broker.Subscribe(ctx, o)
	if err != nil {
		return nil, err
	}
	return &brokenSubscription{Subscription: s, broker: b, options: o}, nil
}

func (b *brokenBroker) Strand(ctx context.Context, m *ports.Message, failedAt time.Time) error {
	if b.bug.strand != nil {
		return b.bug.strand(ctx, b, m, failedAt)
	}
	return b.store.Strand(ctx, m, failedAt)
}

func (b *brokenBroker) Stranded(ctx context.Context, topic string) (ports.StrandedReader, error) {
	if b.bug.stranded != nil {
		return b.bug.stranded(ctx, b, topic)
	}
	r, err := b.store.Stranded(ctx, topic)
	if err != nil {
		return nil, err
	}
	return &brokenReader{StrandedReader: r, broker: b}, nil
}

func (b *brokenBroker) Topics(ctx context.Context) ([]string, error) {
	if b.bug.topics != nil {
		return b.bug.topics(ctx, b)
	}
	return b.store.Topics(ctx)
}

type brokenSubscription struct {
	ports.Subscription
	broker  *brokenBroker
	options ports.SubscribeOptions
	notes
}

func (s *brokenSubscription) Receive(ctx context.Context) (ports.Delivery, error) {
	if s.broker.bug.receive != nil {
		return s.broker.bug.receive(ctx, s)
	}
	return s.get(ctx)
}

// get receives as the sound driver does; the delivery has the bug.
func (s *brokenSubscription) get(ctx context.Context) (ports.Delivery, error) {
	d, err := s.Subscription.Receive(ctx)
	if err != nil {
		return nil, err
	}
	return &brokenDelivery{Delivery: d, bug: s.broker.bug, broker: s.broker, sub: s}, nil
}

func (s *brokenSubscription) Close(ctx context.Context) error {
	if s.broker.bug.closeSub != nil {
		return s.broker.bug.closeSub(ctx, s)
	}
	return s.Subscription.Close(ctx)
}

type brokenReader struct {
	ports.StrandedReader
	broker *brokenBroker
	notes
}

func (r *brokenReader) Next(ctx context.Context) (ports.Delivery, error) {
	if r.broker.bug.next != nil {
		return r.broker.bug.next(ctx, r)
	}
	return r.get(ctx)
}

func (r *brokenReader) get(ctx context.Context) (ports.Delivery, error) {
	d, err := r.StrandedReader.Next(ctx)
	if err != nil || r.broker.bug.strandedDelivery == nil {
		return d, err
	}
	return &brokenDelivery{Delivery: d, bug: r.broker.bug.strandedDelivery, broker: r.broker}, nil
}

func (r *brokenReader) Close(ctx context.Context) error {
	if r.broker.bug.closeRd != nil {
		return r.broker.bug.closeRd(ctx, r)
	}
	return r.StrandedReader.Close(ctx)
}

type brokenDelivery struct {
	ports.Delivery
	bug    *brokerBug
	broker *brokenBroker
	sub    *brokenSubscription // nil for a stranded message
	notes
}

func (d *brokenDelivery) Message() *ports.Message {
	if d.bug.message != nil {
		return d.bug.message(d)
	}
	return d.Delivery.Message()
}

func (d *brokenDelivery) Attempt() int {
	if d.bug.attempt != nil {
		return d.bug.attempt(d)
	}
	return d.Delivery.Attempt()
}

func (d *brokenDelivery) Lost() <-chan struct{} {
	if d.bug.lost != nil {
		return d.bug.lost(d)
	}
	return d.Delivery.Lost()
}

func (d *brokenDelivery) Ack(ctx context.Context) error {
	if d.bug.ack != nil {
		return d.bug.ack(ctx, d)
	}
	return d.Delivery.Ack(ctx)
}

func (d *brokenDelivery) Nack(ctx context.Context, delay time.Duration) error {
	if d.bug.nack != nil {
		return d.bug.nack(ctx, d, delay)
	}
	return d.Delivery.Nack(ctx, delay)
}

func (d *brokenDelivery) Extend(ctx context.Context) error {
	if d.bug.extend != nil {
		return d.bug.extend(ctx, d)
	}
	return d.Delivery.Extend(ctx)
}
