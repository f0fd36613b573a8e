package memory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// eventKind says what happened in a run.
type eventKind uint8

// Facts come from outside, and process code only advances by applying them.
const (
	factStarted eventKind = iota + 1
	factStepEnded
	factTimerFired
	factChildStarted
	factChildEnded
	factSignaled
	factCancelRequested
)

// Commands are what the code asked for in answer to the fact before them.
const (
	commandStep eventKind = iota + 32
	commandCancelStep
	commandTimer
	commandCancelTimer
	commandChild
	commandCancelChild
	commandSideEffect
)

func (k eventKind) isFact() bool { return k < commandStep }

// historyEvent is an entry of a run's history: a fact, followed by the commands that it led to. Facts stand in the order
// in which they were applied, not in which they arrived, so that the code run again over the history takes the same way.
type historyEvent struct {
	kind eventKind
	// seq is the number of the step, timer, child or side effect within its run.
	seq int
	// name is the step's, the process's or the signal's.
	name string
	// data is a result, an argument or a recorded value.
	data json.RawMessage
	// failure is set instead of data; it is never changed.
	failure *ports.ApplicationError
	// at is when a fact was applied: the time that the code sees.
	at time.Time
	// quiet: the code does not run on this fact but on the next one, and then sees both.
	quiet bool
}

var eventNames = map[eventKind]string{factStarted: "start", factStepEnded: "step ended", factTimerFired: "timer fired",
	factChildStarted: "child started", factChildEnded: "child ended", factSignaled: "signal", factCancelRequested: "cancel request",
	commandStep: "step", commandCancelStep: "cancel of step", commandTimer: "timer", commandCancelTimer: "cancel of timer",
	commandChild: "child", commandCancelChild: "cancel of child", commandSideEffect: "side effect"}

// String names an event without its data, for reports.
func (e historyEvent) String() string {
	switch {
	case e.kind == 0:
		return "nothing"
	case e.name == "":
		return fmt.Sprintf("%s %d", eventNames[e.kind], e.seq)
	}
	return fmt.Sprintf("%s %d %q", eventNames[e.kind], e.seq, e.name)
}

// matches says whether a command that the code gives again is the recorded one.
func (e historyEvent) matches(again historyEvent) bool {
	return e.kind == again.kind && e.seq == again.seq && e.name == again.name
}

// null is what an empty payload arrives as, as on every backend that stores JSON.
const null = "null"

// takePayload copies a payload that crosses the boundary and holds it to be JSON; an empty one becomes null.
func takePayload(raw json.RawMessage) (json.RawMessage, bool) {
	if len(raw) == 0 {
		return json.RawMessage(null), true
	}
	if !json.Valid(raw) {
		return nil, false
	}
	return bytes.Clone(raw), true
}

// takePayloadAt is takePayload with the error that a caller gets.
func takePayloadAt(op, field string, raw json.RawMessage) (json.RawMessage, error) {
	p, ok := takePayload(raw)
	if !ok {
		return nil, ports.Errorf(driverName, op, ports.ErrInvalid, "%s is not JSON (%d bytes); valid is one JSON value, or nothing", field, len(raw))
	}
	return p, nil
}

// outcome is the end of a run, a step or a child: a failure, or else an output.
type outcome struct {
	output  json.RawMessage
	failure *ports.ApplicationError
}

// outcomeOf takes what user code returned over the boundary.
func outcomeOf(out json.RawMessage, err error) outcome {
	if err != nil {
		return outcome{failure: ports.ToApplicationError(err)}
	}
	p, ok := takePayload(out)
	if !ok {
		return outcome{failure: &ports.ApplicationError{Kind: ports.ErrInvalid, Message: "the returned value is not JSON", NonRetryable: true}}
	}
	return outcome{output: p}
}

func failed(kind ports.Kind, message string) outcome {
	return outcome{failure: &ports.ApplicationError{Kind: kind, Message: message}}
}

// result hands an outcome out, as a copy.
func (o outcome) result(op string) (json.RawMessage, error) {
	if o.failure == nil {
		return bytes.Clone(o.output), nil
	}
	f := *o.failure
	f.Details = bytes.Clone(f.Details)
	kind := f.Kind
	if kind == 0 {
		kind = ports.ErrFailed
	}
	return nil, &ports.Error{Op: op, Driver: driverName, Kind: kind, Err: &f}
}
