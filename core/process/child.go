package process

import (
	"encoding/json"

	"github.com/breakwater-go/breakwater/ports"
)

// ChildOptions of the zero value mean: an id derived from the parent's, the process's own queue.
type ChildOptions struct {
	ID, Queue string
	Reuse     ports.Reuse
}

// ChildFuture stands for a child process that was begun.
type ChildFuture[T any] struct {
	Future[T]
	started ports.Future
}

// Started waits until the child is recorded and returns its run; ErrAlreadyExists when its id is taken.
func (f *ChildFuture[T]) Started(c *Context) (ports.Run, error) {
	raw, err := f.started.Get(c.ProcessContext)
	if err != nil {
		return ports.Run{}, err
	}
	return decode[ports.Run](raw, "child run")
}

// BeginChild starts a process that belongs to this one: it is cancelled with this scope and terminated when this process
// ends.
func BeginChild[In, Out any](c *Context, p *Process[In, Out], in In, o ChildOptions) *ChildFuture[Out] {
	input, err := encode(in, nil)
	if err != nil {
		return &ChildFuture[Out]{Future[Out]{what: p.name, step: failed{err}}, failed{err}}
	}
	return beginChild[Out](c, p.request(input, o))
}

// Child starts a process that belongs to this one and waits for its result.
func Child[In, Out any](c *Context, p *Process[In, Out], in In, o ChildOptions) (Out, error) {
	return BeginChild(c, p, in, o).Get(c)
}

// ContinueAsNew makes the error that a process returns to end this run and begin p, which may be another process, under
// the same id with a fresh history.
func ContinueAsNew[In, Out any](c *Context, p *Process[In, Out], in In) error {
	input, err := encode(in, nil)
	if err != nil {
		return err
	}
	return c.ContinueAsNew(p.request(input, ChildOptions{}))
}

func (p *Process[In, Out]) request(input json.RawMessage, o ChildOptions) ports.StartRequest {
	if o.Queue == "" {
		o.Queue = p.o.Queue
	}
	return ports.StartRequest{Process: p.name, ID: o.ID, Queue: o.Queue, Input: input, Reuse: o.Reuse, RunTimeout: p.o.RunTimeout}
}

func beginChild[Out any](c *Context, r ports.StartRequest) *ChildFuture[Out] {
	started, result := c.Child(r)
	return &ChildFuture[Out]{Future[Out]{what: r.Process, step: result}, started}
}
