package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

// The built-in process and step behind [Then], which every [Workers] registers.
const (
	thenName  = "breakwater.then"
	awaitName = "breakwater.await"
)

// awaitFor is how long one run of the awaiting step waits before it comes back to be recorded: the longest that the loss
// of its worker can go unnoticed.
const awaitFor = 10 * time.Minute

type thenInput struct {
	After   ports.Run         `json:"after"`
	Next    string            `json:"next"`
	Queue   string            `json:"queue"`
	Mapping map[string]string `json:"mapping,omitempty"`
}

// Then chains next after the run of h, durably: once it returned nil, the chain goes on when the caller has died. If the
// first fails, next never starts, and Get of the returned handle gives that cause.
//
// mapping builds the input of next, as data, since code would die with the caller: each key is a field of the input, each
// value a dot-separated path into the output ("booking.id"). Nil = the output is the input as it is. A path that is not
// there fails the chain with ErrInvalid.
//
// The chain runs on queue as the process "breakwater.then"; a second Then with the same arguments after the same run is
// the same chain.
func Then[A, In, B any](ctx context.Context, h Handle[A], next *Process[In, B], queue string, mapping map[string]string) (Handle[B], error) {
	if queue == "" {
		queue = next.o.Queue
	}
	id := h.run.ID + ".then." + next.name
	if h.run.RunID != "" {
		id += "." + h.run.RunID
	}
	in := thenInput{After: h.run, Next: next.name, Queue: queue, Mapping: mapping}
	raw, err := wire.Marshal(in) // maps in the order of their keys: the same chain gives the same text
	if err != nil {
		return Handle[B]{}, err
	}
	sum := sha256.Sum256(raw)
	id += "." + hex.EncodeToString(sum[:4])
	return start[B](ctx, h.o, thenName, in, StartOptions{ID: id, Queue: queue, Reuse: ports.ReuseNever})
}

type awaited struct {
	Done   bool            `json:"done"`
	Output json.RawMessage `json:"output,omitempty"`
}

// thenDefinitions are bound to the orchestrator whose results they await.
func thenDefinitions(o ports.Orchestrator) []Definition {
	await := NewStep(awaitName, func(ctx context.Context, r ports.Run) (awaited, error) {
		return awaitResult(ctx, o, r)
	}, StepOptions[ports.Run, awaited]{Attempts: 1 << 20, Timeout: awaitFor + time.Minute})
	then := New(thenName, func(c *Context, in thenInput) (json.RawMessage, error) {
		// Beside its process, on whatever queue the chain was put.
		onQueue := func(ports.Run) string { return in.Queue }
		for {
			a, err := Route(c, await, onQueue, in.After)
			if err != nil {
				return nil, err
			}
			if a.Done {
				return runNext(c, in, a.Output)
			}
		}
	}, Options{})
	return []Definition{await, then}
}

func awaitResult(ctx context.Context, o ports.Orchestrator, r ports.Run) (awaited, error) {
	waitCtx, cancel := context.WithTimeout(ctx, awaitFor)
	defer cancel()
	out, err := o.Result(waitCtx, r)
	switch {
	case err == nil:
		return awaited{Done: true, Output: out}, nil
	case errors.Is(err, ports.ErrUnavailable):
		return awaited{}, err // tried again
	case errors.Is(err, ports.ErrTimeout) && waitCtx.Err() != nil && ctx.Err() == nil:
		return awaited{}, nil
	}
	// The end of the awaited run is final: no attempt will find another.
	return awaited{}, NonRetryable(err)
}

func runNext(c *Context, in thenInput, output json.RawMessage) (json.RawMessage, error) {
	input, err := mapOutput(output, in.Mapping)
	if err != nil {
		return nil, err
	}
	return beginChild[json.RawMessage](c, ports.StartRequest{Process: in.Next, Queue: in.Queue, Input: input}).Get(c)
}

// mapOutput picks the fields that mapping names out of output.
func mapOutput(output json.RawMessage, mapping map[string]string) (json.RawMessage, error) {
	if mapping == nil {
		return output, nil
	}
	input := make(map[string]json.RawMessage, len(mapping))
	for field, path := range mapping {
		value, ok := lookUp(output, strings.Split(path, "."))
		if !ok {
			return nil, ports.Errorf(owner, "then", ports.ErrInvalid, "mapping of %q: the output has no %q", field, path)
		}
		input[field] = value
	}
	return wire.Marshal(input)
}

func lookUp(value json.RawMessage, path []string) (json.RawMessage, bool) {
	for _, name := range path {
		var object map[string]json.RawMessage
		if wire.Unmarshal(value, &object) != nil {
			return nil, false
		}
		next, ok := object[name]
		if !ok {
			return nil, false
		}
		value = next
	}
	return value, true
}
