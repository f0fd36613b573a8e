package resilience

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
)

// handler of numbers.
type handler = func(ctx context.Context, n int, m messaging.Meta) error

// receipt of a message by a handler.
type receipt struct {
	n    int
	meta messaging.Meta
	at   time.Time
}

// inbox records runs of handlers.
type inbox struct {
	mu   sync.Mutex
	runs []receipt
}

// handle records a run that succeeds.
func (b *inbox) handle(_ context.Context, n int, m messaging.Meta) error {
	b.record(n, m)
	return nil
}

// then records a run and then does what is given.
func (b *inbox) then(do func(ctx context.Context, run receipt) error) handler {
	return func(ctx context.Context, n int, m messaging.Meta) error { return do(ctx, b.record(n, m)) }
}

func (b *inbox) record(n int, m messaging.Meta) receipt {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := receipt{n, m, time.Now()}
	b.runs = append(b.runs, r)
	return r
}

func (b *inbox) all() []receipt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.runs)
}

// numbers in the order of their runs.
func (b *inbox) numbers() (ns []int) {
	for _, r := range b.all() {
		ns = append(ns, r.n)
	}
	return ns
}

// count of the runs of one number.
func (b *inbox) count(n int) (count int) {
	for _, r := range b.all() {
		if r.n == n {
			count++
		}
	}
	return count
}

// awaitRuns waits until there were so many runs.
func (e *env) awaitRuns(ctx context.Context, b *inbox, runs int, bound time.Duration) {
	e.eventually(ctx, bound, "enough runs of the handler", func() bool { return len(b.all()) >= runs })
}

// awaitNumber waits until n was handled.
func (e *env) awaitNumber(ctx context.Context, b *inbox, n int, bound time.Duration) {
	e.eventually(ctx, bound, "the run for a message", func() bool { return b.count(n) > 0 })
}

// numbers fails the case unless exactly these came, in this order.
func (e *env) numbers(b *inbox, want ...int) {
	if got := b.numbers(); !slices.Equal(got, want) {
		e.failf("handled %v; want %v", got, want)
	}
}

// await returns what comes from a channel, or fails the case when it ends before.
func await[T any](ctx context.Context, c <-chan T, what string) T {
	select {
	case v := <-c:
		return v
	case <-ctx.Done():
		panic(failure(what + ": " + ctx.Err().Error()))
	}
}
