package conformance

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orWorkerCases() []orCase {
	return []orCase{
		orCoreCase("registration", "101", func(ctx context.Context, e *orEnv) {
			process, step := orProcessFunc(orEcho), orStepFunc(orEchoStep)
			w := orWorker(e, e.Driver, orQueue, orCode{"process": orEcho, "step": orEchoStep})
			e.isKind(w.RegisterProcess("process", process), ports.ErrAlreadyExists, "register a process again")
			e.isKind(w.RegisterStep("step", step), ports.ErrAlreadyExists, "register a step again")
			e.isKind(w.RegisterProcess("", process), ports.ErrInvalid, "register a process without name")
			e.isKind(w.RegisterStep("", step), ports.ErrInvalid, "register a step without name")
			e.isKind(w.RegisterProcess("nil", nil), ports.ErrInvalid, "register a nil process")
			e.isKind(w.RegisterStep("nil", nil), ports.ErrInvalid, "register a nil step")
			e.noError(w.Start(ctx), "start")
			e.isKind(w.RegisterProcess("late", process), ports.ErrInvalid, "register a process after Start")
			e.isKind(w.RegisterStep("late", step), ports.ErrInvalid, "register a step after Start")
		}),
		orCoreCase("worker-misuse", "102", func(ctx context.Context, e *orEnv) {
			_, err := e.Driver.NewWorker(ports.WorkerOptions{})
			e.isKind(err, ports.ErrInvalid, "a worker without queue")
			w := orServe(ctx, e, nil)
			e.isKind(w.Start(ctx), ports.ErrInvalid, "a second start")
		}),
		orCoreCase("unregistered-process-waits", "103", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"other": orEcho})
			run := orBegin(ctx, e, orRequest("echo", 1))
			e.pause(ctx, e.Timing.Quiet)
			orWantStatus(ctx, e, run, ports.StatusRunning)
			orServe(ctx, e, orCode{"echo": orEcho})
			orWantSoon(ctx, e, run, 1, 1)
		}),
		orCoreCase("workers-with-different-code", "104", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"a": orOneStep(ports.StepCall{Name: "step-of-b"}), "step-of-a": orEchoStep})
			orServe(ctx, e, orCode{"b": orOneStep(ports.StepCall{Name: "step-of-a"}), "step-of-b": orEchoStep})
			var runs []ports.Run
			for i := range 6 {
				r := orRequest([]string{"a", "b"}[i%2], i)
				r.ID = fmt.Sprintf("run-%d", i)
				runs = append(runs, orBegin(ctx, e, r))
			}
			for i, run := range runs {
				orWantSoon(ctx, e, run, i, 4)
			}
		}),
	}
}

func orDrainCases() []orCase {
	return []orCase{
		orCoreCase("drain-waits-for-steps", "105", func(ctx context.Context, e *orEnv) {
			var runs atomic.Int64
			begun, release := make(chan struct{}), make(chan struct{})
			code := orCode{
				"steps": orOneStep(ports.StepCall{Name: "block", Attempts: 3, Backoff: time.Millisecond}),
				"block": orStep(func(c ports.StepContext, in orRaw) (any, error) {
					if runs.Add(1) == 1 {
						close(begun)
					}
					select {
					case <-release:
						return in, nil
					case <-c.Done():
						return nil, c.Err()
					}
				}),
			}
			w := orServe(ctx, e, code)
			run := orBegin(ctx, e, orRequest("steps", "result"))
			awaitAny(e, 0, "the step", begun)
			drained := start(func() (bool, error) { return true, w.Drain(ctx) })
			mustWait(ctx, e, "drain", drained)
			close(release)
			_, err := await(e, 0, "drain", drained)
			e.noError(err, "drain")
			orServe(ctx, e, code)
			orWantSoon(ctx, e, run, "result", 1)
			e.check(runs.Load() == 1, "the step ran %d times; want 1", runs.Load())
		}),
		orCoreCase("drain-gives-up", "106", func(ctx context.Context, e *orEnv) {
			for _, how := range []struct {
				kind ports.Kind
				end  func(context.Context) (context.Context, context.CancelFunc)
			}{
				{ports.ErrTimeout, func(ctx context.Context) (context.Context, context.CancelFunc) {
					return context.WithTimeout(ctx, e.Timing.Quiet)
				}},
				{ports.ErrCanceled, func(ctx context.Context) (context.Context, context.CancelFunc) {
					short, cancel := context.WithCancel(ctx)
					time.AfterFunc(e.Timing.Quiet, cancel)
					return short, cancel
				}},
			} {
				orDrainGivesUp(ctx, e, how.kind, how.end)
			}
		}),
		orCoreCase("drained-worker-takes-nothing", "107", func(ctx context.Context, e *orEnv) {
			code := func(name string) orCode {
				return orCode{
					"named":   orOneStep(ports.StepCall{Name: "by-name"}),
					"by-name": orStep(func(ports.StepContext, orRaw) (any, error) { return name, nil }),
				}
			}
			w := orServe(ctx, e, code("drained"))
			orWant(ctx, e, "named", nil, "drained")
			e.noError(w.Drain(ctx), "drain")
			run := orBegin(ctx, e, orRequest("named", nil))
			e.pause(ctx, e.Timing.Quiet)
			orWantStatus(ctx, e, run, ports.StatusRunning)
			orServe(ctx, e, code("next"))
			orWantSoon(ctx, e, run, "next", 2)
		}),
		orCoreCase("drain-again", "108", func(ctx context.Context, e *orEnv) {
			w := orServe(ctx, e, orCode{"echo": orEcho})
			e.noError(w.Drain(ctx), "drain")
			e.noError(w.Drain(ctx), "drain again")
			e.isKind(w.Start(ctx), ports.ErrClosed, "start a drained worker")
			never := orWorker(e, e.Driver, orQueue, nil)
			e.noError(never.Drain(ctx), "drain a worker that was never started")
			e.isKind(never.Start(ctx), ports.ErrClosed, "start it then")
		}),
	}
}

func orDrainGivesUp(ctx context.Context, e *orEnv, kind ports.Kind, end func(context.Context) (context.Context, context.CancelFunc)) {
	begun, ended := make(chan struct{}), make(chan struct{})
	w := orServeOn(ctx, e, e.Driver, "queue-"+kind.Error(), orCode{
		"steps": orOneStep(ports.StepCall{Name: "block"}),
		"block": orStep(func(c ports.StepContext, _ orRaw) (any, error) {
			close(begun)
			<-c.Done()
			close(ended)
			return "too late", nil
		}),
	})
	r := orRequest("steps", nil)
	r.ID, r.Queue = "steps-"+kind.Error(), "queue-"+kind.Error()
	orBegin(ctx, e, r)
	awaitAny(e, 0, "the step", begun)
	short, cancel := end(ctx)
	defer cancel()
	e.isKind(w.Drain(short), kind, "a drain that gives up")
	awaitAny(e, 0, "the end of the step's context", ended)
}
