package ports

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// Orchestrator runs durable processes: deterministic code whose progress survives its worker, made of steps that may be
// repeated. A process is what Temporal calls a workflow, a step is an activity. One value stands for one namespace.
//
// Payloads and errors are serialised on every driver, so that a process behaves alike on all of them. A payload is one
// JSON value; an empty one arrives as null. Of an error, its [Kind] and an [*ApplicationError] survive: see
// [ToApplicationError]. OR-017 to OR-026 and OR-109 to OR-118 hold for all methods; those of features that no driver has
// yet are OR-119 to OR-150.
type Orchestrator interface {
	Driver
	OrchestratorCapabilities() OrchestratorCapabilities

	// Start returns once the run is recorded; what happens with an id that is known, r.Reuse says. No worker needs to
	// live, and the process need not be registered anywhere: it then waits, RUNNING. OR-001 to OR-016.
	Start(ctx context.Context, r StartRequest) (Run, error)
	// Result waits for the end of a run, following continue-as-new, and returns its output. A run that failed gives
	// ErrFailed or the kind that the process returned; a cancelled one ErrCanceled, one past its RunTimeout ErrTimeout, a
	// terminated one ErrFailed with Type [TypeTerminated]. The error of a run always holds an [*ApplicationError], that of
	// a call that failed never does: so a cancelled run and a cancelled call are told apart. ErrNotFound for an unknown id.
	// A Run without RunID means the newest run of the id, here and below. OR-027, OR-028, OR-030 to OR-036.
	Result(ctx context.Context, r Run) (json.RawMessage, error)
	// Describe returns what is known of a run; ErrNotFound. OR-016, OR-030 to OR-034.
	Describe(ctx context.Context, r Run) (Description, error)
	// Cancel asks the process to end: its context is cancelled, it may clean up, and what it returns decides its status: an
	// error of kind ErrCanceled makes it CANCELLED. Nil and no effect for a run that has ended; ErrNotFound for an unknown
	// id. OR-079 to OR-089, OR-092.
	Cancel(ctx context.Context, r Run) error
	// Terminate ends the run at once, without its code; ErrNotFound for an unknown id and for a run that has ended.
	// OR-090 to OR-092, OR-099.
	Terminate(ctx context.Context, r Run, reason string) error
	// Signal delivers arg to the process, in the order of calls, also before it asks and before any worker lives;
	// ErrNotFound as for Terminate. OR-067 to OR-072.
	Signal(ctx context.Context, r Run, name string, arg json.RawMessage) error
	// Query asks a handler of the process and needs a live worker, else it waits until ctx ends. It answers for an ended
	// run too. ErrNotFound for an unknown id; ErrInvalid for a query that the process does not handle; a handler's own
	// error keeps its kind and text. OR-073 to OR-078.
	Query(ctx context.Context, r Run, name string, arg json.RawMessage) (json.RawMessage, error)
	// List returns runs, newest start first, and Count counts them; both may lag behind the other methods. ErrInvalid for a
	// Status that is none and a negative Limit. OR-037 to OR-040.
	List(ctx context.Context, f Filter) ([]Description, error)
	Count(ctx context.Context, f Filter) (int64, error)
	// NewWorker makes a worker for one queue; it does nothing before Worker.Start. OR-102.
	NewWorker(o WorkerOptions) (Worker, error)
}

// OrchestratorCapabilities says which optional interfaces an Orchestrator has, and what it survives.
type OrchestratorCapabilities struct {
	Updates    bool `json:"updates"`
	Schedules  bool `json:"schedules"`
	Namespaces bool `json:"namespaces"`
	// Durable: runs survive the end of the program that holds the driver.
	Durable bool `json:"durable"`
	// PickUp bounds how long work waits on after a worker for it has come: work that nobody could do before, or whose
	// worker has gone. It may count once for each step on the way.
	PickUp time.Duration `json:"pick_up_ns"`
	// StepCancel bounds how long a step that heartbeats does not know of its cancel.
	StepCancel time.Duration `json:"step_cancel_ns"`
}

// Reuse says what Start does when the id is known; the process and its input have no say. Ids are forgotten after the
// namespace's retention.
type Reuse uint8

// The reuse rules. ReuseClosed, the zero value, is the default.
const (
	// ReuseClosed: a running one is returned with Run.Existing; a closed one is started again.
	ReuseClosed Reuse = iota
	// ReuseNever: running or closed, the newest run is returned with Run.Existing.
	ReuseNever
	// ReuseFail: a running one is ErrAlreadyExists; a closed one is started again.
	ReuseFail
)

// StartRequest says what to run; Process, ID and Queue are required. Names are 1 to 1000 bytes of UTF-8.
type StartRequest struct {
	Process string `json:"process"`
	// ID is 1 to 1000 bytes of printable ASCII.
	ID    string          `json:"id"`
	Queue string          `json:"queue"`
	Input json.RawMessage `json:"input,omitempty"`
	Reuse Reuse           `json:"reuse,omitempty"`
	// RunTimeout ends the run as TIMED_OUT; 0 = none.
	RunTimeout time.Duration `json:"run_timeout_ns,omitempty"`
	// Headers carry trace context to the process and its steps.
	Headers map[string]string `json:"headers,omitempty"`
	// Memo is kept with the run and not searched.
	Memo map[string]json.RawMessage `json:"memo,omitempty"`
	// SearchAttributes can be filtered by; a server may need them registered.
	SearchAttributes map[string]string `json:"search_attributes,omitempty"`
}

// Run names one execution.
type Run struct {
	ID    string `json:"id"`
	RunID string `json:"run_id"`
	// Existing: Start found the id known and started nothing.
	Existing bool `json:"existing,omitempty"`
}

// Status of a run, in Temporal's words.
type Status string

// The statuses.
const (
	StatusRunning        Status = "RUNNING"
	StatusCompleted      Status = "COMPLETED"
	StatusFailed         Status = "FAILED"
	StatusCancelled      Status = "CANCELLED"
	StatusTerminated     Status = "TERMINATED"
	StatusTimedOut       Status = "TIMED_OUT"
	StatusContinuedAsNew Status = "CONTINUED_AS_NEW"
)

// Description is what is known of a run.
type Description struct {
	Run
	Process          string                     `json:"process"`
	Queue            string                     `json:"queue"`
	Status           Status                     `json:"status"`
	Started          time.Time                  `json:"started"`
	Ended            time.Time                  `json:"ended,omitzero"`
	Memo             map[string]json.RawMessage `json:"memo,omitempty"`
	SearchAttributes map[string]string          `json:"search_attributes,omitempty"`
}

// Filter of the zero value matches every run.
type Filter struct {
	Process          string
	Status           Status
	SearchAttributes map[string]string
	Limit            int // of List; 0 = 100
}

// WorkerOptions of a worker; Queue is required.
type WorkerOptions struct {
	Queue string
	// MaxSteps and MaxProcesses bound what runs at once; 0 = the driver's default.
	MaxSteps, MaxProcesses int
	// Identity names the worker in the backend's records; "" = the driver's choice.
	Identity string
	Logger   *slog.Logger // nil = silent
}

// Worker runs the processes and steps of one queue. Work that is not registered on any worker waits, and is reported
// loudly: it is not failed, which would break rolling deployments.
type Worker interface {
	// RegisterProcess and RegisterStep come before Start, else ErrInvalid; ErrAlreadyExists for a name that is taken,
	// ErrInvalid for an empty name or a nil function. OR-101.
	RegisterProcess(name string, fn ProcessFunc) error
	RegisterStep(name string, fn StepFunc) error
	// Start returns when the worker takes work; ctx bounds the call, and the steps get its values. A second Start is
	// ErrInvalid, one after Drain ErrClosed. OR-002, OR-052, OR-102 to OR-104, OR-108.
	Start(ctx context.Context) error
	// Drain takes no new work and waits for running steps; when ctx ends first, their contexts are cancelled and the
	// error is ErrTimeout or ErrCanceled. Processes go on with the next worker. Idempotent; a drained worker is done.
	// OR-066, OR-105 to OR-108.
	Drain(ctx context.Context) error
}

// ProcessFunc is a process: deterministic code that does all I/O in steps. A panic fails the run.
type ProcessFunc func(c ProcessContext, in json.RawMessage) (json.RawMessage, error)

// StepFunc is a step: any code; it may run more than once. A panic is a failed attempt. An ErrCanceled that it returns
// without having been cancelled becomes ErrFailed, so that its process does not look cancelled. OR-022 to OR-029.
type StepFunc func(c StepContext, in json.RawMessage) (json.RawMessage, error)

// StepContext is what a step may use. It ends with the attempt's timeout and, at the next heartbeat, with a cancel.
// OR-042, OR-049, OR-057, OR-093.
type StepContext interface {
	context.Context
	Info() StepInfo
	// Heartbeat says that the step lives, and keeps details for the next attempt; the error says that the step should
	// end.
	Heartbeat(details json.RawMessage) error
	// LastHeartbeat is what the attempt before kept last; nil if nothing.
	LastHeartbeat() json.RawMessage
}

// StepInfo describes an attempt.
type StepInfo struct {
	Name, Queue string
	// Attempt counts from 1.
	Attempt int
	// Run is the process's.
	Run     Run
	Process string
	Headers map[string]string
}

// Selectable is what [ProcessContext] Select can wait for.
type Selectable interface{ Ready() bool }

// Future is ready once and stays so. It belongs to the context that made it: when that is cancelled, the future ends
// with ErrCanceled at once, whether or not what it stands for has stopped. Get parks the coroutine until then, whatever
// context it is given; it may be called again. OR-041, OR-085, OR-086.
type Future interface {
	Selectable
	Get(c ProcessContext) (json.RawMessage, error)
}

// SignalChannel holds the signals of one name in the order of their arrival; it is ready while one waits. OR-067 to
// OR-072.
type SignalChannel interface {
	Selectable
	// Receive takes the oldest, or parks until there is one or c is cancelled (ErrCanceled).
	Receive(c ProcessContext) (json.RawMessage, error)
}

// StepCall says what to run and how often; Name is required. OR-041 to OR-057.
type StepCall struct {
	Name  string
	Queue string // "" = the process's
	Input json.RawMessage
	// Attempts counts all runs; 0 = 1. An error that is NonRetryable or of kind ErrInvalid ends them early.
	Attempts int
	// Backoff is the wait before the second attempt (0 = 1 s); it doubles up to MaxBackoff (0 = 100 times Backoff).
	Backoff, MaxBackoff time.Duration
	// Timeout bounds one attempt, which then has failed with ErrTimeout; 0 = 300 s.
	Timeout time.Duration
	// HeartbeatTimeout fails an attempt that is silent for so long; 0 = none.
	HeartbeatTimeout time.Duration
	// ScheduleToStart bounds the wait for a worker; ErrTimeout, not retried; 0 = none.
	ScheduleToStart time.Duration
	// Local, if set, is the code: it runs in the process's own worker, without a queue, so Queue is empty.
	Local StepFunc
}

// ProcessContext is everything that a process may use. It is valid only on the coroutine that it was handed to. The set
// is closed: what Temporal cannot give does not belong here. OR-058 to OR-066, and OR-079 to OR-088 for its scopes.
type ProcessContext interface {
	Info() ProcessInfo
	// Replaying: the code is run again to rebuild its state.
	Replaying() bool
	// Logger is silent while replaying.
	Logger() *slog.Logger
	// Now is the time that the process has reached; it stands still between waits.
	Now() time.Time
	// Sleep waits; ErrCanceled when the context is cancelled. Like a Timer it is over at once for 0 or less.
	Sleep(d time.Duration) error
	Timer(d time.Duration) Future
	Step(s StepCall) Future
	// Child starts another process that belongs to this one: it is cancelled with this context and terminated when this
	// process ends. An empty ID is derived from this run's; an empty Queue is this process's. Started yields its [Run] as
	// JSON. An id that is running fails both futures with ErrAlreadyExists, with ReuseNever also one that has ended: a
	// child is never somebody else's run. OR-094 to OR-100.
	Child(r StartRequest) (started, result Future)
	// SideEffect records what fn returns, once; fn must not do I/O, must not fail and may run again before it is recorded.
	// OR-064.
	SideEffect(fn func() json.RawMessage) json.RawMessage
	// Version returns the version of a changed piece of code: max for a run that meets it first, the recorded one on
	// replay, minVersion for a run that passed it before it was there. Outside the range the run cannot go on.
	Version(change string, minVersion, maxVersion int) int
	Signals(name string) SignalChannel
	// HandleQuery answers Orchestrator.Query; fn must not change state nor wait. The last one of a name counts. OR-073 to
	// OR-077.
	HandleQuery(name string, fn func(arg json.RawMessage) (json.RawMessage, error)) error
	// HandleUpdate answers Updates.Update; ErrUnsupported where Updates is not declared.
	HandleUpdate(name string, fn func(c ProcessContext, arg json.RawMessage) (json.RawMessage, error)) error
	// Select parks until one is ready and returns the lowest ready index; ErrCanceled when this context is cancelled and
	// none is ready.
	Select(of ...Selectable) (int, error)
	// Go starts a coroutine. One runs at a time, each until it waits; they end with the process.
	Go(fn func(c ProcessContext))
	// WithCancel makes a scope that ends with this context or by cancel.
	WithCancel() (c ProcessContext, cancel func())
	// Disconnected makes a scope that is not cancelled with this one: for cleaning up.
	Disconnected() ProcessContext
	// Err is ErrCanceled once this scope is cancelled.
	Err() error
	// ContinueAsNew makes the error that a process returns to end this run and begin another under the same id, with
	// signals not yet received. Zero fields of r mean: as this run.
	ContinueAsNew(r StartRequest) error
	// ShouldContinueAsNew: the history has grown so long that it is time.
	ShouldContinueAsNew() bool
	UpsertSearchAttributes(attributes map[string]string) error
	UpsertMemo(memo map[string]json.RawMessage) error
}

// ProcessInfo describes a run from inside.
type ProcessInfo struct {
	Description
	// Parent is the run that this one is a child of, else nil.
	Parent  *Run
	Headers map[string]string
}

// Updates is optional beside an Orchestrator.
type Updates interface {
	// Update calls a handler of a running process and waits for its answer; errors as for Query, ErrNotFound also for a
	// run that has ended.
	Update(ctx context.Context, r Run, name string, arg json.RawMessage) (json.RawMessage, error)
}
