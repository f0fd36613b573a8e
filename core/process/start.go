package process

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/breakwater-go/breakwater/ports"
)

// StartOptions of the zero value mean: a uuid as id, the process's own queue, [ports.ReuseClosed].
type StartOptions struct {
	ID, Queue string
	Reuse     ports.Reuse
	// RunTimeout ends the run as TIMED_OUT; 0 = the process's own.
	RunTimeout       time.Duration
	Headers          map[string]string
	Memo             map[string]json.RawMessage
	SearchAttributes map[string]string
}

// Handle refers to a run from outside.
type Handle[Out any] struct {
	o   ports.Orchestrator
	run ports.Run
}

// Start returns once the run is recorded; a worker need not live yet.
func Start[In, Out any](ctx context.Context, o ports.Orchestrator, p *Process[In, Out], in In, so StartOptions) (Handle[Out], error) {
	if so.Queue == "" {
		so.Queue = p.o.Queue
	}
	if so.RunTimeout == 0 {
		so.RunTimeout = p.o.RunTimeout
	}
	return start[Out](ctx, o, p.name, in, so)
}

// StartByName starts a process that is not linked here, of any language, on queue.
func StartByName(ctx context.Context, o ports.Orchestrator, name, queue string, input any, so StartOptions) (Handle[json.RawMessage], error) {
	so.Queue = queue
	return start[json.RawMessage](ctx, o, name, input, so)
}

func start[Out any](ctx context.Context, o ports.Orchestrator, name string, input any, so StartOptions) (Handle[Out], error) {
	raw, err := encode(input, nil)
	if err != nil {
		return Handle[Out]{}, err
	}
	if so.ID == "" {
		so.ID = uuid.NewString()
	}
	run, err := o.Start(ctx, ports.StartRequest{
		Process: name, ID: so.ID, Queue: so.Queue, Input: raw, Reuse: so.Reuse, RunTimeout: so.RunTimeout,
		Headers: so.Headers, Memo: so.Memo, SearchAttributes: so.SearchAttributes,
	})
	return Handle[Out]{o, run}, err
}

// Attach makes a handle for the newest run of an id that was started elsewhere; whether it exists shows at the first use.
func Attach[Out any](o ports.Orchestrator, id string) Handle[Out] {
	return Handle[Out]{o, ports.Run{ID: id}}
}

// ID of the process.
func (h Handle[Out]) ID() string { return h.run.ID }

// Run names the execution; its RunID is empty after [Attach].
func (h Handle[Out]) Run() ports.Run { return h.run }

// Existing says that Start found the id known and started nothing.
func (h Handle[Out]) Existing() bool { return h.run.Existing }

// Get waits for the end and returns the output, or the error that [ports.Orchestrator] Result describes.
func (h Handle[Out]) Get(ctx context.Context) (Out, error) {
	raw, err := h.o.Result(ctx, h.run)
	if err != nil {
		var none Out
		return none, err
	}
	return decode[Out](raw, "result of "+h.run.ID)
}

// Cancel asks the process to end; it may clean up first. ErrNotFound when it has ended.
func (h Handle[Out]) Cancel(ctx context.Context) error { return h.o.Cancel(ctx, h.run) }

// Status of the run.
func (h Handle[Out]) Status(ctx context.Context) (ports.Status, error) {
	d, err := h.o.Describe(ctx, h.run)
	return d.Status, err
}

// SetStateOf sets a value in the state of a running process, in any language's: signal update_state with [key, value].
func SetStateOf(ctx context.Context, o ports.Orchestrator, id, key string, value any) error {
	arg, err := encode([2]any{key, value}, nil)
	if err != nil {
		return err
	}
	return o.Signal(ctx, ports.Run{ID: id}, signalUpdateState, arg)
}

// GetStateOf reads a value from the state of a process: query get_state with the key. ErrNotFound for an unknown key or
// id. It needs a live worker.
func GetStateOf[T any](ctx context.Context, o ports.Orchestrator, id, key string) (T, error) {
	var none T
	arg, err := encode(key, nil)
	if err != nil {
		return none, err
	}
	raw, err := o.Query(ctx, ports.Run{ID: id}, queryGetState, arg)
	if err != nil {
		return none, err
	}
	return decode[T](raw, "state "+key)
}
