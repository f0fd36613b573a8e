package mutants

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orRunMutants() []Mutant[ports.Orchestrator] {
	listing := func(change func(*ports.Filter)) func(ports.Orchestrator, *brokenOrchestrator) {
		return func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.list = func(ctx context.Context, f ports.Filter) ([]ports.Description, error) {
				change(&f)
				return o.List(ctx, f)
			}
			b.count = func(ctx context.Context, f ports.Filter) (int64, error) {
				change(&f)
				return o.Count(ctx, f)
			}
		}
	}
	return []Mutant[ports.Orchestrator]{
		orMutant("unknown-id-is-nil", "030", "unknown-id", "errors-name-the-driver", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.cancel = func(ctx context.Context, r ports.Run) error {
				if err := o.Cancel(ctx, r); ports.KindOf(err) != ports.ErrNotFound {
					return err
				}
				return nil
			}
		}),
		orMutant("run-id-ignored", "031 033", "unknown-run-id older-and-newest-run", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.describe = func(ctx context.Context, r ports.Run) (ports.Description, error) {
				return o.Describe(ctx, ports.Run{ID: r.ID})
			}
			b.result = func(ctx context.Context, r ports.Run) (json.RawMessage, error) {
				return o.Result(ctx, ports.Run{ID: r.ID})
			}
		}),
		orMutant("oldest-run", "032", "older-and-newest-run", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			var mu sync.Mutex
			oldest := map[string]string{}
			b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
				run, err := o.Start(ctx, r)
				mu.Lock()
				defer mu.Unlock()
				if _, known := oldest[r.ID]; !known && err == nil {
					oldest[r.ID] = run.RunID
				}
				return run, err
			}
			b.result = func(ctx context.Context, r ports.Run) (json.RawMessage, error) {
				mu.Lock()
				if r.RunID == "" {
					r.RunID = oldest[r.ID]
				}
				mu.Unlock()
				return o.Result(ctx, r)
			}
		}),
		orMutant("describe-without-end", "034", "describe", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.describe = func(ctx context.Context, r ports.Run) (ports.Description, error) {
				d, err := o.Describe(ctx, r)
				d.Ended = time.Time{}
				return d, err
			}
		}),
		orMutant("result-for-one-at-a-time", "035", "result-for-everybody", "backend-cut-off", func(o ports.Orchestrator, b *brokenOrchestrator) {
			var mu sync.Mutex
			waiting := map[string]bool{}
			b.result = func(ctx context.Context, r ports.Run) (json.RawMessage, error) {
				mu.Lock()
				busy := waiting[r.RunID]
				waiting[r.RunID] = true
				mu.Unlock()
				if busy {
					return nil, orErr(ports.ErrConflict)
				}
				defer func() {
					mu.Lock()
					delete(waiting, r.RunID)
					mu.Unlock()
				}()
				return o.Result(ctx, r)
			}
		}),
		orMutant("ignore-cancel", "036", "cancelled-result", "an-end-is-no-failed-call", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.result = func(ctx context.Context, r ports.Run) (json.RawMessage, error) {
				if err := ports.ContextError(ctx, "memory", "result"); err != nil {
					return nil, err
				}
				deaf, cancel := context.WithTimeout(context.WithoutCancel(ctx), deafFor)
				defer cancel()
				return o.Result(deaf, r)
			}
		}),
		orMutant("list-oldest-first", "037", "list-newest-first", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.list = func(ctx context.Context, f ports.Filter) ([]ports.Description, error) {
				all, err := o.List(ctx, f)
				slices.Reverse(all)
				return all, err
			}
		}),
		orMutant("filter-ignores-status", "038", "filter-by-process-and-status", "", listing(func(f *ports.Filter) {
			if f.Status == ports.StatusRunning || f.Status == ports.StatusFailed {
				f.Status = ""
			}
		})),
		orMutant("filter-ignores-attributes", "039", "filter-by-attribute", "", listing(func(f *ports.Filter) { f.SearchAttributes = nil })),
		orMutant("bad-filter-accepted", "040", "bad-filter", "errors-name-the-driver", listing(func(f *ports.Filter) {
			f.Limit = max(f.Limit, 0)
			if f.Status == "running" {
				f.Status = ""
			}
		})),
	}
}
