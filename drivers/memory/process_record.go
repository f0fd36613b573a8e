package memory

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// record writes the fact that was applied last and its commands into the history and carries them out. It returns what
// the worker's goroutine shall do next.
func (r *processRun) record(w *processWorker, next work) work {
	m := r.machine
	fact, commands := *m.pending, m.commands
	m.pending, m.commands = nil, nil
	r.mu.Lock()
	switch {
	case r.closed(): // terminated meanwhile
		r.mu.Unlock()
		return next
	case m.ended && slices.ContainsFunc(r.inbox, isSignal):
		r.rewind(w, fact) // unlocks
		return next
	}
	r.history = append(r.history, fact)
	for i := range commands {
		r.history = append(r.history, commands[i].historyEvent)
	}
	after := r.carryOut(w, commands)
	var c closing
	if m.ended {
		c, _ = r.end(statusOf(m.outcome), m.outcome)
	}
	r.mu.Unlock()
	for _, do := range after {
		next = do(next)
	}
	if m.ended {
		r.finish(c)
	}
	return next
}

func isSignal(e historyEvent) bool { return e.kind == factSignaled }

// rewind forgets that the code has ended the run, because signals had been accepted by then that it could not see: the
// code runs again and finds them together with the fact that it ended on. mu is held.
func (r *processRun) rewind(w *processWorker, last historyEvent) {
	var together, others []historyEvent
	for _, e := range r.inbox {
		if isSignal(e) {
			together = append(together, e)
		} else {
			others = append(others, e)
		}
	}
	if isSignal(last) {
		together = slices.Insert(together, 0, last)
	} else {
		together = append(together, last)
	}
	for i := range together {
		together[i].quiet = i < len(together)-1
	}
	r.inbox = append(together, others...)
	m := r.machine
	r.machine, r.owner = nil, nil
	r.mu.Unlock()
	r.release(w, m, w)
}

// statusOf is how a run ends whose code returned o.
func statusOf(o outcome) ports.Status {
	switch {
	case o.failure == nil:
		return ports.StatusCompleted
	case o.failure.Kind == ports.ErrCanceled:
		return ports.StatusCancelled
	}
	return ports.StatusFailed
}

// carryOut does what commands ask for. mu is held; what must not be done under it is returned, in order.
func (r *processRun) carryOut(w *processWorker, commands []command) (after []func(next work) work) {
	for i := range commands {
		c := &commands[i]
		switch c.kind { //nolint:exhaustive // facts are no commands, and a side effect asks for nothing
		case commandStep:
			t := newStepTask(r, w, c)
			r.steps = put(r.steps, c.seq, t)
			after = append(after, func(next work) work { return t.launch(w, next) })
		case commandCancelStep:
			t := r.steps[c.seq]
			if t == nil {
				continue // it ended, and the code does not know yet
			}
			delete(r.steps, c.seq)
			cancel := t.kill()
			after = append(after, func(next work) work { t.abort(cancel); return next })
		case commandTimer:
			r.timers = put(r.timers, c.seq, time.AfterFunc(c.delay, func() { r.timerFired(c.seq) }))
		case commandCancelTimer:
			if t := r.timers[c.seq]; t != nil {
				t.Stop()
				delete(r.timers, c.seq)
			}
		case commandChild:
			after = append(after, func(next work) work { r.startChild(c.seq, *c.child); return next })
		case commandCancelChild:
			after = append(after, func(next work) work { r.cancelChild(c.seq); return next })
		}
	}
	return after
}

func put[V any](m map[int]V, k int, v V) map[int]V {
	if m == nil {
		m = map[int]V{}
	}
	m[k] = v
	return m
}

func (r *processRun) timerFired(seq int) {
	r.mu.Lock()
	if r.timers[seq] == nil {
		r.mu.Unlock()
		return
	}
	delete(r.timers, seq)
	r.inbox = append(r.inbox, historyEvent{kind: factTimerFired, seq: seq, data: json.RawMessage(null)})
	wake := r.wakes()
	r.mu.Unlock()
	if wake {
		r.dispatch()
	}
}

// startChild begins a child; the fact that tells of it comes before any other about it.
func (r *processRun) startChild(seq int, request ports.StartRequest) {
	child, existing := r.store.begin(request, &parentLink{r, seq})
	if existing {
		r.post(historyEvent{kind: factChildStarted, seq: seq, failure: &ports.ApplicationError{Kind: ports.ErrAlreadyExists,
			Message: fmt.Sprintf("a run with the id %q is known", request.ID)}})
		return
	}
	started, err := json.Marshal(child.run())
	if err != nil {
		panic(err) // two strings
	}
	r.mu.Lock()
	gone := r.closed()
	wake := false
	if !gone {
		r.children = put(r.children, seq, child)
		r.inbox = append(r.inbox, historyEvent{kind: factChildStarted, seq: seq, data: started})
		wake = r.wakes()
	}
	r.mu.Unlock()
	if gone {
		child.stop(ports.StatusTerminated, terminated("its parent has ended"))
		return
	}
	child.dispatch()
	if wake {
		r.dispatch()
	}
}

func (r *processRun) cancelChild(seq int) {
	r.mu.Lock()
	child := r.children[seq]
	r.mu.Unlock()
	if child != nil {
		child.askToCancel()
	}
}

// childEnded tells the parent of a child's end. The child belongs to it until then, also after its scope was cancelled.
func (r *processRun) childEnded(seq int, child *processRun) {
	o := child.outcome // no longer changes
	r.mu.Lock()
	if r.children[seq] != child {
		r.mu.Unlock()
		return
	}
	delete(r.children, seq)
	r.inbox = append(r.inbox, historyEvent{kind: factChildEnded, seq: seq, data: o.output, failure: o.failure})
	wake := r.wakes()
	r.mu.Unlock()
	if wake {
		r.dispatch()
	}
}

// askToCancel lets the code see a cancel, once.
func (r *processRun) askToCancel() {
	r.mu.Lock()
	if r.closed() || r.canceling {
		r.mu.Unlock()
		return
	}
	r.canceling = true
	r.inbox = append(r.inbox, historyEvent{kind: factCancelRequested})
	wake := r.wakes()
	r.mu.Unlock()
	if wake {
		r.dispatch()
	}
}
