package memory

import (
	"bytes"
	"encoding/json"

	"github.com/breakwater-go/breakwater/ports"
)

// future is ready once and stays so.
type future struct {
	m       *machine
	op      string
	done    bool
	outcome outcome
	waiting waitlist
}

func (f *future) Ready() bool { return f.done }

// Get parks until the future is ready. Only the scope that made it ends it early, not c's.
func (f *future) Get(ports.ProcessContext) (json.RawMessage, error) {
	if !f.done {
		f.m.park(f.Ready, &f.waiting)
	}
	return f.outcome.result(f.op)
}

func (f *future) resolve(o outcome) {
	if f.done {
		return
	}
	f.done, f.outcome = true, o
	f.m.wakeAll(&f.waiting)
}

func (f *future) list() *waitlist { return &f.waiting }

// operation is what a scope has begun and waits for: a step, a timer or a child.
type operation struct {
	future
	seq     int
	started future // of a child
	undo    eventKind
	name    string
	scope   *scope
	// prev and next chain what the scope still waits for, in the order in which it was begun.
	prev, next *operation
}

// begin starts an operation in a scope that is not cancelled, and gives its command.
func (m *machine) begin(s *scope, undo eventKind, label string, c command) *operation {
	c.seq = m.nextSeq()
	op := &operation{future: future{m: m, op: label}, seq: c.seq, undo: undo, name: c.name, scope: s}
	if m.operations == nil {
		m.operations = map[int]*operation{}
	}
	m.operations[op.seq] = op
	s.link(op)
	m.command(c)
	return op
}

// settle ends an operation: later facts about it are ignored.
func (m *machine) settle(op *operation, o outcome) {
	delete(m.operations, op.seq)
	op.scope.unlink(op)
	op.resolve(o)
}

// refused is a future that failed before anything was begun.
func (m *machine) refused(op string, kind ports.Kind, message string) *future {
	return &future{m: m, op: op, done: true, outcome: failed(kind, message)}
}

// scope is what a cancel ends together.
type scope struct {
	m           *machine
	parent      *scope
	children    []*scope
	first, last *operation
	cancelled   bool
	waiting     waitlist
}

func (s *scope) child() *scope {
	c := &scope{m: s.m, parent: s, cancelled: s.cancelled}
	if !s.cancelled {
		s.children = append(s.children, c)
	}
	return c
}

// cancel ends all that the scope waits for, then the scopes inside, in the order in which they were made.
func (s *scope) cancel() {
	if s.cancelled {
		return
	}
	s.cancelled = true
	s.m.wakeAll(&s.waiting)
	for s.first != nil {
		op := s.first
		s.m.command(command{historyEvent: historyEvent{kind: op.undo, seq: op.seq, name: op.name}})
		canceled := failed(ports.ErrCanceled, "its scope was cancelled")
		if op.undo == commandCancelChild {
			op.started.resolve(canceled)
		}
		s.m.settle(op, canceled)
	}
	for _, c := range s.children {
		c.cancel()
	}
	s.children = nil
	if s.parent != nil {
		s.parent.drop(s)
	}
}

func (s *scope) drop(child *scope) {
	if s.cancelled {
		return // it is going through its children
	}
	for i, c := range s.children {
		if c == child {
			s.children = append(s.children[:i], s.children[i+1:]...)
			return
		}
	}
}

func (s *scope) link(op *operation) {
	op.prev = s.last
	if s.last == nil {
		s.first = op
	} else {
		s.last.next = op
	}
	s.last = op
}

func (s *scope) unlink(op *operation) {
	if op.prev == nil {
		s.first = op.next
	} else {
		op.prev.next = op.next
	}
	if op.next == nil {
		s.last = op.prev
	} else {
		op.next.prev = op.prev
	}
	op.prev, op.next = nil, nil
}

// signalChannel holds the signals of a name that nobody has received.
type signalChannel struct {
	m       *machine
	held    []json.RawMessage
	waiting waitlist
}

func (ch *signalChannel) push(arg json.RawMessage) {
	ch.held = append(ch.held, arg)
	ch.m.wakeAll(&ch.waiting)
}

func (ch *signalChannel) Ready() bool { return len(ch.held) > 0 }

func (ch *signalChannel) list() *waitlist { return &ch.waiting }

func (ch *signalChannel) Receive(c ports.ProcessContext) (json.RawMessage, error) {
	ch.m.mustBeInside()
	if !ch.Ready() {
		if _, err := c.Select(ch); err != nil {
			return nil, err
		}
	}
	arg := ch.held[0]
	ch.held = ch.held[1:]
	return bytes.Clone(arg), nil
}

func (s *scope) err(op string) error {
	if !s.cancelled {
		return nil
	}
	return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrCanceled}
}
