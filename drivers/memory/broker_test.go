package memory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/breakwater-go/breakwater/ports"
)

// bench is a broker with the few words that these tests need.
type bench struct {
	*testing.T
	*Broker
}

func newBench(t *testing.T, o ServerOptions) bench {
	return bench{t, NewBroker(NewServer(o))}
}

func (b bench) Name() string { return b.T.Name() }

func (b bench) publish(ids ...string) {
	b.Helper()
	for _, id := range ids {
		b.send(&ports.Message{ID: id, Topic: "t"})
	}
}

func (b bench) send(m *ports.Message) {
	b.Helper()
	if _, err := b.Publish(b.Context(), m); err != nil {
		b.Fatal(err)
	}
}

func (b bench) subscribe(o ports.SubscribeOptions) ports.Subscription {
	b.Helper()
	o.Topic = "t"
	if o.Group == "" {
		o.Group = "g"
	}
	s, err := b.Subscribe(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// receive takes what is there; in a bubble it costs no time that counts.
func (b bench) receive(s ports.Subscription) ports.Delivery {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Millisecond)
	defer cancel()
	d, err := s.Receive(ctx)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

func (b bench) receiveID(s ports.Subscription, id string) ports.Delivery {
	b.Helper()
	d := b.receive(s)
	if d.Message().ID != id {
		b.Fatalf("received %s; want %s", d.Message().ID, id)
	}
	return d
}

func (b bench) empty(s ports.Subscription) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Millisecond)
	defer cancel()
	if d, err := s.Receive(ctx); err == nil {
		b.Fatalf("received %s; want nothing", d.Message().ID)
	}
}

func (b bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func TestUnclaimedMessagesAreBounded(t *testing.T) {
	for retain, want := range map[int][]string{-1: nil, 2: {"c", "d"}, 0: {"a", "b", "c", "d"}} {
		t.Run(fmt.Sprint(retain), func(t *testing.T) {
			b := newBench(t, ServerOptions{RetainUnclaimed: retain})
			b.publish("a", "b", "c", "d")
			s := b.subscribe(ports.SubscribeOptions{Strategy: ports.Sticky, FromStart: true})
			for _, id := range want {
				b.ok(b.receiveID(s, id).Ack(t.Context()))
			}
			b.empty(s)
			late := b.subscribe(ports.SubscribeOptions{Strategy: ports.Sticky, FromStart: true, Group: "late"})
			b.empty(late) // all groups have settled everything
		})
	}
	t.Run("default", func(t *testing.T) {
		b := newBench(t, ServerOptions{})
		for range DefaultRetainUnclaimed + 10 {
			b.publish("m")
		}
		if n := b.srv.topics.topic("t").log.size; n != DefaultRetainUnclaimed {
			t.Errorf("%d messages are kept; want %d", n, DefaultRetainUnclaimed)
		}
	})
}

// TestSettledMessagesAreCollected looks at the heap, past whatever the topic's own books say.
func TestSettledMessagesAreCollected(t *testing.T) {
	b := newBench(t, ServerOptions{})
	first := b.subscribe(ports.SubscribeOptions{Strategy: ports.LoadBalanced})
	second := b.subscribe(ports.SubscribeOptions{Strategy: ports.Sticky, Group: "sticky"})
	all := b.subscribe(ports.SubscribeOptions{Strategy: ports.Broadcast})
	b.publish("held")
	held := b.receive(first) // the oldest one stays: it must not keep those behind it
	b.ok(b.receive(second).Ack(t.Context()))
	b.ok(b.receive(all).Ack(t.Context()))
	var alive atomic.Int64
	const n = 200
	for i := range n {
		b.send(&ports.Message{ID: "m", Topic: "t", Key: fmt.Sprint(i), Payload: make([]byte, 1000)})
		for _, s := range []ports.Subscription{first, second, all} {
			d := b.receive(s)
			record := d.(*delivery).item.record
			alive.Add(1)
			runtime.AddCleanup(d.(*delivery), func(struct{}) { alive.Add(-1) }, struct{}{})
			if s == all {
				alive.Add(1)
				runtime.AddCleanup(record, func(struct{}) { alive.Add(-1) }, struct{}{})
			}
			b.ok(d.Ack(t.Context()))
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for alive.Load() > 8 && time.Now().Before(deadline) { // a register may hold the last ones
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if left := alive.Load(); left > 8 {
		t.Errorf("%d of %d settled messages and deliveries are alive", left, 4*n)
	}
	b.ok(held.Ack(t.Context()))
}

func TestFailoverPassesAHangingMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ServerOptions{})
		o := ports.SubscribeOptions{Strategy: ports.Failover, Lease: time.Second}
		hanging, standby := b.subscribe(o), b.subscribe(o)
		for _, key := range []string{"x", "y"} {
			b.send(&ports.Message{ID: "first of " + key, Topic: "t", Key: key})
			b.send(&ports.Message{ID: "second of " + key, Topic: "t", Key: key})
		}
		x := b.receiveID(hanging, "first of x")
		time.Sleep(time.Second / 2)
		y := b.receiveID(hanging, "first of y")
		time.Sleep(time.Second/2 + time.Millisecond)
		for _, d := range []ports.Delivery{x, y} { // the whole hand is taken from it, or two would be active
			if err := d.Ack(t.Context()); !errors.Is(err, ports.ErrConflict) {
				t.Errorf("ack of %s by the member that hangs: %v; want a conflict", d.Message().ID, err)
			}
		}
		for _, id := range []string{"first of x", "first of y", "second of x", "second of y"} {
			b.ok(b.receiveID(standby, id).Ack(t.Context()))
		}
		b.publish("next")
		b.empty(hanging) // it is the standby now
		b.receiveID(standby, "next")
	})
}

func TestStickyPassesAHangingMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ServerOptions{})
		o := ports.SubscribeOptions{Strategy: ports.Sticky, Lease: time.Second, Prefetch: 1}
		hanging, other := b.subscribe(o), b.subscribe(o)
		key := b.keyOf(hanging)
		b.send(&ports.Message{ID: "a", Topic: "t", Key: key})
		b.send(&ports.Message{ID: "b", Topic: "t", Key: key})
		b.receiveID(hanging, "a")
		b.empty(other)
		time.Sleep(2 * time.Second)
		b.ok(b.receiveID(other, "a").Ack(t.Context()))
		b.ok(b.receiveID(other, "b").Ack(t.Context()))
		b.empty(hanging) // it is back, and so is its key
		b.send(&ports.Message{ID: "c", Topic: "t", Key: key})
		b.empty(other)
		b.receiveID(hanging, "c")
	})
}

// keyOf finds a key that sticks to s.
func (b bench) keyOf(s ports.Subscription) string {
	g := s.(*subscription).group
	g.topic.mu.Lock()
	defer g.topic.mu.Unlock()
	for i := 0; ; i++ {
		if key := fmt.Sprint("key", i); g.owner(key) == s.(*subscription) {
			return key
		}
	}
}

func TestStickyMovesFewKeys(t *testing.T) {
	b := newBench(t, ServerOptions{})
	o := ports.SubscribeOptions{Strategy: ports.Sticky}
	b.subscribe(o)
	b.subscribe(o)
	g := b.subscribe(o).(*subscription).group
	owners := func() map[string]*subscription {
		all := map[string]*subscription{}
		for i := range 3000 {
			key := fmt.Sprint(i)
			all[key] = g.owner(key)
		}
		return all
	}
	before := owners()
	count := map[*subscription]int{}
	for _, s := range before {
		count[s]++
	}
	for _, n := range count {
		if n < 800 || n > 1200 {
			t.Errorf("of 3000 keys three members have %d, %d, %d", count[g.members[0]], count[g.members[1]], count[g.members[2]])
		}
	}
	newcomer := b.subscribe(o).(*subscription)
	for key, s := range owners() {
		if s != before[key] && s != newcomer {
			t.Fatalf("key %s moved between members that were there before", key)
		}
	}
}

func TestIdleGroupMayChangeItsStrategy(t *testing.T) {
	b := newBench(t, ServerOptions{})
	s := b.subscribe(ports.SubscribeOptions{Strategy: ports.LoadBalanced})
	b.publish("a", "b", "c")
	b.receiveID(s, "a")
	b.ok(s.Close(t.Context()))
	for _, strategy := range []ports.Strategy{ports.Sticky, ports.LoadBalanced, ports.Exclusive} {
		s = b.subscribe(ports.SubscribeOptions{Strategy: strategy})
		b.receiveID(s, "a")
		b.ok(s.Close(t.Context()))
	}
	s = b.subscribe(ports.SubscribeOptions{Strategy: ports.Failover})
	for _, id := range []string{"a", "b", "c"} {
		d := b.receiveID(s, id)
		b.empty(s) // it is one key
		b.ok(d.Ack(t.Context()))
	}
}

func TestCloseEndsTheDelayOfANack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ServerOptions{})
		for _, strategy := range []ports.Strategy{ports.LoadBalanced, ports.Sticky, ports.Failover} {
			o := ports.SubscribeOptions{Strategy: strategy, Group: strategy.String()}
			s, other := b.subscribe(o), b.subscribe(o)
			if strategy == ports.Sticky {
				b.send(&ports.Message{ID: "a", Topic: "t", Key: b.keyOf(s)})
			} else {
				b.publish("a")
			}
			b.ok(b.receiveID(s, "a").Nack(t.Context(), time.Hour))
			b.empty(other)
			b.ok(s.Close(t.Context()))
			b.ok(b.receiveID(other, "a").Ack(t.Context()))
			b.ok(other.Close(t.Context()))
		}
	})
}

func TestClosedBrokerLeavesNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	b := newBench(t, ServerOptions{})
	var receiving sync.WaitGroup
	for _, strategy := range ports.Strategies {
		s := b.subscribe(ports.SubscribeOptions{Strategy: strategy, Group: strategy.String(), Lease: time.Millisecond})
		b.publish("a", "b")
		b.receive(s)
		b.send(&ports.Message{ID: "later", Topic: "t", DeliverAt: time.Now().Add(time.Hour)})
		receiving.Go(func() {
			for {
				if _, err := s.Receive(context.WithoutCancel(t.Context())); err != nil {
					return
				}
			}
		})
	}
	b.ok(b.Close(t.Context()))
	receiving.Wait()
}

func TestBrokerFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, ServerOptions{})
		s := b.subscribe(ports.SubscribeOptions{Strategy: ports.LoadBalanced, Lease: time.Second})
		b.publish("a")
		held := b.receive(s)
		var waiting error
		var done sync.WaitGroup
		done.Go(func() { _, waiting = s.Receive(t.Context()) })
		synctest.Wait()
		b.srv.Faults().SetUnavailable(PortBroker, true)
		done.Wait() // at once
		_, publish := b.Publish(t.Context(), &ports.Message{Topic: "t"})
		_, receive := s.Receive(t.Context())
		for call, err := range map[string]error{"waiting receive": waiting, "publish": publish, "receive": receive,
			"ack": held.Ack(t.Context()), "nack": held.Nack(t.Context(), 0), "extend": held.Extend(t.Context())} {
			if !errors.Is(err, ports.ErrUnavailable) {
				t.Errorf("%s: %v; want unavailable", call, err)
			}
		}
		b.ok(b.Strand(t.Context(), &ports.Message{Topic: "t"}, time.Now())) // it has faults of its own
		time.Sleep(2 * time.Second)                                         // the lease runs out on a server that nobody reaches
		b.srv.Faults().SetUnavailable(PortBroker, false)
		if again := b.receiveID(s, "a"); again.Attempt() != 2 {
			t.Errorf("attempt is %d; want 2", again.Attempt())
		}
		if err := held.Ack(t.Context()); !errors.Is(err, ports.ErrConflict) {
			t.Errorf("ack after the lease ran out: %v; want a conflict", err)
		}
		b.srv.Faults().SetUnavailable(PortEmergency, true)
		if err := b.Strand(t.Context(), &ports.Message{Topic: "t"}, time.Now()); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("strand: %v; want unavailable", err)
		}
		b.publish("b")
	})
}

// TestBrokerUnderLoad runs publishers, slow and failing consumers, and members that come and go, at the same time.
func TestBrokerUnderLoad(t *testing.T) {
	for _, strategy := range ports.Strategies[1:] {
		t.Run(strategy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newLoad(t, strategy).run() })
		})
	}
}

// load counts what happens to each message, and looks for two of a key in hand at once.
type load struct {
	bench
	strategy ports.Strategy
	left     atomic.Int64
	cancel   context.CancelFunc
	ctx      context.Context

	mu     sync.Mutex
	inHand map[string]string // key -> id
	last   map[string]int    // key -> highest number that was acknowledged
}

const (
	loadKeys     = 20
	loadMessages = 4000
)

func newLoad(t *testing.T, strategy ports.Strategy) *load {
	l := &load{bench: newBench(t, ServerOptions{}), strategy: strategy, inHand: map[string]string{}, last: map[string]int{}}
	l.left.Store(loadMessages)
	l.ctx, l.cancel = context.WithTimeout(t.Context(), 10*time.Minute)
	return l
}

func (l *load) run() {
	defer l.cancel()
	l.ok(l.subscribe(ports.SubscribeOptions{Strategy: l.strategy}).Close(l.ctx)) // the group exists
	members, publishers := 6, 4
	if l.strategy == ports.Exclusive {
		members = 1
	}
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() { l.publishEach(p, publishers) })
	}
	for m := range members {
		all.Go(func() { l.member(rand.New(rand.NewPCG(1, uint64(m)))) })
	}
	all.Wait()
	if left := l.left.Load(); left != 0 {
		l.Errorf("%d of %d messages were never acknowledged", left, loadMessages)
	}
}

// publishEach sends the messages of the publisher's own keys, so that each key has an order.
func (l *load) publishEach(p, publishers int) {
	for i := range loadMessages {
		if key := i % loadKeys; key%publishers == p {
			l.send(&ports.Message{ID: fmt.Sprint(i), Topic: "t", Key: fmt.Sprint(key)})
		}
	}
}

// member subscribes, works for a while, leaves with messages in hand, and comes back.
func (l *load) member(rng *rand.Rand) {
	for l.ctx.Err() == nil {
		s := l.subscribe(ports.SubscribeOptions{Strategy: l.strategy, Prefetch: 4})
		var kept []ports.Delivery
		for range 50 + rng.IntN(200) {
			ctx, cancel := context.WithTimeout(l.ctx, 5*time.Millisecond)
			d, err := s.Receive(ctx)
			cancel()
			if err != nil {
				continue
			}
			if !l.handle(d, rng.IntN(20)) {
				kept = append(kept, d)
			}
		}
		for _, d := range kept {
			l.drop(d)
		}
		l.ok(s.Close(l.ctx))
	}
}

// handle settles most deliveries; false = it keeps this one.
func (l *load) handle(d ports.Delivery, chance int) bool {
	l.grab(d)
	switch {
	case chance == 0:
		return false
	case chance < 4:
		l.drop(d)
		l.ok(d.Nack(l.ctx, time.Duration(chance-1)*time.Millisecond))
	default:
		l.finish(d)
		if l.left.Add(-1) == 0 {
			defer l.cancel()
		}
		l.ok(d.Ack(context.WithoutCancel(l.ctx)))
	}
	return true
}

func (l *load) grab(d ports.Delivery) {
	if !l.strategy.Ordered() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m := d.Message()
	if other, busy := l.inHand[m.Key]; busy {
		l.Errorf("%s was handed out while %s of the same key is unsettled", m.ID, other)
	}
	l.inHand[m.Key] = m.ID
}

func (l *load) drop(d ports.Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.inHand, d.Message().Key)
}

func (l *load) finish(d ports.Delivery) {
	l.drop(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	var number int
	_, _ = fmt.Sscan(d.Message().ID, &number)
	if l.strategy.Ordered() && number < l.last[d.Message().Key] {
		l.Errorf("%d came after %d of the same key", number, l.last[d.Message().Key])
	}
	l.last[d.Message().Key] = number
}
