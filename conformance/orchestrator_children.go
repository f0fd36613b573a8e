package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/breakwater-go/breakwater/ports"
)

func orChildCases() []orCase {
	return []orCase{
		orCoreCase("child", "094", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"parent": orProcess(func(c ports.ProcessContext, in orRaw) (any, error) {
					f, g := c.Child(ports.StartRequest{Process: "echo", ID: "good", Input: in})
					started, err := f.Get(c)
					if err != nil {
						return nil, err
					}
					out, err := g.Get(c)
					if err != nil {
						return nil, err
					}
					_, h := c.Child(ports.StartRequest{Process: "fails", ID: "bad"})
					_, bad := h.Get(c)
					return []any{orRunID(started), out, orKinds(bad), orIsDeclinedText(bad)}, nil
				}),
				"echo":  orEcho,
				"fails": orProcess(func(ports.ProcessContext, orRaw) (any, error) { return nil, orDeclined() }),
			})
			orWant(ctx, e, "parent", "in", []any{"good", "in", []string{"conflict"}, true})
		}),
		orCoreCase("child-is-a-run", "095", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"parent": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					_, result := c.Child(ports.StartRequest{Process: "child", ID: "child"})
					return result.Get(c)
				}),
				"child": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					return []string{c.Info().Parent.ID, c.Info().Parent.RunID}, nil
				}),
			})
			parent := orBegin(ctx, e, orRequest("parent", nil))
			orWantResult(ctx, e, parent, []string{parent.ID, parent.RunID})
			d, err := e.Driver.Describe(ctx, ports.Run{ID: "child"})
			e.noError(err, "describe the child")
			e.check(d.Process == "child" && d.Status == ports.StatusCompleted, "the child is described as %+v", d)
			orWantResult(ctx, e, ports.Run{ID: "child"}, []string{parent.ID, parent.RunID})
		}),
		orCoreCase("child-defaults", "096", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"parent": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					_, one := c.Child(ports.StartRequest{Process: "child"})
					_, two := c.Child(ports.StartRequest{Process: "child"})
					first, err := one.Get(c)
					if err != nil {
						return nil, err
					}
					second, err := two.Get(c)
					return []orRaw{first, second}, err
				}),
				"child": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) { return []string{c.Info().ID, c.Info().Queue}, nil }),
			})
			out, err := orRun(ctx, e, "parent", nil)
			e.noError(err, "result")
			var seen [][]string
			e.noError(json.Unmarshal(out, &seen), "decode")
			e.check(seen[0][0] != "" && seen[1][0] != "" && seen[0][0] != seen[1][0], "the children's ids are %v; want two", seen)
			e.check(seen[0][1] == orQueue && seen[1][1] == orQueue, "the children's queues are %v; want the parent's", seen)
		}),
		orCoreCase("child-with-a-known-id", "097", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"parent": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					var kinds []string
					for _, r := range []ports.StartRequest{
						{Process: "echo", ID: "waiter"},
						{Process: "echo", ID: "waiter", Reuse: ports.ReuseFail},
						{Process: "echo", ID: "ended", Reuse: ports.ReuseNever},
						{Process: "echo", ID: "ended"},
					} {
						f, g := c.Child(r)
						_, started := f.Get(c)
						_, result := g.Get(c)
						kinds = append(kinds, orKinds(started, result)...)
					}
					return kinds, nil
				}),
				"echo": orEcho, "waiter": orWaiter,
			})
			running := orBegin(ctx, e, orRequest("waiter", nil))
			r := orRequest("echo", 1)
			r.ID = "ended"
			orWantResult(ctx, e, orBegin(ctx, e, r), 1)
			known := ports.ErrAlreadyExists.Error()
			orWant(ctx, e, "parent", nil, []string{known, known, known, known, known, known, "", ""})
			orSignal(ctx, e, running, "go", "unharmed")
			orWantResult(ctx, e, running, "unharmed")
		}),
		orCoreCase("child-is-cancelled-with-its-scope", "098", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"waiter": orWaiter,
				"parent": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					scope, cancel := c.WithCancel()
					f, g := scope.Child(ports.StartRequest{Process: "waiter", ID: "child"})
					if _, err := f.Get(c); err != nil {
						return nil, err
					}
					cancel()
					_, err := g.Get(c)
					if _, err := orReceive(c, "go"); err != nil {
						return nil, err
					}
					return orKinds(err, c.Err()), nil
				}),
			})
			parent := orBegin(ctx, e, orRequest("parent", nil))
			orKnown(ctx, e, "child")
			orWantEnd(ctx, e, ports.Run{ID: "child"}, ports.StatusCancelled) //nolint:errcheck // the status is what counts
			orSignal(ctx, e, parent, "go", nil)
			orWantResult(ctx, e, parent, []string{"canceled", ""})
		}),
		orCoreCase("child-ends-with-its-parent", "099", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter, "parent": orProcess(func(c ports.ProcessContext, in orRaw) (any, error) {
				f, _ := c.Child(ports.StartRequest{Process: "waiter", ID: strings.Trim(string(in), `"`)})
				if _, err := f.Get(c); err != nil {
					return nil, err
				}
				if string(in) == `"of-terminated"` {
					return orReceive(c, "never")
				}
				return "done", nil
			})})
			orWant(ctx, e, "parent", "of-completed", "done")
			orWantEnd(ctx, e, ports.Run{ID: "of-completed"}, ports.StatusTerminated) //nolint:errcheck // the status is what counts
			parent := orBegin(ctx, e, orRequest("parent", "of-terminated"))
			orKnown(ctx, e, "of-terminated")
			e.noError(e.Driver.Terminate(ctx, parent, "enough"), "terminate")
			orWantEnd(ctx, e, ports.Run{ID: "of-terminated"}, ports.StatusTerminated) //nolint:errcheck // the status is what counts
		}),
		orCoreCase("child-ended-from-outside", "100", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter, "parent": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				_, one := c.Child(ports.StartRequest{Process: "waiter", ID: "terminated"})
				_, two := c.Child(ports.StartRequest{Process: "waiter", ID: "cancelled"})
				_, terminated := one.Get(c)
				_, cancelled := two.Get(c)
				return append(orKinds(terminated, cancelled, c.Err()), fmt.Sprint(terminated != nil && strings.Contains(terminated.Error(), "from outside"))), nil
			})})
			parent := orBegin(ctx, e, orRequest("parent", nil))
			orKnown(ctx, e, "terminated")
			orKnown(ctx, e, "cancelled")
			e.noError(e.Driver.Terminate(ctx, ports.Run{ID: "terminated"}, "from outside"), "terminate")
			e.noError(e.Driver.Cancel(ctx, ports.Run{ID: "cancelled"}), "cancel")
			orWantResult(ctx, e, parent, []string{"failed", "canceled", "", "true"})
		}),
	}
}

// orKnown waits until a run has the id.
func orKnown(ctx context.Context, e *orEnv, id string) {
	e.eventually(ctx, id+" is known", func() bool {
		_, err := e.Driver.Describe(ctx, ports.Run{ID: id})
		return err == nil
	})
}

func orRunID(started orRaw) string {
	var run ports.Run
	if err := json.Unmarshal(started, &run); err != nil || run.RunID == "" {
		return fmt.Sprintf("no run: %s", started)
	}
	return run.ID
}

func orIsDeclinedText(err error) bool {
	return err != nil && strings.Contains(err.Error(), "CardDeclined")
}
