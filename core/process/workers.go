package process

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/breakwater-go/breakwater/ports"
)

// WorkersConfig says what runs where; Orchestrator is required.
type WorkersConfig struct {
	Orchestrator ports.Orchestrator
	// Definitions are registered on every queue, so that a [Route] to any of them finds its step.
	Definitions []Definition
	// Queues to work on; nil = those that the definitions name.
	Queues []string
	// MaxSteps and MaxProcesses bound what one queue's worker runs at once; 0 = the driver's default. The memory driver
	// does not enforce them yet: Start is then ErrUnsupported.
	MaxSteps, MaxProcesses int
	// Identity names the workers in the backend's records; "" = the driver's choice.
	Identity string
	Logger   *slog.Logger // nil = silent
}

// Workers runs one worker a queue. Safe for concurrent use.
type Workers struct {
	cfg     WorkersConfig
	queues  []string
	mu      sync.Mutex // held while workers are started or drained, which is bounded by the caller's context
	running []ports.Worker
	ended   bool
}

// NewWorkers checks the definitions: two of one name are ErrInvalid.
func NewWorkers(cfg WorkersConfig) (*Workers, error) {
	if cfg.Orchestrator == nil {
		return nil, ports.Errorf(owner, "new workers", ports.ErrInvalid, "Orchestrator is nil; valid is any driver's")
	}
	queues := slices.Clone(cfg.Queues)
	seen := map[string]bool{}
	for _, d := range cfg.Definitions {
		if d.Name() == "" || seen[d.Name()] {
			return nil, ports.Errorf(owner, "new workers", ports.ErrInvalid, "definition name %q is empty or used twice; each needs a name of its own", d.Name())
		}
		seen[d.Name()] = true
		if cfg.Queues == nil {
			queues = append(queues, d.Queue())
		}
	}
	slices.Sort(queues)
	cfg.Definitions = append(slices.Clone(cfg.Definitions), thenDefinitions(cfg.Orchestrator)...)
	return &Workers{cfg: cfg, queues: slices.Compact(queues)}, nil
}

// Queues that are worked on, sorted.
func (w *Workers) Queues() []string { return slices.Clone(w.queues) }

// Start returns when all workers take work; those that run already are left alone. What failed is joined, and nothing
// then runs. ErrClosed after Drain.
func (w *Workers) Start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return ports.Errorf(owner, "start workers", ports.ErrClosed, "they were drained; make new ones")
	}
	if w.running != nil {
		return nil
	}
	for _, queue := range w.queues {
		worker, err := w.startOne(ctx, queue)
		if err != nil {
			return errors.Join(err, w.drainAll(ctx))
		}
		w.running = append(w.running, worker)
	}
	return nil
}

func (w *Workers) startOne(ctx context.Context, queue string) (ports.Worker, error) {
	worker, err := w.cfg.Orchestrator.NewWorker(ports.WorkerOptions{
		Queue: queue, MaxSteps: w.cfg.MaxSteps, MaxProcesses: w.cfg.MaxProcesses, Identity: w.cfg.Identity, Logger: w.cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	for _, d := range w.cfg.Definitions {
		if err := d.Register(worker); err != nil {
			return nil, err
		}
	}
	return worker, worker.Start(ctx)
}

// Drain takes no new work and waits for running steps; when ctx ends first, they are cancelled. A cancelled ctx stops at
// once. Idempotent; drained workers are done.
func (w *Workers) Drain(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	return w.drainAll(ctx)
}

func (w *Workers) drainAll(ctx context.Context) error {
	errs := make([]error, len(w.running))
	var wg sync.WaitGroup
	for i, worker := range w.running {
		wg.Go(func() { errs[i] = worker.Drain(ctx) })
	}
	wg.Wait()
	w.running = nil
	return errors.Join(errs...)
}

// AutoStart gives the workers' orchestrator back with a Start that starts the workers first, so that a program which
// starts processes also runs them.
func (w *Workers) AutoStart() ports.Orchestrator { return &autoStart{w.cfg.Orchestrator, w} }

type autoStart struct {
	ports.Orchestrator
	workers *Workers
}

func (a *autoStart) Start(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
	if err := a.workers.Start(ctx); err != nil {
		return ports.Run{}, err
	}
	return a.Orchestrator.Start(ctx, r)
}

// Unwrap keeps the driver's optional interfaces in reach of [ports.Optional].
func (a *autoStart) Unwrap() ports.Driver { return a.Orchestrator }
