package memory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.b.Reset()
	return b.b.String()
}

// Work that no worker has registered is reported once a worker meets it, and not while there is none: before the first
// worker, and after the last has drained, waiting is nobody's fault.
func TestUnregisteredWorkIsReportedOnceAWorkerMeetsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.WithoutCancel(t.Context())
		var log lockedBuffer
		o := memory.NewOrchestrator(memory.NewServer(memory.ServerOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))}))
		start := func(process string) {
			t.Helper()
			if _, err := o.Start(ctx, ports.StartRequest{Process: process, ID: process, Queue: "q"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		worker := func() ports.Worker {
			t.Helper()
			w, err := o.NewWorker(ports.WorkerOptions{Queue: "q"})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.RegisterProcess("known", func(ports.ProcessContext, json.RawMessage) (json.RawMessage, error) { return nil, nil }); err != nil {
				t.Fatal(err)
			}
			if err := w.Start(ctx); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return w
		}
		start("known")
		start("early")
		if text := log.take(); text != "" {
			t.Errorf("without a worker: %s", text)
		}
		w := worker()
		if text := log.take(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "early") {
			t.Errorf("a worker that meets it says %q", text)
		}
		start("late")
		if _, err := o.Start(ctx, ports.StartRequest{Process: "late", ID: "late again", Queue: "q"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if text := log.take(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "late") {
			t.Errorf("a start beside a worker says %q", text)
		}
		if err := w.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		start("known2")
		if text := log.take(); text != "" {
			t.Errorf("after the drain: %s", text)
		}
		if err := o.Close(ctx); err != nil {
			t.Fatal(err)
		}
	})
}
