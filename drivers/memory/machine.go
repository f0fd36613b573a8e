package memory

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// machine executes a process's code: a set of coroutines that advances by applying facts, one at a time, and answers each
// with commands. It knows nothing of queues, clocks and workers, so that the same facts always give the same commands:
// that is what lets another worker rebuild it from the history.
//
// It is used by one goroutine at a time, the one that activates the run.
type machine struct {
	info  ports.ProcessInfo
	input json.RawMessage
	fn    ports.ProcessFunc
	log   *slog.Logger
	root  *scope
	now   time.Time
	seq   int

	// history is what was recorded before the machine was made; what lies past position is still to be replayed.
	history    []historyEvent
	position   int
	catchingUp bool
	// locals is the code of the local steps that were met while catching up.
	locals map[int]ports.StepFunc

	// pending is the fact that was applied last, while its commands are not yet recorded.
	pending  *historyEvent
	commands []command

	current *coroutine
	// runnable and coroutines are in the order of the coroutines' numbers; spawned is the last number given.
	runnable   []*coroutine
	coroutines []*coroutine
	spawned    int
	operations map[int]*operation
	signals    map[string]*signalChannel
	// watchers wait for something that only user code can judge; changes counts what may have changed its mind.
	watchers waitlist
	changes  int
	queries  map[string]queryHandler

	// ended: the process function returned, or the run cannot go on; outcome says how.
	ended   bool
	outcome outcome
	// dead: the coroutines are being unwound, and what they ask for is ignored.
	dead     bool
	querying bool
	// mismatch is set when the code did not give a recorded command again.
	mismatch string
}

type queryHandler func(arg json.RawMessage) (json.RawMessage, error)

// command is what the code asks the engine for.
type command struct {
	historyEvent
	step  *ports.StepCall
	child *ports.StartRequest
	delay time.Duration
}

func newMachine(info ports.ProcessInfo, input json.RawMessage, fn ports.ProcessFunc, log *slog.Logger, history []historyEvent) *machine {
	m := &machine{info: info, input: input, fn: fn, log: log, history: history, catchingUp: len(history) > 0}
	m.root = &scope{m: m}
	return m
}

func (m *machine) replaying() bool { return m.catchingUp }

// catchUp runs the code over the recorded history. When user code ends the goroutine, call it again: it goes on where it
// was. False means that the code is not the one that the history was written by.
func (m *machine) catchUp() bool {
	m.catchingUp = true
	for m.mismatch == "" {
		if m.pending != nil {
			m.pending = nil
			if next := m.recorded(); next.kind != 0 && !next.kind.isFact() {
				m.mismatch = "the history goes on with " + next.String() + ", the code asked for nothing more"
			}
			continue
		}
		if m.position == len(m.history) {
			m.catchingUp = false
			return true
		}
		fact := m.history[m.position]
		m.position++
		m.apply(fact)
	}
	return false
}

// recorded is the next entry of the history; its zero value means the end.
func (m *machine) recorded() historyEvent {
	if m.position == len(m.history) {
		return historyEvent{}
	}
	return m.history[m.position]
}

// apply lets the code see a fact and runs it until every coroutine waits.
func (m *machine) apply(fact historyEvent) {
	m.pending = &fact
	m.now = fact.at
	switch fact.kind { //nolint:exhaustive // commands are no facts
	case factStarted:
		m.spawn(func() { m.finish(m.fn(&processContext{m: m, scope: m.root}, m.input)) })
	case factStepEnded, factTimerFired, factChildEnded:
		if op := m.operations[fact.seq]; op != nil {
			m.settle(op, outcome{fact.data, fact.failure})
		}
	case factChildStarted:
		if op := m.operations[fact.seq]; op != nil {
			op.started.resolve(outcome{fact.data, fact.failure})
			if fact.failure != nil {
				m.settle(op, outcome{failure: fact.failure})
			}
		}
	case factSignaled:
		m.signalChannel(fact.name).push(fact.data)
	case factCancelRequested:
		m.root.cancel()
	}
	if !fact.quiet {
		m.run()
	}
}

// run resumes coroutines until none can go on. Those that wait for what only user code can judge look again as long as
// something changes.
func (m *machine) run() {
	m.runRunnable()
	for len(m.watchers) > 0 && !m.ended {
		m.wakeAll(&m.watchers)
		before := m.changes
		m.runRunnable()
		if m.changes == before {
			return
		}
	}
}

// runRunnable resumes coroutines round by round, in the order in which they were made.
func (m *machine) runRunnable() {
	last := 0
	for len(m.runnable) > 0 && !m.ended && m.mismatch == "" {
		i, _ := slices.BinarySearchFunc(m.runnable, last+1, byNumber)
		if i == len(m.runnable) {
			i = 0 // the next round
		}
		co := m.runnable[i]
		m.runnable = slices.Delete(m.runnable, i, i+1)
		co.queued, last = false, co.number
		m.resume(co)
	}
}

func byNumber(co *coroutine, number int) int { return co.number - number }

func (m *machine) resume(co *coroutine) {
	m.current = co
	defer func() { m.current = nil }() // also when the code calls runtime.Goexit
	co.resume()
	if co.done {
		m.forget(co)
	}
}

func (m *machine) forget(co *coroutine) {
	if i, ok := slices.BinarySearchFunc(m.coroutines, co.number, byNumber); ok {
		m.coroutines = slices.Delete(m.coroutines, i, i+1)
	}
}

// spawn makes a coroutine for user code and puts it in the line.
func (m *machine) spawn(body func()) {
	co := newCoroutine(func() {
		returned := false
		defer func() { m.caught(recover(), returned) }()
		body()
		returned = true
	})
	m.spawned++
	co.number = m.spawned
	m.coroutines = append(m.coroutines, co)
	m.wake(co)
}

// caught ends the run when user code panicked or ended its goroutine.
func (m *machine) caught(p any, returned bool) {
	switch {
	case returned || m.dead || m.ended:
	case p != nil:
		m.log.Error("process panicked", "process", m.info.Process, "id", m.info.ID, "stack", string(debug.Stack()))
		m.fail(panicked(p))
	default:
		m.fail(panicked("runtime.Goexit was called"))
	}
}

func panicked(p any) outcome {
	return outcome{failure: &ports.ApplicationError{Type: ports.TypePanic, Kind: ports.ErrFailed, Message: fmt.Sprint(p)}}
}

func (m *machine) finish(out json.RawMessage, err error) {
	if !m.ended {
		m.fail(outcomeOf(out, err))
	}
}

func (m *machine) fail(o outcome) { m.ended, m.outcome = true, o }

func (m *machine) wake(co *coroutine) {
	if co.queued {
		return
	}
	co.queued = true
	i, _ := slices.BinarySearchFunc(m.runnable, co.number, byNumber)
	m.runnable = slices.Insert(m.runnable, i, co)
}

func (m *machine) wakeAll(l *waitlist) {
	m.changes++
	for _, co := range *l {
		m.wake(co)
	}
	*l = nil
}

// park stops the current coroutine until ready holds; the lists say what may make it so.
func (m *machine) park(ready func() bool, lists ...*waitlist) {
	m.mustBeInside()
	co := m.current
	for !ready() {
		for _, l := range lists {
			l.add(co)
		}
		co.wait()
		for _, l := range lists {
			l.remove(co)
		}
	}
}

// stuck parks the current coroutine for good: the run has ended or cannot go on.
func (m *machine) stuck() {
	for co := m.current; co != nil; {
		co.wait()
	}
}

// mustBeInside panics in the code of who uses a ProcessContext where it is not valid, and goes on unwinding code that is
// being unwound.
func (m *machine) mustBeInside() {
	switch {
	case m.dead:
		runtime.Goexit()
	case m.querying:
		panic("breakwater: a query handler must neither wait nor change the process")
	case m.current == nil:
		panic("breakwater: a ProcessContext was used outside of its process's coroutines")
	}
}

// command records what the code asks for; on replay it is held to what was recorded.
func (m *machine) command(c command) (recorded historyEvent) {
	if !m.replaying() {
		m.commands = append(m.commands, c)
		return c.historyEvent
	}
	recorded = m.recorded()
	if !recorded.matches(c.historyEvent) {
		m.mismatch = "the code asked for " + c.String() + ", the history goes on with " + recorded.String()
		m.stuck()
		return c.historyEvent
	}
	m.position++
	if c.step != nil && c.step.Local != nil {
		m.locals = put(m.locals, c.seq, c.step.Local)
	}
	return recorded
}

func (m *machine) nextSeq() int {
	m.seq++
	return m.seq
}

// answer runs a query handler.
func (m *machine) answer(name string, arg json.RawMessage) (o outcome) {
	fn := m.queries[name]
	if fn == nil {
		return failed(ports.ErrInvalid, fmt.Sprintf("the process has no query handler %q", name))
	}
	m.querying = true
	defer func() { m.querying = false }()
	defer func() {
		if p := recover(); p != nil {
			o = panicked(p)
		}
	}()
	return outcomeOf(fn(arg))
}

// abandon unwinds what still waits, and calls then.
func (m *machine) abandon(then func()) {
	m.dead = true
	unwind(m.coroutines, then)
}

func (m *machine) signalChannel(name string) *signalChannel {
	ch := m.signals[name]
	if ch == nil {
		if m.signals == nil {
			m.signals = map[string]*signalChannel{}
		}
		ch = &signalChannel{m: m}
		m.signals[name] = ch
	}
	return ch
}
