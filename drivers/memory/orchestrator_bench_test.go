package memory_test

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"testing"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// BenchmarkOrchestratorOneStep is a process with one step, 64 at once, from Start to Result.
func BenchmarkOrchestratorOneStep(b *testing.B) {
	o := memory.NewOrchestrator(nil)
	defer func() {
		if err := o.Close(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
	}()
	w, err := o.NewWorker(ports.WorkerOptions{Queue: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	err = w.RegisterProcess("one-step", func(c ports.ProcessContext, in json.RawMessage) (json.RawMessage, error) {
		return c.Step(ports.StepCall{Name: "echo", Input: in}).Get(c)
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := w.RegisterStep("echo", func(_ ports.StepContext, in json.RawMessage) (json.RawMessage, error) { return in, nil }); err != nil {
		b.Fatal(err)
	}
	if err := w.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	const atOnce = 64
	ids := make(chan int)
	var clients sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range atOnce {
		clients.Go(func() {
			for i := range ids {
				run, err := o.Start(b.Context(), ports.StartRequest{Process: "one-step", ID: strconv.Itoa(i), Queue: "bench", Input: json.RawMessage(`{"n":1}`)})
				if err != nil {
					b.Error(err)
					continue
				}
				if _, err := o.Result(b.Context(), run); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range b.N {
		ids <- i
	}
	close(ids)
	clients.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "processes/s")
}
