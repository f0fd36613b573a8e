package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orCancelMutants() []Mutant[ports.Orchestrator] {
	return []Mutant[ports.Orchestrator]{
		orMutant("sleep-ignores-cancel", "079", "cancel-ends-waits", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.sleep = func(d time.Duration) error {
				if err := inner.Err(); err != nil {
					return err
				}
				return inner.Disconnected().Sleep(d)
			}
		})),
		orMutant("cancelled-is-failed", "080", "cancelled-status", "an-end-is-no-failed-call step-learns-of-cancel child-is-cancelled-with-its-scope child-ended-from-outside", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.code = processError(func(err error) error {
				if ports.KindOf(err) == ports.ErrCanceled {
					return errors.New(err.Error())
				}
				return err
			})
		}),
		orMutant("cancel-overrules-the-code", "081", "code-decides-after-cancel", "cancel-ends-waits cancel-before-the-first-worker cancel-again-and-after-end disconnected-scope", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.code = func(fn ports.ProcessFunc) ports.ProcessFunc {
				return func(c orContext, in json.RawMessage) (json.RawMessage, error) {
					out, err := fn(c, in)
					if c.Err() != nil {
						return nil, c.Err()
					}
					return out, err
				}
			}
		}),
		orMutant("cancelled-scope-begins-steps", "082", "nothing-begins-in-a-cancelled-scope", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.step = func(s ports.StepCall) ports.Future {
				if inner.Err() != nil {
					return inner.Disconnected().Step(s)
				}
				return inner.Step(s)
			}
		})),
		orMutant("saga-skips-on-cancel", "083", "disconnected-scope", "", insideOnly(func(_ orContext, c *brokenContext) {
			c.disconnected = func() orContext { return c }
		})),
		orMutant("cancel-misses-inner-scopes", "084", "cancel-of-a-scope", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.withCancel = func() (orContext, func()) {
				apart, cancel := inner.Disconnected().WithCancel()
				return c.b.broken(apart), cancel
			}
		})),
		orMutant("get-heeds-the-getter", "085", "future-belongs-to-its-scope", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.timer = func(d time.Duration) ports.Future {
				f := inner.Timer(d)
				return &brokenFuture{f, func(c orContext) (json.RawMessage, error) {
					if err := c.Err(); err != nil {
						return nil, err
					}
					return f.Get(c)
				}}
			}
		})),
		orMutant("cancel-waits-for-the-step", "086", "cancelled-scope-does-not-wait", "cancel-ends-waits step-learns-of-cancel", insideOnly(func(inner orContext, c *brokenContext) {
			c.step = func(s ports.StepCall) ports.Future {
				if inner.Err() != nil {
					return inner.Step(s)
				}
				return inner.Disconnected().Step(s)
			}
		})),
		orMutant("select-looks-at-the-cancel-first", "087", "select-in-a-cancelled-scope", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.selects = func(of ...ports.Selectable) (int, error) {
				if err := inner.Err(); err != nil {
					return 0, err
				}
				return inner.Select(of...)
			}
		})),
		orMutant("early-cancel-lost", "088", "cancel-before-the-first-worker", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.cancel = func(ctx context.Context, r ports.Run) error {
				if _, err := o.Describe(ctx, r); err == nil && b.started == 0 {
					return nil
				}
				return o.Cancel(ctx, r)
			}
		}),
		orMutant("cancel-after-end-is-not-found", "089", "cancel-again-and-after-end", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.cancel = func(ctx context.Context, r ports.Run) error {
				if d, err := o.Describe(ctx, r); err == nil && d.Status != ports.StatusRunning {
					return orErr(ports.ErrNotFound)
				}
				return o.Cancel(ctx, r)
			}
		}),
		orMutant("terminate-drops-the-reason", "090", "terminate", "child-ended-from-outside", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.terminate = func(ctx context.Context, r ports.Run, _ string) error { return o.Terminate(ctx, r, "") }
		}),
		orMutant("terminate-after-end-is-nil", "091", "terminate-after-end", "old-run-id-spares-the-new-run", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.terminate = func(ctx context.Context, r ports.Run, reason string) error {
				err := o.Terminate(ctx, r, reason)
				if _, known := o.Describe(ctx, r); known == nil && ports.KindOf(err) == ports.ErrNotFound {
					return nil
				}
				return err
			}
		}),
		orMutant("terminate-by-id", "092", "old-run-id-spares-the-new-run", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.terminate = func(ctx context.Context, r ports.Run, reason string) error {
				return o.Terminate(ctx, ports.Run{ID: r.ID}, reason)
			}
		}),
	}
}

func orChildMutants() []Mutant[ports.Orchestrator] {
	results := func(change func(json.RawMessage, error) (json.RawMessage, error)) func(ports.Orchestrator, *brokenOrchestrator) {
		return insideOnly(func(inner orContext, c *brokenContext) {
			c.child = func(r ports.StartRequest) (ports.Future, ports.Future) {
				started, result := inner.Child(r)
				return started, &brokenFuture{result, func(c orContext) (json.RawMessage, error) { return change(result.Get(c)) }}
			}
		})
	}
	return []Mutant[ports.Orchestrator]{
		orMutant("child-output-lost", "094", "child", "child-is-a-run child-defaults", results(func(_ json.RawMessage, err error) (json.RawMessage, error) {
			return json.RawMessage("null"), err
		})),
		orMutant("child-without-parent", "095", "child-is-a-run", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.info = func() ports.ProcessInfo {
				info := inner.Info()
				if info.Parent != nil {
					info.Parent = &ports.Run{}
				}
				return info
			}
		})),
		orMutant("children-share-an-id", "096", "child-defaults", "", insideOnly(func(inner orContext, c *brokenContext) {
			c.child = func(r ports.StartRequest) (ports.Future, ports.Future) {
				if r.ID == "" {
					r.ID = inner.Info().ID + ".child"
				}
				return inner.Child(r)
			}
		})),
		orMutant("known-child-id-is-no-error", "097", "child-with-a-known-id", "", results(func(out json.RawMessage, err error) (json.RawMessage, error) {
			if ports.KindOf(err) == ports.ErrAlreadyExists {
				return json.RawMessage("null"), nil
			}
			return out, err
		})),
		orMutant("child-survives-its-scope", "098", "child-is-cancelled-with-its-scope", "cancel-ends-waits", insideOnly(func(inner orContext, c *brokenContext) {
			c.child = func(r ports.StartRequest) (ports.Future, ports.Future) {
				if inner.Err() != nil {
					return inner.Child(r)
				}
				return inner.Disconnected().Child(r)
			}
		})),
		orMutant("child-abandoned", "099", "child-ends-with-its-parent", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.inside = func(inner orContext, c *brokenContext) {
				c.child = func(r ports.StartRequest) (ports.Future, ports.Future) {
					if r.ID != "of-completed" {
						return inner.Child(r)
					}
					r.Queue = inner.Info().Queue
					started := inner.Step(ports.StepCall{Name: "start-apart", Local: func(c ports.StepContext, _ json.RawMessage) (json.RawMessage, error) {
						run, err := o.Start(c, r)
						if err != nil {
							return nil, err
						}
						return json.Marshal(run)
					}})
					return started, started
				}
			}
		}),
		orMutant("child-error-looks-cancelled", "100", "child-ended-from-outside", "", results(func(out json.RawMessage, err error) (json.RawMessage, error) {
			if a, ok := applicationError(err); ok && a.Type == ports.TypeTerminated {
				return nil, orErr(ports.ErrCanceled)
			}
			return out, err
		})),
	}
}
