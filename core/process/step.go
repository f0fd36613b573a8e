package process

import (
	"context"
	"encoding/json"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Defaults of [StepOptions] and [LocalOptions].
const (
	DefaultBackoff       = time.Second
	DefaultTimeout       = 300 * time.Second
	DefaultLocalTimeout  = 5 * time.Second
	DefaultLocalAttempts = 3
)

// StepOptions of the zero value mean: queue "default", one attempt, 300 s.
type StepOptions[In, Out any] struct {
	// Queue whose workers run the step; "" = DefaultQueue.
	Queue string
	// Attempts counts all runs; 0 = 1. There is no "for ever".
	Attempts int
	// Backoff is the wait before the second attempt, and doubles; 0 = 1 s.
	Backoff time.Duration
	// Timeout bounds one attempt; 0 = 300 s.
	Timeout time.Duration
	// HeartbeatTimeout fails an attempt that does not call [Heartbeat] for so long; 0 = none. The memory driver does not
	// enforce it yet: the step then fails with ErrUnsupported, as with ScheduleToStart.
	HeartbeatTimeout time.Duration
	// ScheduleToStart bounds the wait for a worker, and is not retried; 0 = none.
	ScheduleToStart time.Duration
	// Fallback runs once, as the step "<name>.fallback", after any failure but a cancel; its result is then the step's.
	Fallback func(ctx context.Context, in In) (Out, error)
}

// Step is a definition: a function that processes run by name, on a queue.
type Step[In, Out any] struct {
	name string
	fn   func(context.Context, In) (Out, error)
	o    StepOptions[In, Out]
}

// NewStep defines a step. The name is the activity type on the wire: keep it when the code moves.
func NewStep[In, Out any](name string, fn func(context.Context, In) (Out, error), o StepOptions[In, Out]) *Step[In, Out] {
	if o.Queue == "" {
		o.Queue = DefaultQueue
	}
	if o.Attempts == 0 {
		o.Attempts = 1
	}
	if o.Backoff == 0 {
		o.Backoff = DefaultBackoff
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	return &Step[In, Out]{name, fn, o}
}

// Name is the activity type on the wire.
func (s *Step[In, Out]) Name() string { return s.name }

// Queue whose workers run the step, unless a [Route] says otherwise.
func (s *Step[In, Out]) Queue() string { return s.o.Queue }

// Register puts the step and its fallback on a worker.
func (s *Step[In, Out]) Register(w ports.Worker) error {
	if s.fn == nil {
		return ports.Errorf(owner, "register "+s.name, ports.ErrInvalid, "function of step %q is nil", s.name)
	}
	if err := w.RegisterStep(s.name, stepFunc(s.name, s.fn)); err != nil || s.o.Fallback == nil {
		return err
	}
	return w.RegisterStep(s.fallbackName(), stepFunc(s.fallbackName(), s.o.Fallback))
}

func (s *Step[In, Out]) fallbackName() string { return s.name + ".fallback" }

// call is the step as the port knows it.
func (s *Step[In, Out]) call(input json.RawMessage) ports.StepCall {
	return ports.StepCall{
		Name: s.name, Queue: s.o.Queue, Input: input,
		Attempts: s.o.Attempts, Backoff: s.o.Backoff, Timeout: s.o.Timeout,
		HeartbeatTimeout: s.o.HeartbeatTimeout, ScheduleToStart: s.o.ScheduleToStart,
	}
}

func stepFunc[In, Out any](name string, fn func(context.Context, In) (Out, error)) ports.StepFunc {
	return func(c ports.StepContext, raw json.RawMessage) (json.RawMessage, error) {
		in, err := decode[In](raw, "input of "+name)
		if err != nil {
			return nil, err
		}
		return encode(fn(context.WithValue(c, stepKey{}, c), in))
	}
}

type stepKey struct{}

// Heartbeat says from inside a step that it lives, and keeps details for the next attempt ([LastHeartbeat]). The error
// says that the step should end: its process was cancelled, or its attempt is over. ErrInvalid outside of a step.
func Heartbeat(ctx context.Context, details any) error {
	sc, ok := ctx.Value(stepKey{}).(ports.StepContext)
	if !ok {
		return ports.Errorf(owner, "heartbeat", ports.ErrInvalid, "context is not a step's; pass on the one that the step was given")
	}
	raw, err := encode(details, nil)
	if err != nil {
		return err
	}
	return sc.Heartbeat(raw)
}

// LastHeartbeat is what the attempt before kept last; false if nothing.
func LastHeartbeat[T any](ctx context.Context) (details T, ok bool, err error) {
	sc, inStep := ctx.Value(stepKey{}).(ports.StepContext)
	if !inStep || len(sc.LastHeartbeat()) == 0 {
		return details, false, nil
	}
	details, err = decode[T](sc.LastHeartbeat(), "heartbeat")
	return details, err == nil, err
}

// StepInfo describes the attempt that ctx belongs to; false outside of a step.
func StepInfo(ctx context.Context) (ports.StepInfo, bool) {
	sc, ok := ctx.Value(stepKey{}).(ports.StepContext)
	if !ok {
		return ports.StepInfo{}, false
	}
	return sc.Info(), true
}
