package ports

import (
	"context"
	"encoding/json"
)

// InterceptOrchestrator puts i around every call of o, of its workers' Start and Drain, and of the [Updates],
// [Schedules] and [Namespaces] that [Optional] finds on it where o has them; a nil i is none, and o comes back as it is.
func InterceptOrchestrator(o Orchestrator, i Interceptor) Orchestrator {
	if i == nil {
		return o
	}
	return &interceptedOrchestrator{Orchestrator: o, seam: seam{i, "orchestrator", o.Name()}}
}

type interceptedOrchestrator struct {
	Orchestrator
	seam seam
}

// Unwrap is [Unwrapper].
func (o *interceptedOrchestrator) Unwrap() Driver { return o.Orchestrator }

func (o *interceptedOrchestrator) offer(target any) bool {
	return offered(target, o.Orchestrator, func(u Updates) Updates { return &interceptedUpdates{u, &o.seam} }) ||
		offered(target, o.Orchestrator, func(s Schedules) Schedules { return &interceptedSchedules{s, &o.seam} }) ||
		offered(target, o.Orchestrator, func(n Namespaces) Namespaces { return &interceptedNamespaces{n, &o.seam} })
}

func (o *interceptedOrchestrator) Close(ctx context.Context) error {
	return o.seam.do(ctx, "close", "", o.Orchestrator.Close)
}

func (o *interceptedOrchestrator) Start(ctx context.Context, r StartRequest) (Run, error) {
	return ask(ctx, &o.seam, "start", r.ID, func(ctx context.Context) (Run, error) { return o.Orchestrator.Start(ctx, r) })
}

func (o *interceptedOrchestrator) Result(ctx context.Context, r Run) (json.RawMessage, error) {
	return ask(ctx, &o.seam, "result", r.ID, func(ctx context.Context) (json.RawMessage, error) {
		return o.Orchestrator.Result(ctx, r)
	})
}

func (o *interceptedOrchestrator) Describe(ctx context.Context, r Run) (Description, error) {
	return ask(ctx, &o.seam, "describe", r.ID, func(ctx context.Context) (Description, error) {
		return o.Orchestrator.Describe(ctx, r)
	})
}

func (o *interceptedOrchestrator) Cancel(ctx context.Context, r Run) error {
	return o.seam.do(ctx, "cancel", r.ID, func(ctx context.Context) error { return o.Orchestrator.Cancel(ctx, r) })
}

func (o *interceptedOrchestrator) Terminate(ctx context.Context, r Run, reason string) error {
	return o.seam.do(ctx, "terminate", r.ID, func(ctx context.Context) error {
		return o.Orchestrator.Terminate(ctx, r, reason)
	})
}

func (o *interceptedOrchestrator) Signal(ctx context.Context, r Run, name string, arg json.RawMessage) error {
	return o.seam.do(ctx, "signal", r.ID, func(ctx context.Context) error {
		return o.Orchestrator.Signal(ctx, r, name, arg)
	})
}

func (o *interceptedOrchestrator) Query(ctx context.Context, r Run, name string, arg json.RawMessage) (json.RawMessage, error) {
	return ask(ctx, &o.seam, "query", r.ID, func(ctx context.Context) (json.RawMessage, error) {
		return o.Orchestrator.Query(ctx, r, name, arg)
	})
}

func (o *interceptedOrchestrator) List(ctx context.Context, f Filter) ([]Description, error) {
	return ask(ctx, &o.seam, "list", "", func(ctx context.Context) ([]Description, error) {
		return o.Orchestrator.List(ctx, f)
	})
}

func (o *interceptedOrchestrator) Count(ctx context.Context, f Filter) (int64, error) {
	return ask(ctx, &o.seam, "count", "", func(ctx context.Context) (int64, error) {
		return o.Orchestrator.Count(ctx, f)
	})
}

func (o *interceptedOrchestrator) NewWorker(w WorkerOptions) (Worker, error) {
	worker, err := o.Orchestrator.NewWorker(w)
	if err != nil {
		return nil, err
	}
	return &interceptedWorker{Worker: worker, seam: &o.seam, queue: w.Queue}, nil
}

type interceptedWorker struct {
	Worker
	seam  *seam
	queue string
}

func (w *interceptedWorker) Start(ctx context.Context) error {
	return w.seam.do(ctx, "start worker", w.queue, w.Worker.Start)
}

func (w *interceptedWorker) Drain(ctx context.Context) error {
	return w.seam.do(ctx, "drain worker", w.queue, w.Worker.Drain)
}

type interceptedUpdates struct {
	updates Updates
	seam    *seam
}

func (u *interceptedUpdates) Update(ctx context.Context, r Run, name string, arg json.RawMessage) (json.RawMessage, error) {
	return ask(ctx, u.seam, "update", r.ID, func(ctx context.Context) (json.RawMessage, error) {
		return u.updates.Update(ctx, r, name, arg)
	})
}
