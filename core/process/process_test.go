package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// bubble runs a test on a clock of its own, with an orchestrator and workers for the definitions.
func bubble(t *testing.T, test func(t *testing.T, o ports.Orchestrator), definitions ...process.Definition) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := memory.NewOrchestrator(nil)
		w, err := process.NewWorkers(process.WorkersConfig{Orchestrator: o, Definitions: definitions})
		must(t, err)
		must(t, w.Start(t.Context()))
		defer func() {
			ctx := context.WithoutCancel(t.Context())
			must(t, w.Drain(ctx))
			must(t, o.Close(ctx))
		}()
		test(t, o)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind ports.Kind) {
	t.Helper()
	if err == nil || ports.KindOf(err) != kind {
		t.Errorf("error %v (kind %v); want %v", err, ports.KindOf(err), kind)
	}
}

// run starts p and waits for its result.
func run[In, Out any](t *testing.T, o ports.Orchestrator, p *process.Process[In, Out], in In) (Out, error) {
	t.Helper()
	h, err := process.Start(t.Context(), o, p, in, process.StartOptions{})
	must(t, err)
	return h.Get(t.Context())
}

func step[In, Out any](name string, fn func(context.Context, In) (Out, error)) *process.Step[In, Out] {
	return process.NewStep(name, fn, process.StepOptions[In, Out]{})
}

var (
	double = step("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	shout  = step("shout", func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil })
	refuse = step("refuse", func(context.Context, int) (int, error) {
		return 0, &ports.ApplicationError{Type: "Refused", Message: "no", Details: json.RawMessage(`{"code":7}`)}
	})
)

func TestAProcessIsItsSteps(t *testing.T) {
	p := process.New("p", func(c *process.Context, n int) (string, error) {
		n, err := process.Execute(c, double, n)
		if err != nil {
			return "", err
		}
		return process.Execute(c, shout, fmt.Sprint("n", n))
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		if got, err := run(t, o, p, 21); got != "N42" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}, p, double, shout)
}

func TestAttemptsBackOffAndFallBack(t *testing.T) {
	type at struct {
		attempt int
		after   time.Duration
	}
	var start time.Time
	var runs []at
	fallbacks := 0
	flaky := process.NewStep("flaky", func(ctx context.Context, _ int) (string, error) {
		info, ok := process.StepInfo(ctx)
		if !ok {
			t.Error("no step info")
		}
		runs = append(runs, at{info.Attempt, time.Since(start)})
		return "", errors.New("down")
	}, process.StepOptions[int, string]{Attempts: 4, Fallback: func(context.Context, int) (string, error) {
		fallbacks++
		return "fallback", nil
	}})
	p := process.New("p", func(c *process.Context, n int) (string, error) {
		f := process.Begin(c, flaky, n)
		first, err := f.Get(c)
		if err != nil {
			return "", err
		}
		second, err := f.Get(c) // again: neither the step nor the fallback runs twice
		return first + "," + second, err
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		start = time.Now()
		if got, err := run(t, o, p, 1); got != "fallback,fallback" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		want := []at{{1, 0}, {2, time.Second}, {3, 3 * time.Second}, {4, 7 * time.Second}}
		if !slices.Equal(runs, want) || fallbacks != 1 {
			t.Errorf("runs %v, %d fallbacks; want %v, 1", runs, fallbacks, want)
		}
	}, p, flaky)
}

func TestDefaultsOfAStep(t *testing.T) {
	var runs atomic.Int32
	once := step("once", func(ctx context.Context, _ int) (int, error) {
		runs.Add(1)
		<-ctx.Done() // 300 s
		return 0, ctx.Err()
	})
	p := process.New("p", func(c *process.Context, n int) (time.Duration, error) {
		begin := c.Now()
		_, err := process.Execute(c, once, n)
		if ports.KindOf(err) != ports.ErrTimeout {
			return 0, fmt.Errorf("want a timeout, got %w", err)
		}
		return c.Now().Sub(begin), nil
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		got, err := run(t, o, p, 1)
		if got != 300*time.Second || err != nil || runs.Load() != 1 {
			t.Errorf("timed out after %v in %d runs, %v", got, runs.Load(), err)
		}
	}, p, once)
	if p.Queue() != "default" || once.Queue() != "default" || once.Name() != "once" || p.Name() != "p" {
		t.Error("names or queues")
	}
}

func TestErrorsKeepKindTypeAndDetails(t *testing.T) {
	p := process.New("p", func(c *process.Context, n int) (int, error) { return process.Execute(c, refuse, n) }, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		_, err := run(t, o, p, 1)
		var app *ports.ApplicationError
		if !errors.As(err, &app) || app.Type != "Refused" || app.Message != "no" || string(app.Details) != `{"code":7}` {
			t.Errorf("%v: %+v", err, app)
		}
		wantKind(t, err, ports.ErrFailed)
	}, p, refuse)
}

func TestExecuteLocalTriesThreeTimes(t *testing.T) {
	var runs atomic.Int32
	flaky := step("flaky", func(context.Context, int) (int, error) {
		if runs.Add(1) < 3 {
			return 0, errors.New("not yet")
		}
		return 7, nil
	})
	slow := step("slow", func(ctx context.Context, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
	p := process.New("p", func(c *process.Context, n int) (time.Duration, error) {
		if got, err := process.ExecuteLocal(c, flaky, n, process.LocalOptions{}); got != 7 || err != nil {
			return 0, fmt.Errorf("flaky: %d, %w", got, err)
		}
		begin := c.Now()
		_, err := process.ExecuteLocal(c, slow, n, process.LocalOptions{Attempts: 1})
		if ports.KindOf(err) != ports.ErrTimeout {
			return 0, fmt.Errorf("slow: %w", err)
		}
		return c.Now().Sub(begin), nil
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		if got, err := run(t, o, p, 1); got != 5*time.Second || err != nil { // the steps are registered nowhere
			t.Errorf("%v, %v", got, err)
		}
	}, p)
}

func TestInParallelAwaitsAllAndKeepsTheOrder(t *testing.T) {
	slow := step("slow", func(_ context.Context, d time.Duration) (time.Duration, error) { time.Sleep(d); return d, nil })
	p := process.New("p", func(c *process.Context, _ int) (string, error) {
		begin := c.Now()
		got, err := process.InParallel(c, process.Call(slow, 3*time.Second), process.Call(shout, "a"), process.Call(refuse, 1), process.Call(slow, time.Second))
		return fmt.Sprint(got, err != nil && strings.Contains(err.Error(), "refuse: "), c.Now().Sub(begin)), nil
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		if got, err := run(t, o, p, 1); got != "[3s A <nil> 1s] true 3s" || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	}, p, slow, shout, refuse)
}

func TestInSeriesStopsAtTheFirstError(t *testing.T) {
	p := process.New("p", func(c *process.Context, _ int) (string, error) {
		got, err := process.InSeries(c, process.Call(double, 1), process.Call(shout, "a"), process.Call(refuse, 1), process.Call(shout, "never"))
		return fmt.Sprint(got, err != nil), nil
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		if got, err := run(t, o, p, 1); got != "[2 A] true" || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	}, p, double, shout, refuse)
}

func TestRouteUsesItsQueue(t *testing.T) {
	where := process.NewStep("where", func(ctx context.Context, _ string) (string, error) {
		info, _ := process.StepInfo(ctx)
		return info.Queue, nil
	}, process.StepOptions[string, string]{Queue: "cpu"})
	gpu := process.NewStep("unused", func(context.Context, int) (int, error) { return 0, nil }, process.StepOptions[int, int]{Queue: "gpu"})
	p := process.New("p", func(c *process.Context, to string) (string, error) {
		return process.Route(c, where, func(to string) string { return to }, to)
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		for to, want := range map[string]string{"gpu": "gpu", "": "cpu"} {
			if got, err := run(t, o, p, to); got != want || err != nil {
				t.Errorf("routed to %q: ran on %q, %v", to, got, err)
			}
		}
	}, p, where, gpu)
}

func TestStateFromInsideAndOutside(t *testing.T) {
	p := process.New("p", func(c *process.Context, _ int) (string, error) {
		if _, err := process.GetState[string](c, "answer"); ports.KindOf(err) != ports.ErrNotFound {
			return "", fmt.Errorf("before: %w", err)
		}
		if err := process.SetState(c, "question", "how many?"); err != nil {
			return "", err
		}
		if err := c.Sleep(time.Hour); err != nil {
			return "", err
		}
		return process.GetState[string](c, "answer")
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		ctx := t.Context()
		h, err := process.Start(ctx, o, p, 1, process.StartOptions{ID: "s"})
		must(t, err)
		synctest.Wait()
		if got, err := process.GetStateOf[string](ctx, o, "s", "question"); got != "how many?" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		_, err = process.GetStateOf[string](ctx, o, "s", "unknown")
		wantKind(t, err, ports.ErrNotFound)
		must(t, process.SetStateOf(ctx, o, "s", "answer", "42"))
		if got, err := process.GetStateOf[string](ctx, o, "s", "answer"); got != "42" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := h.Get(ctx); got != "42" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		wantKind(t, process.SetStateOf(ctx, o, "s", "answer", "late"), ports.ErrNotFound)
		if got, err := process.GetStateOf[string](ctx, o, "s", "answer"); got != "42" || err != nil {
			t.Errorf("after the end: %q, %v", got, err)
		}
	}, p)
}

func TestSagaUndoesInReverseAlsoWhenCancelled(t *testing.T) {
	var mu sync.Mutex
	var undone []string
	undo := step("undo", func(_ context.Context, what string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		undone = append(undone, what)
		if what == "b" {
			return "", errors.New("cannot undo b")
		}
		return what, nil
	})
	p := process.New("p", func(c *process.Context, _ int) (string, error) {
		var saga process.Saga
		for _, what := range []string{"a", "b", "c"} {
			saga.Add(func(c *process.Context) error { _, err := process.Execute(c, undo, what); return err })
		}
		err := c.Sleep(time.Hour)
		if err == nil {
			return "", errors.New("not cancelled")
		}
		if undoErr := saga.Compensate(c); undoErr == nil || !strings.Contains(undoErr.Error(), "cannot undo b") {
			return "", fmt.Errorf("compensation says %w", undoErr)
		}
		if again := saga.Compensate(c); again != nil {
			return "", again
		}
		return "", err
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		h, err := process.Start(t.Context(), o, p, 1, process.StartOptions{})
		must(t, err)
		synctest.Wait()
		must(t, h.Cancel(t.Context()))
		_, err = h.Get(t.Context())
		wantKind(t, err, ports.ErrCanceled)
		if s, err := h.Status(t.Context()); s != ports.StatusCancelled || err != nil {
			t.Errorf("%v, %v", s, err)
		}
		if !slices.Equal(undone, []string{"c", "b", "a"}) {
			t.Errorf("undone: %v", undone)
		}
	}, p, undo)
}

func TestChildrenAndSideEffects(t *testing.T) {
	child := process.New("child", func(c *process.Context, n int) (int, error) {
		if c.Info().Parent == nil {
			return 0, errors.New("no parent")
		}
		return process.Execute(c, double, n)
	}, process.Options{Queue: "children"})
	p := process.New("p", func(c *process.Context, n int) (int, error) {
		f := process.BeginChild(c, child, n, process.ChildOptions{ID: "the-child"})
		if run, err := f.Started(c); err != nil || run.ID != "the-child" {
			return 0, fmt.Errorf("started: %v, %w", run, err)
		}
		got, err := f.Get(c)
		if err != nil {
			return 0, err
		}
		more, err := process.SideEffect(c, func() int { return 100 })
		return got + more, err
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		if got, err := run(t, o, p, 3); got != 106 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
	}, p, child, double)
}

func TestStartByNameAndAttach(t *testing.T) {
	p := process.New("p", func(c *process.Context, n int) (int, error) { return process.Execute(c, double, n) }, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		h, err := process.StartByName(t.Context(), o, "p", "default", 4, process.StartOptions{ID: "x"})
		must(t, err)
		if raw, err := h.Get(t.Context()); string(raw) != "8" || err != nil {
			t.Errorf("%s, %v", raw, err)
		}
		if got, err := process.Attach[int](o, "x").Get(t.Context()); got != 8 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
		again, err := process.Start(t.Context(), o, p, 5, process.StartOptions{ID: "x", Reuse: ports.ReuseNever})
		if got, _ := again.Get(t.Context()); !again.Existing() || got != 8 || err != nil {
			t.Errorf("%v %d, %v", again.Existing(), got, err)
		}
		_, err = process.Attach[int](o, "unknown").Get(t.Context())
		wantKind(t, err, ports.ErrNotFound)
	}, p, double)
}

func TestThenChainsByMappingAndStopsAtAFailure(t *testing.T) {
	type booked struct {
		Booking struct {
			ID string `json:"id"`
		} `json:"booking"`
	}
	type invoice struct {
		For string `json:"for"`
	}
	var invoices atomic.Int32
	book := process.New("book", func(c *process.Context, fail bool) (booked, error) {
		var b booked
		b.Booking.ID = "8848"
		if err := c.Sleep(45 * time.Minute); err != nil || !fail { // several turns of the awaiting step
			return b, err
		}
		return b, &ports.ApplicationError{Type: "SoldOut"}
	}, process.Options{})
	bill := process.New("bill", func(_ *process.Context, in invoice) (string, error) {
		invoices.Add(1)
		return "invoice for " + in.For, nil
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		ctx := t.Context()
		then := func(fail bool, mapping map[string]string) (string, error) {
			h, err := process.Start(ctx, o, book, fail, process.StartOptions{})
			must(t, err)
			next, err := process.Then(ctx, h, bill, "billing", mapping)
			must(t, err)
			twice, err := process.Then(ctx, h, bill, "billing", mapping)
			if err != nil || !twice.Existing() || twice.ID() != next.ID() {
				t.Errorf("a second Then is %+v, %v", twice, err)
			}
			if other, err := process.Then(ctx, h, bill, "billing", map[string]string{"other": "booking.id"}); err != nil || other.Existing() {
				t.Errorf("a Then with another mapping is %+v, %v", other, err)
			}
			return next.Get(ctx)
		}
		if got, err := then(false, map[string]string{"for": "booking.id"}); got != "invoice for 8848" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		_, err := then(true, map[string]string{"for": "booking.id"})
		var app *ports.ApplicationError
		if !errors.As(err, &app) || app.Type != "SoldOut" {
			t.Errorf("the cause is %v", err)
		}
		_, err = then(false, map[string]string{"for": "booking.nothing"})
		wantKind(t, err, ports.ErrInvalid)
		if invoices.Load() == 0 {
			t.Error("no invoice")
		}
	}, book, bill, process.NewStep("on-billing", func(context.Context, int) (int, error) { return 0, nil }, process.StepOptions[int, int]{Queue: "billing"}))
}

func TestInputOfTheWrongShapeIsNotRetried(t *testing.T) {
	var runs atomic.Int32
	typed := process.NewStep("typed", func(context.Context, struct{ N int }) (int, error) { runs.Add(1); return 0, nil },
		process.StepOptions[struct{ N int }, int]{Attempts: 5})
	p := process.New("p", func(c *process.Context, _ int) (string, error) {
		_, err := c.Step(ports.StepCall{Name: "typed", Queue: "default", Input: json.RawMessage(`{"N":"s3cret"}`), Attempts: 5}).Get(c.ProcessContext)
		return "", err
	}, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		begin := time.Now()
		_, err := run(t, o, p, 1)
		wantKind(t, err, ports.ErrInvalid)
		if runs.Load() != 0 || time.Since(begin) != 0 || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d runs in %v: %v", runs.Load(), time.Since(begin), err)
		}
	}, p, typed)
}

func TestNonRetryable(t *testing.T) {
	var runs atomic.Int32
	final := process.NewStep("final", func(context.Context, int) (int, error) {
		runs.Add(1)
		return 0, process.NonRetryable(fmt.Errorf("card: %w", ports.ErrDenied))
	}, process.StepOptions[int, int]{Attempts: 5})
	p := process.New("p", func(c *process.Context, n int) (int, error) { return process.Execute(c, final, n) }, process.Options{})
	bubble(t, func(t *testing.T, o ports.Orchestrator) {
		_, err := run(t, o, p, 1)
		wantKind(t, err, ports.ErrDenied)
		if runs.Load() != 1 {
			t.Errorf("%d runs", runs.Load())
		}
	}, p, final)
	if process.NonRetryable(nil) != nil {
		t.Error("NonRetryable(nil) is an error")
	}
}

func TestWorkersAreCheckedAndStartedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := memory.NewOrchestrator(nil)
		defer func() { must(t, o.Close(context.WithoutCancel(t.Context()))) }()
		_, err := process.NewWorkers(process.WorkersConfig{})
		wantKind(t, err, ports.ErrInvalid)
		_, err = process.NewWorkers(process.WorkersConfig{Orchestrator: o, Definitions: []process.Definition{double, double}})
		wantKind(t, err, ports.ErrInvalid)

		p := process.New("p", func(c *process.Context, n int) (int, error) { return process.Execute(c, double, n) }, process.Options{Queue: "q"})
		w, err := process.NewWorkers(process.WorkersConfig{Orchestrator: o, Definitions: []process.Definition{p, double}})
		must(t, err)
		if got := w.Queues(); !slices.Equal(got, []string{"default", "q"}) {
			t.Errorf("queues %v", got)
		}
		auto := w.AutoStart()
		for n := range 2 {
			if got, err := run(t, auto, p, n); got != 2*n || err != nil {
				t.Errorf("%d, %v", got, err)
			}
		}
		must(t, w.Drain(t.Context()))
		must(t, w.Drain(t.Context()))
		wantKind(t, w.Start(t.Context()), ports.ErrClosed)
	})
}

func TestHeartbeatOutsideOfAStepIsInvalid(t *testing.T) {
	wantKind(t, process.Heartbeat(t.Context(), 1), ports.ErrInvalid)
	if _, ok := process.StepInfo(t.Context()); ok {
		t.Error("step info outside of a step")
	}
	if _, ok, err := process.LastHeartbeat[int](t.Context()); ok || err != nil {
		t.Error("heartbeat outside of a step")
	}
}

func Example() {
	charge := process.NewStep("charge", func(_ context.Context, amount int) (string, error) {
		return fmt.Sprintf("charged %d", amount), nil
	}, process.StepOptions[int, string]{Attempts: 3})
	book := process.New("book", func(c *process.Context, amount int) (string, error) {
		return process.Execute(c, charge, amount)
	}, process.Options{})

	ctx := context.Background()
	orchestrator := memory.NewOrchestrator(nil) // or Temporal's
	workers, err := process.NewWorkers(process.WorkersConfig{
		Orchestrator: orchestrator, Definitions: []process.Definition{book, charge},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := workers.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	handle, err := process.Start(ctx, orchestrator, book, 1200, process.StartOptions{ID: "booking-8848"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(handle.Get(ctx))
	fmt.Println(workers.Drain(ctx), orchestrator.Close(ctx))
	// Output:
	// charged 1200 <nil>
	// <nil> <nil>
}
