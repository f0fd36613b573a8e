package resilience

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// tryContext bounds one try against one backend, as context.WithTimeout would, but starts a timer only when somebody
// waits on it: a driver that answers at once costs no timer.
type tryContext struct {
	context.Context // the caller's
	deadline        time.Time
	timed           atomic.Pointer[timedContext]
	mu              sync.Mutex
}

type timedContext struct {
	context.Context
	cancel context.CancelFunc
}

// newTry returns ctx itself when the caller's own deadline is the earlier one.
func newTry(ctx context.Context, timeout time.Duration) (_ context.Context, own *tryContext) {
	deadline := time.Now().Add(timeout)
	if d, ok := ctx.Deadline(); ok && !d.After(deadline) {
		return ctx, nil
	}
	t := &tryContext{Context: ctx, deadline: deadline}
	return t, t
}

// Deadline is the try's own.
func (t *tryContext) Deadline() (time.Time, bool) { return t.deadline, true }

// Done starts the timer.
func (t *tryContext) Done() <-chan struct{} { return t.start().Done() }

// Err needs no timer.
func (t *tryContext) Err() error {
	if timed := t.timed.Load(); timed != nil {
		return timed.Err()
	}
	if err := t.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(t.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// Value asks the timed context once there is one, so that contexts derived from it are linked without a goroutine.
func (t *tryContext) Value(key any) any {
	if timed := t.timed.Load(); timed != nil {
		return timed.Value(key)
	}
	return t.Context.Value(key)
}

func (t *tryContext) start() *timedContext {
	if timed := t.timed.Load(); timed != nil {
		return timed
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if timed := t.timed.Load(); timed != nil {
		return timed
	}
	ctx, cancel := context.WithDeadline(t.Context, t.deadline)
	timed := &timedContext{ctx, cancel}
	t.timed.Store(timed)
	return timed
}

// end releases the timer. Like timedOut it takes a nil t, for a try that ran under the caller's deadline.
func (t *tryContext) end() {
	if t == nil {
		return
	}
	if timed := t.timed.Load(); timed != nil {
		timed.cancel()
	}
}

// timedOut says whether the try's own timeout had passed while its caller still waited.
func (t *tryContext) timedOut() bool {
	return t != nil && t.Context.Err() == nil && !time.Now().Before(t.deadline)
}
