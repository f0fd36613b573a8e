package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/contract"
)

// testCase is one observation of a driver.
type testCase[D ports.Driver] struct {
	// id is "<port>/<what is observed>", the name under which -run finds it.
	id string
	// clauses that the case holds.
	clauses []string
	// needs is the capability that the case belongs to; the zero value = core.
	needs capability[D]
	// faults: the case needs Harness.Faults.
	faults bool
	run    func(ctx context.Context, e *env[D])
}

// capability is a named part of what a driver declares.
type capability[D ports.Driver] struct {
	name     string
	declared func(D) bool
}

// env is what a case works with; its methods that judge end the case when the judgement is against the driver. They are
// called on the case's own goroutine, or on one that hands a panic on to it (see call).
type env[D ports.Driver] struct {
	// Driver is a fresh client on a fresh namespace.
	Driver D
	Timing Timing

	h         *Harness[D]
	namespace string
	mu        sync.Mutex
	opened    []D
}

// failure travels by panic from a judgement to the engine.
type failure string

func (e *env[D]) failf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

// check fails the case unless ok.
func (e *env[D]) check(ok bool, format string, args ...any) {
	if !ok {
		e.failf(format, args...)
	}
}

// noError fails the case if err is set.
func (e *env[D]) noError(err error, doing string) {
	if err != nil {
		e.failf("%s: %v", doing, err)
	}
}

// isKind fails the case unless err is an *ports.Error of that kind.
func (e *env[D]) isKind(err error, kind ports.Kind, doing string) {
	switch got := ports.KindOf(err); {
	case err == nil:
		e.failf("%s: no error; want %v", doing, kind)
	case got != kind:
		e.failf("%s: error of kind %v (%v); want %v", doing, got, err, kind)
	}
}

// peer opens a second client on the case's data.
func (e *env[D]) peer(ctx context.Context) D {
	d, err := e.h.Open(ctx, e.namespace)
	e.noError(err, "open a second client")
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opened = append(e.opened, d)
	return d
}

func (e *env[D]) cut(ctx context.Context)  { e.noError(e.h.Faults.Cut(ctx, e.namespace), "cut") }
func (e *env[D]) heal(ctx context.Context) { e.noError(e.h.Faults.Heal(ctx, e.namespace), "heal") }

// eventually asks cond until it holds, or fails the case after Timing.Slack. It is for what a backend reaches by itself
// and nobody announces; what can be awaited is awaited.
func (e *env[D]) eventually(ctx context.Context, what string, cond func() bool) {
	deadline := time.Now().Add(e.Timing.Slack)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			e.failf("not within %v: %s", e.Timing.Slack, what)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			e.failf("%s: %v", what, ctx.Err())
		}
	}
}

// pause lets d pass between two looks at what only the backend's clock moves.
func (e *env[D]) pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		e.failf("the case ran out of time: %v", ctx.Err())
	}
}

// suite is all that is known of a port.
type suite[D ports.Driver] struct {
	port         string
	cases        []testCase[D]
	capabilities func(D) any
}

// check runs every case in order and reports on each.
func (s suite[D]) check(ctx context.Context, h Harness[D]) Report {
	r, err := s.newReport(ctx, h)
	if err != nil {
		r.Results = []Result{{ID: s.port + "/open", Outcome: Fail, Detail: err.Error()}}
		return r
	}
	for i, c := range s.cases {
		r.Results = append(r.Results, runCase(ctx, h, c, i))
	}
	return r
}

// runT does the same as subtests, so that -run picks a case by its id, and returns the report of what ran.
func (s suite[D]) runT(t *testing.T, h Harness[D]) Report {
	t.Helper()
	r, err := s.newReport(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range s.cases {
		t.Run(c.id, func(t *testing.T) {
			res := runCase(t.Context(), h, c, i)
			r.Results = append(r.Results, res)
			switch res.Outcome {
			case Pass:
			case NotDeclared, NotExercised:
				t.Skipf("%s: %s", res.Outcome, res.Detail)
			default:
				t.Errorf("%s (%s): %s", res.Outcome, strings.Join(c.clauses, ", "), res.Detail)
			}
		})
	}
	return r
}

// newReport asks a driver for its name and capabilities.
func (s suite[D]) newReport(ctx context.Context, h Harness[D]) (Report, error) {
	r := Report{SuiteVersion: SuiteVersion(), ContractVersion: contract.Version, Port: s.port, Backend: h.Backend}
	if h.Open == nil {
		return r, errors.New("the harness has no Open; valid is a function that gives a client on the namespace")
	}
	d, err := h.Open(ctx, "conformance-probe")
	if err != nil {
		return r, fmt.Errorf("open a client: %w", err)
	}
	if any(d) == nil {
		return r, errors.New("the harness's Open returned neither a client nor an error")
	}
	r.Driver, r.Capabilities = d.Name(), s.capabilities(d)
	return r, d.Close(ctx)
}

// runCase runs one case on its own goroutine, so that a hang is a verdict too.
func runCase[D ports.Driver](ctx context.Context, h Harness[D], c testCase[D], number int) Result {
	res := Result{ID: c.id, Clauses: c.clauses}
	timing := h.Timing.withDefaults()
	ctx, cancel := context.WithTimeout(ctx, timing.CaseDeadline)
	defer cancel()
	start := time.Now()
	done := make(chan Result, 1)
	go func() { done <- judge(ctx, h, c, fmt.Sprintf("c%d-%s", number, unique()), res) }()
	select {
	case res = <-done:
	case <-ctx.Done():
		// The case itself heeds ctx where the driver does; a moment more tells a slow failure from a hang.
		grace := time.NewTimer(timing.Slack)
		defer grace.Stop()
		select {
		case res = <-done:
		case <-grace.C:
			res.Outcome, res.Detail = Hang, fmt.Sprintf("no end within %v, and none within %v of the cancel", timing.CaseDeadline, timing.Slack)
		}
	}
	res.ElapsedMS = float64(time.Since(start).Microseconds()) / 1000
	return res
}

// judge opens the driver, runs the case and closes what was opened.
func judge[D ports.Driver](ctx context.Context, h Harness[D], c testCase[D], namespace string, res Result) (out Result) {
	out = res
	e := &env[D]{h: &h, namespace: namespace, Timing: h.Timing.withDefaults()}
	defer func() {
		if p := recover(); p != nil {
			out.Outcome, out.Detail = verdict(p)
		}
	}()
	d, err := h.Open(ctx, namespace)
	e.noError(err, "open a client")
	e.Driver = d
	e.opened = append(e.opened, d)
	defer func() {
		for _, d := range e.opened {
			if err := d.Close(ctx); err != nil && out.Outcome == Pass {
				out.Outcome, out.Detail = Fail, fmt.Sprintf("close: %v", err)
			}
		}
	}()
	switch {
	case c.needs.declared != nil && !c.needs.declared(d):
		out.Outcome, out.Detail = NotDeclared, c.needs.name
		return out
	case c.faults && h.Faults == nil:
		out.Outcome, out.Detail = NotExercised, "the harness has no Faults"
		return out
	}
	c.run(ctx, e)
	out.Outcome = Pass
	return out
}

func verdict(p any) (Outcome, string) {
	if f, ok := p.(failure); ok {
		return Fail, string(f)
	}
	return Panic, fmt.Sprintf("%v\n%s", p, debug.Stack())
}
