package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

type orContext = ports.ProcessContext

// brokenOrchestrator is an Orchestrator whose methods are replaced where a hook is set, and whose workers' code meets
// broken contexts where one of those is.
type brokenOrchestrator struct {
	ports.Orchestrator
	start     func(context.Context, ports.StartRequest) (ports.Run, error)
	result    func(context.Context, ports.Run) (json.RawMessage, error)
	describe  func(context.Context, ports.Run) (ports.Description, error)
	cancel    func(context.Context, ports.Run) error
	terminate func(context.Context, ports.Run, string) error
	signal    func(context.Context, ports.Run, string, json.RawMessage) error
	query     func(context.Context, ports.Run, string, json.RawMessage) (json.RawMessage, error)
	list      func(context.Context, ports.Filter) ([]ports.Description, error)
	count     func(context.Context, ports.Filter) (int64, error)
	close     func(context.Context) error
	as        func(any) bool

	// code wraps a process's function, inside says what its contexts do instead, attempt wraps a step's function.
	code    func(ports.ProcessFunc) ports.ProcessFunc
	inside  func(inner orContext, c *brokenContext)
	attempt func(ports.StepFunc) ports.StepFunc

	registerProcess func(w ports.Worker, name string, fn ports.ProcessFunc) error
	startWorker     func(context.Context, ports.Worker) error
	drain           func(context.Context, ports.Worker) error
	registered      map[string]bool
	started         int
}

// orMutant makes a mutant of clause numbers and case names, each separated by spaces.
func orMutant(name, clauses, kills, alsoFails string, spoil func(o ports.Orchestrator, b *brokenOrchestrator)) Mutant[ports.Orchestrator] {
	return Mutant[ports.Orchestrator]{
		Name:      name,
		Clauses:   prefixed("OR-", clauses),
		Kills:     prefixed("orchestrator/", kills),
		AlsoFails: prefixed("orchestrator/", alsoFails),
		Wrap: func(o ports.Orchestrator) ports.Orchestrator {
			b := &brokenOrchestrator{Orchestrator: o, registered: map[string]bool{}}
			spoil(o, b)
			return b
		},
	}
}

func (b *brokenOrchestrator) Unwrap() ports.Driver { return b.Orchestrator }

func (b *brokenOrchestrator) Start(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
	if b.start != nil {
		return b.start(ctx, r)
	}
	return b.Orchestrator.Start(ctx, r)
}

func (b *brokenOrchestrator) Result(ctx context.Context, r ports.Run) (json.RawMessage, error) {
	if b.result != nil {
		return b.result(ctx, r)
	}
	return b.Orchestrator.Result(ctx, r)
}

func (b *brokenOrchestrator) Describe(ctx context.Context, r ports.Run) (ports.Description, error) {
	if b.describe != nil {
		return b.describe(ctx, r)
	}
	return b.Orchestrator.Describe(ctx, r)
}

func (b *brokenOrchestrator) Cancel(ctx context.Context, r ports.Run) error {
	if b.cancel != nil {
		return b.cancel(ctx, r)
	}
	return b.Orchestrator.Cancel(ctx, r)
}

func (b *brokenOrchestrator) Terminate(ctx context.Context, r ports.Run, reason string) error {
	if b.terminate != nil {
		return b.terminate(ctx, r, reason)
	}
	return b.Orchestrator.Terminate(ctx, r, reason)
}

func (b *brokenOrchestrator) Signal(ctx context.Context, r ports.Run, name string, arg json.RawMessage) error {
	if b.signal != nil {
		return b.signal(ctx, r, name, arg)
	}
	return b.Orchestrator.Signal(ctx, r, name, arg)
}

func (b *brokenOrchestrator) Query(ctx context.Context, r ports.Run, name string, arg json.RawMessage) (json.RawMessage, error) {
	if b.query != nil {
		return b.query(ctx, r, name, arg)
	}
	return b.Orchestrator.Query(ctx, r, name, arg)
}

func (b *brokenOrchestrator) List(ctx context.Context, f ports.Filter) ([]ports.Description, error) {
	if b.list != nil {
		return b.list(ctx, f)
	}
	return b.Orchestrator.List(ctx, f)
}

func (b *brokenOrchestrator) Count(ctx context.Context, f ports.Filter) (int64, error) {
	if b.count != nil {
		return b.count(ctx, f)
	}
	return b.Orchestrator.Count(ctx, f)
}

func (b *brokenOrchestrator) Close(ctx context.Context) error {
	if b.close != nil {
		return b.close(ctx)
	}
	return b.Orchestrator.Close(ctx)
}

func (b *brokenOrchestrator) As(target any) bool {
	if b.as != nil {
		return b.as(target)
	}
	return b.Orchestrator.As(target)
}

func (b *brokenOrchestrator) NewWorker(o ports.WorkerOptions) (ports.Worker, error) {
	w, err := b.Orchestrator.NewWorker(o)
	if err != nil {
		return nil, err
	}
	return &brokenWorker{Worker: w, b: b}, nil
}

// brokenWorker has its hooks in its orchestrator.
type brokenWorker struct {
	ports.Worker
	b *brokenOrchestrator
}

func (w *brokenWorker) RegisterProcess(name string, fn ports.ProcessFunc) error {
	w.b.registered[name] = true
	inner := fn
	if fn != nil && w.b.inside != nil {
		inner = func(c orContext, in json.RawMessage) (json.RawMessage, error) { return fn(w.b.broken(c), in) }
	}
	if fn != nil && w.b.code != nil {
		inner = w.b.code(inner)
	}
	if w.b.registerProcess != nil {
		return w.b.registerProcess(w.Worker, name, inner)
	}
	return w.Worker.RegisterProcess(name, inner)
}

func (w *brokenWorker) RegisterStep(name string, fn ports.StepFunc) error {
	w.b.registered[name] = true
	if fn != nil && w.b.attempt != nil {
		fn = w.b.attempt(fn)
	}
	return w.Worker.RegisterStep(name, fn)
}

func (w *brokenWorker) Start(ctx context.Context) error {
	w.b.started++
	if w.b.startWorker != nil {
		return w.b.startWorker(ctx, w.Worker)
	}
	return w.Worker.Start(ctx)
}

func (w *brokenWorker) Drain(ctx context.Context) error {
	if w.b.drain != nil {
		return w.b.drain(ctx, w.Worker)
	}
	return w.Worker.Drain(ctx)
}

// broken is c as the mutant's processes see it; scopes made from it are broken alike.
func (b *brokenOrchestrator) broken(c orContext) *brokenContext {
	bc := &brokenContext{ProcessContext: c, b: b}
	b.inside(c, bc)
	return bc
}

type brokenContext struct {
	ports.ProcessContext
	b *brokenOrchestrator

	step         func(ports.StepCall) ports.Future
	timer        func(time.Duration) ports.Future
	sleep        func(time.Duration) error
	now          func() time.Time
	info         func() ports.ProcessInfo
	selects      func(of ...ports.Selectable) (int, error)
	goes         func(func(orContext))
	err          func() error
	sideEffect   func(func() json.RawMessage) json.RawMessage
	signals      func(name string) ports.SignalChannel
	handleQuery  func(name string, fn func(json.RawMessage) (json.RawMessage, error)) error
	handleUpdate func() error
	child        func(ports.StartRequest) (started, result ports.Future)
	withCancel   func() (orContext, func())
	disconnected func() orContext
}

func (c *brokenContext) Step(s ports.StepCall) ports.Future {
	if c.step != nil {
		return c.step(s)
	}
	return c.ProcessContext.Step(s)
}

func (c *brokenContext) Timer(d time.Duration) ports.Future {
	if c.timer != nil {
		return c.timer(d)
	}
	return c.ProcessContext.Timer(d)
}

func (c *brokenContext) Sleep(d time.Duration) error {
	if c.sleep != nil {
		return c.sleep(d)
	}
	return c.ProcessContext.Sleep(d)
}

func (c *brokenContext) Now() time.Time {
	if c.now != nil {
		return c.now()
	}
	return c.ProcessContext.Now()
}

func (c *brokenContext) Info() ports.ProcessInfo {
	if c.info != nil {
		return c.info()
	}
	return c.ProcessContext.Info()
}

func (c *brokenContext) Select(of ...ports.Selectable) (int, error) {
	if c.selects != nil {
		return c.selects(of...)
	}
	return c.ProcessContext.Select(of...)
}

func (c *brokenContext) Go(fn func(c orContext)) {
	if c.goes != nil {
		c.goes(fn)
		return
	}
	c.ProcessContext.Go(func(inner orContext) { fn(c.b.broken(inner)) })
}

func (c *brokenContext) Err() error {
	if c.err != nil {
		return c.err()
	}
	return c.ProcessContext.Err()
}

func (c *brokenContext) SideEffect(fn func() json.RawMessage) json.RawMessage {
	if c.sideEffect != nil {
		return c.sideEffect(fn)
	}
	return c.ProcessContext.SideEffect(fn)
}

func (c *brokenContext) Signals(name string) ports.SignalChannel {
	if c.signals != nil {
		return c.signals(name)
	}
	return c.ProcessContext.Signals(name)
}

func (c *brokenContext) HandleQuery(name string, fn func(json.RawMessage) (json.RawMessage, error)) error {
	if c.handleQuery != nil {
		return c.handleQuery(name, fn)
	}
	return c.ProcessContext.HandleQuery(name, fn)
}

func (c *brokenContext) HandleUpdate(name string, fn func(orContext, json.RawMessage) (json.RawMessage, error)) error {
	if c.handleUpdate != nil {
		return c.handleUpdate()
	}
	return c.ProcessContext.HandleUpdate(name, fn)
}

func (c *brokenContext) Child(r ports.StartRequest) (started, result ports.Future) {
	if c.child != nil {
		return c.child(r)
	}
	return c.ProcessContext.Child(r)
}

func (c *brokenContext) WithCancel() (orContext, func()) {
	if c.withCancel != nil {
		return c.withCancel()
	}
	inner, cancel := c.ProcessContext.WithCancel()
	return c.b.broken(inner), cancel
}

func (c *brokenContext) Disconnected() orContext {
	if c.disconnected != nil {
		return c.disconnected()
	}
	return c.b.broken(c.ProcessContext.Disconnected())
}

// brokenFuture gives something else.
type brokenFuture struct {
	ports.Future
	get func(c orContext) (json.RawMessage, error)
}

func (f *brokenFuture) Get(c orContext) (json.RawMessage, error) { return f.get(c) }

// brokenChannel receives otherwise.
type brokenChannel struct {
	ports.SignalChannel
	receive func(c orContext) (json.RawMessage, error)
}

func (ch *brokenChannel) Receive(c orContext) (json.RawMessage, error) { return ch.receive(c) }

// brokenStep is an attempt's context that hides something.
type brokenStep struct {
	ports.StepContext
	err       func() error
	info      func() ports.StepInfo
	heartbeat func(json.RawMessage) error
	last      func() json.RawMessage
}

func (c *brokenStep) Err() error {
	if c.err != nil {
		return c.err()
	}
	return c.StepContext.Err()
}

func (c *brokenStep) Info() ports.StepInfo {
	if c.info != nil {
		return c.info()
	}
	return c.StepContext.Info()
}

func (c *brokenStep) Heartbeat(details json.RawMessage) error {
	if c.heartbeat != nil {
		return c.heartbeat(details)
	}
	return c.StepContext.Heartbeat(details)
}

func (c *brokenStep) LastHeartbeat() json.RawMessage {
	if c.last != nil {
		return c.last()
	}
	return c.StepContext.LastHeartbeat()
}

// onError has what a step or process returned as its error replaced.
func onError(out json.RawMessage, err error, replace func(error) error) (json.RawMessage, error) {
	if err != nil {
		return out, replace(err)
	}
	return out, nil
}

// processError replaces the errors of processes.
func processError(replace func(error) error) func(ports.ProcessFunc) ports.ProcessFunc {
	return func(fn ports.ProcessFunc) ports.ProcessFunc {
		return func(c orContext, in json.RawMessage) (json.RawMessage, error) {
			out, err := fn(c, in)
			return onError(out, err, replace)
		}
	}
}

// stepError replaces the errors of steps.
func stepError(replace func(error) error) func(ports.StepFunc) ports.StepFunc {
	return func(fn ports.StepFunc) ports.StepFunc {
		return func(c ports.StepContext, in json.RawMessage) (json.RawMessage, error) {
			out, err := fn(c, in)
			return onError(out, err, replace)
		}
	}
}

// stepCall changes what steps are called with.
func stepCall(change func(*ports.StepCall)) func(ports.Orchestrator, *brokenOrchestrator) {
	return func(_ ports.Orchestrator, b *brokenOrchestrator) {
		b.inside = func(inner orContext, c *brokenContext) {
			c.step = func(s ports.StepCall) ports.Future {
				change(&s)
				return inner.Step(s)
			}
		}
	}
}

// stepContext changes what steps see.
func stepContext(change func(c *brokenStep)) func(ports.Orchestrator, *brokenOrchestrator) {
	return func(_ ports.Orchestrator, b *brokenOrchestrator) {
		b.attempt = func(fn ports.StepFunc) ports.StepFunc {
			return func(c ports.StepContext, in json.RawMessage) (json.RawMessage, error) {
				broken := &brokenStep{StepContext: c}
				change(broken)
				return fn(broken, in)
			}
		}
	}
}

// insideOnly breaks the contexts of processes.
func insideOnly(spoil func(inner orContext, c *brokenContext)) func(ports.Orchestrator, *brokenOrchestrator) {
	return func(_ ports.Orchestrator, b *brokenOrchestrator) { b.inside = spoil }
}

// never parks a process's coroutine for good.
func never(c orContext) {
	_, _ = c.Disconnected().Signals("breakwater-mutant").Receive(c.Disconnected())
}

func orErr(kind ports.Kind) error {
	return &ports.Error{Op: "broken", Driver: "memory", Kind: kind}
}

func applicationError(err error) (*ports.ApplicationError, bool) {
	var a *ports.ApplicationError
	ok := errors.As(err, &a)
	return a, ok
}
