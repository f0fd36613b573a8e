package conformance

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orProcessCases() []orCase {
	return []orCase{
		orCoreCase("sleep-and-timer", "058", func(ctx context.Context, e *orEnv) {
			const wait = 50 * time.Millisecond
			orServe(ctx, e, orCode{"sleeps": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				if f := c.Timer(0); !f.Ready() {
					return "a timer of 0 is not ready at once", nil
				}
				if err := c.Sleep(-time.Hour); err != nil {
					return nil, err
				}
				if err := c.Sleep(wait); err != nil {
					return nil, err
				}
				f := c.Timer(wait)
				if f.Ready() {
					return "a timer is ready at once", nil
				}
				_, err := f.Get(c)
				return "done", err
			})})
			began := time.Now()
			orWant(ctx, e, "sleeps", nil, "done")
			e.check(time.Since(began) >= 2*wait-orClockError, "two waits of %v took %v", wait, time.Since(began))
		}),
		orCoreCase("now", "059", func(ctx context.Context, e *orEnv) {
			const wait = 50 * time.Millisecond
			orServe(ctx, e, orCode{"clock": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				began := c.Now()
				busy := time.NewTimer(20 * time.Millisecond)
				<-busy.C
				still := c.Now().Equal(began)
				if err := c.Sleep(wait); err != nil {
					return nil, err
				}
				passed := c.Now().Sub(began)
				return []any{still, passed >= wait-orClockError, began.Before(c.Info().Started.Add(-time.Minute))}, nil
			})})
			orWant(ctx, e, "clock", nil, []bool{true, true, false})
		}),
		orCoreCase("select-lowest-index", "060", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"selects": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				first, later := c.Timer(time.Millisecond), c.Timer(20*time.Millisecond)
				if _, err := later.Get(c); err != nil {
					return nil, err
				}
				if _, err := first.Get(c); err != nil {
					return nil, err
				}
				one, err := c.Select(c.Signals("never"), later, first)
				if err != nil {
					return nil, err
				}
				two, err := c.Select(first, later)
				return []int{one, two}, err
			})})
			orWant(ctx, e, "selects", nil, []int{1, 0})
		}),
		orCoreCase("select-parks", "061", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"selects": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				return c.Select(c.Timer(time.Hour), c.Signals("go"))
			})})
			run := orBegin(ctx, e, orRequest("selects", nil))
			e.pause(ctx, e.Timing.Quiet)
			orWantStatus(ctx, e, run, ports.StatusRunning)
			orSignal(ctx, e, run, "go", nil)
			orWantResult(ctx, e, run, 1)
		}),
		orCoreCase("coroutines-in-order", "062", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"coroutines": orProcess(orCoroutines)})
			orWant(ctx, e, "coroutines", nil, "m0 m1 m2 g0a g1a g2a g0b g1b g2b")
		}),
		orCoreCase("left-coroutines-are-dropped", "063", func(ctx context.Context, e *orEnv) {
			var deferred, survived atomic.Bool
			orServe(ctx, e, orCode{"leaves": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				c.Go(func(c ports.ProcessContext) {
					defer deferred.Store(true)
					_, _ = orReceive(c, "never")
					survived.Store(true)
				})
				return "done", c.Sleep(time.Millisecond)
			})})
			orWant(ctx, e, "leaves", nil, "done")
			e.eventually(ctx, "the deferred call of a dropped coroutine", deferred.Load)
			e.check(!survived.Load(), "a coroutine went on after the process had returned")
		}),
		orCoreCase("side-effect", "064", func(ctx context.Context, e *orEnv) {
			code := orCode{"effect": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				first := c.SideEffect(func() orRaw { return orJSON(rand.Text()) })
				second := c.SideEffect(func() orRaw { return orJSON(rand.Text()) })
				both := []orRaw{first, second}
				if err := c.HandleQuery("values", func(orRaw) (orRaw, error) { return orJSON(both), nil }); err != nil {
					return nil, err
				}
				_, err := orReceive(c, "go")
				return both, err
			})}
			w := orServe(ctx, e, code)
			run := orBegin(ctx, e, orRequest("effect", nil))
			before := orQuery(ctx, e, run, "values")
			e.noError(w.Drain(ctx), "drain")
			orServe(ctx, e, code)
			orSignal(ctx, e, run, "go", nil)
			orWantSoon(ctx, e, run, before, 1)
		}),
		orCoreCase("process-info", "065", func(ctx context.Context, e *orEnv) {
			type seen struct {
				ID, RunID, Process, Queue string
				Started, HasParent        bool
			}
			orServe(ctx, e, orCode{"informed": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				i := c.Info()
				return seen{i.ID, i.RunID, i.Process, i.Queue, !i.Started.IsZero(), i.Parent != nil}, nil
			})})
			run := orBegin(ctx, e, orRequest("informed", nil))
			orWantResult(ctx, e, run, seen{run.ID, run.RunID, "informed", orQueue, true, false})
		}),
		orCoreCase("goes-on-with-the-next-worker", "066", orNextWorker),
	}
}

// orCoroutines has three coroutines wait for one thing, and traces who runs when.
func orCoroutines(c ports.ProcessContext, _ orRaw) (any, error) {
	trace := "m0"
	go_ := c.Timer(10 * time.Millisecond)
	for i := range 3 {
		c.Go(func(c ports.ProcessContext) {
			trace += fmt.Sprintf(" g%da", i)
			if i == 0 { // asks last, and goes on first all the same
				_, _ = c.Timer(time.Millisecond).Get(c)
			}
			_, _ = go_.Get(c)
			trace += fmt.Sprintf(" g%db", i)
		})
		if i < 2 {
			trace += fmt.Sprintf(" m%d", i+1)
		}
	}
	err := c.Sleep(50 * time.Millisecond)
	return trace, err
}

func orNextWorker(ctx context.Context, e *orEnv) {
	var before, after atomic.Int64
	code := orCode{
		"moves": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
			stage := "first"
			if err := c.HandleQuery("stage", func(orRaw) (orRaw, error) { return orJSON(stage), nil }); err != nil {
				return nil, err
			}
			first, err := c.Step(ports.StepCall{Name: "before", Input: orRaw(`"first"`)}).Get(c)
			if err != nil {
				return nil, err
			}
			local, err := c.Step(ports.StepCall{Name: "local", Input: orRaw(`"local"`), Local: orStepFunc(orCounter(&before))}).Get(c)
			if err != nil {
				return nil, err
			}
			stage = "waits"
			arg, err := orReceive(c, "go")
			if err != nil {
				return nil, err
			}
			last, err := c.Step(ports.StepCall{Name: "after", Input: orRaw(`"last"`)}).Get(c)
			return []orRaw{first, local, arg, last}, err
		}),
		"before": orCounter(&before),
		"after":  orCounter(&after),
	}
	w := orServe(ctx, e, code)
	run := orBegin(ctx, e, orRequest("moves", nil))
	orReached(ctx, e, run, "stage", "waits")
	e.noError(w.Drain(ctx), "drain")
	orSignal(ctx, e, run, "go", "signal")
	e.pause(ctx, e.Timing.Quiet)
	orWantStatus(ctx, e, run, ports.StatusRunning)
	orServe(ctx, e, code)
	orWantSoon(ctx, e, run, []string{"first", "local", "signal", "last"}, 3)
	e.check(before.Load() == 2 && after.Load() == 1, "steps before the move ran %d times, after it %d; want 2 and 1", before.Load(), after.Load())
}
