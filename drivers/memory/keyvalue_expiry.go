package memory

import (
	"container/heap"
	"math"
	"time"
)

// expireAtOnce bounds how long a shard is locked while many keys end together.
const expireAtOnce = 1000

// expire removes the keys of a shard whose time has come. The shard's timer calls it; nobody polls.
func (s *keyValueStore) expire(sh *kvShard) {
	for more := true; more; {
		more = s.expireSome(sh)
	}
}

func (s *keyValueStore) expireSome(sh *kvShard) (more bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := s.now()
	for range expireAtOnce {
		o := sh.expiry.due(now)
		if o == nil {
			sh.expiry.rearm()
			return false
		}
		if o.deadline > now {
			sh.expiry.move(o, o.deadline)
		} else {
			sh.remove(o)
		}
	}
	return true
}

// deadlineAfter is the end of a TTL that begins at now, kept to the millisecond, rounded up; 0 = none.
func deadlineAfter(now int64, ttl time.Duration) int64 {
	if ttl == 0 {
		return 0
	}
	if rest := ttl % time.Millisecond; rest != 0 {
		ttl = saturated(int64(ttl), int64(time.Millisecond-rest))
	}
	return int64(saturated(now, int64(ttl)))
}

// saturated adds what is not negative.
func saturated(a, b int64) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return time.Duration(a + b)
}

// left is what a deadline leaves, rounded up to the millisecond, so that it is never 0.
func left(now, deadline int64) time.Duration {
	d := time.Duration(deadline - now)
	if rest := d % time.Millisecond; rest != 0 {
		d = saturated(int64(d), int64(time.Millisecond-rest))
	}
	return d
}

// expiryQueue orders a shard's expiring objects by deadline and keeps one timer, armed for the earliest or for an earlier
// one that is gone; none when nothing expires. A deadline that grows stays as it is in the queue until the timer finds
// it past: a key that is written again and again costs nothing meanwhile.
type expiryQueue struct {
	clock   func() int64
	wake    func()
	objects expiryHeap
	timer   *time.Timer
	armed   int64 // when the timer fires, 0 = it does not
}

type expiring struct {
	deadline int64 // the object's, or an earlier one that its key had
	object   *kvObject
}

// update gives the object its new deadline, 0 = none.
func (q *expiryQueue) update(o *kvObject, deadline int64) {
	switch {
	case o.queued == 0 && deadline == 0:
		return
	case o.queued == 0:
		heap.Push(&q.objects, expiring{deadline: deadline, object: o})
	case deadline == 0:
		heap.Remove(&q.objects, o.queued-1)
	case deadline >= q.objects[o.queued-1].deadline:
		return
	default:
		q.move(o, deadline)
	}
	switch {
	case len(q.objects) == 0:
		q.disarm()
	case q.armed == 0 || q.objects[0].deadline < q.armed:
		q.arm(q.objects[0].deadline)
	}
}

// move takes a queued object to another deadline.
func (q *expiryQueue) move(o *kvObject, deadline int64) {
	q.objects[o.queued-1].deadline = deadline
	heap.Fix(&q.objects, o.queued-1)
}

// replace gives old's place to o.
func (q *expiryQueue) replace(old, o *kvObject) {
	if old.queued != 0 {
		o.queued, old.queued = old.queued, 0
		q.objects[o.queued-1].object = o
	}
}

// due is an object whose deadline in the queue has passed, or nil.
func (q *expiryQueue) due(now int64) *kvObject {
	if len(q.objects) == 0 || q.objects[0].deadline > now {
		return nil
	}
	return q.objects[0].object
}

// rearm follows the timer's firing.
func (q *expiryQueue) rearm() {
	q.armed = 0
	if len(q.objects) > 0 {
		q.arm(q.objects[0].deadline)
	}
}

func (q *expiryQueue) arm(deadline int64) {
	q.armed = deadline
	in := time.Duration(max(deadline-q.clock(), 0))
	if q.timer == nil {
		q.timer = time.AfterFunc(in, q.wake)
		return
	}
	q.timer.Reset(in)
}

func (q *expiryQueue) disarm() {
	if q.armed != 0 {
		q.timer.Stop()
	}
	q.timer, q.armed, q.objects = nil, 0, nil
}

// expiryHeap is the heap of container/heap that keeps each object's place in the object.
type expiryHeap []expiring

// Len is for container/heap.
func (h expiryHeap) Len() int { return len(h) }

// Less is for container/heap: the earliest first.
func (h expiryHeap) Less(i, j int) bool { return h[i].deadline < h[j].deadline }

// Swap is for container/heap.
func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].object.queued, h[j].object.queued = i+1, j+1
}

// Push is for container/heap.
func (h *expiryHeap) Push(x any) {
	e := x.(expiring)
	*h = append(*h, e)
	e.object.queued = len(*h)
}

// Pop is for container/heap.
func (h *expiryHeap) Pop() any {
	old := *h
	last := len(old) - 1
	e := old[last]
	old[last] = expiring{}
	e.object.queued = 0
	*h = old[:last]
	if cap(old) > 64 && last < cap(old)/4 {
		*h = append(make(expiryHeap, 0, cap(old)/2), old[:last]...)
	}
	return e
}
