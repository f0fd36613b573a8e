package memory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/breakwater-go/breakwater/ports"
)

// errWorkerDrained is the cause of a step's cancel when its worker could not wait for it any longer.
var errWorkerDrained = errors.New("the worker was drained")

// processWorker runs the processes and steps of one queue. It keeps the machines of the runs that it activated, so that
// the next fact finds the code where it stopped; when the worker goes, another one rebuilds them.
type processWorker struct {
	queue     *taskQueue
	log       *slog.Logger
	processes map[string]ports.ProcessFunc
	steps     map[string]ports.StepFunc
	// detach lets the client forget the worker.
	detach func(*processWorker)

	mu       sync.Mutex
	started  bool
	draining atomic.Bool // written under mu
	base     context.Context
	cancel   context.CancelCauseFunc
	// busy counts the goroutines that do or are about to do work; idle is closed when it falls to zero while draining.
	busy  int
	idle  chan struct{}
	owned map[*processRun]struct{}
}

func newProcessWorker(q *taskQueue, log *slog.Logger, detach func(*processWorker)) *processWorker {
	return &processWorker{queue: q, log: log, detach: detach, processes: map[string]ports.ProcessFunc{},
		steps: map[string]ports.StepFunc{}, owned: map[*processRun]struct{}{}, idle: make(chan struct{})}
}

func (w *processWorker) RegisterProcess(name string, fn ports.ProcessFunc) error {
	return register(w, w.processes, "register process", name, fn, fn == nil)
}

func (w *processWorker) RegisterStep(name string, fn ports.StepFunc) error {
	return register(w, w.steps, "register step", name, fn, fn == nil)
}

func register[F any](w *processWorker, known map[string]F, op, name string, fn F, isNil bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !validName(name):
		return invalid(op, fmt.Sprintf("name has %d bytes; valid are 1 to %d bytes of UTF-8", len(name), maxName))
	case isNil:
		return invalid(op, fmt.Sprintf("the function of %q is nil; valid is a function", name))
	case w.started:
		return invalid(op, fmt.Sprintf("%q comes after Start; valid is before", name))
	}
	if _, taken := known[name]; taken {
		return ports.Errorf(driverName, op, ports.ErrAlreadyExists, "%q is registered", name)
	}
	known[name] = fn
	return nil
}

// Start keeps ctx's values for the steps, not its end.
func (w *processWorker) Start(ctx context.Context) error {
	if err := ports.ContextError(ctx, driverName, "start worker"); err != nil {
		return err
	}
	w.mu.Lock()
	switch {
	case w.draining.Load():
		w.mu.Unlock()
		return closedError("start worker")
	case w.started:
		w.mu.Unlock()
		return invalid("start worker", "the worker was started; valid is one Start")
	}
	w.started = true
	w.base, w.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	w.mu.Unlock()
	w.queue.join(w)
	return nil
}

func (w *processWorker) Drain(ctx context.Context) error {
	w.retire()
	select {
	case <-w.idle:
		w.detach(w)
		return nil
	default:
	}
	select {
	case <-w.idle:
		w.detach(w)
		return nil
	case <-ctx.Done():
		w.cancel(errWorkerDrained)
		return ports.ContextError(ctx, driverName, "drain worker")
	}
}

// retire takes the worker off its queue and gives up its machines; what runs goes on.
func (w *processWorker) retire() {
	w.mu.Lock()
	if w.draining.Load() {
		w.mu.Unlock()
		return
	}
	w.draining.Store(true)
	w.busy++ // this call, so that idle is not told before the machines are gone
	owned := make([]*processRun, 0, len(w.owned))
	for r := range w.owned {
		owned = append(owned, r)
	}
	w.mu.Unlock()
	w.queue.leave(w)
	for _, r := range owned {
		r.giveUp(w)
	}
	w.done()
}

// has says whether the worker can do the work; registrations do not change after Start.
func (w *processWorker) has(k workKey) bool {
	if k.step {
		return w.steps[k.name] != nil
	}
	return w.processes[k.name] != nil
}

// accept counts a piece of work that a goroutine of the worker is about to do; false = the worker takes none.
func (w *processWorker) accept() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining.Load() {
		return false
	}
	w.busy++
	return true
}

// done ends what accept began.
func (w *processWorker) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy--
	if w.busy == 0 && w.draining.Load() {
		close(w.idle)
		if w.cancel != nil {
			w.cancel(errWorkerDrained) // frees the context
		}
	}
}

// loop does accepted work on its own goroutine, and what follows from it.
func (w *processWorker) loop(x work) {
	returned := false
	defer func() {
		if returned {
			w.done()
			return
		}
		// User code called runtime.Goexit: this goroutine cannot be kept, what it had to do can.
		if rest := x.resume(); rest != nil {
			go w.loop(rest)
			return
		}
		w.done()
	}()
	for x != nil {
		next := x.do(w)
		if next == nil {
			break
		}
		x = next
	}
	returned = true
}

// abandon unwinds a machine's coroutines on goroutines of the worker. The caller itself is counted as busy.
func (w *processWorker) abandon(m *machine) {
	if m == nil {
		return
	}
	w.mu.Lock()
	w.busy++
	w.mu.Unlock()
	m.abandon(w.done)
}

func (w *processWorker) own(r *processRun) {
	w.mu.Lock()
	w.owned[r] = struct{}{}
	w.mu.Unlock()
}

func (w *processWorker) disown(r *processRun) {
	w.mu.Lock()
	delete(w.owned, r)
	w.mu.Unlock()
}
