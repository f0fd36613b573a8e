package memory

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

var modelSeed = flag.Uint64("broker.seed", 0, "repeat the broker's model test with this `seed`; 0 = random ones")

// TestBrokerModel does random things to one topic with a group of each strategy, and compares each delivery with a model
// that is simple enough to be right.
func TestBrokerModel(t *testing.T) {
	seeds := []uint64{*modelSeed}
	if *modelSeed == 0 {
		seeds = make([]uint64, 40)
		for i := range seeds {
			seeds[i] = rand.Uint64()
		}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newModel(t, seed).run(600) })
		})
	}
}

const modelLease = time.Minute

// model knows what each group is owed.
type model struct {
	t      *testing.T
	rng    *rand.Rand
	broker *Broker
	sent   int
	groups []*modelGroup
}

type modelGroup struct {
	*model
	options ports.SubscribeOptions
	subs    []ports.Subscription
	owed    map[string]*modelMessage // unsettled, by id
	held    []*modelDelivery
}

type modelMessage struct {
	number    int
	key       string
	notBefore time.Time // its DeliverAt, or the end of its Nack's delay
	delayed   bool      // had a DeliverAt, so that it is not in its key's order
	attempts  int
}

type modelDelivery struct {
	ports.Delivery
	lost <-chan struct{}
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, rng: rand.New(rand.NewPCG(seed, seed)), broker: NewBroker(nil)}
	for _, s := range ports.Strategies[1:] {
		g := &modelGroup{model: m, owed: map[string]*modelMessage{},
			options: ports.SubscribeOptions{Topic: "t", Group: s.String(), Strategy: s, Prefetch: 1 + m.rng.IntN(8), Lease: modelLease}}
		g.open()
		m.groups = append(m.groups, g)
	}
	return m
}

func (m *model) run(steps int) {
	for range steps {
		g := m.groups[m.rng.IntN(len(m.groups))]
		switch n := m.rng.IntN(100); {
		case n < 20:
			m.publish()
		case n < 55:
			g.receive()
		case n < 75:
			g.ack()
		case n < 83:
			g.nack()
		case n < 87:
			g.extend()
		case n < 91:
			g.open()
		case n < 94:
			g.close()
		case n < 99:
			time.Sleep(time.Duration(m.rng.Int64N(int64(10 * time.Second))))
		default:
			time.Sleep(modelLease + time.Second)
		}
	}
	for _, g := range m.groups {
		g.drain()
	}
	m.nothingIsLeft()
}

func (m *model) publish() {
	id := fmt.Sprint("m", m.sent)
	msg := &modelMessage{number: m.sent, key: []string{"", "a", "b", "c"}[m.rng.IntN(4)]}
	m.sent++
	if m.rng.IntN(8) == 0 {
		msg.delayed, msg.notBefore = true, time.Now().Add(time.Duration(m.rng.Int64N(int64(20*time.Second))))
	}
	sent := &ports.Message{ID: id, Topic: "t", Key: msg.key, DeliverAt: msg.notBefore}
	if _, err := m.broker.Publish(m.t.Context(), sent); err != nil {
		m.t.Fatal(err)
	}
	for _, g := range m.groups {
		own := *msg
		g.owed[id] = &own
	}
}

func (g *modelGroup) open() {
	most := 3
	if g.options.Strategy == ports.Exclusive {
		most = 1
	}
	if len(g.subs) == most {
		return
	}
	s, err := g.broker.Subscribe(g.t.Context(), g.options)
	if err != nil {
		g.t.Fatalf("%v: %v", g.options.Strategy, err)
	}
	g.subs = append(g.subs, s)
}

func (g *modelGroup) close() {
	if len(g.subs) == 0 {
		return
	}
	i := g.rng.IntN(len(g.subs))
	if err := g.subs[i].Close(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	g.subs = slices.Delete(g.subs, i, i+1)
	for _, m := range g.owed { // what it delayed by a Nack may come now; what others delayed is checked by other tests
		if m.attempts > 0 {
			m.notBefore = time.Time{}
		}
	}
}

// receive takes what a random subscriber can have now, and checks that it is owed.
func (g *modelGroup) receive() bool {
	if len(g.subs) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Millisecond)
	defer cancel()
	d, err := g.subs[g.rng.IntN(len(g.subs))].Receive(ctx)
	if err != nil {
		if ports.KindOf(err) != ports.ErrTimeout {
			g.t.Fatal(err)
		}
		return false
	}
	g.check(d)
	g.held = append(g.held, &modelDelivery{d, d.Lost()})
	return true
}

func (g *modelGroup) check(d ports.Delivery) {
	id, strategy := d.Message().ID, g.options.Strategy
	m, owed := g.owed[id]
	if !owed {
		g.t.Fatalf("%v: %s came, and was settled", strategy, id)
	}
	if time.Now().Before(m.notBefore) {
		g.t.Fatalf("%v: %s came %v early", strategy, id, time.Until(m.notBefore))
	}
	m.attempts++
	if d.Attempt() != m.attempts {
		g.t.Fatalf("%v: attempt of %s is %d; it is the %d.", strategy, id, d.Attempt(), m.attempts)
	}
	for _, h := range g.held {
		switch other := h.Message(); {
		case !h.isHeld():
		case other.ID == id:
			g.t.Fatalf("%v: %s came a second time while its lease is held", strategy, id)
		case strategy.Ordered() && other.Key == m.key:
			g.t.Fatalf("%v: %s came while %s of the same key is unsettled", strategy, id, other.ID)
		}
	}
	if !strategy.Ordered() || m.delayed {
		return
	}
	for otherID, other := range g.owed {
		if other.key == m.key && other.number < m.number && !other.delayed {
			g.t.Fatalf("%v: %s came before %s of the same key", strategy, id, otherID)
		}
	}
}

func (d *modelDelivery) isHeld() bool {
	select {
	case <-d.lost:
		return false
	default:
		return true
	}
}

// pick takes a random delivery out of the hand, or nil.
func (g *modelGroup) pick() *modelDelivery {
	if len(g.held) == 0 {
		return nil
	}
	i := g.rng.IntN(len(g.held))
	d := g.held[i]
	g.held = slices.Delete(g.held, i, i+1)
	return d
}

// settled says whether a call succeeded, which it must exactly if the lease was held.
func (g *modelGroup) settled(d *modelDelivery, held bool, err error) bool {
	if held && err != nil || !held && ports.KindOf(err) != ports.ErrConflict {
		g.t.Fatalf("%v: %s, lease held: %v: %v", g.options.Strategy, d.Message().ID, held, err)
	}
	return err == nil
}

func (g *modelGroup) ack() {
	if d := g.pick(); d != nil {
		held := d.isHeld()
		if g.settled(d, held, d.Ack(g.t.Context())) {
			delete(g.owed, d.Message().ID)
		}
	}
}

func (g *modelGroup) nack() {
	if d := g.pick(); d != nil {
		held, delay := d.isHeld(), time.Duration(g.rng.Int64N(3))*20*time.Second
		if g.settled(d, held, d.Nack(g.t.Context(), delay)) {
			g.owed[d.Message().ID].notBefore = time.Now().Add(delay)
		}
	}
}

func (g *modelGroup) extend() {
	if d := g.pick(); d != nil {
		held := d.isHeld()
		if g.settled(d, held, d.Extend(g.t.Context())) {
			g.held = append(g.held, d)
		}
	}
}

// drain settles all that the group is owed; what takes too long is lost.
func (g *modelGroup) drain() {
	for range g.subs {
		g.close()
	}
	g.open()
	for end := time.Now().Add(10 * modelLease); len(g.owed) > 0; {
		if !g.receive() {
			time.Sleep(time.Second)
		}
		g.ack()
		if time.Now().After(end) {
			g.t.Fatalf("%v: lost %d messages", g.options.Strategy, len(g.owed))
		}
	}
}

// nothingIsLeft looks into the server: what all have settled is forgotten.
func (m *model) nothingIsLeft() {
	topic := m.broker.srv.topics.topic("t")
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if topic.log.size != 0 {
		m.t.Errorf("%d settled messages are kept", topic.log.size)
	}
	for name, g := range topic.groups {
		if g.ready.size+len(g.lanes)+len(g.delayed)+g.waiting != 0 {
			m.t.Errorf("%s keeps %d ready, %d lanes, %d delayed, %d waiting", name, g.ready.size, len(g.lanes), len(g.delayed), g.waiting)
		}
		for _, s := range g.members {
			if s.held.size+s.ready.size+s.waiters.size != 0 {
				m.t.Errorf("a subscription of %s keeps %d held, %d ready, %d waiting", name, s.held.size, s.ready.size, s.waiters.size)
			}
		}
	}
}
