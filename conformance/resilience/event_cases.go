package resilience

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/ports"
)

func eventCases() []testCase {
	return []testCase{
		{id: "resilience/event-starts-one-process", clauses: []string{"RS-051"}, needs: orchestrator, run: eventStartsOne},
		{id: "resilience/event-outlives-the-orchestrators-outage", clauses: []string{"RS-052"}, needs: orchestrator, run: eventOutlivesOutage},
	}
}

// doubles is the process that the cases start: it returns twice its input.
func (e *env) doubles(ctx context.Context) *process.Process[int, int] {
	queue := e.topic("queue")
	p := process.New("resilience-doubles", func(_ *process.Context, n int) (int, error) { return 2 * n, nil }, process.Options{Queue: queue})
	w, err := e.pair.Orchestrator.NewWorker(ports.WorkerOptions{Queue: queue})
	e.noError(err, "make a worker")
	e.noError(p.Register(w), "register the process")
	e.noError(w.Start(ctx), "start the worker")
	e.closers = append(e.closers, w.Drain)
	return p
}

func (c *client) onEvent(topic string, p *process.Process[int, int], id func(*ports.Message) string) {
	_, err := messaging.OnEvent(c.Client, topic, p, messaging.EventOptions{HandlerOptions: quick, ID: id})
	c.e.noError(err, "on event")
}

func (e *env) result(ctx context.Context, id string, want int) {
	e.eventually(ctx, time.Second, "the process "+id, func() bool {
		_, err := e.pair.Orchestrator.Describe(ctx, ports.Run{ID: id})
		return err == nil
	})
	got, err := process.Attach[int](e.pair.Orchestrator, id).Get(ctx)
	e.noError(err, "the process's result")
	e.check(got == want, "process %s returned %d; want %d", id, got, want)
}

func eventStartsOne(ctx context.Context, e *env) {
	topic, named := e.topic("t"), e.topic("t")
	c := e.newClient(nil)
	p := e.doubles(ctx)
	c.onEvent(topic, p, nil)
	c.onEvent(named, p, func(m *ports.Message) string { return named + ":" + string(m.Payload) })
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 21, "k", messaging.WithID("a"))
	e.result(ctx, topic+"/a", 42)
	first, err := e.pair.Orchestrator.Describe(ctx, ports.Run{ID: topic + "/a"})
	e.noError(err, "describe")

	c.mustSend(ctx, topic, 50, "k", messaging.WithID("a")) // the run is closed by now
	e.eventually(ctx, time.Second, "the repeat was handled", func() bool { return c.Stats().Handled == 2 })
	again, err := e.pair.Orchestrator.Describe(ctx, ports.Run{ID: topic + "/a"})
	e.noError(err, "describe")
	e.check(again.RunID == first.RunID, "the repeat started another run")
	e.check(c.Stats().Repeated == 1, "the repeat was not counted")
	e.result(ctx, topic+"/a", 42)

	c.mustSend(ctx, named, 5, "k")
	e.result(ctx, named+":5", 10)
}

func eventOutlivesOutage(ctx context.Context, e *env) {
	topic := e.topic("t")
	dead := e.tap(ctx, topic+"-dlq")
	gate := &closedOrchestrator{}
	c := e.newClient(func(c *messaging.Config) {
		gate.Orchestrator = c.Orchestrator
		c.Orchestrator = gate
	})
	p := e.doubles(ctx)
	c.onEvent(topic, p, nil)
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 4, "k", messaging.WithID("a"))
	e.eventually(ctx, time.Second, "more tries than a handler has", func() bool { return gate.refused.Load() > messaging.DefaultAttempts })
	dead.nothing(ctx)
	gate.open.Store(true)
	e.result(ctx, topic+"/a", 8)
}

// closedOrchestrator starts nothing until it is open.
type closedOrchestrator struct {
	ports.Orchestrator
	open    atomic.Bool
	refused atomic.Int32
}

func (o *closedOrchestrator) Start(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
	if !o.open.Load() {
		o.refused.Add(1)
		return ports.Run{}, &ports.Error{Op: "start", Driver: "flaky", Kind: ports.ErrUnavailable}
	}
	return o.Orchestrator.Start(ctx, r)
}
