package memory

import (
	"container/heap"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// One timer a group tells it when a lease ends or a delay is over. It is set for the earliest of them, and only while the
// group has members; a lease that is settled in time never touches it.

// delay keeps an item back until due.
func (g *group) delay(it *item, due time.Time) {
	it.due = due
	heap.Push(&g.delayed, it)
	g.set(due)
}

// set makes the timer fire at that time, or earlier.
func (g *group) set(at time.Time) {
	if len(g.members) == 0 || !g.alarm.IsZero() && !at.Before(g.alarm) {
		return
	}
	g.alarm = at
	if g.timer == nil {
		g.timer = time.AfterFunc(time.Until(at), g.fire)
		return
	}
	g.timer.Reset(time.Until(at))
}

// unset stops the timer. A call of fire that is under way finds nothing to do.
func (g *group) unset() {
	g.alarm = time.Time{}
	if g.timer != nil {
		g.timer.Stop()
	}
}

func (g *group) fire() {
	g.topic.mu.Lock()
	defer g.topic.mu.Unlock()
	if len(g.members) > 0 {
		g.wake(time.Now())
	}
}

// wake does what is due and sets the timer for what comes next.
func (g *group) wake(now time.Time) {
	g.alarm = time.Time{}
	g.expire(now)
	g.release(now)
	if len(g.delayed) > 0 {
		g.set(g.delayed[0].due)
	}
	for _, s := range g.members {
		if s.leases() && s.held.front != nil {
			g.set(s.held.front.value.deadline)
		}
	}
}

// release lets in what was delayed until now.
func (g *group) release(now time.Time) {
	for len(g.delayed) > 0 && !g.delayed[0].due.After(now) {
		it := heap.Pop(&g.delayed).(*item)
		if it.nackedBy == nil {
			g.admit(it)
			continue
		}
		it.nackedBy = nil
		g.offer(it)
	}
}

// expire takes back the deliveries whose lease has ended.
func (g *group) expire(now time.Time) {
	var back []*item
	for _, s := range slices.Clone(g.members) {
		if !s.leases() {
			continue
		}
		late := s.expire(now)
		if len(late) > 0 && s.waiters.size == 0 {
			late = append(late, g.passOver(s)...)
		}
		back = append(back, late...)
	}
	if len(back) > 0 {
		g.reoffer(back)
	}
}

// passOver makes others do the work of a member that let a lease end and does not receive: it may hang. Under failover
// the next one takes over everything; under sticky its keys move until it receives again.
func (g *group) passOver(s *subscription) (back []*item) {
	switch g.strategy {
	case ports.Failover:
		if g.members[0] == s && len(g.members) > 1 {
			g.members = append(g.members[1:], s)
			return s.revoke()
		}
	case ports.Sticky:
		s.stalled = true
		g.reroute()
	default: // shared by all, or nobody else is there
	}
	return nil
}

// delayHeap has the item that is due first on top, equals in the order of publishing.
type delayHeap []*item

func (h delayHeap) Len() int { return len(h) }
func (h delayHeap) Less(i, j int) bool {
	if c := h[i].due.Compare(h[j].due); c != 0 {
		return c < 0
	}
	return h[i].record.seq < h[j].record.seq
}
func (h delayHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *delayHeap) Push(x any)   { *h = append(*h, x.(*item)) }
func (h *delayHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
