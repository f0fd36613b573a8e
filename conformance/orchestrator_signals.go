package conformance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orSignalCases() []orCase {
	return []orCase{
		orCoreCase("signals-in-order", "067", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"collects": orCollects("n", 50)})
			run := orBegin(ctx, e, orRequest("collects", nil))
			want := make([]int, 50)
			for i := range want {
				want[i] = i
				orSignal(ctx, e, run, "n", i)
			}
			orWantResult(ctx, e, run, want)
		}),
		orCoreCase("early-signals-are-kept", "068", func(ctx context.Context, e *orEnv) {
			run := orBegin(ctx, e, orRequest("collects", nil))
			orSignal(ctx, e, run, "n", 1)
			orSignal(ctx, e, run, "n", 2)
			orServe(ctx, e, orCode{"collects": orProcess(func(c ports.ProcessContext, in orRaw) (any, error) {
				if err := c.Sleep(e.Timing.Quiet); err != nil {
					return nil, err
				}
				return orCollects("n", 3)(c, in)
			})})
			orSignal(ctx, e, run, "n", 3)
			orWantResult(ctx, e, run, []int{1, 2, 3})
		}),
		orCoreCase("signals-of-other-names", "069", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"collects": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				b, err := orReceive(c, "b")
				if err != nil {
					return nil, err
				}
				a, err := orReceive(c, "a")
				return []any{a, b, c.Signals("a").Ready()}, err
			})})
			run := orBegin(ctx, e, orRequest("collects", nil))
			orSignal(ctx, e, run, "a", "of a")
			orSignal(ctx, e, run, "b", "of b")
			orWantResult(ctx, e, run, []any{"of a", "of b", false})
		}),
		orCoreCase("signal-after-end", "070", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"echo": orEcho})
			run := orBegin(ctx, e, orRequest("echo", 1))
			orWantResult(ctx, e, run, 1)
			e.isKind(e.Driver.Signal(ctx, run, "go", nil), ports.ErrNotFound, "signal to an ended run")
		}),
		orCoreCase("receive-in-a-cancelled-scope", "071", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"receives": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				if _, err := c.Select(c.Signals("go")); err != nil {
					return nil, err
				}
				scope, cancel := c.WithCancel()
				cancel()
				there, err := orReceive(scope, "go")
				if err != nil {
					return nil, err
				}
				_, err = orReceive(scope, "go")
				return []any{there, orKinds(err)}, nil
			})})
			run := orBegin(ctx, e, orRequest("receives", nil))
			orSignal(ctx, e, run, "go", "there")
			orWantResult(ctx, e, run, []any{"there", []string{"canceled"}})
		}),
		orCoreCase("no-accepted-signal-is-lost", "072", orNoSignalLost),
	}
}

// orCollects receives n signals of a name.
func orCollects(name string, n int) orProcess {
	return func(c ports.ProcessContext, _ orRaw) (any, error) {
		var all []orRaw
		for range n {
			arg, err := orReceive(c, name)
			if err != nil {
				return nil, err
			}
			all = append(all, arg)
		}
		return all, nil
	}
}

// orNoSignalLost sends until the run refuses, while the process returns as soon as it finds no signal waiting.
func orNoSignalLost(ctx context.Context, e *orEnv) {
	orServe(ctx, e, orCode{"counts": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
		n := 0
		for ch := c.Signals("n"); n == 0 || ch.Ready(); n++ {
			if _, err := ch.Receive(c); err != nil {
				return nil, err
			}
		}
		return n, nil
	})})
	for round := range 10 {
		r := orRequest("counts", nil)
		r.ID = fmt.Sprintf("counts-%d", round)
		run := orBegin(ctx, e, r)
		accepted := 0
		for accepted < 1000 {
			err := e.Driver.Signal(ctx, run, "n", nil)
			if err != nil {
				e.isKind(err, ports.ErrNotFound, "signal")
				break
			}
			accepted++
		}
		orWantResult(ctx, e, run, accepted)
	}
}

func orQueryCases() []orCase {
	return []orCase{
		orCoreCase("query", "073", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"answers": orAnswers})
			run := orBegin(ctx, e, orRequest("answers", nil))
			for i := range 3 {
				orSignal(ctx, e, run, "n", i)
				out, err := e.Driver.Query(ctx, run, "seen", orRaw(`"argument"`))
				e.noError(err, "query")
				orSame(e, out, []any{i + 1, "argument"}, "the answer")
			}
		}),
		orCoreCase("query-after-end", "074", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"answers": orAnswers})
			run := orBegin(ctx, e, orRequest("answers", nil))
			orSignal(ctx, e, run, "n", "last")
			orWantResult(ctx, e, run, "last")
			for range 2 {
				out, err := e.Driver.Query(ctx, run, "seen", nil)
				e.noError(err, "query an ended run")
				orSame(e, out, []any{1, nil}, "the answer")
			}
		}),
		orCoreCase("unknown-query", "075", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"answers": orAnswers})
			run := orBegin(ctx, e, orRequest("answers", nil))
			_, err := e.Driver.Query(ctx, run, "nobody", nil)
			e.isKind(err, ports.ErrInvalid, "a query that nobody handles")
		}),
		orCoreCase("query-handler-fails", "076", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"answers": orAnswers})
			run := orBegin(ctx, e, orRequest("answers", nil))
			_, err := e.Driver.Query(ctx, run, "fails", nil)
			e.isKind(err, ports.ErrNotFound, "a query whose handler fails")
			e.check(strings.Contains(err.Error(), "no such key"), "the error %v lacks the handler's text", err)
			orSignal(ctx, e, run, "n", "last")
			orWantResult(ctx, e, run, "last")
		}),
		orCoreCase("query-handler-breaks-rules", "077", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"answers": orAnswers})
			run := orBegin(ctx, e, orRequest("answers", nil))
			for _, name := range []string{"panics", "waits"} {
				_, err := e.Driver.Query(ctx, run, name, nil)
				e.check(err != nil && ctx.Err() == nil, "a query whose handler %s gives %v; want an error", name, err)
			}
			orSignal(ctx, e, run, "n", "last")
			orWantResult(ctx, e, run, "last")
		}),
		orCoreCase("query-waits-for-a-worker", "078", func(ctx context.Context, e *orEnv) {
			run := orBegin(ctx, e, orRequest("answers", nil))
			short, cancel := context.WithTimeout(ctx, 2*e.Timing.Quiet)
			defer cancel()
			c := start(func() (orRaw, error) { return e.Driver.Query(short, run, "seen", nil) })
			mustWait(ctx, e, "a query without a worker", c)
			_, err := await(e, 2*e.Timing.Quiet+orUnblock-e.Timing.Slack, "a query without a worker", c)
			isContextError(e, err, context.DeadlineExceeded, "query")
			soon, cancel := orPickUp(ctx, e, 2)
			defer cancel()
			c = start(func() (orRaw, error) { return e.Driver.Query(soon, run, "seen", nil) })
			orServe(ctx, e, orCode{"answers": orAnswers})
			out, err := c.wait()
			e.noError(err, "query once a worker is there")
			orSame(e, out, []any{0, nil}, "the answer")
		}),
	}
}

// orAnswers counts signals until one brings "last", and answers queries.
var orAnswers orProcess = func(c ports.ProcessContext, _ orRaw) (any, error) {
	n := 0
	handlers := map[string]func(orRaw) (orRaw, error){
		"seen":   func(arg orRaw) (orRaw, error) { return orJSON([]any{n, arg}), nil },
		"fails":  func(orRaw) (orRaw, error) { return nil, ports.Errorf("app", "get", ports.ErrNotFound, "no such key") },
		"panics": func(orRaw) (orRaw, error) { panic("out of luck") },
		"waits":  func(orRaw) (orRaw, error) { return nil, c.Sleep(time.Hour) },
	}
	for _, name := range []string{"seen", "fails", "panics", "waits"} {
		if err := c.HandleQuery(name, handlers[name]); err != nil {
			return nil, err
		}
	}
	for {
		arg, err := orReceive(c, "n")
		if err != nil {
			return nil, err
		}
		n++
		if string(arg) == `"last"` {
			return arg, nil
		}
	}
}
