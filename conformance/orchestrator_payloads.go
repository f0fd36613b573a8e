package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func orPayloadCases() []orCase {
	return []orCase{
		orCoreCase("payloads-cross-unchanged", "017", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"through": orOneStep(ports.StepCall{Name: "echo-step"}), "echo-step": orEchoStep})
			big := orRaw(`{"html":"<b>&\u2028</b>","number":12345678901234567890,"text":"` + strings.Repeat("x", 1<<20) + `"}`)
			orWant(ctx, e, "through", big, big)
		}),
		orCoreCase("empty-payload-is-null", "018", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"empty": orProcess(func(c ports.ProcessContext, in orRaw) (any, error) {
					step, err := c.Step(ports.StepCall{Name: "empty-step"}).Get(c)
					if err != nil {
						return nil, err
					}
					arg, err := orReceive(c, "go")
					return []string{string(in), string(step), string(arg)}, err
				}),
				"empty-step": orStep(func(_ ports.StepContext, in orRaw) (any, error) {
					if string(in) != "null" {
						return nil, fmt.Errorf("the step got %q", in)
					}
					return orRaw(nil), nil
				}),
				"nothing": orProcess(func(ports.ProcessContext, orRaw) (any, error) { return orRaw(nil), nil }),
			})
			r := orRequest("empty", nil)
			r.Input = nil
			run := orBegin(ctx, e, r)
			e.noError(e.Driver.Signal(ctx, run, "go", nil), "signal")
			orWantResult(ctx, e, run, []string{"null", "null", "null"})
			orWant(ctx, e, "nothing", nil, nil)
		}),
		orCoreCase("payload-must-be-json", "019", func(ctx context.Context, e *orEnv) {
			orRefused(ctx, e, "input that is no JSON", func(r *ports.StartRequest) { r.Input = orRaw(`{"half":`) })
			orServe(ctx, e, orCode{"waiter": orWaiter})
			run := orBegin(ctx, e, orRequest("waiter", nil))
			e.isKind(e.Driver.Signal(ctx, run, "go", orRaw(`{"half":`)), ports.ErrInvalid, "signal what is no JSON")
			orSignal(ctx, e, run, "go", "sentinel")
			orWantResult(ctx, e, run, "sentinel")
		}),
		orCoreCase("payloads-are-copied", "020", orPayloadsAreCopied),
	}
}

var orEchoStep orStep = func(_ ports.StepContext, in orRaw) (any, error) { return in, nil }

func orPayloadsAreCopied(ctx context.Context, e *orEnv) {
	spoil := func(b orRaw) { copy(b, `"XXXXX`) }
	r := orRequest("copied", nil)
	r.Input = orRaw(`"input"`)
	run := orBegin(ctx, e, r)
	spoil(r.Input)
	arg := orRaw(`"argument"`)
	e.noError(e.Driver.Signal(ctx, run, "go", arg), "signal")
	spoil(arg)
	kept := orRaw(`"output"`)
	var attempts atomic.Int64
	orServe(ctx, e, orCode{
		"copied": orProcess(func(c ports.ProcessContext, in orRaw) (any, error) {
			call := ports.StepCall{Name: "spoil", Input: orRaw(`"of step"`), Attempts: 2, Backoff: time.Millisecond}
			f := c.Step(call)
			spoil(call.Input)
			out, err := f.Get(c)
			if err != nil {
				return nil, err
			}
			spoil(out)
			again, err := f.Get(c)
			if err != nil {
				return nil, err
			}
			arg, err := orReceive(c, "go")
			return []orRaw{in, again, arg}, err
		}),
		"spoil": orStep(func(_ ports.StepContext, in orRaw) (any, error) {
			got := string(in)
			spoil(in)
			if attempts.Add(1) == 1 || got != `"of step"` {
				return nil, errors.New("the step's input is " + got)
			}
			return kept, nil
		}),
	})
	out, err := orResult(ctx, e, run)
	e.noError(err, "result")
	spoil(kept)
	orSame(e, out, []string{"input", "output", "argument"}, "the output")
	copy(out, "XXXXXXXX")
	orWantResult(ctx, e, run, []string{"input", "output", "argument"})
}

func orErrorCases() []orCase {
	return []orCase{
		orCoreCase("process-error-crosses", "021", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"fails": orProcess(func(ports.ProcessContext, orRaw) (any, error) { return nil, orDeclined() })})
			run := orBegin(ctx, e, orRequest("fails", nil))
			err := orWantEnd(ctx, e, run, ports.StatusFailed)
			e.isKind(err, ports.ErrConflict, "result")
			orIsDeclined(e, err)
		}),
		orCoreCase("step-error-crosses", "022", func(ctx context.Context, e *orEnv) {
			var seen atomic.Value
			orServe(ctx, e, orCode{
				"fails": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					_, err := c.Step(ports.StepCall{Name: "decline"}).Get(c)
					if err != nil {
						seen.Store(err)
					}
					return "went on", nil
				}),
				"decline": orStep(func(ports.StepContext, orRaw) (any, error) { return nil, orDeclined() }),
			})
			orWant(ctx, e, "fails", nil, "went on")
			err, _ := seen.Load().(error)
			e.isKind(err, ports.ErrConflict, "the step's future")
			orIsDeclined(e, err)
		}),
		orCoreCase("other-errors-cross-as-text", "023", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"fails":  orOneStep(ports.StepCall{Name: "refuse"}),
				"refuse": orStep(func(ports.StepContext, orRaw) (any, error) { return nil, errors.New("no room left") }),
			})
			_, err := orRun(ctx, e, "fails", nil)
			e.isKind(err, ports.ErrFailed, "result")
			a := orApplicationError(e, err, "result")
			e.check(a.Type == "" && strings.Contains(a.Message, "no room left"), "the error is %+v; want no Type and the text", a)
		}),
		orCoreCase("kinds-cross", "024", orKindsCross),
		orCoreCase("canceled-of-a-step-is-a-failure", "025", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"fails":  orOneStep(ports.StepCall{Name: "cancel"}),
				"cancel": orStep(func(ports.StepContext, orRaw) (any, error) { return nil, context.Canceled }),
			})
			run := orBegin(ctx, e, orRequest("fails", nil))
			e.isKind(orWantEnd(ctx, e, run, ports.StatusFailed), ports.ErrFailed, "result")
		}),
		orCoreCase("text-around-an-error-is-kept", "026", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"fails": orProcess(func(ports.ProcessContext, orRaw) (any, error) {
				return nil, fmt.Errorf("booking 4711: %w", orDeclined())
			})})
			_, err := orRun(ctx, e, "fails", nil)
			a := orApplicationError(e, err, "result")
			e.check(a.Type == "CardDeclined" && strings.Contains(a.Message, "booking 4711") && strings.Contains(a.Message, "no cover"),
				"the error is %+v; want the Type and both texts", a)
		}),
		orCoreCase("an-end-is-no-failed-call", "027", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{"waiter": orWaiter})
			run := orBegin(ctx, e, orRequest("waiter", nil))
			short, cancel := context.WithTimeout(ctx, e.Timing.Quiet)
			defer cancel()
			_, err := e.Driver.Result(short, run)
			var a *ports.ApplicationError
			e.check(err != nil && !errors.As(err, &a), "a call that failed gives %v; want an error without an ApplicationError", err)
			e.noError(e.Driver.Cancel(ctx, run), "cancel")
			_ = orApplicationError(e, orWantEnd(ctx, e, run, ports.StatusCancelled), "a cancelled run")
			r := orRequest("waiter", nil)
			r.RunTimeout = 100 * time.Millisecond
			_ = orApplicationError(e, orWantEnd(ctx, e, orBegin(ctx, e, r), ports.StatusTimedOut), "a run past its RunTimeout")
			run = orBegin(ctx, e, orRequest("waiter", nil))
			e.noError(e.Driver.Terminate(ctx, run, "enough"), "terminate")
			_ = orApplicationError(e, orWantEnd(ctx, e, run, ports.StatusTerminated), "a terminated run")
		}),
		orCoreCase("process-panic", "028", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"panics": orProcess(func(ports.ProcessContext, orRaw) (any, error) { panic("out of luck") }),
				"panics-in-go": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					c.Go(func(ports.ProcessContext) { panic("out of luck") })
					return orReceive(c, "go")
				}),
			})
			for _, process := range []string{"panics", "panics-in-go"} {
				run := orBegin(ctx, e, orRequest(process, nil))
				a := orApplicationError(e, orWantEnd(ctx, e, run, ports.StatusFailed), process)
				e.check(a.Type == ports.TypePanic && strings.Contains(a.Message, "out of luck"), "%s ends with %+v; want TypePanic", process, a)
			}
		}),
		orCoreCase("step-panic", "029", func(ctx context.Context, e *orEnv) {
			orServe(ctx, e, orCode{
				"panics": orProcess(func(c ports.ProcessContext, _ orRaw) (any, error) {
					_, err := c.Step(ports.StepCall{Name: "panics-once"}).Get(c)
					var a *ports.ApplicationError
					if !errors.As(err, &a) || a.Type != ports.TypePanic {
						return nil, fmt.Errorf("one attempt gives %w", err)
					}
					return c.Step(ports.StepCall{Name: "panics-once", Attempts: 2, Backoff: time.Millisecond}).Get(c)
				}),
				"panics-once": orStep(func(c ports.StepContext, _ orRaw) (any, error) {
					if c.Info().Attempt == 1 {
						panic("out of luck")
					}
					return "recovered", nil
				}),
			})
			orWant(ctx, e, "panics", nil, "recovered")
		}),
	}
}

func orDeclined() error {
	return &ports.ApplicationError{Type: "CardDeclined", Message: "no cover", Kind: ports.ErrConflict, Details: orJSON(map[string]int{"code": 51})}
}

func orIsDeclined(e *orEnv, err error) {
	a := orApplicationError(e, err, "the failure")
	e.check(a.Type == "CardDeclined" && a.Message == "no cover" && a.Kind == ports.ErrConflict,
		"the error crossed as type %q, message %q, kind %v", a.Type, a.Message, a.Kind)
	orSame(e, a.Details, map[string]int{"code": 51}, "Details")
}

func orKindsCross(ctx context.Context, e *orEnv) {
	orServe(ctx, e, orCode{
		"kind": orProcess(func(c ports.ProcessContext, in orRaw) (any, error) {
			_, err := c.Step(ports.StepCall{Name: "kind-step", Input: in}).Get(c)
			if kind := ports.KindOf(err).Error(); string(orJSON(kind)) != string(in) {
				return nil, &ports.ApplicationError{Type: "Changed", Message: kind}
			}
			return nil, err
		}),
		"kind-step": orStep(func(_ ports.StepContext, in orRaw) (any, error) {
			kind, _ := ports.ParseKind(strings.Trim(string(in), `"`))
			return nil, ports.Errorf("mydriver", "op", kind, "cause")
		}),
	})
	for kind := ports.ErrNotFound; kind <= ports.ErrFailed; kind++ {
		if kind == ports.ErrCanceled {
			continue
		}
		r := orRequest("kind", kind.Error())
		r.ID = fmt.Sprintf("kind-%d", kind)
		err := orWantEnd(ctx, e, orBegin(ctx, e, r), ports.StatusFailed)
		e.check(orApplicationError(e, err, kind.Error()).Type != "Changed", "%v from a step arrives as another kind: %v", kind, err)
		e.isKind(err, kind, "result")
	}
}
