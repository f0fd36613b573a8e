package resilience

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/ports"
)

func deadLetterCases() []testCase {
	return []testCase{
		{id: "resilience/spent-runs-make-a-dead-letter", clauses: []string{"RS-045"}, run: spentRuns},
		{id: "resilience/dead-letter-is-the-message", clauses: []string{"RS-046"}, run: deadLetterIsMessage},
		{id: "resilience/dead-letter-hides-the-payload", clauses: []string{"RS-047"}, run: deadLetterHidesPayload},
		{id: "resilience/unsent-dead-letter-keeps-the-message", clauses: []string{"RS-048"}, run: unsentDeadLetter},
		{id: "resilience/undecodable-goes-at-once", clauses: []string{"RS-049"}, run: undecodable},
		{id: "resilience/dead-letter-by-hand", clauses: []string{"RS-050"}, run: byHand},
	}
}

func spentRuns(ctx context.Context, e *env) {
	for reason, fail := range map[messaging.Reason]func(context.Context, receipt) error{
		messaging.ReasonFailed:  func(context.Context, receipt) error { return errHandler },
		messaging.ReasonPanic:   func(context.Context, receipt) error { panic(errHandler.Error()) },
		messaging.ReasonTimeout: func(ctx context.Context, _ receipt) error { <-ctx.Done(); return nil },
	} {
		topic := e.topic("t")
		dead := e.tap(ctx, topic+"-dlq")
		c := e.newClient(nil)
		var runs inbox
		c.on(topic, runs.then(fail), with(quick, func(o *messaging.HandlerOptions) {
			o.Attempts, o.Timeout, o.Group = 2, 50*time.Millisecond, "g"
		}))
		e.noError(c.Start(ctx), "start")
		r := c.mustSend(ctx, topic, 1, "k")
		d, ok := messaging.ParseDeadLetter(dead.next(ctx, time.Second).Headers)
		e.check(ok && d.Reason == reason && d.Attempts == 2 && d.Topic == topic && d.ID == r.ID && d.Group == "g" && !d.At.IsZero(),
			"%s: dead letter %+v", reason, d)
		if reason != messaging.ReasonTimeout {
			e.check(strings.Contains(d.Err, errHandler.Error()), "%s: error %q; want the handler's", reason, d.Err)
		}
		e.check(len(runs.all()) == 2, "%s: %d runs; want 2", reason, len(runs.all()))
	}
}

func deadLetterIsMessage(ctx context.Context, e *env) {
	topic := e.topic("t")
	dead := e.tap(ctx, topic+"-dlq")
	c := e.newClient(nil)
	var runs inbox
	c.on(topic, runs.then(func(context.Context, receipt) error { return errHandler }),
		with(quick, func(o *messaging.HandlerOptions) { o.Attempts = 1 }))
	e.noError(c.Start(ctx), "start")
	r := c.mustSend(ctx, topic, 7, "k", messaging.WithHeader("traceparent", "00-1"), messaging.WithTenant("acme"))
	m := dead.next(ctx, time.Second)
	e.check(m.ID == r.ID && m.Key == "k" && string(m.Payload) == "7" && m.Headers["traceparent"] == "00-1" && m.Headers[ports.HeaderTenant] == "acme",
		"dead letter with id %q, key %q, payload %q, headers %v", m.ID, m.Key, m.Payload, m.Headers)
}

func deadLetterHidesPayload(ctx context.Context, e *env) {
	const secret = 4111111111111111
	hides := func(m *ports.Message, doing string) {
		for name, value := range m.Headers {
			e.check(!strings.Contains(value, fmt.Sprint(secret)), "%s: header %s holds the payload: %q", doing, name, value)
		}
	}
	topic := e.topic("t")
	dead := e.tap(ctx, topic+"-dlq")
	c := e.newClient(nil)
	var runs inbox
	c.on(topic, runs.then(func(_ context.Context, r receipt) error { return fmt.Errorf("cannot charge %d", r.n) }),
		with(quick, func(o *messaging.HandlerOptions) { o.Attempts = 1 }))
	e.noError(c.Start(ctx), "start")
	c.mustSend(ctx, topic, secret, "k")
	hides(dead.next(ctx, time.Second), "a handler's error")
	for _, payload := range []string{fmt.Sprintf("%d.5", secret), fmt.Sprintf("{%d}", secret), fmt.Sprintf(`"%d"`, secret)} {
		_, err := c.send(ctx, topic, []byte(payload), "k")
		e.noError(err, "send")
		hides(dead.next(ctx, time.Second), "a payload that does not decode")
	}
	_, err := c.DeadLetter(ctx, topic, secret, "by hand", fmt.Errorf("line %d is wrong", secret))
	e.noError(err, "dead letter by hand")
	hides(dead.next(ctx, time.Second), "a dead letter by hand")
}

func unsentDeadLetter(ctx context.Context, e *env) {
	for _, s := range []ports.Strategy{ports.LoadBalanced, ports.Sticky} {
		topic := e.topic("t")
		dead := e.tap(ctx, topic+"-dlq")
		c := e.newClient(nil)
		var runs inbox
		c.on(topic, runs.then(func(context.Context, receipt) error { return errHandler }),
			with(quick, func(o *messaging.HandlerOptions) { o.Attempts, o.Strategy = 1, s }))
		e.noError(c.Start(ctx), "start")
		e.primary.set(onTopic(topic+"-dlq", answering(ports.ErrDenied)))
		c.mustSend(ctx, topic, 1, "k")
		e.awaitRuns(ctx, &runs, 1, 0)
		e.quiet(ctx)
		e.check(e.primary.count("ack "+topic) == 0, "%v: acknowledged though the dead letter was not sent", s)
		e.primary.set(nil)
		m := dead.next(ctx, time.Second)
		e.check(string(m.Payload) == "1", "%v: dead letter %q", s, m.Payload)
	}
}

func undecodable(ctx context.Context, e *env) {
	topic := e.topic("t")
	dead := e.tap(ctx, topic+"-dlq")
	c := e.newClient(nil)
	var runs inbox
	c.on(topic, runs.handle, quick)
	e.noError(c.Start(ctx), "start")
	for i, payload := range []string{`{`, `"text"`, ``, `1 2`} {
		_, err := c.send(ctx, topic, []byte(payload), "k")
		e.noError(err, "send")
		m := dead.next(ctx, time.Second)
		d, _ := messaging.ParseDeadLetter(m.Headers)
		e.check(string(m.Payload) == payload && d.Reason == messaging.ReasonUndecodable && d.Attempts == 1,
			"dead letter %q of reason %q after %d attempts", m.Payload, d.Reason, d.Attempts)
		c.mustSend(ctx, topic, i, "k")
		e.awaitNumber(ctx, &runs, i, 0)
	}
	e.numbers(&runs, 0, 1, 2, 3)
}

func byHand(ctx context.Context, e *env) {
	topic := e.topic("t")
	dead := e.tap(ctx, topic+"-dlq")
	c := e.started(ctx, nil)
	r, err := c.DeadLetter(ctx, topic, []byte("{bad"), "bad line", errors.New("line 7"), messaging.WithID("l7"))
	e.noError(err, "dead letter")
	m := dead.next(ctx, 0)
	d, ok := messaging.ParseDeadLetter(m.Headers)
	e.check(ok && m.ID == "l7" && r.ID == "l7" && string(m.Payload) == "{bad" && d.Reason == "bad line" && d.Err == "line 7" && d.Topic == topic,
		"dead letter %q %q: %+v", m.ID, m.Payload, d)
	_, err = c.DeadLetter(ctx, topic, 1, "", nil)
	e.isKind(err, ports.ErrInvalid, "dead letter without a reason")
}
