package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orProcessMutants() []Mutant[ports.Orchestrator] {
	return []Mutant[ports.Orchestrator]{
		orMutant("timers-fire-early", "058", "sleep-and-timer", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.sleep = func(d time.Duration) error { return inner.Sleep(d / 2) }
			c.timer = func(d time.Duration) ports.Future { return inner.Timer(d / 2) }
		})),
		orMutant("now-runs-on", "059", "now", "", insideOnly(func(_ orContext, c *brokenContext) { c.now = time.Now })),
		orMutant("select-highest-index", "060", "select-lowest-index", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.selects = func(of ...ports.Selectable) (int, error) {
				reversed := slices.Clone(of)
				slices.Reverse(reversed)
				i, err := inner.Select(reversed...)
				return max(len(of)-1-i, 0), err
			}
		})),
		orMutant("select-never-parks", "061", "select-parks", "select-in-a-cancelled-scope", insideOnly(func(inner orContext, c *brokenContext) {
			c.selects = func(of ...ports.Selectable) (int, error) {
				if len(of) < 2 {
					return inner.Select(of...)
				}
				return inner.Select(append(slices.Clone(of), inner.Timer(0))...)
			}
		})),
		orMutant("go-runs-at-once", "062", "coroutines-in-order", "left-coroutines-are-dropped", insideOnly(func(_ orContext, c *brokenContext) {
			c.goes = func(fn func(orContext)) { fn(c) }
		})),
		orMutant("process-waits-for-coroutines", "063", "left-coroutines-are-dropped", "process-panic coroutines-in-order", insideOnly(func(inner orContext, c *brokenContext) {
			c.goes = func(fn func(orContext)) {
				inner.Go(func(cc orContext) {
					defer func() { recover() }() //nolint:errcheck // a mutant
					fn(cc.Disconnected())
				})
				never(inner)
			}
		})),
		orMutant("side-effect-each-time", "064", "side-effect", "", insideOnly(func(_ orContext, c *brokenContext) {
			c.sideEffect = func(fn func() json.RawMessage) json.RawMessage { return fn() }
		})),
		orMutant("no-process-info", "065", "process-info", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.info = func() ports.ProcessInfo {
				info := inner.Info()
				info.Process = ""
				return info
			}
		})),
		orMutant("replay-runs-steps-again", "066", "goes-on-with-the-next-worker", "", orReplayRunsSteps),
		orMutant("unsupported-returns-nil", "118", "undeclared-is-unsupported", "", insideOnly(func(_ orContext, c *brokenContext) {
			c.handleUpdate = func() error { return nil }
		})),
	}
}

// orReplayRunsSteps runs a step's code once more when its process is rebuilt.
func orReplayRunsSteps(_ ports.Orchestrator, b *brokenOrchestrator) {
	var mu sync.Mutex
	var code []func()
	b.attempt = func(fn ports.StepFunc) ports.StepFunc {
		return func(c ports.StepContext, in json.RawMessage) (json.RawMessage, error) {
			mu.Lock()
			code = append(code, func() { _, _ = fn(c, in) })
			mu.Unlock()
			return fn(c, in)
		}
	}
	b.inside = func(inner orContext, c *brokenContext) {
		c.step = func(s ports.StepCall) ports.Future {
			mu.Lock()
			defer mu.Unlock()
			if inner.Replaying() && s.Name == "before" {
				code[0]()
			}
			return inner.Step(s)
		}
	}
}

func orSignalMutants() []Mutant[ports.Orchestrator] {
	return []Mutant[ports.Orchestrator]{
		orMutant("signals-overtake", "067", "signals-in-order", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.signal = func(ctx context.Context, r ports.Run, name string, arg json.RawMessage) error {
				if string(arg) != "7" {
					return o.Signal(ctx, r, name, arg)
				}
				go func() {
					time.Sleep(time.Millisecond)
					_ = o.Signal(ctx, r, name, arg)
				}()
				return nil
			}
		}),
		orMutant("early-signals-lost", "068", "early-signals-are-kept", "payloads-are-copied", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.signal = func(ctx context.Context, r ports.Run, name string, arg json.RawMessage) error {
				if _, err := o.Describe(ctx, r); err == nil && b.started == 0 {
					return nil
				}
				return o.Signal(ctx, r, name, arg)
			}
		}),
		orMutant("one-channel-for-all-signals", "069", "signals-of-other-names", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.signal = func(ctx context.Context, r ports.Run, _ string, arg json.RawMessage) error {
				return o.Signal(ctx, r, "all", arg)
			}
			b.inside = func(inner orContext, c *brokenContext) {
				c.signals = func(name string) ports.SignalChannel {
					if name == "never" {
						return inner.Signals(name)
					}
					return inner.Signals("all")
				}
			}
		}),
		orMutant("signal-after-end-is-nil", "070", "signal-after-end", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.signal = func(ctx context.Context, r ports.Run, name string, arg json.RawMessage) error {
				err := o.Signal(ctx, r, name, arg)
				if d, known := o.Describe(ctx, r); known == nil && d.Status != ports.StatusRunning && name == "go" {
					return nil
				}
				return err
			}
		}),
		orMutant("receive-looks-at-the-cancel-first", "071", "receive-in-a-cancelled-scope", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.signals = func(name string) ports.SignalChannel {
				ch := inner.Signals(name)
				return &brokenChannel{ch, func(c orContext) (json.RawMessage, error) {
					if err := c.Err(); err != nil {
						return nil, err
					}
					return ch.Receive(c)
				}}
			}
		})),
		orMutant("stale-queries", "073", "query", "", orStaleQueries),
		orMutant("query-only-while-running", "074", "query-after-end", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.query = func(ctx context.Context, r ports.Run, name string, arg json.RawMessage) (json.RawMessage, error) {
				if d, err := o.Describe(ctx, r); err == nil && d.Status != ports.StatusRunning && name == "seen" {
					return nil, orErr(ports.ErrNotFound)
				}
				return o.Query(ctx, r, name, arg)
			}
		}),
		orMutant("unknown-query-is-not-found", "075", "unknown-query", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.query = func(ctx context.Context, r ports.Run, name string, arg json.RawMessage) (json.RawMessage, error) {
				out, err := o.Query(ctx, r, name, arg)
				if ports.KindOf(err) == ports.ErrInvalid {
					return nil, orErr(ports.ErrNotFound)
				}
				return out, err
			}
		}),
		orMutant("query-error-hidden", "076", "query-handler-fails", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.handleQuery = func(name string, fn func(json.RawMessage) (json.RawMessage, error)) error {
				return inner.HandleQuery(name, func(arg json.RawMessage) (json.RawMessage, error) {
					out, err := fn(arg)
					if err != nil {
						return nil, errors.New("query failed")
					}
					return out, nil
				})
			}
		})),
		orMutant("query-panic-swallowed", "077", "query-handler-breaks-rules", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.handleQuery = func(name string, fn func(json.RawMessage) (json.RawMessage, error)) error {
				return inner.HandleQuery(name, func(arg json.RawMessage) (json.RawMessage, error) {
					defer func() { recover() }() //nolint:errcheck // a mutant
					return fn(arg)
				})
			}
		})),
		orMutant("query-gives-up", "078", "query-waits-for-a-worker", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.query = func(ctx context.Context, r ports.Run, name string, arg json.RawMessage) (json.RawMessage, error) {
				if b.started == 0 && name == "seen" {
					return nil, orErr(ports.ErrUnavailable)
				}
				return o.Query(ctx, r, name, arg)
			}
		}),
	}
}

// orStaleQueries gives the first answer for ever.
func orStaleQueries(o ports.Orchestrator, b *brokenOrchestrator) {
	var mu sync.Mutex
	first := map[string]json.RawMessage{}
	b.query = func(ctx context.Context, r ports.Run, name string, arg json.RawMessage) (json.RawMessage, error) {
		mu.Lock()
		known, ok := first[r.RunID+name]
		mu.Unlock()
		if ok && name == "seen" {
			return known, nil
		}
		out, err := o.Query(ctx, r, name, arg)
		if err == nil {
			mu.Lock()
			first[r.RunID+name] = out
			mu.Unlock()
		}
		return out, err
	}
}
