package memory_test

import (
	"encoding/json"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

type processCode = func(ports.ProcessContext, json.RawMessage) (json.RawMessage, error)

// inBubble runs test with a client whose worker has the process "p"; at the end, the client is closed, and the bubble
// fails the test if a goroutine is left.
func inBubble(t *testing.T, p processCode, test func(t *testing.T, o *memory.Orchestrator, w ports.Worker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := memory.NewOrchestrator(nil)
		w := startWorker(t, o, "q", func(w ports.Worker) {
			if err := w.RegisterProcess("p", p); err != nil {
				t.Fatal(err)
			}
		})
		test(t, o, w)
		if err := o.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func startProcess(t *testing.T, o ports.Orchestrator, id string) ports.Run {
	t.Helper()
	run, err := o.Start(t.Context(), ports.StartRequest{Process: "p", ID: id, Queue: "q"})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestThirtyDaysPassInABubble(t *testing.T) {
	code := func(c ports.ProcessContext, _ json.RawMessage) (json.RawMessage, error) {
		began := c.Now()
		err := c.Sleep(30 * 24 * time.Hour)
		return json.RawMessage(`"` + c.Now().Sub(began).String() + `"`), err
	}
	inBubble(t, code, func(t *testing.T, o *memory.Orchestrator, _ ports.Worker) {
		out, err := o.Result(t.Context(), startProcess(t, o, "p"))
		if err != nil || string(out) != `"720h0m0s"` {
			t.Errorf("got %s, %v", out, err)
		}
	})
}

// Code that is abandoned unwinds, whatever it defers, recovers and asks for on its way.
func TestAbandonedCodeUnwinds(t *testing.T) {
	var deferred atomic.Int64
	code := func(c ports.ProcessContext, _ json.RawMessage) (json.RawMessage, error) {
		scope, cancel := c.WithCancel()
		defer cancel()
		defer func() { deferred.Add(1) }()
		for range 3 {
			c.Go(func(c ports.ProcessContext) {
				defer func() { deferred.Add(1) }()
				defer func() {
					_ = c.Sleep(time.Hour) // ends this deferred call, not the unwinding
					deferred.Add(100)
				}()
				_, _ = c.Signals("never").Receive(c)
			})
		}
		for {
			func() {
				defer func() {
					if p := recover(); p != nil {
						deferred.Add(1000)
					}
				}()
				_, _ = scope.Step(ports.StepCall{Name: "nobody-has-it"}).Get(scope)
			}()
		}
	}
	for name, end := range map[string]func(t *testing.T, o *memory.Orchestrator, w ports.Worker, run ports.Run) error{
		"drain": func(t *testing.T, _ *memory.Orchestrator, w ports.Worker, _ ports.Run) error {
			return w.Drain(t.Context())
		},
		"terminate": func(t *testing.T, o *memory.Orchestrator, _ ports.Worker, run ports.Run) error {
			return o.Terminate(t.Context(), run, "enough")
		},
		"close": func(t *testing.T, o *memory.Orchestrator, _ ports.Worker, _ ports.Run) error {
			return o.Close(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			deferred.Store(0)
			inBubble(t, code, func(t *testing.T, o *memory.Orchestrator, w ports.Worker) {
				run := startProcess(t, o, "p")
				synctest.Wait()
				if err := end(t, o, w, run); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if deferred.Load() != 4 {
					t.Errorf("deferred calls counted %d; want 4: each of four coroutines, nothing after a wait", deferred.Load())
				}
			})
		})
	}
}

// Code that ends its goroutine, as t.FailNow does, ends its run and nothing else.
func TestGoexitInCode(t *testing.T) {
	code := func(c ports.ProcessContext, in json.RawMessage) (json.RawMessage, error) {
		if c.Info().ID == "process" {
			runtime.Goexit()
		}
		if err := c.HandleQuery("q", func(json.RawMessage) (json.RawMessage, error) { return nil, nil }); err != nil {
			return nil, err
		}
		return c.Step(ports.StepCall{Name: "step", Attempts: 2, Backoff: time.Second, Local: func(s ports.StepContext, _ json.RawMessage) (json.RawMessage, error) {
			if s.Info().Attempt == 1 {
				runtime.Goexit()
			}
			return json.RawMessage("1"), nil
		}}).Get(c)
	}
	inBubble(t, code, func(t *testing.T, o *memory.Orchestrator, _ ports.Worker) {
		for range 3 {
			run := startProcess(t, o, "process")
			_, err := o.Result(t.Context(), run)
			var a *ports.ApplicationError
			if !errors.As(err, &a) || a.Type != ports.TypePanic {
				t.Errorf("a process that called Goexit ends with %v", err)
			}
			if _, err := o.Query(t.Context(), run, "q", nil); ports.KindOf(err) != ports.ErrInvalid {
				t.Errorf("query of its rebuilt code: %v", err)
			}
		}
		out, err := o.Result(t.Context(), startProcess(t, o, "step"))
		if err != nil || string(out) != "1" {
			t.Errorf("a step whose first attempt called Goexit gives %s, %v", out, err)
		}
	})
}

// What Version cannot keep fails the run; so does continue-as-new, whose error says so.
func TestUnfinishedFeaturesFailTheRun(t *testing.T) {
	code := func(c ports.ProcessContext, _ json.RawMessage) (json.RawMessage, error) {
		switch c.Info().ID {
		case "version":
			defer func() { recover() }()
			c.Version("change", 1, 2)
			return json.RawMessage("1"), nil
		case "heartbeat":
			return c.Step(ports.StepCall{Name: "s", HeartbeatTimeout: time.Second}).Get(c)
		case "schedule-to-start":
			return c.Step(ports.StepCall{Name: "s", ScheduleToStart: time.Second}).Get(c)
		case "memo":
			return nil, c.UpsertMemo(nil)
		case "attributes":
			return nil, c.UpsertSearchAttributes(nil)
		}
		return nil, c.ContinueAsNew(ports.StartRequest{})
	}
	inBubble(t, code, func(t *testing.T, o *memory.Orchestrator, _ ports.Worker) {
		for _, id := range []string{"version", "heartbeat", "schedule-to-start", "memo", "attributes", "continue"} {
			if _, err := o.Result(t.Context(), startProcess(t, o, id)); ports.KindOf(err) != ports.ErrUnsupported {
				t.Errorf("%s: %v; want ErrUnsupported", id, err)
			}
		}
		for _, wo := range []ports.WorkerOptions{{Queue: "q", MaxSteps: 1}, {Queue: "q", MaxProcesses: 1}} {
			if _, err := o.NewWorker(wo); ports.KindOf(err) != ports.ErrUnsupported {
				t.Errorf("%+v: %v; want ErrUnsupported", wo, err)
			}
		}
	})
}

// A ProcessContext that leaves its process panics where it is misused, and harms nothing else.
func TestContextOutsideOfItsProcess(t *testing.T) {
	leaked := make(chan ports.ProcessContext, 1)
	code := func(c ports.ProcessContext, _ json.RawMessage) (json.RawMessage, error) {
		leaked <- c
		return c.Signals("go").Receive(c)
	}
	inBubble(t, code, func(t *testing.T, o *memory.Orchestrator, _ ports.Worker) {
		run := startProcess(t, o, "p")
		c := <-leaked
		synctest.Wait()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_ = c.Sleep(time.Second)
		}()
		if err := o.Signal(t.Context(), run, "go", nil); err != nil {
			t.Error(err)
		}
		if _, err := o.Result(t.Context(), run); err != nil {
			t.Error(err)
		}
	})
}
