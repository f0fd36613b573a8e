package conformance

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orRunCases() []orCase {
	return []orCase{
		orCoreCase("unknown-id", "030", func(ctx context.Context, e *orEnv) {
			for op, err := range orCallsOnRun(ctx, e.Driver, ports.Run{ID: "nobody"}) {
				e.isKind(err, ports.ErrNotFound, op+" of an unknown id")
			}
		}),
		orCoreCase("unknown-run-id", "031", func(ctx context.Context, e *orEnv) {
			run := orBegin(ctx, e, orRequest("echo", nil))
			run.RunID = "00000000-0000-4000-8000-000000000000"
			_, err := e.Driver.Describe(ctx, run)
			e.isKind(err, ports.ErrNotFound, "describe an unknown RunID")
			_, err = e.Driver.Result(ctx, run)
			e.isKind(err, ports.ErrNotFound, "result of an unknown RunID")
		}),
		orCoreCase("older-and-newest-run", "032 033", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"echo": orEcho})
			older := orBegin(ctx, e, orRequest("echo", "older"))
			orWantResult(ctx, e, older, "older")
			newer := orBegin(ctx, e, orRequest("echo", "newer"))
			orWantResult(ctx, e, ports.Run{ID: "echo"}, "newer")
			orOnly(ctx, e, "echo", newer)
			orWantResult(ctx, e, older, "older")
			d, err := e.Driver.Describe(ctx, older)
			e.noError(err, "describe the older run")
			e.check(d.RunID == older.RunID, "describe of %s gave %s", older.RunID, d.RunID)
		}),
		orCoreCase("describe", "034", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter})
			run := orBegin(ctx, e, orRequest("waiter", nil))
			d, err := e.Driver.Describe(ctx, run)
			e.noError(err, "describe")
			e.check(d.ID == run.ID && d.RunID == run.RunID && d.Process == "waiter" && d.Queue == orQueue && d.Status == ports.StatusRunning &&
				!d.Started.IsZero() && d.Ended.IsZero(), "a running run is described as %+v", d)
			orSignal(ctx, e, run, "go", nil)
			orWantResult(ctx, e, run, nil)
			d, err = e.Driver.Describe(ctx, run)
			e.noError(err, "describe")
			e.check(d.Status == ports.StatusCompleted && !d.Ended.Before(d.Started) && !d.Ended.IsZero(), "an ended run is described as %+v", d)
		}),
		orCoreCase("result-for-everybody", "035", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter})
			run := orBegin(ctx, e, orRequest("waiter", nil))
			other := e.peer(ctx)
			get := func(d ports.Orchestrator) func() (orRaw, error) {
				return func() (orRaw, error) { return d.Result(ctx, run) }
			}
			calls, _ := startAll(get(e.Driver), get(e.Driver), get(other))
			mustWait(ctx, e, "result of a running run", calls...)
			orSignal(ctx, e, run, "go", "done")
			for _, c := range calls {
				out, err := await(e, 0, "result", c)
				e.noError(err, "result")
				orSame(e, out, "done", "the output")
			}
			orWantResult(ctx, e, run, "done")
		}),
		orCoreCase("cancelled-result", "036", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter})
			run := orBegin(ctx, e, orRequest("waiter", nil))
			cancelled, cancel := context.WithTimeout(ctx, time.Hour)
			c := start(func() (orRaw, error) { return e.Driver.Result(cancelled, run) })
			mustWait(ctx, e, "result of a running run", c)
			cancel()
			_, err := await(e, orUnblock-e.Timing.Slack, "a cancelled result", c)
			isContextError(e, err, context.Canceled, "result")
			expired, cancel := context.WithTimeout(ctx, e.Timing.Quiet)
			defer cancel()
			c = start(func() (orRaw, error) { return e.Driver.Result(expired, run) })
			_, err = await(e, e.Timing.Quiet+orUnblock-e.Timing.Slack, "an expired result", c)
			isContextError(e, err, context.DeadlineExceeded, "result")
			orSignal(ctx, e, run, "go", "done")
			orWantResult(ctx, e, run, "done")
		}),
	}
}

// orUnblock is how soon a context's end is felt, with some room for the scheduler.
const orUnblock = 300 * time.Millisecond

// orCallsOnRun makes every call that names a run.
func orCallsOnRun(ctx context.Context, d ports.Orchestrator, run ports.Run) map[string]error {
	_, describe := d.Describe(ctx, run)
	_, result := d.Result(ctx, run)
	_, query := d.Query(ctx, run, "q", nil)
	return map[string]error{"describe": describe, "result": result, "query": query, "signal": d.Signal(ctx, run, "s", nil),
		"cancel": d.Cancel(ctx, run), "terminate": d.Terminate(ctx, run, "reason")}
}

func orListCases() []orCase {
	return []orCase{
		orCoreCase("list-newest-first", "037", func(ctx context.Context, e *orEnv) {
			for i := range 3 {
				r := orRequest("echo", nil)
				r.ID = fmt.Sprintf("run-%d", i)
				orBegin(ctx, e, r)
				e.pause(ctx, 5*time.Millisecond) // backends keep starts to the millisecond
			}
			orListed(ctx, e, ports.Filter{}, "run-2", "run-1", "run-0")
			orListed(ctx, e, ports.Filter{Limit: 2}, "run-2", "run-1")
		}),
		orCoreCase("filter-by-process-and-status", "038", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"echo": orEcho, "waiter": orWaiter})
			orWant(ctx, e, "echo", 1, 1)
			orBegin(ctx, e, orRequest("waiter", nil))
			orListed(ctx, e, ports.Filter{Process: "echo"}, "echo")
			orListed(ctx, e, ports.Filter{Status: ports.StatusRunning}, "waiter")
			orListed(ctx, e, ports.Filter{Status: ports.StatusCompleted}, "echo")
			orListed(ctx, e, ports.Filter{Process: "echo", Status: ports.StatusRunning})
			orCounted(ctx, e, ports.Filter{}, 2)
			orCounted(ctx, e, ports.Filter{Process: "waiter"}, 1)
			orCounted(ctx, e, ports.Filter{Status: ports.StatusFailed}, 0)
		}),
		orCoreCase("filter-by-attribute", "039", func(ctx context.Context, e *orEnv) {
			for _, id := range []string{"red", "blue"} {
				r := orRequest("echo", nil)
				r.ID, r.SearchAttributes = id, map[string]string{orAttribute: id}
				orBegin(ctx, e, r)
			}
			orListed(ctx, e, ports.Filter{SearchAttributes: map[string]string{orAttribute: "red"}}, "red")
			orCounted(ctx, e, ports.Filter{SearchAttributes: map[string]string{orAttribute: "blue"}}, 1)
			orCounted(ctx, e, ports.Filter{SearchAttributes: map[string]string{orAttribute: "green"}}, 0)
		}),
		orCoreCase("bad-filter", "040", func(ctx context.Context, e *orEnv) {
			for _, f := range []ports.Filter{{Status: "running"}, {Limit: -1}} {
				_, err := e.Driver.List(ctx, f)
				e.isKind(err, ports.ErrInvalid, fmt.Sprintf("list %+v", f))
				_, err = e.Driver.Count(ctx, f)
				e.isKind(err, ports.ErrInvalid, fmt.Sprintf("count %+v", f))
			}
		}),
	}
}

// orListed waits until List gives the ids in this order: it may lag behind.
func orListed(ctx context.Context, e *orEnv, f ports.Filter, want ...string) {
	e.eventually(ctx, fmt.Sprintf("list %+v gives %v", f, want), func() bool {
		all, err := e.Driver.List(ctx, f)
		e.noError(err, "list")
		var ids []string
		for _, d := range all {
			ids = append(ids, d.ID)
		}
		return slices.Equal(ids, want)
	})
}

func orCounted(ctx context.Context, e *orEnv, f ports.Filter, want int64) {
	e.eventually(ctx, fmt.Sprintf("count %+v gives %d", f, want), func() bool {
		n, err := e.Driver.Count(ctx, f)
		e.noError(err, "count")
		return n == want
	})
}
