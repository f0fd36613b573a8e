package memory

import (
	"cmp"
	"container/heap"
	"hash/maphash"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// group shares a topic's messages among its members; a broadcast subscription is a group of its own. The topic's mutex
// guards it.
//
// A message on its way to the group is an item. It is in exactly one place: among the delayed, waiting in the lane of
// its key, ready in the queue that a member takes from, or handed out.
type group struct {
	topic    *topic
	strategy ports.Strategy
	// members in the order of joining; the first is the active one of failover and exclusive.
	members []*subscription
	ready   chain[*item] // what any member, or the active one, may take; sticky: what has no member yet
	lanes   map[string]*lane
	delayed delayHeap

	waiting int // Receive calls that wait
	turn    int // where the search for a member starts, so that all get their share

	timer *time.Timer
	alarm time.Time // when timer fires; zero = not set
}

// item is one message on its way to one group.
type item struct {
	link     link[*item]
	record   *record
	lane     *lane // set from its turn in an ordered group on
	attempts int
	due      time.Time     // while delayed
	nackedBy *subscription // while delayed by a Nack
}

// lane holds what waits behind a message of its key that is ready, delayed by a Nack, or handed out.
type lane struct{ waiting chain[*item] }

func newGroup(t *topic, o ports.SubscribeOptions) *group {
	return &group{topic: t, strategy: o.Strategy, lanes: map[string]*lane{}}
}

// accept takes in a newly published message.
func (g *group) accept(r *record, now time.Time) {
	it := &item{record: r}
	it.link.value = it
	if r.msg.DeliverAt.After(now) {
		g.delay(it, r.msg.DeliverAt)
		return
	}
	g.admit(it)
}

// admit gives a message that is due its place in the order.
func (g *group) admit(it *item) {
	if !g.strategy.Ordered() {
		g.offer(it)
		return
	}
	key := it.record.msg.Key
	if l := g.lanes[key]; l != nil {
		it.lane = l
		l.waiting.pushBack(&it.link)
		return
	}
	it.lane = &lane{}
	g.lanes[key] = it.lane
	g.offer(it)
}

// offer makes an item ready, behind the others that are, and hands out what can be.
func (g *group) offer(it *item) {
	queue, owner := g.queueOf(it)
	queue.pushBack(&it.link)
	if owner != nil {
		owner.serve()
		return
	}
	g.serve()
}

// reoffer makes items that come back ready before all others, oldest first.
func (g *group) reoffer(items []*item) {
	slices.SortFunc(items, newestFirst)
	for _, it := range items {
		queue, _ := g.queueOf(it)
		queue.pushFront(&it.link)
	}
	g.serve()
}

func newestFirst(a, b *item) int { return cmp.Compare(b.record.seq, a.record.seq) }

// queueOf is where an item that is ready belongs; owner is set where only one member takes from there.
func (g *group) queueOf(it *item) (queue *chain[*item], owner *subscription) {
	if g.strategy != ports.Sticky || len(g.members) == 0 {
		return &g.ready, nil
	}
	owner = g.owner(it.record.msg.Key)
	return &owner.ready, owner
}

// owner is the member to which a key sticks: the one with the highest score for it, so that a member that comes or goes
// moves no more keys than its own. A member that let a lease expire and does not receive is passed over.
func (g *group) owner(key string) *subscription {
	h := maphash.String(g.topic.store.seed, key)
	var best *subscription
	var bestScore uint64
	for _, s := range g.members {
		score := scramble(h ^ s.salt)
		if best == nil || best.stalled && !s.stalled || best.stalled == s.stalled && score > bestScore {
			best, bestScore = s, score
		}
	}
	return best
}

// scramble spreads the bits of x (the finaliser of SplitMix64).
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// serve hands ready items to the members that wait.
func (g *group) serve() {
	for g.waiting > 0 && (g.ready.size > 0 || g.strategy == ports.Sticky) && g.serveOne() {
	}
}

// serveOne hands out one item, to the next member in turn that can take one.
func (g *group) serveOne() bool {
	for i := range g.members {
		n := (g.turn + i) % len(g.members)
		if g.members[n].serveOne() {
			g.turn = n + 1
			return true
		}
	}
	return false
}

// join adds a member; what waits for it is handed out as soon as it receives.
func (g *group) join(s *subscription, now time.Time) {
	g.members = append(g.members, s)
	g.reroute()
	g.wake(now)
}

// leave takes a member out and gives back at once what it had: unsettled deliveries, and what it delayed by a Nack.
func (g *group) leave(s *subscription) {
	g.members = slices.DeleteFunc(g.members, func(m *subscription) bool { return m == s })
	back := s.revoke()
	if g.strategy == ports.Broadcast {
		g.topic.drop(g)
		g.unset()
		return
	}
	for _, it := range g.delayed {
		if it.nackedBy == s {
			back = append(back, it)
		}
	}
	g.delayed = slices.DeleteFunc(g.delayed, func(it *item) bool { return it.nackedBy == s })
	heap.Init(&g.delayed)
	g.reoffer(drain(&s.ready, back))
	g.reroute()
	if len(g.members) == 0 {
		g.unset()
	}
}

// reroute gives every ready item of a sticky group to the member that owns its key now.
func (g *group) reroute() {
	if g.strategy != ports.Sticky {
		g.serve()
		return
	}
	ready := drain(&g.ready, nil)
	for _, s := range g.members {
		ready = drain(&s.ready, ready)
	}
	g.reoffer(ready)
}

func drain(l *chain[*item], into []*item) []*item {
	for it, ok := l.popFront(); ok; it, ok = l.popFront() {
		into = append(into, it)
	}
	return into
}

// become changes the strategy of a group without members: whatever it holds takes its place anew.
func (g *group) become(strategy ports.Strategy) {
	if g.strategy == strategy {
		return
	}
	items := drain(&g.ready, nil)
	for _, l := range g.lanes {
		items = drain(&l.waiting, items)
	}
	g.strategy, g.lanes = strategy, map[string]*lane{}
	slices.SortFunc(items, newestFirst)
	for _, it := range slices.Backward(items) {
		it.lane = nil
		g.admit(it)
	}
}

// done forgets an item that is settled for good, and lets its key go on.
func (g *group) done(it *item) {
	if g.strategy == ports.Broadcast {
		return
	}
	g.topic.settled(it.record)
	if it.lane == nil {
		return
	}
	if next, ok := it.lane.waiting.popFront(); ok {
		g.offer(next)
		return
	}
	delete(g.lanes, it.record.msg.Key)
}
