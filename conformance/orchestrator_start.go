package conformance

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orStartCases() []orCase {
	return []orCase{
		orCoreCase("result-is-the-output", "001", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"echo": orEcho})
			run := orBegin(ctx, e, orRequest("echo", "hello"))
			e.check(run.ID == "echo" && run.RunID != "" && !run.Existing, "start gave %+v; want the id, a RunID and no Existing", run)
			orWantResult(ctx, e, run, "hello")
		}),
		orCoreCase("waits-for-a-worker", "002", func(ctx context.Context, e *orEnv) {
			run := orBegin(ctx, e, orRequest("echo", 1))
			e.pause(ctx, e.Timing.Quiet)
			orWantStatus(ctx, e, run, ports.StatusRunning)
			orServe(ctx, e, orCode{"echo": orEcho})
			orWantSoon(ctx, e, run, 1, 1)
		}),
		orCoreCase("reuse-closed-while-running", "003 010", orReuseRunning(ports.ReuseClosed)),
		orCoreCase("reuse-closed-after-end", "004", orReuseRestarts(ports.ReuseClosed)),
		orCoreCase("reuse-never-while-running", "005", orReuseRunning(ports.ReuseNever)),
		orCoreCase("reuse-never-after-end", "006", func(ctx context.Context, e *orEnv) {
			var runs atomic.Int64
			first := orRunCounted(ctx, e, &runs)
			r := orRequest("counted", 2)
			r.Reuse = ports.ReuseNever
			again := orBegin(ctx, e, r)
			e.check(again.Existing && again.RunID == first.RunID, "start under a known id gave %+v; want %s with Existing", again, first.RunID)
			orWantResult(ctx, e, again, 1)
			orSentinel(ctx, e, &runs, 2)
		}),
		orCoreCase("reuse-fail-while-running", "007", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter, "echo": orEcho})
			first := orBegin(ctx, e, orRequest("waiter", nil))
			r := orRequest("waiter", nil)
			r.Reuse = ports.ReuseFail
			_, err := e.Driver.Start(ctx, r)
			e.isKind(err, ports.ErrAlreadyExists, "start a running id")
			orSignal(ctx, e, first, "go", "done")
			orWantResult(ctx, e, ports.Run{ID: "waiter"}, "done")
			orOnly(ctx, e, "waiter", first)
		}),
		orCoreCase("reuse-fail-after-end", "008", orReuseRestarts(ports.ReuseFail)),
		orCoreCase("concurrent-starts-of-one-id", "009", orConcurrentStarts),
		orCoreCase("required-fields", "011", func(ctx context.Context, e *orEnv) {
			for what, spoil := range map[string]func(*ports.StartRequest){
				"Process": func(r *ports.StartRequest) { r.Process = "" },
				"ID":      func(r *ports.StartRequest) { r.ID = "" },
				"Queue":   func(r *ports.StartRequest) { r.Queue = "" },
			} {
				orRefused(ctx, e, "without "+what, spoil)
			}
		}),
		orCoreCase("ids", "012", func(ctx context.Context, e *orEnv) {
			for _, id := range []string{"é", "tab\t", "nul\x00", "del\x7f", strings.Repeat("a", 1001)} {
				orRefused(ctx, e, "a bad id", func(r *ports.StartRequest) { r.ID = id })
			}
			orServe(ctx, e, orCode{"echo": orEcho})
			for _, id := range []string{strings.Repeat("a", 1000), ` !"#$%&'()*+,-./:;<=>?@[\]^_{|}~` + "`"} {
				r := orRequest("echo", "ok")
				r.ID = id
				orWantResult(ctx, e, orBegin(ctx, e, r), "ok")
			}
		}),
		orCoreCase("bad-options", "013", func(ctx context.Context, e *orEnv) {
			orRefused(ctx, e, "a negative RunTimeout", func(r *ports.StartRequest) { r.RunTimeout = -1 })
			orRefused(ctx, e, "an unknown Reuse", func(r *ports.StartRequest) { r.Reuse = 99 })
		}),
		orCoreCase("run-timeout", "014", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter})
			r := orRequest("waiter", nil)
			r.RunTimeout = 200 * time.Millisecond
			e.isKind(orWantEnd(ctx, e, orBegin(ctx, e, r), ports.StatusTimedOut), ports.ErrTimeout, "result of a run past its RunTimeout")
		}),
		orCoreCase("headers-reach-the-code", "015", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"headers": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					inStep, err := c.Step(ports.StepCall{Name: "headers-of-step"}).Get(c)
					return []any{c.Info().Headers["traceparent"], inStep}, err
				}),
				"headers-of-step": orStep(func(c ports.StepContext, _ orRaw) (any, error) { return c.Info().Headers["traceparent"], nil }),
			})
			r := orRequest("headers", nil)
			r.Headers = map[string]string{"traceparent": "00-abc"}
			orWantResult(ctx, e, orBegin(ctx, e, r), []string{"00-abc", "00-abc"})
		}),
		orCoreCase("memo-and-search-attributes", "016", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"inside": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				return []any{c.Info().Memo["note"], c.Info().SearchAttributes[orAttribute]}, nil
			})})
			r := orRequest("inside", nil)
			r.Memo = map[string]orRaw{"note": orJSON("memo")}
			r.SearchAttributes = map[string]string{orAttribute: "attribute"}
			run := orBegin(ctx, e, r)
			orWantResult(ctx, e, run, []string{"memo", "attribute"})
			d, err := e.Driver.Describe(ctx, run)
			e.noError(err, "describe")
			orSame(e, d.Memo["note"], "memo", "the memo")
			e.check(d.SearchAttributes[orAttribute] == "attribute", "the search attributes are %v", d.SearchAttributes)
		}),
	}
}

// orAttribute is the search attribute that the suite uses: see the contract.
const orAttribute = "ConformanceKeyword"

// orReuseRunning: a second start finds the first one's run, whatever process and input it names.
func orReuseRunning(rule ports.Reuse) func(context.Context, *orEnv) {
	return func(ctx context.Context, e *orEnv) {
		orServe(ctx, e, orCode{"waiter": orWaiter, "echo": orEcho})
		first := orBegin(ctx, e, orRequest("waiter", nil))
		r := orRequest("echo", "other")
		r.ID, r.Reuse = first.ID, rule
		again := orBegin(ctx, e, r)
		e.check(again.Existing && again.RunID == first.RunID && again.ID == first.ID, "start of a running id gave %+v; want %+v with Existing", again, first)
		orSignal(ctx, e, first, "go", "done")
		orWantResult(ctx, e, ports.Run{ID: first.ID}, "done")
		orOnly(ctx, e, first.ID, first)
	}
}

// orOnly fails the case unless run is the newest of its id.
func orOnly(ctx context.Context, e *orEnv, id string, run ports.Run) {
	d, err := e.Driver.Describe(ctx, ports.Run{ID: id})
	e.noError(err, "describe "+id)
	e.check(d.RunID == run.RunID, "the newest run of %s is %s; want %s", id, d.RunID, run.RunID)
}

func orReuseRestarts(rule ports.Reuse) func(context.Context, *orEnv) {
	return func(ctx context.Context, e *orEnv) {
		var runs atomic.Int64
		first := orRunCounted(ctx, e, &runs)
		r := orRequest("counted", 2)
		r.Reuse = rule
		again := orBegin(ctx, e, r)
		e.check(!again.Existing && again.RunID != first.RunID, "start after the end gave %+v; want a new run", again)
		orWantResult(ctx, e, again, 2)
		e.check(runs.Load() == 2, "the code ran %d times; want 2", runs.Load())
	}
}

// orRunCounted runs "counted" to its end with input 1.
func orRunCounted(ctx context.Context, e *orEnv, runs *atomic.Int64) ports.Run {
	orServe(ctx, e, orCode{"counted": orOneStep(ports.StepCall{Name: "count"}), "count": orCounter(runs)})
	run := orBegin(ctx, e, orRequest("counted", 1))
	orWantResult(ctx, e, run, 1)
	return run
}

// orSentinel runs "counted" once more under another id, and fails the case unless that makes want runs.
func orSentinel(ctx context.Context, e *orEnv, runs *atomic.Int64, want int64) {
	r := orRequest("counted", "sentinel")
	r.ID = "sentinel"
	orWantResult(ctx, e, orBegin(ctx, e, r), "sentinel")
	e.check(runs.Load() == want, "the code ran %d times; want %d with the sentinel", runs.Load(), want)
}

func orConcurrentStarts(ctx context.Context, e *orEnv) {
	orServe(ctx, e, orCode{"echo": orEcho})
	var works []func() (ports.Run, error)
	for range 16 {
		works = append(works, func() (ports.Run, error) {
			r := orRequest("echo", 1)
			r.Reuse = ports.ReuseNever
			return e.Driver.Start(ctx, r)
		})
	}
	calls, _ := startAll(works...)
	started, runIDs := 0, map[string]bool{}
	for _, c := range calls {
		run, err := c.wait()
		e.noError(err, "concurrent start")
		runIDs[run.RunID] = true
		if !run.Existing {
			started++
		}
	}
	e.check(started == 1 && len(runIDs) == 1, "%d of 16 starts were new, of %d runs; want 1 and 1", started, len(runIDs))
}

// orRefused fails the case unless a start that spoil has made bad is ErrInvalid and without effect.
func orRefused(ctx context.Context, e *orEnv, what string, spoil func(*ports.StartRequest)) {
	r := orRequest("echo", nil)
	spoil(&r)
	_, err := e.Driver.Start(ctx, r)
	e.isKind(err, ports.ErrInvalid, "start with "+what)
	if r.ID == "echo" {
		orUnknown(ctx, e, r.ID)
	}
	n, err := e.Driver.Count(ctx, ports.Filter{})
	e.noError(err, "count")
	e.check(n == 0, "%d runs after a start with %s; want none", n, what)
}
