package mutants

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/breakwater-go/breakwater/ports"
)

func orStepMutants() []Mutant[ports.Orchestrator] {
	return []Mutant[ports.Orchestrator]{
		orMutant("output-only-once", "041", "step-input-and-output", "payloads-are-copied", insideOnly(func(inner orContext, c *brokenContext) {
			c.step = func(s ports.StepCall) ports.Future {
				f := inner.Step(s)
				asked := false
				return &brokenFuture{f, func(c orContext) (json.RawMessage, error) {
					out, err := f.Get(c)
					if asked {
						out = json.RawMessage("null")
					}
					asked = true
					return out, err
				}}
			}
		})),
		orMutant("no-attempt-count", "042", "step-info", "step-panic heartbeat-details attempts attempt-timeout late-result-is-dropped", stepContext(func(c *brokenStep) {
			c.info = func() ports.StepInfo {
				info := c.StepContext.Info()
				info.Attempt = 1
				return info
			}
		})),
		orMutant("one-attempt-more", "043", "attempts", "backoff-doubles max-backoff local-step-attempts", stepCall(func(s *ports.StepCall) {
			if s.Attempts > 1 {
				s.Attempts++
			}
		})),
		orMutant("tries-thrice-by-default", "044", "no-attempts-is-one", "step-panic", stepCall(func(s *ports.StepCall) {
			if s.Attempts == 0 {
				s.Attempts = 3
			}
		})),
		orMutant("constant-backoff", "045", "backoff-doubles", "local-step-attempts", stepCall(func(s *ports.StepCall) {
			if s.Backoff > 0 {
				s.MaxBackoff = s.Backoff
			}
		})),
		orMutant("max-backoff-ignored", "046", "max-backoff", "", stepCall(func(s *ports.StepCall) { s.MaxBackoff = 0 })),
		orMutant("tries-everything-again", "047", "errors-that-end-attempts", "", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.attempt = stepError(func(err error) error {
				a, ok := applicationError(err)
				if !ok || a.Kind != ports.ErrInvalid && !a.NonRetryable {
					return err
				}
				return errors.New(a.Message)
			})
		}),
		orMutant("attempt-timeout-ignored", "048 049", "attempt-timeout attempt-context-ends", "late-result-is-dropped local-step-attempts", stepCall(func(s *ports.StepCall) {
			s.Timeout = min(s.Timeout, 0)
		})),
		orMutant("late-result-counts", "050", "late-result-is-dropped", "", orLateResultCounts),
		orMutant("route-ignored", "051", "step-on-its-queue", "", stepCall(func(s *ports.StepCall) { s.Queue = "" })),
		orMutant("unregistered-step-fails", "052", "unregistered-step-waits", "close-drains-workers", func(_ ports.Orchestrator, b *brokenOrchestrator) {
			b.inside = func(inner orContext, c *brokenContext) {
				c.step = func(s ports.StepCall) ports.Future {
					if s.Local == nil && s.Name != "" && !b.registered[s.Name] {
						s.Name, s.Local = "unregistered", func(ports.StepContext, json.RawMessage) (json.RawMessage, error) {
							return nil, orErr(ports.ErrNotFound)
						}
					}
					return inner.Step(s)
				}
			}
		}),
		orMutant("steps-in-series", "053", "steps-run-side-by-side", "cancelled-scope-does-not-wait", insideOnly(func(inner orContext, c *brokenContext) {
			c.step = func(s ports.StepCall) ports.Future {
				f := inner.Step(s)
				_, _ = f.Get(inner)
				return f
			}
		})),
		orMutant("mends-bad-step-calls", "054", "bad-step-calls", "", stepCall(func(s *ports.StepCall) {
			if s.Name == "" {
				s.Name = "count"
			}
			s.Attempts, s.Timeout, s.Backoff = max(s.Attempts, 0), max(s.Timeout, 0), max(s.Backoff, 0)
			if !json.Valid(s.Input) {
				s.Input = nil
			}
		})),
		orMutant("local-step-on-the-queue", "055", "local-step", "local-step-attempts goes-on-with-the-next-worker", stepCall(func(s *ports.StepCall) { s.Local = nil })),
		orMutant("local-step-tried-once", "056", "local-step-attempts", "", stepCall(func(s *ports.StepCall) {
			if s.Local != nil {
				s.Attempts = min(s.Attempts, 1)
			}
		})),
		orMutant("heartbeat-details-lost", "057", "heartbeat-details", "", stepContext(func(c *brokenStep) {
			c.last = func() json.RawMessage { return nil }
		})),
		orMutant("steps-deaf-to-cancel", "093", "step-learns-of-cancel", "attempt-context-ends", stepContext(func(c *brokenStep) {
			c.err = func() error { return nil }
			tries := 0
			c.heartbeat = func(details json.RawMessage) error {
				if tries++; tries > 10_000 {
					return errors.New("a mutant may not spin for ever")
				}
				_ = c.StepContext.Heartbeat(details)
				return nil
			}
		})),
	}
}

// orLateResultCounts lets the first output of any attempt be that of all later ones.
func orLateResultCounts(_ ports.Orchestrator, b *brokenOrchestrator) {
	var mu sync.Mutex
	first := map[string]json.RawMessage{}
	b.attempt = func(fn ports.StepFunc) ports.StepFunc {
		return func(c ports.StepContext, in json.RawMessage) (json.RawMessage, error) {
			out, err := fn(c, in)
			mu.Lock()
			defer mu.Unlock()
			key := fmt.Sprintln(c.Info().Run.RunID, c.Info().Name, string(in))
			if early, ok := first[key]; ok && err == nil && c.Info().Attempt > 1 {
				return early, nil
			}
			if err == nil {
				first[key] = out
			}
			return out, err
		}
	}
}
