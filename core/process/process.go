// Package process gives typed durable processes over [ports.Orchestrator]. A process is what Temporal calls a workflow,
// a step is what it calls an activity.
//
// A process is deterministic code: it may be run again from its history, on another machine, and must then do the same.
// All I/O, randomness and waiting goes through steps and the process's [Context]. A step is ordinary code that may run
// more than once, so what it does should bear repetition.
//
//	var charge = process.NewStep("charge", func(ctx context.Context, in Payment) (Receipt, error) {
//		return bank.Charge(ctx, in)
//	}, process.StepOptions[Payment, Receipt]{Attempts: 3})
//
//	var book = process.New("book", func(c *process.Context, in Booking) (Receipt, error) {
//		return process.Execute(c, charge, in.Payment)
//	}, process.Options{})
//
// Operations with a type of their own are functions, not methods: a Go method cannot add type parameters.
package process

import (
	"encoding/json"
	"time"

	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

// DefaultQueue is the queue of processes and steps that name none.
const DefaultQueue = "default"

const owner = "process" // stands in errors where a driver's name would

// Options of the zero value mean: queue "default", no end.
type Options struct {
	// Queue that runs are started on; "" = DefaultQueue.
	Queue string
	// RunTimeout ends a run as TIMED_OUT; 0 = none.
	RunTimeout time.Duration
}

// Process is a definition: it holds no state of its runs.
type Process[In, Out any] struct {
	name string
	fn   func(*Context, In) (Out, error)
	o    Options
}

// New defines a process. The name is the workflow type on the wire: keep it when the code moves.
func New[In, Out any](name string, fn func(*Context, In) (Out, error), o Options) *Process[In, Out] {
	if o.Queue == "" {
		o.Queue = DefaultQueue
	}
	return &Process[In, Out]{name, fn, o}
}

// Name is the workflow type on the wire.
func (p *Process[In, Out]) Name() string { return p.name }

// Queue that runs are started on.
func (p *Process[In, Out]) Queue() string { return p.o.Queue }

// Definition is a process or a step of any type, for those who collect them: [Workers] and fx groups.
type Definition interface {
	Name() string
	Queue() string
	// Register puts the definition on a worker, whatever that worker's queue.
	Register(ports.Worker) error
}

// Register puts the process on a worker.
func (p *Process[In, Out]) Register(w ports.Worker) error {
	if p.fn == nil {
		return ports.Errorf(owner, "register "+p.name, ports.ErrInvalid, "function of process %q is nil", p.name)
	}
	return w.RegisterProcess(p.name, func(pc ports.ProcessContext, raw json.RawMessage) (json.RawMessage, error) {
		in, err := decode[In](raw, "input of "+p.name)
		if err != nil {
			return nil, err
		}
		c, err := newContext(pc)
		if err != nil {
			return nil, err
		}
		return encode(p.fn(c, in))
	})
}

// encode serialises what a function returned.
func encode[T any](v T, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	raw, err := wire.Marshal(v)
	if err != nil {
		return nil, ports.Errorf(owner, "encode", ports.ErrInvalid, "%T: %w", v, err)
	}
	return raw, nil
}

// decode reads what travelled as JSON; nothing at all is the zero value.
func decode[T any](raw json.RawMessage, what string) (v T, err error) {
	if len(raw) == 0 {
		return v, nil
	}
	if err = wire.Unmarshal(raw, &v); err != nil {
		// The same bytes will not fit the next time either.
		err = &ports.Error{Op: "decode " + what, Driver: owner, Kind: ports.ErrInvalid,
			Err: &ports.ApplicationError{Type: "breakwater.decode", Message: err.Error(), Kind: ports.ErrInvalid, NonRetryable: true}}
	}
	return v, err
}
