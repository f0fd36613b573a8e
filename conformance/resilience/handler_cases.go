package resilience

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/ports"
)

var errHandler = errors.New("the handler's own error")

func handlerCases() []testCase {
	return []testCase{
		{id: "resilience/acknowledges-after-success", clauses: []string{"RS-031"}, run: acknowledgesAfterSuccess},
		{id: "resilience/failed-runs-are-repeated", clauses: []string{"RS-032"}, run: failedRunsRepeat},
		{id: "resilience/panic-is-a-failed-run", clauses: []string{"RS-033"}, run: panicIsFailure},
		{id: "resilience/timeout-is-a-failed-run", clauses: []string{"RS-034"}, run: timeoutIsFailure},
		{id: "resilience/hung-handler-holds-up-nothing", clauses: []string{"RS-035"}, run: hungHoldsUpNothing},
		{id: "resilience/late-return-counts-for-nothing", clauses: []string{"RS-036"}, run: lateReturn},
		{id: "resilience/backoff-doubles", clauses: []string{"RS-037"}, run: backoffDoubles},
		{id: "resilience/key-waits-for-its-retry", clauses: []string{"RS-038"}, run: keyWaits},
		{id: "resilience/others-go-on-during-a-retry", clauses: []string{"RS-039"}, run: othersGoOn},
		{id: "resilience/concurrency-is-a-bound", clauses: []string{"RS-042"}, run: concurrencyBounds},
	}
}

func holdCases() []testCase {
	return []testCase{
		{id: "resilience/lease-outlives-a-slow-handler", clauses: []string{"RS-040"}, run: leaseOutlives},
		{id: "resilience/lost-lease-ends-the-handler", clauses: []string{"RS-041"}, run: lostLease},
		{id: "resilience/repeats-are-dropped", clauses: []string{"RS-043"}, needs: keyValue, run: repeatsAreDropped},
		{id: "resilience/failures-are-not-remembered", clauses: []string{"RS-044"}, needs: keyValue, run: failuresNotRemembered},
	}
}

// quick retries, for cases that are not about the wait.
var quick = messaging.HandlerOptions{Backoff: 20 * time.Millisecond}

func with(o messaging.HandlerOptions, change func(*messaging.HandlerOptions)) messaging.HandlerOptions {
	change(&o)
	return o
}

// acknowledgesAfterSuccess lets the first instance die in the middle of its handler.
func acknowledgesAfterSuccess(ctx context.Context, e *env) {
	topic := e.topic("t")
	first, second := e.newClient(nil), e.newClient(nil)
	var took, then inbox
	first.on(topic, took.then(func(ctx context.Context, _ receipt) error {
		<-ctx.Done()
		return ctx.Err()
	}), quick)
	e.noError(first.Start(ctx), "start the first instance")
	first.mustSend(ctx, topic, 1, "k")
	e.awaitRuns(ctx, &took, 1, 0)
	second.on(topic, then.handle, quick)
	e.noError(second.Start(ctx), "start the second instance")
	dying, cancel := context.WithCancel(ctx)
	cancel()
	_ = first.close(dying) // it says that the drain was cut short
	e.awaitRuns(ctx, &then, 1, time.Second)
	e.numbers(&then, 1)
}

func failedRunsRepeat(ctx context.Context, e *env) {
	for _, s := range []ports.Strategy{ports.LoadBalanced, ports.Sticky, ports.Broadcast} {
		topic := e.topic("t")
		c := e.newClient(nil)
		var runs inbox
		c.on(topic, runs.then(func(_ context.Context, r receipt) error {
			if r.n == 1 {
				return errHandler
			}
			return nil
		}), with(quick, func(o *messaging.HandlerOptions) { o.Strategy = s }))
		e.noError(c.Start(ctx), "start")
		c.mustSend(ctx, topic, 1, "k")
		e.awaitRuns(ctx, &runs, 3, time.Second)
		c.mustSend(ctx, topic, 2, "k")
		e.awaitNumber(ctx, &runs, 2, time.Second)
		e.quiet(ctx)
		e.check(runs.count(1) == 3, "%v: %d runs of a handler that always fails; want 3", s, runs.count(1))
		for i, r := range runs.all()[:3] {
			e.check(r.meta.Attempt == i+1, "%v: run %d has attempt %d", s, i+1, r.meta.Attempt)
		}
	}
}

func panicIsFailure(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	var runs inbox
	c.on(topic, runs.then(func(_ context.Context, r receipt) error {
		if r.n == 1 && r.meta.Attempt == 1 {
			panic("the handler's own panic")
		}
		return nil
	}), quick)
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 1, "k")
	e.awaitRuns(ctx, &runs, 2, time.Second)
	c.mustSend(ctx, topic, 2, "k")
	e.awaitNumber(ctx, &runs, 2, time.Second)
}

func timeoutIsFailure(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	var runs inbox
	ended := make(chan error, 1)
	c.on(topic, runs.then(func(ctx context.Context, r receipt) error {
		if r.meta.Attempt > 1 {
			return nil
		}
		select {
		case <-ctx.Done():
			ended <- ctx.Err()
		case <-time.After(e.timing.Slack):
			ended <- nil
		}
		return nil
	}), with(quick, func(o *messaging.HandlerOptions) { o.Timeout = 50 * time.Millisecond }))
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 1, "k")
	err := await(ctx, ended, "the handler's end")
	e.check(errors.Is(err, context.DeadlineExceeded), "context of a handler past its timeout: %v", err)
	e.awaitRuns(ctx, &runs, 2, time.Second)
}

// latch makes goroutines wait, whatever their context says, until release is called or the case ends.
func (e *env) latch() (wait, release func()) {
	over := make(chan struct{})
	release = sync.OnceFunc(func() { close(over) })
	e.closers = append(e.closers, func(context.Context) error { release(); return nil })
	return func() { <-over }, release
}

func hungHoldsUpNothing(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	hang, _ := e.latch()
	var runs inbox
	c.on(topic, runs.then(func(_ context.Context, r receipt) error {
		if r.n < 3 {
			hang()
		}
		return nil
	}), with(quick, func(o *messaging.HandlerOptions) {
		o.Timeout, o.Concurrency, o.Attempts = 30*time.Millisecond, 1, 1
	}))
	e.noError(c.Start(ctx), "start")
	for n := range 6 {
		c.mustSend(ctx, topic, n, "k")
	}
	for n := range 6 {
		e.awaitNumber(ctx, &runs, n, time.Second)
	}
}

func lateReturn(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	var runs inbox
	late := make(chan struct{})
	c.on(topic, runs.then(func(ctx context.Context, r receipt) error {
		if r.meta.Attempt > 1 {
			return nil
		}
		<-ctx.Done()
		defer close(late)
		return nil
	}), with(quick, func(o *messaging.HandlerOptions) {
		o.Timeout, o.Backoff = 30*time.Millisecond, 200*time.Millisecond
	}))
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 1, "k")
	await(ctx, late, "the handler's late return")
	e.awaitRuns(ctx, &runs, 2, time.Second)
	e.eventually(ctx, time.Second, "one success and one failure", func() bool {
		s := c.Stats()
		return s.Handled == 1 && s.FailedRuns == 1
	})
}

func backoffDoubles(ctx context.Context, e *env) {
	const backoff = 50 * time.Millisecond
	for _, s := range []ports.Strategy{ports.LoadBalanced, ports.Failover} {
		topic := e.topic("t")
		c := e.newClient(nil)
		var runs inbox
		c.on(topic, runs.then(func(context.Context, receipt) error { return errHandler }),
			messaging.HandlerOptions{Strategy: s, Backoff: backoff, Attempts: 4})
		e.noError(c.Start(ctx), "start")
		c.mustSend(ctx, topic, 1, "k")
		e.awaitRuns(ctx, &runs, 4, 7*backoff)
		all := runs.all()
		for i := range 3 {
			want := backoff << i
			got := all[i+1].at.Sub(all[i].at)
			e.check(got >= want, "%v: %v between run %d and the next; want at least %v", s, got, i+1, want)
		}
	}
}

func keyWaits(ctx context.Context, e *env) {
	for _, s := range []ports.Strategy{ports.Sticky, ports.Failover, ports.Exclusive} {
		topic := e.topic("t")
		c := e.newClient(nil)
		var runs inbox
		c.on(topic, runs.then(func(_ context.Context, r receipt) error {
			if r.n == 1 && r.meta.Attempt < 3 {
				return errHandler
			}
			return nil
		}), with(quick, func(o *messaging.HandlerOptions) { o.Strategy = s }))
		e.noError(c.Start(ctx), "start")
		for n := 1; n <= 3; n++ {
			c.mustSend(ctx, topic, n, "k")
		}
		e.awaitNumber(ctx, &runs, 3, time.Second)
		e.numbers(&runs, 1, 1, 1, 2, 3)
	}
}

func othersGoOn(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	var runs inbox
	c.on(topic, runs.then(func(_ context.Context, r receipt) error {
		if r.n == 1 && r.meta.Attempt == 1 {
			return errHandler
		}
		return nil
	}), messaging.HandlerOptions{Backoff: 500 * time.Millisecond, Concurrency: 1})
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 1, "k")
	e.awaitRuns(ctx, &runs, 1, 0)
	c.mustSend(ctx, topic, 2, "k")
	e.awaitNumber(ctx, &runs, 2, 0)
	e.check(runs.count(1) == 1, "the message that failed came again before its delay")
	e.awaitRuns(ctx, &runs, 3, time.Second)
	e.numbers(&runs, 1, 2, 1)
}

func concurrencyBounds(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	var now, most atomic.Int32
	var done sync.WaitGroup
	done.Add(12)
	wait, release := e.latch()
	c.on(topic, func(context.Context, int, messaging.Meta) error {
		defer done.Done()
		n := now.Add(1)
		defer now.Add(-1)
		for {
			seen := most.Load()
			if n <= seen || most.CompareAndSwap(seen, n) {
				break
			}
		}
		wait()
		return nil
	}, messaging.HandlerOptions{Concurrency: 3})
	e.noError(c.Start(ctx), "start")
	for n := range 12 {
		c.mustSend(ctx, topic, n, "")
	}
	e.eventually(ctx, 0, "three handlers at once", func() bool { return now.Load() >= 3 })
	e.quiet(ctx)
	release()
	done.Wait()
	e.check(most.Load() == 3, "%d handlers ran at once; want 3", most.Load())
}

// leased says whether a strategy of the primary has leases that end.
func (e *env) leased(s ports.Strategy) bool {
	c := e.pair.Primary.BrokerCapabilities(s)
	return c.AtLeastOnce && !c.SessionLease
}

func leaseOutlives(ctx context.Context, e *env) {
	const lease = 300 * time.Millisecond
	for _, s := range []ports.Strategy{ports.LoadBalanced, ports.Sticky} {
		topic := e.topic("t")
		first, second := e.newClient(nil), e.newClient(nil)
		var runs inbox
		slow := runs.then(func(ctx context.Context, _ receipt) error {
			select {
			case <-time.After(4 * lease):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		o := messaging.HandlerOptions{Strategy: s, Lease: lease}
		for _, c := range []*client{first, second} {
			c.on(topic, slow, o)
			e.noError(c.Start(ctx), "start")
		}
		first.mustSend(ctx, topic, 1, "k")
		e.eventually(ctx, 4*lease, "the slow handler succeeds", func() bool {
			return first.Stats().Handled+second.Stats().Handled > 0
		})
		e.quiet(ctx)
		e.numbers(&runs, 1)
	}
}

// lostLease lets no extension through, so that the lease ends under the handler.
func lostLease(ctx context.Context, e *env) {
	if !e.leased(ports.LoadBalanced) {
		return // a lease of the session is not lost while the session lives
	}
	topic := e.topic("t")
	const lease = 300 * time.Millisecond
	c := e.newClient(func(c *messaging.Config) { c.Primary = &withoutExtend{c.Primary} })
	var runs inbox
	ended := make(chan struct{})
	c.on(topic, runs.then(func(ctx context.Context, r receipt) error {
		if r.meta.Attempt > 1 {
			return nil
		}
		<-ctx.Done()
		close(ended)
		return nil
	}), messaging.HandlerOptions{Lease: lease, Timeout: time.Hour})
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 1, "k")
	select {
	case <-ended:
	case <-time.After(2*lease + e.pair.Primary.BrokerCapabilities(ports.LoadBalanced).TakeoverBound + e.timing.Slack):
		e.failf("the context of a handler goes on though its lease is lost")
	}
	e.awaitRuns(ctx, &runs, 2, lease)
}

// withoutExtend is a broker whose leases cannot be extended: the answer is lost on its way.
type withoutExtend struct{ ports.Broker }

func (b *withoutExtend) Subscribe(ctx context.Context, o ports.SubscribeOptions) (ports.Subscription, error) {
	s, err := b.Broker.Subscribe(ctx, o)
	if err != nil {
		return nil, err
	}
	return &brokenSubscription{s, func(d ports.Delivery) ports.Delivery { return &unextended{d} }}, nil
}

type unextended struct{ ports.Delivery }

func (*unextended) Extend(context.Context) error {
	return &ports.Error{Op: "extend", Driver: "flaky", Kind: ports.ErrUnavailable}
}

func repeatsAreDropped(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	var runs inbox
	c.on(topic, runs.handle, with(quick, func(o *messaging.HandlerOptions) { o.DropRepeats, o.Concurrency = time.Minute, 1 }))
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 1, "k", messaging.WithID("same"))
	e.awaitRuns(ctx, &runs, 1, 0)
	c.mustSend(ctx, topic, 2, "k", messaging.WithID("same"))
	c.mustSend(ctx, topic, 3, "k", messaging.WithID("other"))
	e.awaitNumber(ctx, &runs, 3, 0)
	e.eventually(ctx, 0, "the repeat was counted", func() bool { return c.Stats().Repeated == 1 })
	e.numbers(&runs, 1, 3)
}

func failuresNotRemembered(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.newClient(nil)
	var runs inbox
	c.on(topic, runs.then(func(_ context.Context, r receipt) error {
		if r.meta.Attempt == 1 {
			return errHandler
		}
		return nil
	}), with(quick, func(o *messaging.HandlerOptions) { o.DropRepeats = time.Minute }))
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, 1, "k")
	e.awaitRuns(ctx, &runs, 2, time.Second)
}
