package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Future stands for a step that was begun. It belongs to the scope that began it.
type Future[T any] struct {
	what     string
	step     ports.Future
	fallback func() ports.Future // nil = none
	begun    ports.Future        // the fallback, once begun
}

// Ready says that the step has ended: what [Context] Select waits for. Where it failed and has a fallback, Get may still
// wait for that.
func (f *Future[T]) Ready() bool { return f.step.Ready() }

// Get waits for the result; it may be called again.
func (f *Future[T]) Get(c *Context) (T, error) {
	raw, err := f.step.Get(c.ProcessContext)
	if err != nil && f.fallback != nil && !errors.Is(err, ports.ErrCanceled) {
		if f.begun == nil {
			f.begun = f.fallback()
		}
		raw, err = f.begun.Get(c.ProcessContext)
	}
	if err != nil {
		var none T
		return none, err
	}
	return decode[T](raw, "result of "+f.what)
}

// Begin starts a step and does not wait: the typed way to run steps of different types side by side.
func Begin[In, Out any](c *Context, s *Step[In, Out], in In) *Future[Out] {
	return begin(c, s, s.o.Queue, in)
}

// Execute runs a step and waits for its result.
func Execute[In, Out any](c *Context, s *Step[In, Out], in In) (Out, error) {
	return Begin(c, s, in).Get(c)
}

// Route runs a step on the queue that router chooses at run time. The router is pure: it looks at nothing but its
// argument, since it is run again on replay. An empty queue is the step's own.
func Route[In, Out any](c *Context, s *Step[In, Out], router func(In) string, in In) (Out, error) {
	queue := router(in)
	if queue == "" {
		queue = s.o.Queue
	}
	return begin(c, s, queue, in).Get(c)
}

func begin[In, Out any](c *Context, s *Step[In, Out], queue string, in In) *Future[Out] {
	input, err := encode(in, nil)
	if err != nil {
		return &Future[Out]{what: s.name, step: failed{err}}
	}
	call := s.call(input)
	call.Queue = queue
	f := &Future[Out]{what: s.name, step: c.Step(call)}
	if s.o.Fallback != nil {
		f.fallback = func() ports.Future {
			call.Name, call.Attempts = s.fallbackName(), 1
			return c.Step(call)
		}
	}
	return f
}

// LocalOptions of the zero value mean: 3 attempts, 5 s each.
type LocalOptions struct {
	// Attempts counts all runs; 0 = 3.
	Attempts int
	// Backoff is the wait before the second attempt, and doubles; 0 = 1 s.
	Backoff time.Duration
	// Timeout bounds one attempt; 0 = 5 s.
	Timeout time.Duration
}

// ExecuteLocal runs a step in the process's own worker, without a queue: for what is short and needs no worker of its
// own. The step need not be registered, and its StepOptions count only for the fallback, which runs locally too.
func ExecuteLocal[In, Out any](c *Context, s *Step[In, Out], in In, o LocalOptions) (Out, error) {
	input, err := encode(in, nil)
	if err != nil {
		var none Out
		return none, err
	}
	if o.Attempts == 0 {
		o.Attempts = DefaultLocalAttempts
	}
	if o.Backoff == 0 {
		o.Backoff = DefaultBackoff
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultLocalTimeout
	}
	call := ports.StepCall{Name: s.name, Input: input, Attempts: o.Attempts, Backoff: o.Backoff, Timeout: o.Timeout,
		Local: stepFunc(s.name, s.fn)}
	f := &Future[Out]{what: s.name, step: c.Step(call)}
	if s.o.Fallback != nil {
		f.fallback = func() ports.Future {
			call.Name, call.Attempts, call.Local = s.fallbackName(), 1, stepFunc(s.fallbackName(), s.o.Fallback)
			return c.Step(call)
		}
	}
	return f.Get(c)
}

// Invocation is a step with its input, for [InParallel] and [InSeries]; [Call] makes it.
type Invocation struct {
	name  string
	begin func(c *Context) func(c *Context) (any, error)
}

// Call binds a step to an input.
func Call[In, Out any](s *Step[In, Out], in In) Invocation {
	return Invocation{s.name, func(c *Context) func(*Context) (any, error) {
		f := Begin(c, s, in)
		return func(c *Context) (any, error) {
			out, err := f.Get(c)
			if err != nil {
				return nil, err
			}
			return out, nil
		}
	}}
}

// InParallel runs steps of any types side by side and waits for all. The results stand in the order of the calls, each
// of its step's output type; nil where the step failed. The errors are joined, each with the step's name.
func InParallel(c *Context, calls ...Invocation) ([]any, error) {
	gets := make([]func(*Context) (any, error), len(calls))
	for i, call := range calls {
		gets[i] = call.begin(c)
	}
	results, errs := make([]any, len(calls)), make([]error, len(calls))
	for i, get := range gets {
		out, err := get(c)
		if err != nil {
			errs[i] = fmt.Errorf("%s: %w", calls[i].name, err)
			continue
		}
		results[i] = out
	}
	return results, errors.Join(errs...)
}

// FanOut is [InParallel] by its other name.
func FanOut(c *Context, calls ...Invocation) ([]any, error) { return InParallel(c, calls...) }

// InSeries runs steps of any types one after the other and stops at the first error; the results up to there stand in
// the order of the calls.
func InSeries(c *Context, calls ...Invocation) ([]any, error) {
	results := make([]any, 0, len(calls))
	for _, call := range calls {
		out, err := call.begin(c)(c)
		if err != nil {
			return results, fmt.Errorf("%s: %w", call.name, err)
		}
		results = append(results, out)
	}
	return results, nil
}

// failed is a future that was never begun.
type failed struct{ err error }

func (failed) Ready() bool                                         { return true }
func (f failed) Get(ports.ProcessContext) (json.RawMessage, error) { return nil, f.err }
