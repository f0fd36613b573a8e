package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"runtime/debug"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// stepTask is a step that a run waits for, over all its attempts. The run's lock guards what changes.
type stepTask struct {
	run     *processRun
	seq     int
	call    ports.StepCall
	queue   *taskQueue
	waitsAt place

	// isLocal never changes. home is the worker that has a local step's code, local; orphaned: it is due, but its home has
	// gone.
	isLocal  bool
	home     *processWorker
	local    ports.StepFunc
	orphaned bool

	// dead: its end is decided, or nobody wants it any more.
	dead bool
	// attempts is what the step sees; serial tells one go from the next, also where a worker handed one back.
	attempts, serial int
	// judged is the last serial that has an end: what comes later is dropped.
	judged    int
	cancel    context.CancelFunc // of the running attempt
	retry     *time.Timer
	heartbeat json.RawMessage
}

func newStepTask(r *processRun, w *processWorker, c *command) *stepTask {
	t := &stepTask{run: r, seq: c.seq, call: *c.step, queue: r.queue, isLocal: c.step.Local != nil}
	if t.isLocal {
		t.home, t.local = w, c.step.Local
	} else if t.call.Queue != r.queue.name {
		t.queue = r.store.queue(t.call.Queue)
	}
	return t
}

func (t *stepTask) key() workKey { return workKey{step: true, name: t.call.Name} }

// launch begins the first attempt: as what w's goroutine does next, if it has nothing else to do.
func (t *stepTask) launch(w *processWorker, next work) work {
	t.run.mu.Lock()
	dead := t.dead
	t.run.mu.Unlock()
	switch {
	case dead:
		return next
	case next == nil && t.fits(w):
		return t
	}
	t.dispatch()
	return next
}

func (t *stepTask) fits(w *processWorker) bool {
	return t.isLocal || t.queue == w.queue && w.has(t.key()) && !w.draining.Load()
}

// dispatch has the next attempt made: of a local step by the worker that has the run's code, else by any of the queue.
func (t *stepTask) dispatch() {
	if !t.isLocal {
		t.queue.dispatch(t.key(), t, &t.waitsAt)
		return
	}
	t.run.mu.Lock()
	home := t.home
	t.run.mu.Unlock()
	if home.accept() {
		go home.loop(t)
		return
	}
	t.orphan(home)
}

// orphan lets a local step wait for the worker that rebuilds its run, and sees to it that one does.
func (t *stepTask) orphan(home *processWorker) {
	r := t.run
	r.mu.Lock()
	if t.home != home { // it has a new one
		r.mu.Unlock()
		t.dispatch()
		return
	}
	t.orphaned = !t.dead
	wake := t.orphaned && r.wakes()
	r.mu.Unlock()
	if wake {
		r.dispatch()
	}
}

// adopt gives local steps the code of the worker that has rebuilt their run.
func (r *processRun) adopt(w *processWorker, locals map[int]ports.StepFunc) {
	var due []*stepTask
	r.mu.Lock()
	for seq, fn := range locals {
		t := r.steps[seq]
		if t == nil {
			continue
		}
		t.local, t.home = fn, w
		if t.orphaned {
			t.orphaned = false
			due = append(due, t)
		}
	}
	r.mu.Unlock()
	for _, t := range due {
		t.dispatch()
	}
}

// kill ends the step's life and returns what cancels a running attempt. The run's lock is held.
func (t *stepTask) kill() context.CancelFunc {
	t.dead = true
	if t.retry != nil {
		t.retry.Stop()
	}
	cancel := t.cancel
	t.cancel = nil
	return cancel
}

// abort is what follows kill, without the lock.
func (t *stepTask) abort(cancel context.CancelFunc) {
	t.queue.withdraw(t.key(), &t.waitsAt)
	if cancel != nil {
		cancel()
	}
}

// do makes one attempt.
func (t *stepTask) do(w *processWorker) work {
	ctx, cancel := context.WithTimeout(w.base, t.call.Timeout)
	defer cancel()
	c, fn := t.begin(ctx, cancel, w)
	if c == nil {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { t.expire(ctx, c.serial) })
	returned := false
	defer func() {
		if !returned {
			stop()
			t.judge(nil, c.serial, panicked("runtime.Goexit was called"))
		}
	}()
	o := t.attempt(w, fn, c)
	returned = true
	stop()
	if o.failure != nil && context.Cause(ctx) == errWorkerDrained { //nolint:errorlint // identity is meant
		t.handBack(c.serial)
		return nil
	}
	return t.judge(w, c.serial, o)
}

func (t *stepTask) resume() work { return nil } // do has judged

// begin counts an attempt; nil = nobody wants it any more.
func (t *stepTask) begin(ctx context.Context, cancel context.CancelFunc, w *processWorker) (*stepContext, ports.StepFunc) {
	r := t.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.dead {
		return nil, nil
	}
	t.attempts++
	t.serial++
	t.cancel = cancel
	fn := t.local
	if !t.isLocal {
		fn = w.steps[t.call.Name]
	}
	return &stepContext{Context: ctx, task: t, serial: t.serial, attempt: t.attempts, last: bytes.Clone(t.heartbeat)}, fn
}

func (t *stepTask) attempt(w *processWorker, fn ports.StepFunc, c *stepContext) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("step panicked", "step", t.call.Name, "process", t.run.request.Process, "id", t.run.request.ID, "stack", string(debug.Stack()))
			o = panicked(p)
		}
	}()
	o = outcomeOf(fn(c, bytes.Clone(t.call.Input)))
	if o.failure != nil && o.failure.Kind == ports.ErrCanceled {
		// Nobody cancelled the step: it would not be heard then. Its process must not look cancelled.
		o.failure.Kind = ports.ErrFailed
	}
	return o
}

// expire ends an attempt whose time is up, whether its code heeds that or not.
func (t *stepTask) expire(ctx context.Context, serial int) {
	deadline, _ := ctx.Deadline()
	if left := time.Until(deadline); left > 0 {
		// Its worker did not wait for it. It may still come to a good end; if it never ends, its time runs out as ever.
		time.AfterFunc(left, func() { t.timedOut(serial) })
		return
	}
	t.timedOut(serial)
}

func (t *stepTask) timedOut(serial int) {
	t.judge(nil, serial, failed(ports.ErrTimeout, fmt.Sprintf("an attempt took longer than %v", t.call.Timeout)))
}

// handBack gives an attempt that its worker cut short to another one, and does not count it.
func (t *stepTask) handBack(serial int) {
	r := t.run
	r.mu.Lock()
	if t.dead || t.judged >= serial {
		r.mu.Unlock()
		return
	}
	t.judged = serial
	t.attempts--
	t.cancel = nil
	r.mu.Unlock()
	t.dispatch()
}

// judge takes an attempt's outcome: the step ends with it or is tried again. It returns what w's goroutine does next; a
// nil w does nothing.
func (t *stepTask) judge(w *processWorker, serial int, o outcome) work {
	r := t.run
	r.mu.Lock()
	if t.dead || t.judged >= serial {
		r.mu.Unlock()
		return nil
	}
	t.judged = serial
	t.cancel = nil
	if t.mayRetry(o.failure) {
		t.retry = time.AfterFunc(backoff(t.call, t.attempts), t.dispatch)
		r.mu.Unlock()
		return nil
	}
	t.dead = true
	delete(r.steps, t.seq)
	r.inbox = append(r.inbox, historyEvent{kind: factStepEnded, seq: t.seq, data: o.output, failure: o.failure})
	wake, owner := r.wakes(), r.owner
	r.mu.Unlock()
	switch {
	case !wake:
		return nil
	case w != nil && owner == w:
		return r
	}
	r.dispatch()
	return nil
}

// mayRetry: an argument that is invalid stays so.
func (t *stepTask) mayRetry(f *ports.ApplicationError) bool {
	return f != nil && !f.NonRetryable && f.Kind != ports.ErrInvalid && t.attempts < t.call.Attempts
}

// backoff is the wait after an attempt: Backoff, doubled each time, at most MaxBackoff.
func backoff(c ports.StepCall, attempt int) time.Duration {
	d := c.Backoff
	for i := 1; i < attempt && d < c.MaxBackoff; i++ {
		d *= 2
	}
	return min(d, c.MaxBackoff)
}

// stepContext is one attempt's.
type stepContext struct {
	context.Context
	task            *stepTask
	serial, attempt int
	last            json.RawMessage
}

func (c *stepContext) Info() ports.StepInfo {
	r := c.task.run
	return ports.StepInfo{Name: c.task.call.Name, Queue: c.task.queue.name, Attempt: c.attempt, Run: r.run(),
		Process: r.request.Process, Headers: maps.Clone(r.request.Headers)}
}

func (c *stepContext) Heartbeat(details json.RawMessage) error {
	if err := ports.ContextError(c, driverName, "heartbeat"); err != nil {
		return err
	}
	own, err := takePayloadAt("heartbeat", "details", details)
	if err != nil {
		return err
	}
	c.task.run.mu.Lock()
	defer c.task.run.mu.Unlock()
	if c.task.judged < c.serial {
		c.task.heartbeat = own
	}
	return nil
}

func (c *stepContext) LastHeartbeat() json.RawMessage { return bytes.Clone(c.last) }
