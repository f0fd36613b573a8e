package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// maxInFlight is how many requests may be without an outcome before the reader waits: a run of any size needs bounded
// memory for what is under way.
const maxInFlight = 4096

// Tracker keeps the account of a run: what was sent, and what became of it.
type Tracker struct {
	slots chan struct{} // one element a request in flight

	mu       sync.Mutex
	counts   Counts
	waiting  map[string]int // key to line, sent and without an outcome
	unsent   map[string]int // its send failed, so that an outcome is unlikely
	answered map[string]bool
	sealed   bool
	done     chan struct{}
}

// Counts of a run; the results, duplicates, waiting and unsent requests add up to Requests.
type Counts struct {
	Requests, Reserved, PaymentFailed, Compensated, Rejected, Duplicates, Waiting, Unsent int
}

// Settled requests have an outcome.
func (c Counts) Settled() int {
	return c.Reserved + c.PaymentFailed + c.Compensated + c.Rejected + c.Duplicates
}

// NewTracker of an empty run.
func NewTracker() *Tracker {
	return &Tracker{slots: make(chan struct{}, maxInFlight), waiting: map[string]int{}, unsent: map[string]int{},
		answered: map[string]bool{}, done: make(chan struct{})}
}

// Expect counts a request that is about to be sent. It is a duplicate when its key was seen before: it is sent all the
// same, and has no outcome of its own. Expect waits while too many are in flight; the error is ctx's.
func (t *Tracker) Expect(ctx context.Context, key string, line int) error {
	if t.countDuplicate(key) {
		return nil
	}
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Requests++
	t.waiting[key] = line
	return nil
}

func (t *Tracker) countDuplicate(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, waiting := t.waiting[key]
	_, unsent := t.unsent[key]
	known := waiting || unsent || t.answered[key]
	if known {
		t.counts.Requests++
		t.counts.Duplicates++
	}
	return known
}

// RejectLine counts a line that is no request.
func (t *Tracker) RejectLine() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Requests++
	t.counts.Rejected++
}

// LoseLine counts a line whose dead letter could not be sent.
func (t *Tracker) LoseLine(key string, line int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Requests++
	t.unsent[key] = line
}

// SendFailed takes a request out of what is waited for. Should the message have left after all, its outcome counts.
func (t *Tracker) SendFailed(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line, ok := t.waiting[key]
	if !ok { // answered, or a duplicate
		return
	}
	delete(t.waiting, key)
	t.unsent[key] = line
	t.finish()
}

// Settle counts an outcome; repeats of one are dropped. False: no such request was sent.
func (t *Tracker) Settle(key string, r Result) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answered[key] {
		return true
	}
	_, waiting := t.waiting[key]
	_, unsent := t.unsent[key]
	if !waiting && !unsent {
		return false
	}
	delete(t.unsent, key)
	t.answered[key] = true
	switch r {
	case Reserved:
		t.counts.Reserved++
	case PaymentFailed:
		t.counts.PaymentFailed++
	case Compensated:
		t.counts.Compensated++
	case Refused:
		t.counts.Rejected++
	}
	if waiting {
		delete(t.waiting, key)
		t.finish()
	}
	return true
}

// finish frees a request's slot; the caller holds the mutex.
func (t *Tracker) finish() {
	<-t.slots
	t.closeIfDone()
}

// Seal says that nothing more will be sent.
func (t *Tracker) Seal() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sealed = true
	t.closeIfDone()
}

func (t *Tracker) closeIfDone() {
	if !t.sealed || len(t.waiting) > 0 {
		return
	}
	select {
	case <-t.done:
	default:
		close(t.done)
	}
}

// Done is closed when all was sent and nothing waits.
func (t *Tracker) Done() <-chan struct{} { return t.done }

// Counts so far.
func (t *Tracker) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	c.Waiting, c.Unsent = len(t.waiting), len(t.unsent)
	return c
}

// Missing names a few requests that have no outcome, with their lines: "req-000001 (line 1), req-000007 (line 7)".
func (t *Tracker) Missing() string {
	const few = 5
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := maps.Clone(t.waiting)
	maps.Copy(lines, t.unsent)
	keys := slices.SortedFunc(maps.Keys(lines), func(a, b string) int { return cmp.Compare(lines[a], lines[b]) })
	var names []string
	for _, key := range keys[:min(few, len(keys))] {
		names = append(names, fmt.Sprintf("%s (line %d)", key, lines[key]))
	}
	return strings.Join(names, ", ")
}
