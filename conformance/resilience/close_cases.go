package resilience

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/ports"
)

func closeCases() []testCase {
	return []testCase{
		{id: "resilience/close-waits-for-handlers", clauses: []string{"RS-053"}, run: closeWaits},
		{id: "resilience/close-hands-back-the-rest", clauses: []string{"RS-054"}, run: closeHandsBack},
		{id: "resilience/close-cut-short-ends-handlers", clauses: []string{"RS-055"}, run: closeCutShort},
		{id: "resilience/closed-client-sends-nothing", clauses: []string{"RS-056"}, run: closedSendsNothing},
	}
}

func closeWaits(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	var runs inbox
	release := make(chan struct{})
	c.on(topic, runs.then(func(ctx context.Context, _ receipt) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}), quick)
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 1, "k")
	e.awaitRuns(ctx, &runs, 1, 0)
	closed := make(chan error, 1)
	go func() { closed <- c.close(ctx) }()
	e.quiet(ctx)
	select {
	case err := <-closed:
		e.failf("closed (%v) while a handler ran", err)
	default:
	}
	close(release)
	e.noError(await(ctx, closed, "close"), "close")
	e.check(c.Stats().Handled == 1, "the handler's success does not count")

	next := e.newClient(nil)
	var again inbox
	next.on(topic, again.handle, quick)
	e.noError(next.Start(ctx), "start another instance")
	next.mustSend(ctx, topic, 2, "k")
	e.awaitRuns(ctx, &again, 1, 0)
	e.numbers(&again, 2)
}

// closeHandsBack closes a client that has taken more than it has handled.
func closeHandsBack(ctx context.Context, e *env) {
	topic := e.topic("t")
	const lease = time.Hour // so that only handing back brings a message to the other
	o := messaging.HandlerOptions{Lease: lease, Concurrency: 1, Strategy: ports.Failover, Backoff: time.Hour}
	first, second := e.newClient(nil), e.newClient(nil)
	var failing, then inbox
	first.on(topic, failing.then(func(context.Context, receipt) error { return errHandler }), o)
	e.noError(first.Start(ctx), "start")
	for n := 1; n <= 3; n++ {
		first.mustSend(ctx, topic, n, "k")
	}
	e.awaitRuns(ctx, &failing, 1, 0)
	e.eventually(ctx, 0, "the first run has failed", func() bool { return first.Stats().FailedRuns == 1 })
	second.on(topic, then.handle, o)
	e.noError(second.Start(ctx), "start the second instance")
	e.noError(first.close(ctx), "close")
	e.awaitRuns(ctx, &then, 3, e.pair.Primary.BrokerCapabilities(ports.Failover).TakeoverBound)
	e.numbers(&then, 1, 2, 3)
}

func closeCutShort(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	var runs inbox
	ended := make(chan struct{})
	c.on(topic, runs.then(func(ctx context.Context, _ receipt) error {
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	}), messaging.HandlerOptions{Timeout: time.Hour})
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 1, "k")
	e.awaitRuns(ctx, &runs, 1, 0)
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	e.isKind(c.close(short), ports.ErrTimeout, "close that is cut short")
	took := time.Since(began)
	e.check(took < 200*time.Millisecond+e.timing.Slack/2, "close took %v beyond its context", took)
	select {
	case <-ended:
	case <-time.After(e.timing.Slack):
		e.failf("the handler's context goes on after the close was cut short")
	}
}

func closedSendsNothing(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.newClient(nil)
	_, err := c.send(ctx, topic, 1, "k")
	e.isKind(err, ports.ErrInvalid, "send before start")
	e.noError(c.Start(ctx), "start")
	e.noError(c.close(ctx), "close")
	_, err = c.send(ctx, topic, 2, "k")
	e.isKind(err, ports.ErrClosed, "send after close")
	e.noError(c.close(ctx), "close again")
	tap.nothing(ctx)
}
