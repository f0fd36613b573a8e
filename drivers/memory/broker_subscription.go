package memory

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// subscription is a member of a group. The topic's mutex guards what is below group.
type subscription struct {
	broker   *Broker
	prefetch int
	lease    time.Duration
	salt     uint64 // its share of a sticky group's keys
	group    *group

	closed  bool
	stalled bool             // sticky: let a lease end and has not received since
	ready   chain[*item]     // sticky: what only this member may take
	held    chain[*delivery] // unsettled, the one whose lease ends first in front
	waiters chain[*waiter]   // Receive calls that wait, the longest waiting in front
}

// waiter is a Receive call that waits. Its channel holds one value, so that handing over never blocks.
type waiter struct {
	link link[*waiter]
	got  chan *delivery // nil = the subscription was closed
}

func newWaiter() any {
	w := &waiter{got: make(chan *delivery, 1)}
	w.link.value = w
	return w
}

func newSubscription(b *Broker, g *group, o ports.SubscribeOptions) *subscription {
	return &subscription{broker: b, prefetch: o.Prefetch, lease: o.Lease, salt: rand.Uint64(), group: g}
}

// Receive implements [ports.Subscription].
func (s *subscription) Receive(ctx context.Context) (ports.Delivery, error) {
	const op = "receive"
	if err := s.broker.srv.gate(ctx, PortBroker, op); err != nil {
		return nil, err
	}
	d, w := s.takeOrWait()
	if w != nil {
		var err error
		if d, err = s.await(ctx, w, op); err != nil {
			return nil, err
		}
	}
	if d == nil {
		return nil, closedError(op)
	}
	d.message = copyOf(&d.item.record.msg)
	return d, nil
}

// takeOrWait takes what is ready, or queues up; both are nil when the subscription is closed.
func (s *subscription) takeOrWait() (*delivery, *waiter) {
	t := s.group.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.closed {
		return nil, nil
	}
	if s.stalled {
		s.stalled = false
		s.group.reroute()
	}
	if it := s.next(); it != nil {
		return s.handOut(it), nil
	}
	w := t.store.waiters.Get().(*waiter)
	s.waiters.pushBack(&w.link)
	s.group.waiting++
	return nil, w
}

// await waits for a delivery. One that was handed over in the moment of a cancel is returned nevertheless, so that
// nothing is lost and no lease runs for nobody.
func (s *subscription) await(ctx context.Context, w *waiter, op string) (*delivery, error) {
	defer s.group.topic.store.waiters.Put(w) // its channel is empty whichever way this ends
	var err error
	select {
	case d := <-w.got:
		return d, nil
	case <-ctx.Done():
		err = ports.ContextError(ctx, driverName, op)
	case <-s.broker.srv.faults.broken(PortBroker):
		err = unavailable(op)
	}
	t := s.group.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.link.in == nil { // handed over, or told of the end, meanwhile
		return <-w.got, nil
	}
	w.link.remove()
	s.group.waiting--
	return nil, err
}

// Close implements [ports.Subscription].
func (s *subscription) Close(context.Context) error {
	s.end()
	return nil
}

func (s *subscription) end() {
	s.broker.disown(s)
	t := s.group.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	for w, ok := s.waiters.popFront(); ok; w, ok = s.waiters.popFront() {
		s.group.waiting--
		w.got <- nil
	}
	s.group.leave(s)
}

// next takes the item that this member may have now, or nil.
func (s *subscription) next() *item {
	if s.held.size >= s.prefetch {
		return nil
	}
	queue := &s.group.ready
	switch s.group.strategy {
	case ports.Sticky:
		queue = &s.ready
	case ports.Failover:
		if s.group.members[0] != s {
			return nil
		}
	default: // whoever comes first
	}
	it, _ := queue.popFront()
	return it
}

// serve hands ready items to the Receive calls that wait.
func (s *subscription) serve() {
	for s.serveOne() {
	}
}

func (s *subscription) serveOne() bool {
	if s.waiters.size == 0 {
		return false
	}
	it := s.next()
	if it == nil {
		return false
	}
	w, _ := s.waiters.popFront()
	s.group.waiting--
	w.got <- s.handOut(it)
	return true
}

// handOut makes the next delivery of an item and starts its lease.
func (s *subscription) handOut(it *item) *delivery {
	it.attempts++
	d := &delivery{sub: s, item: it, attempt: it.attempts}
	d.link.value = d
	s.hold(d)
	return d
}

// hold starts a lease, or starts it anew. Leases of one subscription are equally long, so the newest ends last.
func (s *subscription) hold(d *delivery) {
	d.link.remove()
	s.held.pushBack(&d.link)
	if s.leases() {
		d.deadline = time.Now().Add(s.lease)
		s.group.set(d.deadline)
	}
}

// leases says whether deliveries are taken back when they stay unsettled; a broadcast subscriber's are its own.
func (s *subscription) leases() bool { return s.group.strategy != ports.Broadcast }

// revoke takes back all deliveries.
func (s *subscription) revoke() (back []*item) {
	for d := range s.held.all {
		back = append(back, d.lose())
	}
	return back
}

// expire takes back the deliveries whose lease has ended.
func (s *subscription) expire(now time.Time) (back []*item) {
	for d := range s.held.all {
		if d.deadline.After(now) {
			break
		}
		back = append(back, d.lose())
	}
	return back
}
