package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orStepCases() []orCase {
	return []orCase{
		orCoreCase("step-input-and-output", "041", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"twice": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					f := c.Step(ports.StepCall{Name: "wrap", Input: orRaw(`"in"`)})
					first, err := f.Get(c)
					if err != nil {
						return nil, err
					}
					again, err := f.Get(c)
					return []any{f.Ready(), first, again}, err
				}),
				"wrap": orStep(func(_ ports.StepContext, in orRaw) (any, error) { return []orRaw{in}, nil }),
			})
			orWant(ctx, e, "twice", nil, []any{true, []string{"in"}, []string{"in"}})
		}),
		orCoreCase("step-info", "042", func(ctx context.Context, e *orEnv) {
			type seen struct {
				Name, Queue, Process, ID, RunID string
				Attempt                         int
			}
			orServe(ctx, e, orCode{
				"informed": orOneStep(ports.StepCall{Name: "info", Attempts: 3, Backoff: time.Millisecond}),
				"info": orStep(func(c ports.StepContext, _ orRaw) (any, error) {
					i := c.Info()
					if i.Attempt < 3 {
						return nil, errors.New("not yet")
					}
					return seen{i.Name, i.Queue, i.Process, i.Run.ID, i.Run.RunID, i.Attempt}, nil
				}),
			})
			run := orBegin(ctx, e, orRequest("informed", nil))
			orWantResult(ctx, e, run, seen{"info", orQueue, "informed", run.ID, run.RunID, 3})
		}),
		orCoreCase("step-on-its-queue", "051", func(ctx context.Context, e *orEnv) {
			queue := orStep(func(c ports.StepContext, _ orRaw) (any, error) { return c.Info().Queue, nil })
			here, there := "here", "there"
			named := func(name string) orStep {
				return func(c ports.StepContext, _ orRaw) (any, error) {
					q, err := queue(c, nil)
					return []any{name, q}, err
				}
			}
			orServeOn(ctx, e, e.Driver, orQueue, orCode{"where": named(here), "routed": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				own, err := c.Step(ports.StepCall{Name: "where"}).Get(c)
				if err != nil {
					return nil, err
				}
				routed, err := c.Step(ports.StepCall{Name: "where", Queue: "other"}).Get(c)
				return []orRaw{own, routed}, err
			})})
			orServeOn(ctx, e, e.Driver, "other", orCode{"where": named(there)})
			orWant(ctx, e, "routed", nil, [][]string{{here, orQueue}, {there, "other"}})
		}),
		orCoreCase("unregistered-step-waits", "052", func(ctx context.Context, e *orEnv) {
			attempt := orStep(func(c ports.StepContext, _ orRaw) (any, error) { return c.Info().Attempt, nil })
			orServe(ctx, e, orCode{"lacks": orOneStep(ports.StepCall{Name: "late"})})
			run := orBegin(ctx, e, orRequest("lacks", nil))
			e.pause(ctx, e.Timing.Quiet)
			orWantStatus(ctx, e, run, ports.StatusRunning)
			orServe(ctx, e, orCode{"late": attempt})
			orWantSoon(ctx, e, run, 1, 1)
		}),
		orCoreCase("steps-run-side-by-side", "053", func(ctx context.Context, e *orEnv) {
			both := orMeeting(2)
			orServe(ctx, e, orCode{
				"parallel": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					one, two := c.Step(ports.StepCall{Name: "meet", Input: orRaw("1")}), c.Step(ports.StepCall{Name: "meet", Input: orRaw("2")})
					first, err := one.Get(c)
					if err != nil {
						return nil, err
					}
					second, err := two.Get(c)
					return []orRaw{first, second}, err
				}),
				"meet": both,
			})
			orWant(ctx, e, "parallel", nil, []int{1, 2})
		}),
		orCoreCase("bad-step-calls", "054", func(ctx context.Context, e *orEnv) {
			var runs atomic.Int64
			orServe(ctx, e, orCode{
				"counted": orOneStep(ports.StepCall{Name: "count"}),
				"count":   orCounter(&runs),
				"bad": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					var errs []error
					for _, call := range []ports.StepCall{{}, {Name: "count", Attempts: -1}, {Name: "count", Timeout: -1}, {Name: "count", Backoff: -1},
						{Name: "count", Input: orRaw("{")}} {
						_, err := c.Step(call).Get(c)
						errs = append(errs, err)
					}
					return orKinds(errs...), nil
				}),
			})
			orWant(ctx, e, "bad", nil, []string{"invalid", "invalid", "invalid", "invalid", "invalid"})
			orSentinel(ctx, e, &runs, 1)
		}),
		orCoreCase("heartbeat-details", "057", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"beats": orOneStep(ports.StepCall{Name: "beat", Attempts: 2, Backoff: time.Millisecond}),
				"beat": orStep(func(c ports.StepContext, _ orRaw) (any, error) {
					if c.Info().Attempt == 1 {
						if c.LastHeartbeat() != nil {
							return nil, &ports.ApplicationError{Message: "the first attempt finds details", NonRetryable: true}
						}
						return nil, errors.Join(c.Heartbeat(orRaw(`{"done":1}`)), c.Heartbeat(orRaw(`{"done":2}`)), errors.New("again"))
					}
					return c.LastHeartbeat(), nil
				}),
			})
			orWant(ctx, e, "beats", nil, map[string]int{"done": 2})
		}),
	}
}

// orMeeting is a step that returns its input once n of its runs are there.
func orMeeting(n int64) orStep {
	var here atomic.Int64
	all := make(chan struct{})
	return func(c ports.StepContext, in orRaw) (any, error) {
		if here.Add(1) == n {
			close(all)
		}
		select {
		case <-all:
			return in, nil
		case <-c.Done():
			return nil, c.Err()
		}
	}
}

func orAttemptCases() []orCase {
	return []orCase{
		orCoreCase("attempts", "043", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"fails":    orOneStep(ports.StepCall{Name: "fail", Attempts: 3, Backoff: time.Millisecond}),
				"recovers": orOneStep(ports.StepCall{Name: "recover", Attempts: 5, Backoff: time.Millisecond}),
				"fail":     orFailAttempts(99),
				"recover":  orFailAttempts(2),
			})
			_, err := orRun(ctx, e, "fails", nil)
			a := orApplicationError(e, err, "a step that fails")
			e.check(a.Message == "attempt 3", "the error is that of %q; want the third and last attempt's", a.Message)
			orWant(ctx, e, "recovers", nil, 3)
		}),
		orCoreCase("no-attempts-is-one", "044", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"fails": orOneStep(ports.StepCall{Name: "fail", Backoff: time.Millisecond}), "fail": orFailAttempts(99)})
			_, err := orRun(ctx, e, "fails", nil)
			a := orApplicationError(e, err, "a step that fails")
			e.check(a.Message == "attempt 1", "the error is that of %q; want the only attempt's", a.Message)
		}),
		orCoreCase("backoff-doubles", "045", func(ctx context.Context, e *orEnv) {
			const backoff = 60 * time.Millisecond
			gaps := orGaps(ctx, e, ports.StepCall{Attempts: 4, Backoff: backoff})
			for i, gap := range gaps {
				least := backoff << i
				e.check(gap >= least-orClockError, "the wait before attempt %d was %v; want at least %v", i+2, gap, least)
			}
		}),
		orCoreCase("max-backoff", "046", func(ctx context.Context, e *orEnv) {
			// Unbounded, the waits would add up to 51 s.
			gaps := orGaps(ctx, e, ports.StepCall{Attempts: 11, Backoff: 50 * time.Millisecond, MaxBackoff: 60 * time.Millisecond})
			var all time.Duration
			for _, gap := range gaps {
				all += gap
			}
			e.check(all < 600*time.Millisecond+2*e.Timing.Slack, "ten waits of at most 60 ms took %v", all)
		}),
		orCoreCase("errors-that-end-attempts", "047", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"stops": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					var messages []string
					for _, name := range []string{"final", "invalid"} {
						_, err := c.Step(ports.StepCall{Name: name, Attempts: 3, Backoff: time.Millisecond}).Get(c)
						var a *ports.ApplicationError
						if !errors.As(err, &a) {
							return nil, err
						}
						messages = append(messages, a.Message)
					}
					return messages, nil
				}),
				"final": orStep(func(c ports.StepContext, _ orRaw) (any, error) {
					return nil, &ports.ApplicationError{Message: fmt.Sprint(c.Info().Attempt), NonRetryable: true}
				}),
				"invalid": orStep(func(c ports.StepContext, _ orRaw) (any, error) {
					return nil, &ports.ApplicationError{Message: fmt.Sprint(c.Info().Attempt), Kind: ports.ErrInvalid}
				}),
			})
			orWant(ctx, e, "stops", nil, []string{"1", "1"})
		}),
		orCoreCase("attempt-timeout", "048", func(ctx context.Context, e *orEnv) {
			release := make(chan struct{})
			defer close(release)
			orServe(ctx, e, orCode{
				"slow": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					_, one := c.Step(ports.StepCall{Name: "deaf", Timeout: 150 * time.Millisecond, Input: orRaw("9")}).Get(c)
					out, two := c.Step(ports.StepCall{Name: "deaf", Timeout: 150 * time.Millisecond, Input: orRaw("1"), Attempts: 2, Backoff: time.Millisecond}).Get(c)
					return []any{orKinds(one), out}, two
				}),
				"deaf": orStep(func(c ports.StepContext, in orRaw) (any, error) {
					if c.Info().Attempt <= int(in[0]-'0') {
						<-release // whatever c says
					}
					return c.Info().Attempt, nil
				}),
			})
			orWant(ctx, e, "slow", nil, []any{[]string{"timeout"}, 2})
		}),
		orCoreCase("attempt-context-ends", "049", func(ctx context.Context, e *orEnv) {
			ended := make(chan error, 9)
			orServe(ctx, e, orCode{
				"slow": orOneStep(ports.StepCall{Name: "heeds", Timeout: 100 * time.Millisecond}),
				"heeds": orStep(func(c ports.StepContext, _ orRaw) (any, error) {
					_, hasDeadline := c.Deadline()
					<-c.Done()
					if !hasDeadline {
						ended <- errors.New("the context has no deadline")
					}
					ended <- c.Err()
					return nil, c.Err()
				}),
			})
			run := orBegin(ctx, e, orRequest("slow", nil))
			err := awaitAny(e, 100*time.Millisecond, "the end of the attempt's context", ended)
			e.check(errors.Is(err, context.DeadlineExceeded), "the attempt's context ended with %v; want DeadlineExceeded", err)
			_, err = orResult(ctx, e, run)
			e.isKind(err, ports.ErrTimeout, "result")
		}),
		orCoreCase("late-result-is-dropped", "050", func(ctx context.Context, e *orEnv) {
			second, returned, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
			defer close(over)
			orServe(ctx, e, orCode{
				"slow": orOneStep(ports.StepCall{Name: "late", Timeout: e.Timing.Quiet + time.Second, Attempts: 2, Backoff: time.Millisecond}),
				"late": orStep(func(c ports.StepContext, _ orRaw) (any, error) {
					if c.Info().Attempt == 1 {
						defer close(returned)
						orEither(second, over)
						return "late", nil
					}
					close(second)
					orEither(returned, over)
					t := time.NewTimer(e.Timing.Quiet)
					defer t.Stop()
					<-t.C
					return "in time", nil
				}),
			})
			orWant(ctx, e, "slow", nil, "in time")
		}),
	}
}

// orEither waits for one of two channels to be closed; the second is the end of a case that went wrong.
func orEither(a, b <-chan struct{}) {
	select {
	case <-a:
	case <-b:
	}
}

// orClockError is how far two readings of clocks may be apart.
const orClockError = 5 * time.Millisecond

// orFailAttempts fails the first n attempts with an error that names the attempt, and then returns its number.
func orFailAttempts(n int) orStep {
	return func(c ports.StepContext, _ orRaw) (any, error) {
		if c.Info().Attempt <= n {
			return nil, fmt.Errorf("attempt %d", c.Info().Attempt)
		}
		return c.Info().Attempt, nil
	}
}

// orGaps runs a step that always fails, and returns the times between its attempts.
func orGaps(ctx context.Context, e *orEnv, call ports.StepCall) []time.Duration {
	begun := make(chan time.Time, call.Attempts+1)
	call.Name = "fail"
	step := orStep(func(ports.StepContext, orRaw) (any, error) {
		begun <- time.Now()
		return nil, errors.New("again")
	})
	if call.Local != nil {
		call.Local = orStepFunc(step)
	}
	orServe(ctx, e, orCode{"fails": orOneStep(call), "fail": step})
	_, err := orRun(ctx, e, "fails", nil)
	e.isKind(err, ports.ErrFailed, "result")
	close(begun)
	var gaps []time.Duration
	last := <-begun
	for at := range begun {
		gaps = append(gaps, at.Sub(last))
		last = at
	}
	e.check(len(gaps) == call.Attempts-1, "%d attempts; want %d", len(gaps)+1, call.Attempts)
	return gaps
}

func orLocalStepCases() []orCase {
	return []orCase{
		orCoreCase("local-step", "055", func(ctx context.Context, e *orEnv) {
			local := orStepFunc(func(c ports.StepContext, in orRaw) (any, error) {
				return []any{in, c.Info().Name, c.Info().Attempt}, nil
			})
			orServe(ctx, e, orCode{"local": orProcess(func(c ports.ProcessContext, in orRaw) (any, error) {
				return c.Step(ports.StepCall{Name: "nowhere-registered", Input: in, Local: local}).Get(c)
			})})
			orWant(ctx, e, "local", "in", []any{"in", "nowhere-registered", 1})
		}),
		orCoreCase("local-step-attempts", "056", func(ctx context.Context, e *orEnv) {
			const backoff = 60 * time.Millisecond
			gaps := orGaps(ctx, e, ports.StepCall{Attempts: 3, Backoff: backoff, Local: orStepFunc(orEchoStep)})
			for i, gap := range gaps {
				e.check(gap >= backoff<<i-orClockError, "the wait before attempt %d was %v; want at least %v", i+2, gap, backoff<<i)
			}
			release := make(chan struct{})
			defer close(release)
			deaf := orStepFunc(func(c ports.StepContext, _ orRaw) (any, error) {
				if c.Info().Attempt == 1 {
					<-release
				}
				return c.Info().Attempt, nil
			})
			orServe(ctx, e, orCode{"slow": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
				return c.Step(ports.StepCall{Name: "deaf", Attempts: 2, Backoff: time.Millisecond, Timeout: 150 * time.Millisecond, Local: deaf}).Get(c)
			})})
			orWant(ctx, e, "slow", nil, 2)
		}),
	}
}
