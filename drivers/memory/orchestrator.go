package memory

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"

	"github.com/breakwater-go/breakwater/ports"
)

// Orchestrator is the processes' driver. Runs live in the [Server], so that they outlive a client and its workers: when
// the worker that has a process's code goes, another one runs the code again over the run's history and goes on.
//
// A server keeps the newest 100,000 ended runs, for at most three days; what is older is forgotten, with its id.
// A payload that is empty arrives as null.
type Orchestrator struct {
	*client

	mu      sync.Mutex
	workers map[*processWorker]struct{}
}

var _ ports.Orchestrator = (*Orchestrator)(nil)

// NewOrchestrator makes a client of srv; nil = of a server of its own.
func NewOrchestrator(srv *Server) *Orchestrator {
	return &Orchestrator{client: newClient(srv, PortOrchestrator), workers: map[*processWorker]struct{}{}}
}

// Close drains this client's workers until ctx ends, and ends its calls. Runs go on with the workers of other clients.
func (o *Orchestrator) Close(ctx context.Context) error {
	if err := o.client.Close(ctx); err != nil {
		return err
	}
	var first error
	for _, w := range o.live() {
		w.retire()
	}
	for _, w := range o.live() {
		if err := w.Drain(ctx); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (o *Orchestrator) live() []*processWorker {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]*processWorker, 0, len(o.workers))
	for w := range o.workers {
		all = append(all, w)
	}
	return all
}

// OrchestratorCapabilities declares none of the optional interfaces; runs end with the program.
func (o *Orchestrator) OrchestratorCapabilities() ports.OrchestratorCapabilities {
	return ports.OrchestratorCapabilities{}
}

// Start records a run and hands it to a worker.
func (o *Orchestrator) Start(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
	own, bad := normalizeStart(r)
	if bad != nil {
		return ports.Run{}, bad
	}
	if err := o.enter(ctx, "start"); err != nil {
		return ports.Run{}, err
	}
	run, existing := o.srv.runs.begin(own, nil)
	if existing {
		if r.Reuse == ports.ReuseFail {
			return ports.Run{}, ports.Errorf(driverName, "start", ports.ErrAlreadyExists, "%q is running", r.ID)
		}
		known := run.run()
		known.Existing = true
		return known, nil
	}
	run.dispatch()
	return run.run(), nil
}

// Result waits for the end of a run.
func (o *Orchestrator) Result(ctx context.Context, run ports.Run) (json.RawMessage, error) {
	r, err := o.find(ctx, "result", run)
	if err != nil {
		return nil, err
	}
	broken := o.srv.faults.broken(o.port)
	select {
	case <-r.done:
	default:
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, ports.ContextError(ctx, driverName, "result")
		case <-o.closed:
			return nil, closedError("result")
		case <-broken:
			return nil, unavailable("result")
		}
	}
	return r.outcome.result("result")
}

// Describe returns what is known of a run.
func (o *Orchestrator) Describe(ctx context.Context, run ports.Run) (ports.Description, error) {
	r, err := o.find(ctx, "describe", run)
	if err != nil {
		return ports.Description{}, err
	}
	return r.description(), nil
}

// Cancel asks the process to end.
func (o *Orchestrator) Cancel(ctx context.Context, run ports.Run) error {
	r, err := o.find(ctx, "cancel", run)
	if err != nil {
		return err
	}
	r.askToCancel()
	return nil
}

// Terminate ends the run without its code.
func (o *Orchestrator) Terminate(ctx context.Context, run ports.Run, reason string) error {
	r, err := o.find(ctx, "terminate", run)
	if err != nil {
		return err
	}
	if !r.stop(ports.StatusTerminated, terminated(reason)) {
		return notFound("terminate", run)
	}
	return nil
}

// Signal puts arg behind the signals that the run has got so far.
func (o *Orchestrator) Signal(ctx context.Context, run ports.Run, name string, arg json.RawMessage) error {
	own, err := takePayloadAt("signal", "arg", arg)
	if err != nil {
		return err
	}
	if !validName(name) {
		return invalidName("signal", name)
	}
	r, err := o.find(ctx, "signal", run)
	if err != nil {
		return err
	}
	if !r.post(historyEvent{kind: factSignaled, name: name, data: own}) {
		return notFound("signal", run)
	}
	return nil
}

// Query asks a handler of the process, on a worker that has its code.
func (o *Orchestrator) Query(ctx context.Context, run ports.Run, name string, arg json.RawMessage) (json.RawMessage, error) {
	const op = "query"
	own, err := takePayloadAt(op, "arg", arg)
	if err != nil {
		return nil, err
	}
	if !validName(name) {
		return nil, invalidName(op, name)
	}
	r, err := o.find(ctx, op, run)
	if err != nil {
		return nil, err
	}
	q := &question{name: name, arg: own, reply: make(chan outcome, 1)}
	broken := o.srv.faults.broken(o.port)
	r.ask(q)
	select {
	case answer := <-q.reply:
		return answer.result(op)
	case <-ctx.Done():
		err = ports.ContextError(ctx, driverName, op)
	case <-o.closed:
		err = closedError(op)
	case <-broken:
		err = unavailable(op)
	}
	r.forget(q)
	return nil, err
}

// List returns runs, newest first.
func (o *Orchestrator) List(ctx context.Context, f ports.Filter) ([]ports.Description, error) {
	if err := checkFilter("list", f); err != nil {
		return nil, err
	}
	if err := o.enter(ctx, "list"); err != nil {
		return nil, err
	}
	limit := f.Limit
	if limit == 0 {
		limit = listLimit
	}
	var found []*processRun
	o.srv.runs.matching(f, func(r *processRun) bool {
		found = append(found, r)
		return len(found) < limit
	})
	all := make([]ports.Description, len(found))
	for i, r := range found {
		all[i] = r.description()
	}
	return all, nil
}

// Count counts runs; Filter.Limit has no say.
func (o *Orchestrator) Count(ctx context.Context, f ports.Filter) (int64, error) {
	if err := checkFilter("count", f); err != nil {
		return 0, err
	}
	if err := o.enter(ctx, "count"); err != nil {
		return 0, err
	}
	var n int64
	o.srv.runs.matching(f, func(*processRun) bool { n++; return true })
	return n, nil
}

// NewWorker makes a worker for one queue. It has no limits: MaxSteps and MaxProcesses are ErrUnsupported.
func (o *Orchestrator) NewWorker(wo ports.WorkerOptions) (ports.Worker, error) {
	const op = "new worker"
	if !validName(wo.Queue) {
		return nil, invalidName(op+": Queue", wo.Queue)
	}
	if wo.MaxSteps != 0 || wo.MaxProcesses != 0 {
		return nil, ports.Errorf(driverName, op, ports.ErrUnsupported, "MaxSteps and MaxProcesses are not enforced by this driver yet; leave them 0")
	}
	log := wo.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if wo.Identity != "" {
		log = log.With("worker", wo.Identity)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-o.closed:
		return nil, closedError(op)
	default:
	}
	w := newProcessWorker(o.srv.runs.queue(wo.Queue), log, o.detach)
	o.workers[w] = struct{}{}
	return w, nil
}

func (o *Orchestrator) detach(w *processWorker) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.workers, w)
}

func (o *Orchestrator) find(ctx context.Context, op string, run ports.Run) (*processRun, error) {
	if err := o.enter(ctx, op); err != nil {
		return nil, err
	}
	return o.srv.runs.find(op, run)
}
