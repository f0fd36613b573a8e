package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/breakwater-go/breakwater/ports"
)

func orWorkerMutants() []Mutant[ports.Orchestrator] {
	return []Mutant[ports.Orchestrator]{
		orMutant("registers-twice", "101", "registration", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.registerProcess = func(w ports.Worker, name string, fn ports.ProcessFunc) error {
				if err := w.RegisterProcess(name, fn); ports.KindOf(err) != ports.ErrAlreadyExists {
					return err
				}
				return nil
			}
		}),
		orMutant("starts-twice", "102", "worker-misuse", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.startWorker = func(ctx context.Context, w ports.Worker) error {
				if err := w.Start(ctx); ports.KindOf(err) != ports.ErrInvalid {
					return err
				}
				return nil
			}
		}),
		orMutant("unregistered-process-fails", "103", "unregistered-process-waits", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
				run, err := o.Start(ctx, r)
				if err == nil && b.started > 0 && b.registered["other"] && !b.registered[r.Process] {
					_ = o.Terminate(ctx, run, "not registered")
				}
				return run, err
			}
		}),
		orMutant("second-worker-is-not-asked", "104", "workers-with-different-code", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.registerProcess = func(w ports.Worker, name string, fn ports.ProcessFunc) error {
				if name != "b" || !b.registered["a"] {
					return w.RegisterProcess(name, fn)
				}
				return nil
			}
		}),
		orMutant("drain-abandons-steps", "105", "drain-waits-for-steps", "drain-gives-up", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.drain = func(ctx context.Context, w ports.Worker) error {
				ended, cancel := context.WithCancel(ctx)
				cancel()
				if err := w.Drain(ended); ports.KindOf(err) != ports.ErrCanceled || ctx.Err() != nil {
					return err
				}
				return nil
			}
		}),
		orMutant("drain-waits-for-ever", "106", "drain-gives-up", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.drain = func(ctx context.Context, w ports.Worker) error { return w.Drain(context.WithoutCancel(ctx)) }
		}),
		orMutant("drain-does-nothing", "107", "drained-worker-takes-nothing", "goes-on-with-the-next-worker drain-waits-for-steps drain-gives-up drain-again", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.drain = func(context.Context, ports.Worker) error { return nil }
		}),
		orMutant("drained-worker-starts", "108", "drain-again", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.startWorker = func(ctx context.Context, w ports.Worker) error {
				if err := w.Start(ctx); ports.KindOf(err) != ports.ErrClosed {
					return err
				}
				return nil
			}
		}),
	}
}

func orLifeMutants() []Mutant[ports.Orchestrator] {
	return []Mutant[ports.Orchestrator]{
		orMutant("bare-errors", "109", "errors-name-the-driver", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.terminate = func(ctx context.Context, r ports.Run, reason string) error {
				if err := o.Terminate(ctx, r, reason); ports.KindOf(err) == ports.ErrNotFound {
					return ports.ErrNotFound
				} else {
					return err
				}
			}
		}),
		orMutant("payload-in-error", "110", "errors-hold-no-payload", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
				run, err := o.Start(ctx, r)
				if ports.KindOf(err) == ports.ErrInvalid {
					err = &ports.Error{Op: "start", Driver: "memory", Kind: ports.ErrInvalid, Err: fmt.Errorf("input %s", r.Input)}
				}
				return run, err
			}
		}),
		orMutant("as-takes-anything", "111", "as-knows-only-its-own", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.as = func(any) bool { return true }
		}),
		orMutant("closed-is-unavailable", "112", "close", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.result = func(ctx context.Context, r ports.Run) (json.RawMessage, error) {
				out, err := o.Result(ctx, r)
				if _, ofRun := applicationError(err); !ofRun && ports.KindOf(err) == ports.ErrClosed {
					err = orErr(ports.ErrUnavailable)
				}
				return out, err
			}
		}),
		orMutant("close-abandons-steps", "113", "close-drains-workers", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.close = func(ctx context.Context) error {
				ended, cancel := context.WithCancel(ctx)
				cancel()
				_ = o.Close(ended)
				return nil
			}
		}),
		orMutant("close-shared-runs", "114", "close-spares-others", "close close-drains-workers", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.close = func(ctx context.Context) error {
				all, _ := o.List(ctx, ports.Filter{Status: ports.StatusRunning})
				for _, d := range all {
					_ = o.Terminate(ctx, d.Run, "its client was closed")
				}
				return o.Close(ctx)
			}
		}),
		orMutant("leaks-goroutine", "115", "close-leaves-no-goroutine", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.close = func(ctx context.Context) error {
				go Deaf()
				return o.Close(ctx)
			}
		}),
		orMutant("unreachable-is-not-found", "116", "backend-cut-off", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.describe = func(ctx context.Context, r ports.Run) (ports.Description, error) {
				d, err := o.Describe(ctx, r)
				if ports.KindOf(err) == ports.ErrUnavailable {
					err = orErr(ports.ErrNotFound)
				}
				return d, err
			}
		}),
		orMutant("ended-context-ignored", "117", "context-ended-before-the-call", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.signal = func(ctx context.Context, r ports.Run, name string, arg json.RawMessage) error {
				if errors.Is(ctx.Err(), context.Canceled) {
					ctx = context.WithoutCancel(ctx)
				}
				return o.Signal(ctx, r, name, arg)
			}
		}),
	}
}
