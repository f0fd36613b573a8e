package memory_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

func startWorker(t *testing.T, o ports.Orchestrator, queue string, register func(w ports.Worker)) ports.Worker {
	t.Helper()
	w, err := o.NewWorker(ports.WorkerOptions{Queue: queue})
	if err != nil {
		t.Fatal(err)
	}
	register(w)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestOneStep(t *testing.T) {
	o := memory.NewOrchestrator(nil)
	defer o.Close(context.Background())
	startWorker(t, o, "q", func(w ports.Worker) {
		w.RegisterProcess("p", func(c ports.ProcessContext, in json.RawMessage) (json.RawMessage, error) {
			if err := c.Sleep(time.Millisecond); err != nil {
				return nil, err
			}
			return c.Step(ports.StepCall{Name: "s", Input: in}).Get(c)
		})
		w.RegisterStep("s", func(c ports.StepContext, in json.RawMessage) (json.RawMessage, error) {
			return json.RawMessage(`{"got":` + string(in) + `}`), nil
		})
	})
	run, err := o.Start(t.Context(), ports.StartRequest{Process: "p", ID: "a", Queue: "q", Input: json.RawMessage("1")})
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.Result(t.Context(), run)
	if err != nil || string(out) != `{"got":1}` {
		t.Fatal(string(out), err)
	}
}
