package memory

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// processRun is one execution of a process: its history, the facts that it has not seen yet, and what it waits for.
//
// Facts may come from anywhere and are put into the inbox. One goroutine of one worker at a time activates the run: it
// lets the machine apply the facts one by one, and records each together with the commands that it led to. Only that
// goroutine touches machine and history.
type processRun struct {
	store   *runStore
	request ports.StartRequest
	runID   string
	parent  *parentLink
	queue   *taskQueue
	started time.Time
	// status is written under mu.
	status atomic.Pointer[ports.Status]
	done   chan struct{} // closed at the end

	mu        sync.Mutex
	activity  activity
	waitsAt   place // in the queue, while it waits for a worker
	inbox     []historyEvent
	questions []*question
	outcome   outcome
	ended     time.Time
	timeout   *time.Timer
	steps     map[int]*stepTask
	timers    map[int]*time.Timer
	children  map[int]*processRun
	// owner is the worker that keeps the machine.
	owner   *processWorker
	machine *machine

	history []historyEvent
	// carried is what the goroutine that user code ended was about to do next.
	carried work
	// canceling: a cancel was asked for.
	canceling bool

	// older and newer chain the store's runs; the store's lock guards them.
	older, newer *processRun
}

type parentLink struct {
	run *processRun
	seq int
}

// activity says whether somebody takes care of the inbox.
type activity uint8

const (
	resting activity = iota
	queued           // dispatched, or waiting for a worker
	active           // a goroutine is at it
)

// question is a query that waits for its answer.
type question struct {
	name  string
	arg   json.RawMessage
	reply chan outcome // holds one
}

func (r *processRun) Status() ports.Status { return *r.status.Load() }

func (r *processRun) run() ports.Run { return ports.Run{ID: r.request.ID, RunID: r.runID} }

func (r *processRun) key() workKey { return workKey{name: r.request.Process} }

func (r *processRun) description() ports.Description {
	r.mu.Lock()
	ended := r.ended
	status := r.Status()
	r.mu.Unlock()
	return ports.Description{Run: r.run(), Process: r.request.Process, Queue: r.request.Queue, Status: status, Started: r.started,
		Ended: ended, Memo: cloneMemo(r.request.Memo), SearchAttributes: maps.Clone(r.request.SearchAttributes)}
}

func (r *processRun) info() ports.ProcessInfo {
	info := ports.ProcessInfo{Headers: r.request.Headers, Description: ports.Description{Run: r.run(), Process: r.request.Process,
		Queue: r.request.Queue, Status: ports.StatusRunning, Started: r.started, Memo: r.request.Memo,
		SearchAttributes: r.request.SearchAttributes}}
	if r.parent != nil {
		parent := r.parent.run.run()
		info.Parent = &parent
	}
	return info
}

// post puts a fact into the inbox and sees to it that somebody looks; false = the run has ended.
func (r *processRun) post(fact historyEvent) bool {
	ok, wake := r.put(fact)
	if wake {
		r.dispatch()
	}
	return ok
}

// put is post for who can activate the run himself, if wake says that somebody must.
func (r *processRun) put(fact historyEvent) (ok, wake bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed() {
		return false, false
	}
	r.inbox = append(r.inbox, fact)
	return true, r.wakes()
}

// wakes says whether the caller has to dispatch the run; mu is held.
func (r *processRun) wakes() bool {
	if r.activity != resting {
		return false
	}
	r.activity = queued
	return true
}

func (r *processRun) closed() bool { return r.Status() != ports.StatusRunning }

// dispatch hands a queued run to the worker that keeps its machine, or else to any that can run it.
func (r *processRun) dispatch() {
	r.mu.Lock()
	owner := r.owner
	r.mu.Unlock()
	if owner != nil && owner.accept() {
		go owner.loop(r)
		return
	}
	r.queue.dispatch(r.key(), r, &r.waitsAt)
}

// do activates the run: it applies facts and answers questions until none is left.
func (r *processRun) do(w *processWorker) work {
	next, over := r.carried, false
	r.carried = nil
	defer func() {
		if !over { // the code ended this goroutine: resume goes on
			r.carried = next
		}
	}()
	for r.ready(w) {
		m := r.machine
		if m.replaying() {
			if !m.catchUp() {
				r.putAside(w)
				break
			}
			r.adopt(w, m.locals)
			m.locals = nil
		}
		if m.pending == nil {
			fact, more := r.nextFact(w)
			if !more {
				break
			}
			if fact == nil {
				continue
			}
			m.apply(*fact)
		}
		next = r.record(w, next)
	}
	over = true
	return next
}

func (r *processRun) resume() work { return r }

// ready makes sure that the machine is there, at w. The caller activates the run.
func (r *processRun) ready(w *processWorker) bool {
	r.mu.Lock()
	r.activity = active
	foreign, from := r.machine, r.owner
	if from == w && foreign != nil {
		r.mu.Unlock()
		return true
	}
	if r.closed() && len(r.questions) == 0 {
		r.machine, r.owner = nil, nil
		r.activity = resting
		r.mu.Unlock()
		r.release(w, foreign, from)
		return false
	}
	m := newMachine(r.info(), slices.Clone(r.request.Input), w.processes[r.request.Process], w.log, r.history)
	r.machine, r.owner = m, w
	first := len(r.history) == 0
	if first {
		startLast(r.inbox)
	}
	r.mu.Unlock()
	r.release(w, foreign, from)
	w.own(r)
	return true
}

// startLast lets the code see what came before its first worker: it then begins with its signals at hand, or cancelled.
func startLast(inbox []historyEvent) {
	i := slices.IndexFunc(inbox, func(e historyEvent) bool { return e.kind == factStarted })
	if i < 0 {
		return
	}
	started := inbox[i]
	copy(inbox[i:], inbox[i+1:])
	inbox[len(inbox)-1] = started
}

// release unwinds a machine that the run no longer uses, on a goroutine of w.
func (r *processRun) release(w *processWorker, m *machine, owner *processWorker) {
	if m == nil {
		return
	}
	owner.disown(r)
	w.abandon(m)
}

// nextFact takes the next fact to apply; nil with true = look again. With false the activation is over.
func (r *processRun) nextFact(w *processWorker) (*historyEvent, bool) {
	r.mu.Lock()
	closed := r.closed()
	switch {
	case !closed && w.draining.Load():
		r.leave(w) // unlocks
		return nil, false
	case !closed && len(r.inbox) > 0:
		fact := r.inbox[0]
		r.inbox = r.inbox[1:]
		r.mu.Unlock()
		fact.at = time.Now().UTC()
		return &fact, true
	case len(r.questions) > 0:
		q := r.questions[0]
		r.questions = r.questions[1:]
		r.mu.Unlock()
		q.reply <- r.machine.answer(q.name, q.arg)
		return nil, true
	case closed:
		m := r.machine
		r.machine, r.owner = nil, nil
		r.activity = resting
		r.mu.Unlock()
		r.release(w, m, w)
		return nil, false
	}
	r.inbox = nil
	r.activity = resting
	r.mu.Unlock()
	return nil, false
}

// leave gives the machine of a worker that drains up, and hands the run on if there is something to do. mu is held.
func (r *processRun) leave(w *processWorker) {
	m := r.machine
	r.machine, r.owner = nil, nil
	r.activity = resting
	wake := (len(r.inbox) > 0 || len(r.questions) > 0) && r.wakes()
	r.mu.Unlock()
	r.release(w, m, w)
	if wake {
		r.dispatch()
	}
}

// giveUp is what a draining worker calls for each machine that it keeps; an active run leaves by itself.
func (r *processRun) giveUp(w *processWorker) {
	r.mu.Lock()
	if r.owner != w || r.activity == active {
		r.mu.Unlock()
		return
	}
	m := r.machine
	r.machine, r.owner = nil, nil
	r.mu.Unlock()
	r.release(w, m, w)
}

// putAside lets a run wait for a worker whose code gives the recorded commands again.
func (r *processRun) putAside(w *processWorker) {
	w.log.Error("process waits because its code does not fit its history", "process", r.request.Process, "id", r.request.ID,
		"run_id", r.runID, "problem", r.machine.mismatch)
	r.mu.Lock()
	m := r.machine
	r.machine, r.owner = nil, nil
	r.activity = queued
	r.mu.Unlock()
	r.release(w, m, w)
	r.queue.hold(r.key(), r, &r.waitsAt)
}

// ask lets the code answer a query, once it has seen all facts so far.
func (r *processRun) ask(q *question) {
	r.mu.Lock()
	r.questions = append(r.questions, q)
	wake := r.wakes()
	r.mu.Unlock()
	if wake {
		r.dispatch()
	}
}

// forget drops a question that nobody waits for any more.
func (r *processRun) forget(q *question) {
	r.mu.Lock()
	r.questions = slices.DeleteFunc(r.questions, func(other *question) bool { return other == q })
	closed := r.closed()
	r.mu.Unlock()
	if closed {
		r.withdraw()
	}
}

// closing is what is left to do, without the lock, when a run has ended.
type closing struct {
	cancels  []context.CancelFunc
	tasks    []*stepTask
	children []*processRun
	idle     *processWorker // keeps a machine that nobody is at
}

// end closes the run; false = it was closed before. mu is held; the caller calls finish with the result afterwards.
func (r *processRun) end(status ports.Status, o outcome) (closing, bool) {
	if r.closed() {
		return closing{}, false
	}
	r.status.Store(&status)
	r.outcome, r.ended = o, time.Now().UTC()
	r.inbox = nil
	if r.timeout != nil {
		r.timeout.Stop()
	}
	for _, t := range r.timers {
		t.Stop()
	}
	var c closing
	for _, t := range r.steps {
		c.tasks = append(c.tasks, t)
		c.cancels = append(c.cancels, t.kill())
	}
	for _, child := range r.children {
		c.children = append(c.children, child)
	}
	if r.machine != nil && r.activity == resting {
		r.activity = queued
		c.idle = r.owner
	}
	r.timers, r.steps, r.children = nil, nil, nil
	close(r.done)
	return c, true
}

// finish does what follows from an end.
func (r *processRun) finish(c closing) {
	for i, t := range c.tasks {
		t.queue.withdraw(t.key(), &t.waitsAt)
		if c.cancels[i] != nil {
			c.cancels[i]()
		}
	}
	if c.idle != nil {
		r.letGo(c.idle)
	}
	for _, child := range c.children {
		child.stop(ports.StatusTerminated, terminated("its parent has ended"))
	}
	if r.parent != nil {
		r.parent.run.childEnded(r.parent.seq, r)
	}
	r.store.closed(r)
	r.withdraw()
}

// letGo has an ended run's machine unwound by its worker; one that drains does it anyway.
func (r *processRun) letGo(owner *processWorker) {
	if owner.accept() {
		go owner.loop(r)
		return
	}
	r.mu.Lock()
	r.activity = resting
	r.mu.Unlock()
}

// withdraw takes an ended run off the line for a worker, unless somebody asks it something.
func (r *processRun) withdraw() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.activity == queued && len(r.questions) == 0 && r.queue.withdraw(r.key(), &r.waitsAt) {
		r.activity = resting
	}
}

// stop ends the run from outside of its code.
func (r *processRun) stop(status ports.Status, o outcome) bool {
	r.mu.Lock()
	c, ok := r.end(status, o)
	r.mu.Unlock()
	if ok {
		r.finish(c)
	}
	return ok
}

func terminated(reason string) outcome {
	return outcome{failure: &ports.ApplicationError{Type: ports.TypeTerminated, Kind: ports.ErrFailed, Message: reason}}
}
