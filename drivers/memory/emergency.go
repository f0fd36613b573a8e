package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// strandedStore keeps the stranded messages of all topics. Nothing waits in it, so one mutex is enough.
type strandedStore struct {
	mu     sync.Mutex
	seq    uint64
	topics map[string]*strandedTopic // only those with messages or a reader
}

// strandedTopic holds one topic's messages, oldest first, and who reads them.
type strandedTopic struct {
	waiting chain[*strandedMessage]
	reader  *strandedReader
}

type strandedMessage struct {
	link     link[*strandedMessage]
	seq      uint64
	message  *ports.Message
	attempts int
}

func newStrandedStore() strandedStore { return strandedStore{topics: map[string]*strandedTopic{}} }

// topic finds a topic or makes it; the caller holds the mutex, and calls tidy when it took something away.
func (s *strandedStore) topic(name string) *strandedTopic {
	t := s.topics[name]
	if t == nil {
		t = &strandedTopic{}
		s.topics[name] = t
	}
	return t
}

// tidy forgets a topic of which nothing is left.
func (s *strandedStore) tidy(name string) {
	if t := s.topics[name]; t != nil && t.waiting.size == 0 && t.reader == nil {
		delete(s.topics, name)
	}
}

// Strand implements [ports.EmergencyStore].
func (b *Broker) Strand(ctx context.Context, m *ports.Message, failedAt time.Time) error {
	const op = "strand"
	if err := ports.ValidateMessage(m); err != nil {
		return ports.Errorf(driverName, op, ports.ErrInvalid, "%w", err)
	}
	if err := b.enterEmergency(ctx, op); err != nil {
		return err
	}
	kept := &strandedMessage{message: m.Clone()}
	kept.link.value = kept
	kept.message.PublishedAt = failedAt

	s := &b.srv.topics.stranded
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	kept.seq = s.seq
	if kept.message.ID == "" {
		kept.message.ID = m.Topic + "/stranded/" + strconv.FormatUint(kept.seq, 10)
	}
	s.topic(m.Topic).waiting.pushBack(&kept.link)
	return nil
}

// Topics implements [ports.EmergencyStore].
func (b *Broker) Topics(ctx context.Context) ([]string, error) {
	if err := b.enterEmergency(ctx, "topics"); err != nil {
		return nil, err
	}
	s := &b.srv.topics.stranded
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.topics)), func(name string) bool {
		return s.topics[name].waiting.size == 0
	}), nil
}

// Stranded implements [ports.EmergencyStore].
func (b *Broker) Stranded(ctx context.Context, topic string) (ports.StrandedReader, error) {
	const op = "stranded"
	if err := ports.ValidateMessage(&ports.Message{Topic: topic}); err != nil {
		return nil, ports.Errorf(driverName, op, ports.ErrInvalid, "%w", err)
	}
	if err := b.enterEmergency(ctx, op); err != nil {
		return nil, err
	}
	r := &strandedReader{broker: b, store: &b.srv.topics.stranded, topic: topic, gone: make(chan struct{})}
	if err := r.take(); err != nil {
		return nil, ports.Errorf(driverName, op, ports.ErrConflict, "%w", err)
	}
	if !b.adopt(r) {
		r.end()
		return nil, closedError(op)
	}
	return r, nil
}

// enterEmergency is enter for the store's own faults.
func (b *Broker) enterEmergency(ctx context.Context, op string) error {
	if err := b.alive(op); err != nil {
		return err
	}
	return b.srv.gate(ctx, PortEmergency, op)
}

// strandedReader has a topic's stranded messages for itself until it is closed.
type strandedReader struct {
	broker *Broker
	store  *strandedStore
	topic  string
	gone   chan struct{} // closed with the reader

	// The store's mutex guards the rest.
	closed bool
	after  uint64 // the last one that was handed out
}

// take makes the reader the topic's only one.
func (r *strandedReader) take() error {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	t := r.store.topic(r.topic)
	if t.reader != nil {
		return fmt.Errorf("the stranded messages of topic %q are being read already", r.topic)
	}
	t.reader = r
	return nil
}

// Next implements [ports.StrandedReader].
func (r *strandedReader) Next(ctx context.Context) (ports.Delivery, error) {
	const op = "next"
	if err := r.broker.srv.gate(ctx, PortEmergency, op); err != nil {
		return nil, err
	}
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	if r.closed {
		return nil, closedError(op)
	}
	for kept := range r.store.topics[r.topic].waiting.all {
		if kept.seq > r.after {
			r.after = kept.seq
			kept.attempts++
			return &strandedDelivery{reader: r, kept: kept, attempt: kept.attempts, message: kept.message.Clone()}, nil
		}
	}
	return nil, ports.Errorf(driverName, op, ports.ErrNotFound, "nothing more is stranded for topic %q", r.topic)
}

// Close implements [ports.StrandedReader].
func (r *strandedReader) Close(context.Context) error {
	r.end()
	return nil
}

func (r *strandedReader) end() {
	r.broker.disown(r)
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	close(r.gone)
	r.store.topics[r.topic].reader = nil
	r.store.tidy(r.topic)
}

// strandedDelivery is one handing-out of a stranded message. Its lease is the reader's: it does not expire.
type strandedDelivery struct {
	reader  *strandedReader
	kept    *strandedMessage
	attempt int
	message *ports.Message
}

// Message implements [ports.Delivery].
func (d *strandedDelivery) Message() *ports.Message { return d.message }

// Attempt implements [ports.Delivery]; it is exact.
func (d *strandedDelivery) Attempt() int { return d.attempt }

// Lost implements [ports.Delivery].
func (d *strandedDelivery) Lost() <-chan struct{} { return d.reader.gone }

// Ack implements [ports.Delivery]: it removes the message.
func (d *strandedDelivery) Ack(ctx context.Context) error {
	return d.whileHeld(ctx, "ack", func() { d.kept.link.remove() })
}

// Extend implements [ports.Delivery].
func (d *strandedDelivery) Extend(ctx context.Context) error {
	return d.whileHeld(ctx, "extend", func() {})
}

// Nack implements [ports.Delivery].
func (d *strandedDelivery) Nack(context.Context, time.Duration) error {
	return ports.Errorf(driverName, "nack", ports.ErrUnsupported, "what is not acknowledged, the next reader gets")
}

func (d *strandedDelivery) whileHeld(ctx context.Context, op string, do func()) error {
	r := d.reader
	if err := r.broker.srv.gate(ctx, PortEmergency, op); err != nil {
		return err
	}
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	switch {
	case d.kept.link.in == nil:
		return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrConflict, Err: errSettled}
	case r.closed:
		return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrConflict, Err: errLeaseLost}
	}
	do()
	return nil
}
