package conformance

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orCancelCases() []orCase {
	return []orCase{
		orCoreCase("cancel-ends-waits", "079", func(ctx context.Context, e *orEnv) {
			release := make(chan struct{})
			defer close(release)
			orServe(ctx, e, orCode{
				"waits":  orProcess(orWaits),
				"waiter": orWaiter,
				"block": orStep(func(ports.StepContext, orRaw) (any, error) {
					<-release
					return nil, nil
				}),
			})
			for _, what := range []string{"sleep", "timer", "step", "signal", "child", "select"} {
				r := orRequest("waits", what)
				r.ID = "waits-" + what
				run := orBegin(ctx, e, r)
				orReached(ctx, e, run, "waiting", what)
				e.noError(e.Driver.Cancel(ctx, run), "cancel")
				orWantResult(ctx, e, run, []string{what, "canceled", "canceled"})
			}
		}),
		orCoreCase("cancelled-status", "080", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter})
			run := orBegin(ctx, e, orRequest("waiter", nil))
			e.noError(e.Driver.Cancel(ctx, run), "cancel")
			e.isKind(orWantEnd(ctx, e, run, ports.StatusCancelled), ports.ErrCanceled, "result of a cancelled run")
		}),
		orCoreCase("code-decides-after-cancel", "081", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"completes": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					_, _ = orReceive(c, "never")
					return "cleaned up", nil
				}),
				"fails": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					_, _ = orReceive(c, "never")
					return nil, errors.New("could not clean up")
				}),
			})
			run := orBegin(ctx, e, orRequest("completes", nil))
			e.noError(e.Driver.Cancel(ctx, run), "cancel")
			orWantResult(ctx, e, run, "cleaned up")
			orWantStatus(ctx, e, run, ports.StatusCompleted)
			run = orBegin(ctx, e, orRequest("fails", nil))
			e.noError(e.Driver.Cancel(ctx, run), "cancel")
			e.isKind(orWantEnd(ctx, e, run, ports.StatusFailed), ports.ErrFailed, "result")
		}),
		orCoreCase("cancel-before-the-first-worker", "088", func(ctx context.Context, e *orEnv) {
			run := orBegin(ctx, e, orRequest("looks", nil))
			e.noError(e.Driver.Cancel(ctx, run), "cancel")
			orServe(ctx, e, orCode{"looks": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) { return orKinds(c.Err()), nil })})
			orWantResult(ctx, e, run, []string{"canceled"})
		}),
		orCoreCase("cancel-again-and-after-end", "089", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"slow-end": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				_, _ = orReceive(c, "never")
				return orReceive(c.Disconnected(), "go")
			})})
			run := orBegin(ctx, e, orRequest("slow-end", nil))
			e.noError(e.Driver.Cancel(ctx, run), "cancel")
			e.noError(e.Driver.Cancel(ctx, run), "cancel again")
			orSignal(ctx, e, run, "go", "done")
			orWantResult(ctx, e, run, "done")
			e.noError(e.Driver.Cancel(ctx, run), "cancel an ended run")
			orWantStatus(ctx, e, run, ports.StatusCompleted)
		}),
		orCoreCase("step-learns-of-cancel", "093", orStepLearns),
	}
}

// orWaits waits for what its input names and returns how that ended.
func orWaits(c ports.ProcessContext, in orRaw) (any, error) {
	what := strings.Trim(string(in), `"`)
	if err := c.HandleQuery("waiting", func(orRaw) (orRaw, error) { return in, nil }); err != nil {
		return nil, err
	}
	var err error
	switch what {
	case "sleep":
		err = c.Sleep(time.Hour)
	case "timer":
		_, err = c.Timer(time.Hour).Get(c)
	case "step":
		_, err = c.Step(ports.StepCall{Name: "block"}).Get(c)
	case "signal":
		_, err = orReceive(c, "never")
	case "child":
		_, result := c.Child(ports.StartRequest{Process: "waiter", ID: "child-of-waits"})
		_, err = result.Get(c)
	case "select":
		_, err = c.Select(c.Signals("never"))
	}
	return append([]string{what}, orKinds(err, c.Err())...), nil
}

func orStepLearns(ctx context.Context, e *orEnv) {
	learned, over := make(chan error, 1), make(chan struct{})
	defer close(over)
	orServe(ctx, e, orCode{
		"cancels": orOneStep(ports.StepCall{Name: "beats"}),
		"beats": orStep(func(c ports.StepContext, _ orRaw) (any, error) {
			for {
				if err := c.Heartbeat(nil); err != nil {
					orEither(c.Done(), over)
					learned <- err
					return nil, err
				}
				beat := time.NewTimer(10 * time.Millisecond)
				select {
				case <-beat.C:
				case <-over:
					return nil, nil
				}
			}
		}),
	})
	run := orBegin(ctx, e, orRequest("cancels", nil))
	e.pause(ctx, e.Timing.Quiet)
	e.noError(e.Driver.Cancel(ctx, run), "cancel")
	err := awaitAny(e, e.Driver.OrchestratorCapabilities().StepCancel, "the step's cancel", learned)
	e.isKind(err, ports.ErrCanceled, "a cancelled step's heartbeat")
	e.isKind(orWantEnd(ctx, e, run, ports.StatusCancelled), ports.ErrCanceled, "result")
}

func orScopeCases() []orCase {
	return []orCase{
		orCoreCase("nothing-begins-in-a-cancelled-scope", "082", func(ctx context.Context, e *orEnv) {
			var runs atomic.Int64
			orServe(ctx, e, orCode{
				"counted": orOneStep(ports.StepCall{Name: "count"}),
				"count":   orCounter(&runs),
				"echo":    orEcho,
				"tries": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					scope, cancel := c.WithCancel()
					cancel()
					_, step := scope.Step(ports.StepCall{Name: "count"}).Get(c)
					_, local := scope.Step(ports.StepCall{Name: "count", Local: orStepFunc(orCounter(&runs))}).Get(c)
					_, timer := scope.Timer(time.Millisecond).Get(c)
					f, g := scope.Child(ports.StartRequest{Process: "echo", ID: "child"})
					_, started := f.Get(c)
					_, result := g.Get(c)
					return orKinds(step, local, timer, scope.Sleep(time.Millisecond), started, result), nil
				}),
			})
			orWant(ctx, e, "tries", nil, []string{"canceled", "canceled", "canceled", "canceled", "canceled", "canceled"})
			orSentinel(ctx, e, &runs, 1)
			orUnknown(ctx, e, "child")
		}),
		orCoreCase("disconnected-scope", "083", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"cleans-up": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					if _, err := orReceive(c, "never"); ports.KindOf(err) != ports.ErrCanceled {
						return nil, err
					}
					d := c.Disconnected()
					out, step := d.Step(ports.StepCall{Name: "undo", Input: orRaw(`"undone"`)}).Get(d)
					arg, signal := orReceive(d, "go")
					return []any{out, arg, orKinds(step, signal, d.Sleep(time.Millisecond), d.Err(), c.Err())}, nil
				}),
				"undo": orEchoStep,
			})
			run := orBegin(ctx, e, orRequest("cleans-up", nil))
			e.noError(e.Driver.Cancel(ctx, run), "cancel")
			e.pause(ctx, e.Timing.Quiet)
			orSignal(ctx, e, run, "go", "signal")
			orWantResult(ctx, e, run, []any{"undone", "signal", []string{"", "", "", "", "canceled"}})
		}),
		orCoreCase("cancel-of-a-scope", "084", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"scopes": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				scope, cancel := c.WithCancel()
				inner, cancelInner := scope.WithCancel()
				defer cancelInner()
				other, cancelOther := c.WithCancel()
				defer cancelOther()
				apart, outside := other.Timer(30*time.Millisecond), c.Timer(30*time.Millisecond)
				mine, inside := scope.Timer(time.Hour), inner.Timer(time.Hour)
				cancel()
				_, e1 := mine.Get(c)
				_, e2 := inside.Get(c)
				_, e3 := apart.Get(c)
				_, e4 := outside.Get(c)
				return orKinds(e1, e2, e3, e4, scope.Err(), inner.Err(), other.Err(), c.Err()), nil
			})})
			orWant(ctx, e, "scopes", nil, []string{"canceled", "canceled", "", "", "canceled", "canceled", "", ""})
		}),
		orCoreCase("future-belongs-to-its-scope", "085", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"gets": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				scope, cancel := c.WithCancel()
				living, dying := c.Timer(30*time.Millisecond), scope.Timer(time.Hour)
				cancel()
				_, alive := living.Get(scope)
				_, dead := dying.Get(c)
				return orKinds(alive, dead), nil
			})})
			orWant(ctx, e, "gets", nil, []string{"", "canceled"})
		}),
		orCoreCase("cancelled-scope-does-not-wait", "086", func(ctx context.Context, e *orEnv) {
			begun, release, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
			orServe(ctx, e, orCode{
				"moves-on": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					scope, cancel := c.WithCancel()
					f := scope.Step(ports.StepCall{Name: "goes-on"})
					if _, err := orReceive(c, "begun"); err != nil {
						return nil, err
					}
					cancel()
					_, first := f.Get(c)
					if err := c.HandleQuery("cancelled", func(orRaw) (orRaw, error) { return orRaw("true"), nil }); err != nil {
						return nil, err
					}
					_, err := orReceive(c, "go")
					_, later := f.Get(c)
					return orKinds(first, err, later), nil
				}),
				"goes-on": orStep(func(ports.StepContext, orRaw) (any, error) {
					defer close(returned)
					close(begun)
					<-release
					return "late", nil
				}),
			})
			defer func() {
				select {
				case <-release:
				default:
					close(release)
				}
			}()
			run := orBegin(ctx, e, orRequest("moves-on", nil))
			awaitAny(e, 0, "the step", begun)
			orSignal(ctx, e, run, "begun", nil)
			orReached(ctx, e, run, "cancelled", true)
			close(release)
			awaitAny(e, 0, "the step's end", returned)
			e.pause(ctx, e.Timing.Quiet)
			orSignal(ctx, e, run, "go", nil)
			orWantResult(ctx, e, run, []string{"canceled", "", "canceled"})
		}),
		orCoreCase("select-in-a-cancelled-scope", "087", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"selects": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				scope, cancel := c.WithCancel()
				cancel()
				i, ready := scope.Select(c.Signals("never"), c.Timer(0))
				_, none := scope.Select(c.Signals("never"), c.Timer(time.Hour))
				return []any{i, orKinds(ready, none)}, nil
			})})
			orWant(ctx, e, "selects", nil, []any{1, []string{"", "canceled"}})
		}),
	}
}

func orTerminateCases() []orCase {
	return []orCase{
		orCoreCase("terminate", "090", func(ctx context.Context, e *orEnv) {
			idle := orBegin(ctx, e, orRequest("nobody-runs-it", nil))
			orServe(ctx, e, orCode{"waiter": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				_, _ = orReceive(c, "never")
				return "its code was asked", nil
			})})
			for _, run := range []ports.Run{idle, orBegin(ctx, e, orRequest("waiter", nil))} {
				e.noError(e.Driver.Terminate(ctx, run, "no longer needed"), "terminate")
				err := orWantEnd(ctx, e, run, ports.StatusTerminated)
				e.isKind(err, ports.ErrFailed, "result of a terminated run")
				a := orApplicationError(e, err, "result")
				e.check(a.Type == ports.TypeTerminated && strings.Contains(a.Message, "no longer needed"), "it ends with %+v; want TypeTerminated and the reason", a)
			}
		}),
		orCoreCase("terminate-after-end", "091", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"echo": orEcho})
			run := orBegin(ctx, e, orRequest("echo", 1))
			orWantResult(ctx, e, run, 1)
			e.isKind(e.Driver.Terminate(ctx, run, "late"), ports.ErrNotFound, "terminate an ended run")
			orWantStatus(ctx, e, run, ports.StatusCompleted)
			orWantResult(ctx, e, run, 1)
		}),
		orCoreCase("old-run-id-spares-the-new-run", "092", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter})
			older := orBegin(ctx, e, orRequest("waiter", nil))
			orSignal(ctx, e, older, "go", "older")
			orWantResult(ctx, e, older, "older")
			newer := orBegin(ctx, e, orRequest("waiter", nil))
			_ = e.Driver.Cancel(ctx, older) // nil or ErrNotFound: a chain may have gone on or not
			e.isKind(e.Driver.Terminate(ctx, older, "old"), ports.ErrNotFound, "terminate the older run")
			e.pause(ctx, e.Timing.Quiet)
			orSignal(ctx, e, ports.Run{ID: newer.ID}, "go", "newer")
			orWantResult(ctx, e, newer, "newer")
		}),
	}
}
