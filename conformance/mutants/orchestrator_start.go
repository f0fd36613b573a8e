package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// onStart changes what Start is called with.
func onStart(change func(*ports.StartRequest)) func(ports.Orchestrator, *brokenOrchestrator) {
	return func(o ports.Orchestrator, b *brokenOrchestrator) {
		b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
			change(&r)
			return o.Start(ctx, r)
		}
	}
}

// onStarted changes what Start returned.
func onStarted(change func(r ports.StartRequest, run ports.Run) (ports.Run, error)) func(ports.Orchestrator, *brokenOrchestrator) {
	return func(o ports.Orchestrator, b *brokenOrchestrator) {
		b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
			run, err := o.Start(ctx, r)
			if err != nil {
				return run, err
			}
			return change(r, run)
		}
	}
}

func orStartMutants() []Mutant[ports.Orchestrator] {
	return []Mutant[ports.Orchestrator]{
		orMutant("no-run-id", "001", "result-is-the-output", "reuse-closed-while-running reuse-closed-after-end reuse-never-while-running reuse-fail-while-running reuse-fail-after-end older-and-newest-run describe step-info process-info old-run-id-spares-the-new-run child-is-a-run", onStarted(func(_ ports.StartRequest, run ports.Run) (ports.Run, error) {
			run.RunID = ""
			return run, nil
		})),
		orMutant("needs-a-worker", "002", "waits-for-a-worker", "unknown-run-id list-newest-first filter-by-attribute", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
				run, err := o.Start(ctx, r)
				if err == nil && b.started == 0 && r.Process == "echo" {
					return ports.Run{}, orErr(ports.ErrUnavailable)
				}
				return run, err
			}
		}),
		orMutant("restarts-running-id", "003", "reuse-closed-while-running", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
				if r.ID != "" && r.Reuse == ports.ReuseClosed {
					_ = o.Terminate(ctx, ports.Run{ID: r.ID}, "restarted")
				}
				return o.Start(ctx, r)
			}
		}),
		orMutant("compares-process", "010", "reuse-closed-while-running", "reuse-never-while-running", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
				run, err := o.Start(ctx, r)
				if err == nil && run.Existing {
					if d, err := o.Describe(ctx, run); err == nil && d.Process != r.Process {
						return ports.Run{}, orErr(ports.ErrConflict)
					}
				}
				return run, err
			}
		}),
		orMutant("never-restarts", "004", "reuse-closed-after-end", "an-end-is-no-failed-call older-and-newest-run old-run-id-spares-the-new-run child-ends-with-its-parent drained-worker-takes-nothing", onStart(func(r *ports.StartRequest) {
			if r.Reuse == ports.ReuseClosed {
				r.Reuse = ports.ReuseNever
			}
		})),
		orMutant("hides-existing", "005", "reuse-never-while-running", "reuse-closed-while-running reuse-never-after-end concurrent-starts-of-one-id", onStarted(func(_ ports.StartRequest, run ports.Run) (ports.Run, error) {
			run.Existing = false
			return run, nil
		})),
		orMutant("restarts-closed-id", "006", "reuse-never-after-end", "concurrent-starts-of-one-id", onStart(func(r *ports.StartRequest) {
			if r.Reuse == ports.ReuseNever {
				r.Reuse = ports.ReuseClosed
			}
		})),
		orMutant("reuse-fail-returns-running", "007", "reuse-fail-while-running", "", onStart(func(r *ports.StartRequest) {
			if r.Reuse == ports.ReuseFail {
				r.Reuse = ports.ReuseClosed
			}
		})),
		orMutant("reuse-fail-for-ever", "008", "reuse-fail-after-end", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
				if _, err := o.Describe(ctx, ports.Run{ID: r.ID}); err == nil && r.Reuse == ports.ReuseFail {
					return ports.Run{}, orErr(ports.ErrAlreadyExists)
				}
				return o.Start(ctx, r)
			}
		}),
		orMutant("races-on-start", "009", "concurrent-starts-of-one-id", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
				if r.Reuse != ports.ReuseNever {
					return o.Start(ctx, r)
				}
				if _, err := o.Describe(ctx, ports.Run{ID: r.ID}); err == nil {
					return o.Start(ctx, r)
				}
				time.Sleep(time.Millisecond)
				_ = o.Terminate(ctx, ports.Run{ID: r.ID}, "lost the race")
				r.Reuse = ports.ReuseClosed
				return o.Start(ctx, r)
			}
		}),
		orMutant("fills-in-empty-fields", "011", "required-fields", "", onStart(func(r *ports.StartRequest) {
			for _, field := range []*string{&r.Process, &r.ID, &r.Queue} {
				if *field == "" {
					*field = "default"
				}
			}
		})),
		orMutant("squeezes-ids", "012", "ids", "", onStart(func(r *ports.StartRequest) {
			r.ID = strings.Map(func(c rune) rune {
				if c < ' ' || c > '~' {
					return '?'
				}
				return c
			}, r.ID)
			r.ID = r.ID[:min(len(r.ID), 1000)]
		})),
		orMutant("ignores-bad-options", "013", "bad-options", "", onStart(func(r *ports.StartRequest) {
			r.RunTimeout = max(r.RunTimeout, 0)
			r.Reuse = min(r.Reuse, ports.ReuseFail)
		})),
		orMutant("run-timeout-ignored", "014", "run-timeout", "an-end-is-no-failed-call", onStart(func(r *ports.StartRequest) { r.RunTimeout = min(r.RunTimeout, 0) })),
		orMutant("drops-headers", "015", "headers-reach-the-code", "", onStart(func(r *ports.StartRequest) { r.Headers = nil })),
		orMutant("drops-memo", "016", "memo-and-search-attributes", "", onStart(func(r *ports.StartRequest) { r.Memo = nil })),
	}
}

func orPayloadMutants() []Mutant[ports.Orchestrator] {
	return []Mutant[ports.Orchestrator]{
		orMutant("numbers-as-floats", "017", "payloads-cross-unchanged", "", onStart(func(r *ports.StartRequest) {
			var v any
			if json.Unmarshal(r.Input, &v) == nil {
				r.Input, _ = json.Marshal(v)
			}
		})),
		orMutant("empty-payload-stays-empty", "018", "empty-payload-is-null", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.code = func(fn ports.ProcessFunc) ports.ProcessFunc {
				return func(c orContext, in json.RawMessage) (json.RawMessage, error) {
					if string(in) == "null" {
						in = nil
					}
					return fn(c, in)
				}
			}
		}),
		orMutant("accepts-any-bytes", "019", "payload-must-be-json", "errors-name-the-driver", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
				if !json.Valid(r.Input) {
					r.Input = nil
				}
				return o.Start(ctx, r)
			}
		}),
		orMutant("retains-input", "020", "payloads-are-copied", "", orRetainsInput),
	}
}

// orRetainsInput hands the caller's own bytes to the code.
func orRetainsInput(o ports.Orchestrator, b *brokenOrchestrator) {
	var mu sync.Mutex
	held := map[string]json.RawMessage{}
	b.start = func(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
		run, err := o.Start(ctx, r)
		mu.Lock()
		defer mu.Unlock()
		held[run.RunID] = r.Input
		return run, err
	}
	b.code = func(fn ports.ProcessFunc) ports.ProcessFunc {
		return func(c orContext, in json.RawMessage) (json.RawMessage, error) {
			mu.Lock()
			caller := held[c.Info().RunID]
			mu.Unlock()
			if len(caller) > 0 {
				in = bytes.Clone(caller)
			}
			return fn(c, in)
		}
	}
}

func orErrorMutants() []Mutant[ports.Orchestrator] {
	process := func(replace func(error) error) func(ports.Orchestrator, *brokenOrchestrator) {
		return func(_ ports.Orchestrator, b *brokenOrchestrator) { b.code = processError(replace) }
	}
	step := func(replace func(error) error) func(ports.Orchestrator, *brokenOrchestrator) {
		return func(_ ports.Orchestrator, b *brokenOrchestrator) { b.attempt = stepError(replace) }
	}
	return []Mutant[ports.Orchestrator]{
		orMutant("process-error-as-text", "021", "process-error-crosses", "text-around-an-error-is-kept child", process(func(err error) error {
			if a, ok := applicationError(err); ok && a.Type == "CardDeclined" {
				return errors.New(err.Error())
			}
			return err
		})),
		orMutant("step-error-as-text", "022", "step-error-crosses", "", step(func(err error) error {
			if a, ok := applicationError(err); ok && a.Type != "" {
				return errors.New(err.Error())
			}
			return err
		})),
		orMutant("error-text-hidden", "023", "other-errors-cross-as-text", "attempts no-attempts-is-one", step(func(err error) error {
			if _, ok := applicationError(err); !ok && ports.KindOf(err) == 0 {
				return errors.New("internal error")
			}
			return err
		})),
		orMutant("kinds-become-failed", "024", "kinds-cross", "", step(func(err error) error {
			if _, ok := applicationError(err); !ok && ports.KindOf(err) != 0 {
				return &ports.ApplicationError{Message: err.Error()}
			}
			return err
		})),
		orMutant("canceled-step-cancels-process", "025", "canceled-of-a-step-is-a-failure", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			const mark = "mutant: "
			b.attempt = stepError(func(err error) error {
				if ports.KindOf(err) == ports.ErrCanceled {
					return errors.New(mark + err.Error())
				}
				return err
			})
			b.code = processError(func(err error) error {
				if strings.Contains(err.Error(), mark) {
					return orErr(ports.ErrCanceled)
				}
				return err
			})
		}),
		orMutant("text-around-errors-lost", "026", "text-around-an-error-is-kept", "", process(func(err error) error {
			if a, ok := applicationError(err); ok {
				return a
			}
			return err
		})),
		orMutant("ends-look-like-failed-calls", "027", "an-end-is-no-failed-call", "", func(o ports.Orchestrator, b *brokenOrchestrator) {
			b.result = func(ctx context.Context, r ports.Run) (json.RawMessage, error) {
				out, err := o.Result(ctx, r)
				if a, ok := applicationError(err); ok && a.Kind != ports.ErrFailed && a.Type == "" && ports.KindOf(err) == ports.ErrCanceled {
					return out, orErr(a.Kind)
				}
				return out, err
			}
		}),
		orMutant("panicking-process-stays", "028", "process-panic", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.code = func(fn ports.ProcessFunc) ports.ProcessFunc {
				return func(c orContext, in json.RawMessage) (out json.RawMessage, err error) {
					defer func() {
						if recover() != nil {
							never(c)
						}
					}()
					return fn(c, in)
				}
			}
		}),
		orMutant("step-panic-is-final", "029", "step-panic", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.attempt = func(fn ports.StepFunc) ports.StepFunc {
				return func(c ports.StepContext, in json.RawMessage) (out json.RawMessage, err error) {
					defer func() {
						if recover() != nil {
							err = &ports.ApplicationError{Type: ports.TypePanic, Message: "panic", NonRetryable: true}
						}
					}()
					return fn(c, in)
				}
			}
		}),
	}
}
