package memory

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// brokerBound is how late a wake-up may be: nothing polls, so this is the scheduler's share only.
const brokerBound = 10 * time.Millisecond

// Broker is a client of a [Server]'s topics; it is an EmergencyStore too. All five strategies are supported, with every
// promise that a strategy can make: exact attempts, delays, leases that expire on their own clock.
//
// A group lives as long as the Server, with or without subscribers. A message is kept until every group that existed
// when it was published, or that started at it since, has settled it, and is forgotten then. What is published before
// the topic has any group is kept for a first group that starts FromStart, as [ServerOptions] RetainUnclaimed says.
type Broker struct {
	*client

	mu   sync.Mutex
	open map[closer]struct{} // subscriptions and readers of stranded messages; nil once the client is closed
}

// closer is what a client ends when it is closed itself.
type closer interface{ end() }

var (
	_ ports.Broker         = (*Broker)(nil)
	_ ports.EmergencyStore = (*Broker)(nil)
)

// NewBroker makes a client on srv; nil = a server of its own.
func NewBroker(srv *Server) *Broker {
	return &Broker{client: newClient(srv, PortBroker), open: map[closer]struct{}{}}
}

// Close closes the client and its subscriptions; topics, groups and other clients stay as they are.
func (b *Broker) Close(ctx context.Context) error {
	err := b.client.Close(ctx)
	b.mu.Lock()
	open := b.open
	b.open = nil
	b.mu.Unlock()
	for c := range open {
		c.end()
	}
	return err
}

// BrokerCapabilities declares everything but redelivery under Broadcast.
func (b *Broker) BrokerCapabilities(s ports.Strategy) ports.BrokerCapabilities {
	if s < ports.Broadcast || s > ports.Exclusive {
		return ports.BrokerCapabilities{}
	}
	c := ports.BrokerCapabilities{Supported: true, ExactAttempt: true, Delay: true}
	if s == ports.Broadcast {
		c.SessionLease = true
		return c
	}
	c.AtLeastOnce, c.NackBound, c.TakeoverBound = true, brokerBound, brokerBound
	return c
}

// Publish implements [ports.Broker].
func (b *Broker) Publish(ctx context.Context, m *ports.Message) (position string, err error) {
	const op = "publish"
	if err := ports.ValidateMessage(m); err != nil {
		return "", ports.Errorf(driverName, op, ports.ErrInvalid, "%w", err)
	}
	if err := b.enter(ctx, op); err != nil {
		return "", err
	}
	seq := b.srv.topics.topic(m.Topic).publish(m, time.Now())
	return strconv.FormatUint(seq, 10), nil
}

// Subscribe implements [ports.Broker].
func (b *Broker) Subscribe(ctx context.Context, o ports.SubscribeOptions) (ports.Subscription, error) {
	const op = "subscribe"
	o, err := o.WithDefaults()
	if err != nil {
		return nil, ports.Errorf(driverName, op, ports.ErrInvalid, "%w", err)
	}
	if o.Strategy == ports.Broadcast && o.FromStart {
		return nil, ports.Errorf(driverName, op, ports.ErrUnsupported, "from start with broadcast, which keeps nothing")
	}
	if err := b.enter(ctx, op); err != nil {
		return nil, err
	}
	s, err := b.srv.topics.topic(o.Topic).subscribe(b, o)
	if err != nil {
		return nil, ports.Errorf(driverName, op, ports.ErrConflict, "%w", err)
	}
	if !b.adopt(s) {
		s.end()
		return nil, closedError(op)
	}
	return s, nil
}

// adopt notes what ends with the client; false when it has ended already.
func (b *Broker) adopt(c closer) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		return false
	}
	b.open[c] = struct{}{}
	return true
}

func (b *Broker) disown(c closer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, c)
}
