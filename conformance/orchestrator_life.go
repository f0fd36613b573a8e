package conformance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orLifeCases() []orCase {
	cut := orCoreCase("backend-cut-off", "116", func(ctx context.Context, e *orEnv) {
		orServe(ctx, e, orCode{"waiter": orWaiter})
		run := orBegin(ctx, e, orRequest("waiter", nil))
		waits := start(func() (orRaw, error) { return e.Driver.Result(ctx, run) })
		mustWait(ctx, e, "result", waits)
		e.cut(ctx)
		// A client may wait for its backend, but not for ever.
		short, cancel := context.WithTimeout(ctx, e.Timing.Slack)
		defer cancel()
		for op, err := range orAllCalls(short, e.Driver, run) {
			isUnreachable(e, err, op)
		}
		e.heal(ctx)
		e.eventually(ctx, "the backend is back", func() bool {
			_, err := e.Driver.Describe(ctx, run)
			return err == nil
		})
		orSignal(ctx, e, run, "go", "done")
		orWantResult(ctx, e, run, "done")
		_, _ = waits.wait()
	})
	cut.faults = true
	return []orCase{
		orCoreCase("close", "112", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter})
			run := orBegin(ctx, e, orRequest("waiter", nil))
			nobody := orRequest("nobody-runs-it", nil)
			nobody.Queue = "nobody"
			silent := orBegin(ctx, e, nobody)
			other := e.peer(ctx)
			result := func() (orRaw, error) { return other.Result(ctx, run) }
			query := func() (orRaw, error) { return other.Query(ctx, silent, "q", nil) }
			waiting, _ := startAll(result, query)
			mustWait(ctx, e, "result and query", waiting...)
			e.noError(other.Close(ctx), "close")
			for _, c := range waiting {
				_, err := await(e, 0, "a call that waited at Close", c)
				e.isKind(err, ports.ErrClosed, "a call that waited at Close")
			}
			for op, err := range orAllCalls(ctx, other, run) {
				e.isKind(err, ports.ErrClosed, op+" after Close")
			}
			_, err := other.NewWorker(ports.WorkerOptions{Queue: orQueue})
			e.isKind(err, ports.ErrClosed, "a worker after Close")
			e.noError(other.Close(ctx), "close again")
		}),
		orCoreCase("close-drains-workers", "113", func(ctx context.Context, e *orEnv) {
			begun, release := make(chan struct{}), make(chan struct{})
			other := e.peer(ctx)
			orServeOn(ctx, e, other, orQueue, orCode{
				"steps": orOneStep(ports.StepCall{Name: "block"}),
				"block": orStep(func(c ports.StepContext, in orRaw) (any, error) {
					close(begun)
					select {
					case <-release:
					case <-c.Done():
					}
					return in, c.Err()
				}),
			})
			run := orBegin(ctx, e, orRequest("steps", "result"))
			awaitAny(e, 0, "the step", begun)
			closed := start(func() (bool, error) { return true, other.Close(ctx) })
			mustWait(ctx, e, "close", closed)
			close(release)
			_, err := await(e, 0, "close", closed)
			e.noError(err, "close")
			orServe(ctx, e, orCode{"steps": orOneStep(ports.StepCall{Name: "block"})})
			orWantSoon(ctx, e, run, "result", 1)
		}),
		orCoreCase("close-spares-others", "114", func(ctx context.Context, e *orEnv) {
			other := e.peer(ctx)
			orServe(ctx, e, orCode{"waiter": orWaiter})
			run, err := other.Start(ctx, orRequest("waiter", nil))
			e.noError(err, "start")
			e.noError(other.Close(ctx), "close")
			orWantStatus(ctx, e, run, ports.StatusRunning)
			orSignal(ctx, e, run, "go", "done")
			orWantResult(ctx, e, run, "done")
		}),
		orCoreCase("close-leaves-no-goroutine", "115", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"echo": orEcho})
			orWant(ctx, e, "echo", 1, 1)
			e.leavesNoGoroutine(ctx, func(ctx context.Context, d ports.Orchestrator) {
				orServeOn(ctx, e, d, "leaks", orCode{
					"busy": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
						c.Go(func(c ports.ProcessContext) { _, _ = orReceive(c, "never") })
						_, err := c.Step(ports.StepCall{Name: "step", Timeout: time.Hour}).Get(c)
						if err != nil {
							return nil, err
						}
						return orReceive(c, "never")
					}),
					"echo": orEcho,
					"step": orEchoStep,
				})
				for _, process := range []string{"busy", "echo"} {
					r := orRequest(process, 1)
					r.ID, r.Queue = "leak-"+process, "leaks"
					run, err := d.Start(ctx, r)
					e.noError(err, "start")
					if process == "echo" {
						_, err = d.Result(ctx, run)
						e.noError(err, "result")
					}
				}
			})
		}),
		cut,
		orCoreCase("context-ended-before-the-call", "117", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter})
			run := orBegin(ctx, e, orRequest("waiter", nil))
			cancelled, cancel := context.WithCancel(ctx)
			cancel()
			expired, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
			defer cancel()
			for cause, ended := range map[error]context.Context{context.Canceled: cancelled, context.DeadlineExceeded: expired} {
				for op, err := range orAllCalls(ended, e.Driver, run) {
					isContextError(e, err, cause, op)
				}
			}
			orUnknown(ctx, e, "new")
			orSignal(ctx, e, run, "go", "sentinel")
			orWantResult(ctx, e, run, "sentinel")
		}),
	}
}

// orAllCalls makes every call that has a context: those on run, and Start of "new".
func orAllCalls(ctx context.Context, d ports.Orchestrator, run ports.Run) map[string]error {
	r := orRequest("waiter", nil)
	r.ID = "new"
	_, started := d.Start(ctx, r)
	_, list := d.List(ctx, ports.Filter{})
	_, count := d.Count(ctx, ports.Filter{})
	_, describe := d.Describe(ctx, run)
	_, result := d.Result(ctx, run)
	_, query := d.Query(ctx, run, "q", nil)
	return map[string]error{"start": started, "list": list, "count": count, "describe": describe, "result": result, "query": query,
		"signal": d.Signal(ctx, run, "go", orRaw(`"must not arrive"`)), "cancel": d.Cancel(ctx, run), "terminate": d.Terminate(ctx, run, "reason")}
}

func orBoundaryCases() []orCase {
	return []orCase{
		orCoreCase("errors-name-the-driver", "109", func(ctx context.Context, e *orEnv) {
			for _, err := range orFailures(ctx, e) {
				isTyped(e, err)
			}
		}),
		orCoreCase("errors-hold-no-payload", "110", func(ctx context.Context, e *orEnv) {
			for op, err := range orFailures(ctx, e) {
				e.check(!strings.Contains(fmt.Sprintf("%v %+v", err, err), orSecret), "%s: the error holds a payload", op)
			}
		}),
		orCoreCase("as-knows-only-its-own", "111", func(_ context.Context, e *orEnv) {
			type unknown struct{ n int }
			target := unknown{n: 1}
			e.check(!e.Driver.As(&target) && target.n == 1, "As took a pointer to a type that no driver can know")
			e.check(!e.Driver.As(nil), "As took nil")
		}),
		orCoreCase("undeclared-is-unsupported", "118", orUndeclared),
	}
}

// orSecret stands in every payload of orFailures.
const orSecret = "4111111111111111"

// orFailures provokes an error from each call, with a payload that holds a secret.
func orFailures(ctx context.Context, e *orEnv) map[string]error {
	secret := orRaw(`"card ` + orSecret + `"`)
	bad := orRaw(`{"card":"` + orSecret + `"`)
	orServe(ctx, e, orCode{
		"fails": orProcess(func(c ports.ProcessContext, in orRaw) (any, error) {
			return c.Step(ports.StepCall{Name: "fail", Input: in}).Get(c)
		}),
		"fail": orStep(func(ports.StepContext, orRaw) (any, error) {
			return nil, &ports.ApplicationError{Type: "Declined", Message: "declined"}
		}),
	})
	run := orBegin(ctx, e, orRequest("fails", secret))
	_, failed := orResult(ctx, e, run)
	_, badInput := e.Driver.Start(ctx, orRequest("fails", bad))
	_, query := e.Driver.Query(ctx, run, "nobody", secret)
	_, list := e.Driver.List(ctx, ports.Filter{Limit: -1})
	errs := orCallsOnRun(ctx, e.Driver, ports.Run{ID: "nobody"})
	errs["result of a failed run"], errs["bad input"], errs["bad query"], errs["bad filter"] = failed, badInput, query, list
	errs["late signal"] = e.Driver.Signal(ctx, run, "s", secret)
	return errs
}

// orUndeclared holds what is not declared to ErrUnsupported.
func orUndeclared(ctx context.Context, e *orEnv) {
	has := e.Driver.OrchestratorCapabilities()
	orServe(ctx, e, orCode{"updatable": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
		err := c.HandleUpdate("u", func(ports.ProcessContext, orRaw) (orRaw, error) { return nil, nil })
		if _, wait := orReceive(c, "go"); wait != nil {
			return nil, wait
		}
		return orKinds(err), nil
	})})
	run := orBegin(ctx, e, orRequest("updatable", nil))
	if u, ok := ports.Optional[ports.Updates](e.Driver); ok && !has.Updates {
		_, err := u.Update(ctx, run, "u", nil)
		e.isKind(err, ports.ErrUnsupported, "update")
	}
	if s, ok := ports.Optional[ports.Schedules](e.Driver); ok && !has.Schedules {
		orUndeclaredSchedules(ctx, e, s)
	}
	if n, ok := ports.Optional[ports.Namespaces](e.Driver); ok && !has.Namespaces {
		e.isKind(n.CreateNamespace(ctx, ports.Namespace{Name: "n"}), ports.ErrUnsupported, "create a namespace")
		_, err := n.DescribeNamespace(ctx, "n")
		e.isKind(err, ports.ErrUnsupported, "describe a namespace")
		e.isKind(n.UpdateNamespace(ctx, ports.Namespace{Name: "n"}), ports.ErrUnsupported, "update a namespace")
		e.isKind(n.DeleteNamespace(ctx, "n"), ports.ErrUnsupported, "delete a namespace")
	}
	orSignal(ctx, e, run, "go", nil)
	want := []string{ports.ErrUnsupported.Error()}
	if has.Updates {
		want = []string{""}
	}
	orWantResult(ctx, e, run, want)
}

func orUndeclaredSchedules(ctx context.Context, e *orEnv, s ports.Schedules) {
	e.isKind(s.CreateSchedule(ctx, ports.Schedule{ID: "s", Every: time.Hour, Start: orRequest("echo", nil)}), ports.ErrUnsupported, "create a schedule")
	_, err := s.DescribeSchedule(ctx, "s")
	e.isKind(err, ports.ErrUnsupported, "describe a schedule")
	_, err = s.ListSchedules(ctx)
	e.isKind(err, ports.ErrUnsupported, "list schedules")
	e.isKind(s.PauseSchedule(ctx, "s", true), ports.ErrUnsupported, "pause a schedule")
	e.isKind(s.TriggerSchedule(ctx, "s"), ports.ErrUnsupported, "trigger a schedule")
	e.isKind(s.DeleteSchedule(ctx, "s"), ports.ErrUnsupported, "delete a schedule")
}
