package memory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// processContext is one scope of a machine, as its code sees it.
type processContext struct {
	m     *machine
	scope *scope
}

func (c *processContext) Info() ports.ProcessInfo {
	info := c.m.info
	info.Memo = cloneMemo(info.Memo)
	info.SearchAttributes = maps.Clone(info.SearchAttributes)
	info.Headers = maps.Clone(info.Headers)
	if info.Parent != nil {
		parent := *info.Parent
		info.Parent = &parent
	}
	return info
}

func (c *processContext) Replaying() bool { return c.m.replaying() }

func (c *processContext) Logger() *slog.Logger {
	return slog.New(liveHandler{c.m.log.Handler(), c.m}).With("process", c.m.info.Process, "id", c.m.info.ID, "run_id", c.m.info.RunID)
}

func (c *processContext) Now() time.Time { return c.m.now }
func (c *processContext) Err() error     { return c.scope.err("process") }

func (c *processContext) Sleep(d time.Duration) error {
	if err := c.Err(); err != nil {
		return err
	}
	_, err := c.Timer(d).Get(c)
	return err
}

func (c *processContext) Timer(d time.Duration) ports.Future {
	c.m.mustBeInside()
	switch {
	case c.scope.cancelled:
		return c.canceled("timer")
	case d <= 0:
		return &future{m: c.m, op: "timer", done: true, outcome: outcome{output: json.RawMessage(null)}}
	}
	return &c.m.begin(c.scope, commandCancelTimer, "timer", command{historyEvent: historyEvent{kind: commandTimer}, delay: d}).future
}

func (c *processContext) Step(s ports.StepCall) ports.Future {
	c.m.mustBeInside()
	op := "step " + s.Name
	if err := normalizeStep(&s); err != nil {
		return c.m.refused(op, err.Kind, err.Err.Error())
	}
	if c.scope.cancelled {
		return c.canceled(op)
	}
	if s.Queue == "" {
		s.Queue = c.m.info.Queue
	}
	return &c.m.begin(c.scope, commandCancelStep, op, command{historyEvent: historyEvent{kind: commandStep, name: s.Name}, step: &s}).future
}

func (c *processContext) Child(r ports.StartRequest) (started, result ports.Future) {
	c.m.mustBeInside()
	op := "child " + r.Process
	if r.ID == "" {
		r.ID = fmt.Sprintf("%s.%d", c.m.info.RunID, c.m.seq+1)
	}
	if r.Queue == "" {
		r.Queue = c.m.info.Queue
	}
	own, err := normalizeStart(r)
	switch {
	case err != nil:
		f := c.m.refused(op, err.Kind, err.Err.Error())
		return f, f
	case c.scope.cancelled:
		f := c.canceled(op)
		return f, f
	}
	o := c.m.begin(c.scope, commandCancelChild, op, command{historyEvent: historyEvent{kind: commandChild, name: r.Process}, child: &own})
	o.started = future{m: c.m, op: op}
	return &o.started, &o.future
}

func (c *processContext) SideEffect(fn func() json.RawMessage) json.RawMessage {
	c.m.mustBeInside()
	event := historyEvent{kind: commandSideEffect, seq: c.m.nextSeq()}
	if !c.m.replaying() {
		value, ok := takePayload(fn())
		if !ok {
			panic("breakwater: a side effect's value is not JSON")
		}
		event.data = value
	}
	return bytes.Clone(c.m.command(command{historyEvent: event}).data)
}

// Version needs replay checks: until the engine has them, the run fails with ErrUnsupported rather than go on with a
// number that nothing keeps.
func (c *processContext) Version(change string, _, _ int) int {
	c.m.mustBeInside()
	c.m.fail(failed(ports.ErrUnsupported, fmt.Sprintf("Version(%q) is not supported by this driver yet", change)))
	c.m.stuck()
	return 0
}

func (c *processContext) Signals(name string) ports.SignalChannel { return c.m.signalChannel(name) }

func (c *processContext) HandleQuery(name string, fn func(arg json.RawMessage) (json.RawMessage, error)) error {
	c.m.mustBeInside()
	if name == "" || fn == nil {
		return ports.Errorf(driverName, "handle query", ports.ErrInvalid, "name is %q and fn is nil: %t; valid is a name and a function", name, fn == nil)
	}
	if c.m.queries == nil {
		c.m.queries = map[string]queryHandler{}
	}
	c.m.queries[name] = fn
	return nil
}

func (c *processContext) HandleUpdate(string, func(ports.ProcessContext, json.RawMessage) (json.RawMessage, error)) error {
	return unsupported("handle update")
}

// selectable is what this driver's futures and channels are.
type selectable interface {
	ports.Selectable
	list() *waitlist
}

func (c *processContext) Select(of ...ports.Selectable) (int, error) {
	c.m.mustBeInside()
	lists := []*waitlist{&c.scope.waiting}
	watched := false
	for i, s := range of {
		own, isOwn := s.(selectable)
		switch {
		case s == nil:
			return 0, ports.Errorf(driverName, "select", ports.ErrInvalid, "argument %d is nil; valid is a Future or a SignalChannel", i)
		case isOwn:
			lists = append(lists, own.list())
		case !watched:
			lists, watched = append(lists, &c.m.watchers), true
		}
	}
	ready := -1
	c.m.park(func() bool {
		ready = firstReady(of)
		return ready >= 0 || c.scope.cancelled
	}, lists...)
	if ready < 0 {
		return 0, c.scope.err("select")
	}
	return ready, nil
}

func firstReady(of []ports.Selectable) int {
	for i, s := range of {
		if s.Ready() {
			return i
		}
	}
	return -1
}

func (c *processContext) Go(fn func(c ports.ProcessContext)) {
	c.m.mustBeInside()
	c.m.spawn(func() { fn(c) })
}

func (c *processContext) WithCancel() (ports.ProcessContext, func()) {
	c.m.mustBeInside()
	s := c.scope.child()
	return &processContext{c.m, s}, func() {
		if c.m.dead {
			return // a deferred cancel while the code is unwound
		}
		c.m.mustBeInside()
		s.cancel()
	}
}

func (c *processContext) Disconnected() ports.ProcessContext {
	return &processContext{c.m, &scope{m: c.m}}
}

func (c *processContext) ContinueAsNew(ports.StartRequest) error {
	return unsupported("continue as new")
}
func (c *processContext) ShouldContinueAsNew() bool { return false }

func (c *processContext) UpsertSearchAttributes(map[string]string) error {
	return unsupported("upsert search attributes")
}

func (c *processContext) UpsertMemo(map[string]json.RawMessage) error {
	return unsupported("upsert memo")
}

func (c *processContext) canceled(op string) *future {
	return c.m.refused(op, ports.ErrCanceled, "its scope was cancelled")
}

func unsupported(op string) error {
	return ports.Errorf(driverName, op, ports.ErrUnsupported, "not supported by this driver yet")
}
