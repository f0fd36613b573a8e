package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

type (
	orEnv  = env[ports.Orchestrator]
	orCase = testCase[ports.Orchestrator]
	orRaw  = json.RawMessage
	// orProcess and orStep are code that returns any value that JSON can hold.
	orProcess func(c ports.ProcessContext, in orRaw) (any, error)
	orStep    func(c ports.StepContext, in orRaw) (any, error)
	// orCode is what a worker has registered: each value is an orProcess or an orStep.
	orCode map[string]any
)

func orchestratorCases() []orCase {
	return slices.Concat(orStartCases(), orPayloadCases(), orErrorCases(), orRunCases(), orListCases(), orStepCases(),
		orAttemptCases(), orLocalStepCases(), orProcessCases(), orSignalCases(), orQueryCases(), orCancelCases(),
		orScopeCases(), orTerminateCases(), orChildCases(), orWorkerCases(), orDrainCases(), orLifeCases(), orBoundaryCases())
}

// orCoreCase makes a case of clauses, their numbers separated by spaces, that every driver owes.
func orCoreCase(id, clauses string, run func(context.Context, *orEnv)) orCase {
	c := orCase{id: "orchestrator/" + id, run: run}
	for _, n := range strings.Fields(clauses) {
		c.clauses = append(c.clauses, "OR-"+n)
	}
	return c
}

// orQueue is the queue that cases use unless they need several.
const orQueue = "work"

// orServe starts a worker on orQueue.
func orServe(ctx context.Context, e *orEnv, code orCode) ports.Worker {
	return orServeOn(ctx, e, e.Driver, orQueue, code)
}

func orServeOn(ctx context.Context, e *orEnv, d ports.Orchestrator, queue string, code orCode) ports.Worker {
	w := orWorker(e, d, queue, code)
	e.noError(w.Start(ctx), "start a worker")
	return w
}

// orWorker makes a worker with code registered.
func orWorker(e *orEnv, d ports.Orchestrator, queue string, code orCode) ports.Worker {
	w, err := d.NewWorker(ports.WorkerOptions{Queue: queue})
	e.noError(err, "make a worker")
	for name, fn := range code {
		switch fn := fn.(type) {
		case orProcess:
			err = w.RegisterProcess(name, orProcessFunc(fn))
		case orStep:
			err = w.RegisterStep(name, orStepFunc(fn))
		default:
			e.failf("the case registers a %T", fn)
		}
		e.noError(err, "register "+name)
	}
	return w
}

func orProcessFunc(fn orProcess) ports.ProcessFunc {
	return func(c ports.ProcessContext, in json.RawMessage) (json.RawMessage, error) { return orOut(fn(c, in)) }
}

func orStepFunc(fn orStep) ports.StepFunc {
	return func(c ports.StepContext, in json.RawMessage) (json.RawMessage, error) { return orOut(fn(c, in)) }
}

func orOut(v any, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	return orJSON(v), nil
}

// orJSON is v as a payload; a payload stays as it is.
func orJSON(v any) orRaw {
	if raw, ok := v.(orRaw); ok {
		return raw
	}
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// orRequest starts process under its own name as id, on orQueue.
func orRequest(process string, in any) ports.StartRequest {
	return ports.StartRequest{Process: process, ID: process, Queue: orQueue, Input: orJSON(in)}
}

func orBegin(ctx context.Context, e *orEnv, r ports.StartRequest) ports.Run {
	run, err := e.Driver.Start(ctx, r)
	e.noError(err, "start "+r.ID)
	return run
}

// orRun runs a process to its end.
func orRun(ctx context.Context, e *orEnv, process string, in any) (json.RawMessage, error) {
	return orResult(ctx, e, orBegin(ctx, e, orRequest(process, in)))
}

// orResult waits for a run's end, for as long as the case lasts.
func orResult(ctx context.Context, e *orEnv, run ports.Run) (json.RawMessage, error) {
	out, err := e.Driver.Result(ctx, run)
	e.check(ctx.Err() == nil, "%s did not end: %v", run.ID, err)
	return out, err
}

// orWant runs a process and fails the case unless its output is want.
func orWant(ctx context.Context, e *orEnv, process string, in, want any) {
	orWantResult(ctx, e, orBegin(ctx, e, orRequest(process, in)), want)
}

func orWantResult(ctx context.Context, e *orEnv, run ports.Run, want any) {
	out, err := orResult(ctx, e, run)
	e.noError(err, "result of "+run.ID)
	orSame(e, out, want, "the output of "+run.ID)
}

// orSame fails the case unless got and want are one JSON value.
func orSame(e *orEnv, got orRaw, want any, what string) {
	g, err := orDecode(got)
	e.check(err == nil, "%s is no JSON (%v): %.80s", what, err, got)
	w, err := orDecode(orJSON(want))
	e.noError(err, "decode what is wanted")
	e.check(reflect.DeepEqual(g, w), "%s is %.120s; want %.120s", what, got, orJSON(want))
}

func orDecode(raw orRaw) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return v, d.Decode(&v)
}

// orWantStatus fails the case unless the run has that status.
func orWantStatus(ctx context.Context, e *orEnv, run ports.Run, want ports.Status) {
	d, err := e.Driver.Describe(ctx, run)
	e.noError(err, "describe "+run.ID)
	e.check(d.Status == want, "%s is %s; want %s", run.ID, d.Status, want)
}

// orWantEnd fails the case unless the run ends with that status, and returns Result's error.
func orWantEnd(ctx context.Context, e *orEnv, run ports.Run, want ports.Status) error {
	_, err := orResult(ctx, e, run)
	orWantStatus(ctx, e, run, want)
	return err
}

// orApplicationError is the one that err holds.
func orApplicationError(e *orEnv, err error, what string) *ports.ApplicationError {
	var a *ports.ApplicationError
	e.check(errors.As(err, &a), "%s: the error %v holds no *ports.ApplicationError", what, err)
	return a
}

// orUnknown fails the case if the id is known.
func orUnknown(ctx context.Context, e *orEnv, id string) {
	_, err := e.Driver.Describe(ctx, ports.Run{ID: id})
	e.isKind(err, ports.ErrNotFound, "describe "+id+", which must not have started")
}

func orSignal(ctx context.Context, e *orEnv, run ports.Run, name string, arg any) {
	e.noError(e.Driver.Signal(ctx, run, name, orJSON(arg)), "signal "+name)
}

// orQuery asks until the process handles the query: it may not have come so far.
func orQuery(ctx context.Context, e *orEnv, run ports.Run, name string) (answer json.RawMessage) {
	e.eventually(ctx, "an answer to query "+name, func() bool {
		out, err := e.Driver.Query(ctx, run, name, nil)
		answer = out
		return err == nil
	})
	return answer
}

// orReached waits until the process answers query with want.
func orReached(ctx context.Context, e *orEnv, run ports.Run, name string, want any) {
	e.eventually(ctx, fmt.Sprintf("query %s answers %v", name, want), func() bool {
		out, err := e.Driver.Query(ctx, run, name, nil)
		return err == nil && string(bytes.TrimSpace(out)) == string(orJSON(want))
	})
}

// orPickUp is within what a driver declares: steps times, since each step on the way may wait.
func orPickUp(ctx context.Context, e *orEnv, steps int) (context.Context, context.CancelFunc) {
	bound := time.Duration(steps)*e.Driver.OrchestratorCapabilities().PickUp + e.Timing.Slack
	return context.WithTimeout(ctx, bound)
}

// orWantSoon fails the case unless the run ends with want within the declared PickUp bound of steps steps.
func orWantSoon(ctx context.Context, e *orEnv, run ports.Run, want any, steps int) {
	soon, cancel := orPickUp(ctx, e, steps)
	defer cancel()
	out, err := e.Driver.Result(soon, run)
	e.noError(err, "result of "+run.ID+" within the declared bound")
	orSame(e, out, want, "the output of "+run.ID)
}

// orWaiter is a process that waits for the signal "go" and returns what it brings.
var orWaiter orProcess = func(c ports.ProcessContext, _ orRaw) (any, error) {
	return orReceive(c, "go")
}

func orReceive(c ports.ProcessContext, name string) (orRaw, error) { return c.Signals(name).Receive(c) }

// orEcho returns its input.
var orEcho orProcess = func(_ ports.ProcessContext, in orRaw) (any, error) { return in, nil }

// orCounter is a step that counts its runs and returns its input.
func orCounter(n *atomic.Int64) orStep {
	return func(_ ports.StepContext, in orRaw) (any, error) {
		n.Add(1)
		return in, nil
	}
}

// orOneStep is a process that runs a step with its input, and returns what that gives.
func orOneStep(call ports.StepCall) orProcess {
	return func(c ports.ProcessContext, in orRaw) (any, error) {
		call := call
		if call.Input == nil {
			call.Input = in
		}
		return c.Step(call).Get(c)
	}
}

// orKinds are the texts of errors' kinds; "" = no error.
func orKinds(errs ...error) []string {
	kinds := make([]string, len(errs))
	for i, err := range errs {
		if err != nil {
			kinds[i] = ports.KindOf(err).Error()
		}
	}
	return kinds
}
