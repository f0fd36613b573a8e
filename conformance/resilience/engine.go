package resilience

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/ports"
)

// testCase is one observation of core.
type testCase struct {
	// id is "resilience/<what is observed>", the name under which -run finds it.
	id string
	// clauses that the case holds.
	clauses []string
	needs   need
	run     func(ctx context.Context, e *env)
}

// need is what a harness may lack.
type need uint8

const (
	nothing need = iota
	keyValue
	orchestrator
)

// env is what a case works with. Its methods that judge end the case, and are called on its own goroutine only.
type env struct {
	// primary and store fail when they are told to; the clients of the case are on them. The pair itself never fails.
	primary *flakyBroker
	store   *flakyStore
	pair    Pair
	timing  conformance.Timing

	mutant    Mutant
	namespace string
	h         *Harness
	closers   []func(context.Context) error
}

// failure travels by panic from a judgement to the engine.
type failure string

func (e *env) failf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func (e *env) check(ok bool, format string, args ...any) {
	if !ok {
		e.failf(format, args...)
	}
}

func (e *env) noError(err error, doing string) {
	if err != nil {
		e.failf("%s: %v", doing, err)
	}
}

func (e *env) isKind(err error, kind ports.Kind, doing string) {
	switch got := ports.KindOf(err); {
	case err == nil:
		e.failf("%s: no error; want %v", doing, kind)
	case got != kind:
		e.failf("%s: error of kind %v (%v); want %v", doing, got, err, kind)
	}
}

// eventually asks cond until it holds, or fails the case after bound and the timing's slack.
func (e *env) eventually(ctx context.Context, bound time.Duration, what string, cond func() bool) {
	deadline := time.Now().Add(bound + e.timing.Slack)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			e.failf("not within %v: %s", bound+e.timing.Slack, what)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			e.failf("%s: %v", what, ctx.Err())
		}
	}
}

// quiet lets the time pass in which something must not happen.
func (e *env) quiet(ctx context.Context) { e.pause(ctx, e.timing.Quiet) }

func (e *env) pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		e.failf("the case ended while it waited: %v", ctx.Err())
	}
}

// client is a client of package messaging, broken as the case's mutant says.
type client struct {
	*messaging.Client
	e     *env
	send  sendFunc
	flush flushFunc
	close closeFunc
}

// newClient makes a client that is not started; the case's end closes it.
func (e *env) newClient(change func(*messaging.Config)) *client {
	c := messaging.Config{Service: "resilience", Primary: e.primary, Fallback: e.store, KeyValue: e.pair.KeyValue,
		Orchestrator: e.pair.Orchestrator, Probe: 50 * time.Millisecond}
	if change != nil {
		change(&c)
	}
	if e.mutant.config != nil {
		e.mutant.config(&c)
	}
	m, err := messaging.New(c)
	e.noError(err, "make a client")
	mc := &client{Client: m, e: e, send: m.SmartSend, flush: m.FlushEmergencyFallbacks, close: m.Close}
	e.mutant.client(mc, c)
	e.closers = append(e.closers, mc.Close)
	return mc
}

// started is newClient and Start.
func (e *env) started(ctx context.Context, change func(*messaging.Config)) *client {
	c := e.newClient(change)
	e.noError(c.Start(ctx), "start")
	return c
}

// mustSend sends n, which must not fail.
func (c *client) mustSend(ctx context.Context, topic string, n int, key string, o ...messaging.SendOption) messaging.Receipt {
	r, err := c.send(ctx, topic, n, key, o...)
	c.e.noError(err, fmt.Sprintf("send %d", n))
	return r
}

// on registers a handler of numbers, which is what the cases send.
func (c *client) on(topic string, h handler, o messaging.HandlerOptions) *messaging.Listener {
	h, o = c.e.mutant.handler(h, o)
	l, err := messaging.On(c.Client, topic, h, o)
	c.e.noError(err, "on "+topic)
	return l
}

// topic is one that no other case has.
func (e *env) topic(name string) string { return name + "-" + strings.ToLower(rand.Text()[:8]) }

// stranded lists the numbers that wait in the store for topic, oldest first.
func (e *env) stranded(ctx context.Context, topic string) (all []string) {
	r, err := e.pair.Store.Stranded(ctx, topic)
	e.noError(err, "read the store")
	defer func() { e.noError(r.Close(ctx), "close the reader of the store") }()
	for {
		d, err := r.Next(ctx)
		if ports.KindOf(err) == ports.ErrNotFound {
			return all
		}
		e.noError(err, "read the store")
		all = append(all, string(d.Message().Payload))
	}
}

// runCase runs one case on its own goroutine, so that a hang is a verdict too.
func runCase(ctx context.Context, h Harness, m Mutant, c testCase, number int) conformance.Result {
	res := conformance.Result{ID: c.id, Clauses: c.clauses}
	timing := withDefaults(h.Timing)
	ctx, cancel := context.WithTimeout(ctx, timing.CaseDeadline)
	defer cancel()
	start := time.Now()
	done := make(chan conformance.Result, 1)
	go func() {
		done <- judge(ctx, h, m, c, fmt.Sprintf("r%d-%s", number, strings.ToLower(rand.Text()[:10])), res)
	}()
	select {
	case res = <-done:
	case <-ctx.Done():
		grace := time.NewTimer(timing.Slack)
		defer grace.Stop()
		select {
		case res = <-done:
		case <-grace.C:
			res.Outcome, res.Detail = conformance.Hang, fmt.Sprintf("no end within %v", timing.CaseDeadline)
		}
	}
	res.ElapsedMS = float64(time.Since(start).Microseconds()) / 1000
	return res
}

// judge opens the pair, runs the case and closes what was opened.
func judge(ctx context.Context, h Harness, m Mutant, c testCase, namespace string, res conformance.Result) (out conformance.Result) {
	out = res
	e := &env{h: &h, namespace: namespace, timing: withDefaults(h.Timing), mutant: m}
	defer func() {
		if p := recover(); p != nil {
			out.Outcome, out.Detail = verdict(p)
		}
	}()
	pair, err := h.Open(ctx, namespace)
	e.noError(err, "open the backends")
	e.pair = pair
	e.primary, e.store = newFlakyBroker(pair.Primary), newFlakyStore(pair.Store)
	e.closers = append(e.closers, pair.Close)
	defer func() {
		for i := len(e.closers) - 1; i >= 0; i-- {
			if err := e.closers[i](ctx); err != nil && out.Outcome == conformance.Pass {
				out.Outcome, out.Detail = conformance.Fail, fmt.Sprintf("close: %v", err)
			}
		}
	}()
	switch {
	case c.needs == keyValue && pair.KeyValue == nil:
		out.Outcome, out.Detail = conformance.NotExercised, "the harness has no KeyValue"
		return out
	case c.needs == orchestrator && pair.Orchestrator == nil:
		out.Outcome, out.Detail = conformance.NotExercised, "the harness has no Orchestrator"
		return out
	}
	c.run(ctx, e)
	out.Outcome = conformance.Pass
	return out
}

func verdict(p any) (conformance.Outcome, string) {
	if f, ok := p.(failure); ok {
		return conformance.Fail, string(f)
	}
	return conformance.Panic, fmt.Sprintf("%v\n%s", p, debug.Stack())
}

func withDefaults(t conformance.Timing) conformance.Timing {
	if t.Quiet == 0 {
		t.Quiet = 100 * time.Millisecond
	}
	if t.Slack == 0 {
		t.Slack = 2 * time.Second
	}
	if t.CaseDeadline == 0 {
		t.CaseDeadline = time.Minute
	}
	return t
}
