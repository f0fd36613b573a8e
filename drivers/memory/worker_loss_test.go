package memory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// A process that uses everything moves from worker to worker after each of its waits, and notices nothing.
func TestProcessMovesBetweenWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps atomic.Int64
		o := memory.NewOrchestrator(nil)
		code := func(w ports.Worker) {
			if err := errors.Join(w.RegisterProcess("p", wanders), w.RegisterProcess("child", func(c ports.ProcessContext, in json.RawMessage) (json.RawMessage, error) {
				return in, c.Sleep(time.Hour)
			}), w.RegisterStep("step", func(_ ports.StepContext, in json.RawMessage) (json.RawMessage, error) {
				steps.Add(1)
				return in, nil
			})); err != nil {
				t.Fatal(err)
			}
		}
		run, err := o.Start(t.Context(), ports.StartRequest{Process: "p", ID: "p", Queue: "q"})
		if err != nil {
			t.Fatal(err)
		}
		for hours := 0; ; hours++ {
			w := startWorker(t, o, "q", code)
			synctest.Wait()
			d, err := o.Describe(t.Context(), run)
			if err != nil {
				t.Fatal(err)
			}
			if d.Status != ports.StatusRunning || hours > 50 {
				break
			}
			if err := w.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := o.Signal(t.Context(), run, "tick", json.RawMessage(fmt.Sprint(hours))); err != nil && ports.KindOf(err) != ports.ErrNotFound {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		out, err := o.Result(t.Context(), run)
		want := `"side effect once; step 1; child 2; signals 0 1 2; local 3; slept 3h0m0s; cancelled canceled"`
		if err != nil || string(out) != want {
			t.Errorf("got %s, %v; want %s", out, err, want)
		}
		if steps.Load() != 1 {
			t.Errorf("the step ran %d times", steps.Load())
		}
		if err := o.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func wanders(c ports.ProcessContext, _ json.RawMessage) (json.RawMessage, error) {
	var trace []string
	calls := 0
	note := func(what string, raw json.RawMessage, err error) {
		if err != nil {
			raw = json.RawMessage(ports.KindOf(err).Error())
		}
		trace = append(trace, what+" "+string(raw))
	}
	c.SideEffect(func() json.RawMessage {
		calls++
		return nil
	})
	trace = append(trace, map[bool]string{true: "side effect once"}[calls <= 1])
	out, err := c.Step(ports.StepCall{Name: "step", Input: json.RawMessage("1")}).Get(c)
	note("step", out, err)
	_, child := c.Child(ports.StartRequest{Process: "child", Input: json.RawMessage("2")})
	out, err = child.Get(c)
	note("child", out, err)
	var ticks []string
	for range 3 {
		tick, err := c.Signals("tick").Receive(c)
		if err != nil {
			return nil, err
		}
		ticks = append(ticks, string(tick))
	}
	trace = append(trace, "signals "+strings.Join(ticks, " "))
	out, err = c.Step(ports.StepCall{Name: "local", Attempts: 3, Backoff: 90 * time.Minute, Local: func(s ports.StepContext, _ json.RawMessage) (json.RawMessage, error) {
		if s.Info().Attempt < 3 {
			return nil, errors.New("again")
		}
		return json.RawMessage(fmt.Sprint(s.Info().Attempt)), nil
	}}).Get(c)
	note("local", out, err)
	began := c.Now()
	if err := c.Sleep(3 * time.Hour); err != nil {
		return nil, err
	}
	trace = append(trace, "slept "+c.Now().Sub(began).Round(time.Hour).String())
	scope, cancel := c.WithCancel()
	f := scope.Timer(time.Hour)
	c.Go(func(c ports.ProcessContext) {
		_ = c.Sleep(time.Minute)
		cancel()
	})
	_, err = f.Get(c)
	note("cancelled", nil, err)
	return json.Marshal(strings.Join(trace, "; "))
}

// Code that does not fit the history waits for a worker whose code does, and is reported.
func TestMisfitCodeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		o := memory.NewOrchestrator(nil)
		code := func(step string) processCode {
			return func(c ports.ProcessContext, in json.RawMessage) (json.RawMessage, error) {
				if _, err := c.Step(ports.StepCall{Name: step, Local: func(ports.StepContext, json.RawMessage) (json.RawMessage, error) { return nil, nil }}).Get(c); err != nil {
					return nil, err
				}
				return c.Signals("go").Receive(c)
			}
		}
		start := func(step string) ports.Worker {
			w, err := o.NewWorker(ports.WorkerOptions{Queue: "q", Logger: slog.New(slog.NewTextHandler(&logged, nil))})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.RegisterProcess("p", code(step)), w.Start(t.Context())); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return w
		}
		w := start("first")
		run := startProcess(t, o, "p")
		synctest.Wait()
		drain := func(w ports.Worker) {
			if err := w.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		}
		drain(w)
		if err := o.Signal(t.Context(), run, "go", json.RawMessage("1")); err != nil {
			t.Fatal(err)
		}
		w = start("changed")
		if d, err := o.Describe(t.Context(), run); err != nil || d.Status != ports.StatusRunning {
			t.Errorf("misfit code: %+v, %v; want RUNNING", d, err)
		}
		if !strings.Contains(logged.String(), "does not fit") {
			t.Errorf("not reported: %q", logged.String())
		}
		drain(w)
		start("first")
		if out, err := o.Result(t.Context(), run); err != nil || string(out) != "1" {
			t.Errorf("with the right code again: %s, %v", out, err)
		}
		if err := o.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A step that its worker cuts short runs again elsewhere, and that costs no attempt.
func TestStepCutShortIsHandedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := memory.NewOrchestrator(nil)
		code := func(w ports.Worker) {
			if err := errors.Join(w.RegisterProcess("p", func(c ports.ProcessContext, in json.RawMessage) (json.RawMessage, error) {
				return c.Step(ports.StepCall{Name: "slow"}).Get(c)
			}), w.RegisterStep("slow", func(c ports.StepContext, _ json.RawMessage) (json.RawMessage, error) {
				select {
				case <-time.After(time.Minute):
					return json.Marshal(c.Info().Attempt)
				case <-c.Done():
					return nil, c.Err()
				}
			})); err != nil {
				t.Fatal(err)
			}
		}
		w := startWorker(t, o, "q", code)
		run := startProcess(t, o, "p")
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Drain(short); ports.KindOf(err) != ports.ErrTimeout {
			t.Errorf("drain: %v", err)
		}
		if err := w.Drain(t.Context()); err != nil {
			t.Errorf("drain again: %v", err)
		}
		startWorker(t, o, "q", code)
		if out, err := o.Result(t.Context(), run); err != nil || string(out) != "1" {
			t.Errorf("got %s, %v; want attempt 1", out, err)
		}
		if err := o.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
