package resilience

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/resilience"
	"github.com/breakwater-go/breakwater/core/sensitivity"
	"github.com/breakwater-go/breakwater/ports"
)

// patient keeps recovery out of a case.
func patient(c *messaging.Config) { c.Probe = time.Hour }

func sendCases() []testCase {
	return []testCase{
		{id: "resilience/nil-means-a-backend-has-it", clauses: []string{"RS-001"}, run: nilMeansConfirmed},
		{id: "resilience/both-down-is-one-error", clauses: []string{"RS-002"}, run: bothDown},
		{id: "resilience/primary-down-strands", clauses: []string{"RS-003"}, run: primaryDownStrands},
		{id: "resilience/answers-are-returned", clauses: []string{"RS-004"}, run: answersAreReturned},
		{id: "resilience/callers-end-strands-nothing", clauses: []string{"RS-005"}, run: callersEnd},
		{id: "resilience/silent-primary-is-given-up", clauses: []string{"RS-006"}, run: silentPrimary},
		{id: "resilience/receipt-names-the-id", clauses: []string{"RS-007"}, run: receiptNamesID},
		{id: "resilience/payload-forms", clauses: []string{"RS-008"}, run: payloadForms},
		{id: "resilience/reserved-headers", clauses: []string{"RS-009"}, run: reservedHeaders},
		{id: "resilience/critical-is-never-stranded", clauses: []string{"RS-013"}, run: criticalNeverStranded},
		{id: "resilience/declared-level-only-raises", clauses: []string{"RS-014"}, run: declaredOnlyRaises},
	}
}

func breakerCases() []testCase {
	return []testCase{
		{id: "resilience/breaker-opens", clauses: []string{"RS-010"}, run: breakerOpens},
		{id: "resilience/answers-leave-the-breaker-closed", clauses: []string{"RS-011"}, run: answersLeaveBreaker},
		{id: "resilience/breaker-probes-and-closes", clauses: []string{"RS-012"}, run: breakerProbes},
	}
}

// nilMeansConfirmed sends while the backends come and go, and holds the sends to their word.
func nilMeansConfirmed(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, nil)
	outages := []struct{ primary, store outage }{{nil, nil}, {down, nil}, {down, down}, {nil, nil}}
	confirmed := map[string]bool{}
	n := 0
	for _, o := range outages {
		e.primary.set(o.primary)
		e.store.set(o.store)
		for range 3 {
			n++
			if r, err := c.send(ctx, topic, n, ""); err == nil {
				confirmed[r.ID] = true
			}
		}
	}
	e.check(len(confirmed) >= 6, "only %d sends succeeded while a backend was up", len(confirmed))
	for len(confirmed) > 0 {
		delete(confirmed, tap.next(ctx, time.Second).ID)
	}
}

func bothDown(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	primary, store := errors.New("primary's cause"), errors.New("store's cause")
	failing := func(cause error) outage {
		return func(_ context.Context, op, _ string) error {
			return &ports.Error{Op: op, Driver: "flaky", Kind: ports.ErrUnavailable, Err: cause}
		}
	}
	e.primary.set(failing(primary))
	e.store.set(failing(store))
	_, err := c.send(ctx, topic, 1, "")
	e.isKind(err, ports.ErrUnavailable, "send with both down")
	e.check(errors.Is(err, primary) && errors.Is(err, store), "error %q lacks a cause", err)
}

func primaryDownStrands(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	r := c.mustSend(ctx, topic, 1, "")
	e.check(!r.Stranded, "stranded while the primary was up")
	e.primary.set(down)
	r = c.mustSend(ctx, topic, 2, "")
	e.check(r.Stranded, "receipt of a send to a primary that is down says that it was not stranded")
	got := e.stranded(ctx, topic)
	e.check(slices.Equal(got, []string{"2"}), "stranded are %v; want the one sent while the primary was down", got)
}

func answersAreReturned(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	for _, kind := range []ports.Kind{ports.ErrInvalid, ports.ErrDenied, ports.ErrExhausted, ports.ErrConflict} {
		e.primary.set(answering(kind))
		_, err := c.send(ctx, topic, 1, "")
		e.isKind(err, kind, "send that the primary answers with that error")
	}
	got := e.stranded(ctx, topic)
	e.check(len(got) == 0, "stranded are %v; want nothing", got)
}

func callersEnd(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	e.primary.set(silent)
	for _, cut := range []struct {
		name string
		end  func(ctx context.Context) (context.Context, context.CancelFunc)
		kind ports.Kind
	}{
		{"cancel", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		}, ports.ErrCanceled},
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 50*time.Millisecond)
		}, ports.ErrTimeout},
	} {
		ending, cancel := cut.end(ctx)
		began := time.Now()
		_, err := c.send(ending, topic, 1, "")
		took := time.Since(began)
		cancel()
		e.isKind(err, cut.kind, "send whose caller ends it by "+cut.name)
		e.check(took < 150*time.Millisecond+e.timing.Slack/2, "a %s ended the send after %v", cut.name, took)
	}
	got := e.stranded(ctx, topic)
	e.check(len(got) == 0, "stranded are %v; want nothing", got)
}

func silentPrimary(ctx context.Context, e *env) {
	topic := e.topic("t")
	const timeout = 200 * time.Millisecond
	c := e.started(ctx, func(c *messaging.Config) { patient(c); c.SendTimeout = timeout })
	e.primary.set(silent)
	began := time.Now()
	r, err := c.send(ctx, topic, 1, "", messaging.WithID("mine"))
	took := time.Since(began)
	e.noError(err, "send to a primary that does not answer")
	e.check(r.Stranded && r.ID == "mine", "receipt %+v; want the message stranded with its id", r)
	e.check(took >= timeout && took < timeout+e.timing.Slack, "gave up after %v; want %v", took, timeout)
}

func receiptNamesID(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, patient)
	r := c.mustSend(ctx, topic, 1, "", messaging.WithID("mine"))
	e.check(r.ID == "mine" && tap.next(ctx, 0).ID == "mine", "receipt %+v of a send with the id \"mine\"", r)
	first, second := c.mustSend(ctx, topic, 2, ""), c.mustSend(ctx, topic, 3, "")
	e.check(first.ID != "" && first.ID != second.ID, "ids %q and %q; want two", first.ID, second.ID)
	e.check(tap.next(ctx, 0).ID == first.ID, "the message has another id than its receipt")
	e.primary.set(down)
	e.store.set(down)
	r, err := c.send(ctx, topic, 4, "")
	e.isKind(err, ports.ErrUnavailable, "send with both down")
	e.check(r.ID != "", "no id beside the error")
}

func payloadForms(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, nil)
	for _, f := range []struct {
		payload any
		want    string
	}{
		{[]byte("\x00not json"), "\x00not json"},
		{json.RawMessage(`{"a":  1}`), `{"a":  1}`},
		{map[string]string{"a": "<b> & c"}, `{"a":"<b> & c"}`},
		{"text", `"text"`},
		{nil, `null`},
	} {
		_, err := c.send(ctx, topic, f.payload, "")
		e.noError(err, "send")
		got := tap.next(ctx, 0).Payload
		e.check(string(got) == f.want, "payload %T arrived as %q; want %q", f.payload, got, f.want)
	}
}

func reservedHeaders(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, nil)
	for _, name := range []string{"id", "key", "breakwater-event", "breakwater-anything", "", "Upper"} {
		_, err := c.send(ctx, topic, 1, "", messaging.WithHeader(name, "v"))
		e.isKind(err, ports.ErrInvalid, "send with the header "+name)
	}
	c.mustSend(ctx, topic, 2, "", messaging.WithHeader("traceparent", "00-1"))
	m := tap.next(ctx, 0)
	e.check(string(m.Payload) == "2" && m.Headers["traceparent"] == "00-1", "got %q with headers %v; want the valid send only", m.Payload, m.Headers)
}

func criticalNeverStranded(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	e.primary.set(down)
	_, err := c.send(ctx, topic, map[string]any{"guest": map[string]string{"passport_no": "X1"}}, "")
	e.isKind(err, ports.ErrUnavailable, "send of a critical payload to a primary that is down")
	got := e.stranded(ctx, topic)
	e.check(len(got) == 0, "stranded are %d messages; want none", len(got))
	r, err := c.send(ctx, topic, map[string]string{"cardNumber": "4"}, "")
	e.noError(err, "send of a payload of high sensitivity")
	e.check(r.Stranded, "a payload of high sensitivity was not stranded")
}

func declaredOnlyRaises(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	e.primary.set(down)
	_, err := c.send(ctx, topic, 1, "", messaging.WithSensitivity(sensitivity.Critical))
	e.isKind(err, ports.ErrUnavailable, "send of what was declared critical")
	_, err = c.send(ctx, topic, map[string]string{"visa": "1"}, "", messaging.WithSensitivity(sensitivity.Low))
	e.isKind(err, ports.ErrUnavailable, "send of a critical payload that was declared low")
	got := e.stranded(ctx, topic)
	e.check(len(got) == 0, "stranded are %d messages; want none", len(got))
}

func breakerOpens(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	e.primary.set(down)
	for n := range 5 {
		c.mustSend(ctx, topic, n, string(rune('a'+n)))
	}
	asked := e.primary.count("publish")
	e.check(asked == 5, "the primary was asked %d times by five sends", asked)
	for n := range 5 {
		r := c.mustSend(ctx, topic, n, string(rune('k'+n)))
		e.check(r.Stranded, "send %d with an open breaker was not stranded", n)
	}
	e.check(e.primary.count("publish") == asked, "the primary was asked again with an open breaker")
}

func answersLeaveBreaker(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	e.primary.set(answering(ports.ErrInvalid))
	for range 10 {
		_, err := c.send(ctx, topic, 1, "")
		e.isKind(err, ports.ErrInvalid, "send that the primary calls invalid")
	}
	e.primary.set(silent)
	for range 10 {
		short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
		_, err := c.send(short, topic, 1, "")
		cancel()
		e.isKind(err, ports.ErrTimeout, "send with a short deadline")
		canceled, cancel := context.WithCancel(ctx)
		time.AfterFunc(5*time.Millisecond, cancel)
		_, err = c.send(canceled, topic, 1, "")
		e.isKind(err, ports.ErrCanceled, "send that is cancelled")
	}
	e.primary.set(nil)
	r := c.mustSend(ctx, topic, 2, "")
	e.check(!r.Stranded, "the breaker is open, though the backend has only answered and callers have only left")
}

func breakerProbes(ctx context.Context, e *env) {
	topic := e.topic("t")
	const openFor = 300 * time.Millisecond
	c := e.started(ctx, func(c *messaging.Config) {
		c.Fallback = nil
		c.Breaker = resilience.BreakerConfig{OpenFor: openFor}
	})
	e.primary.set(down)
	for n := range 7 {
		_, err := c.send(ctx, topic, n, "")
		e.isKind(err, ports.ErrUnavailable, "send to a primary that is down")
	}
	asked := e.primary.count("publish")
	e.pause(ctx, openFor)

	// One send is the probe; while it is under way the others are refused.
	probing, release := make(chan struct{}), make(chan struct{})
	e.primary.set(func(ctx context.Context, _, _ string) error {
		close(probing)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})
	probed := make(chan error, 1)
	go func() {
		_, err := c.send(ctx, topic, 8, "")
		probed <- err
	}()
	select {
	case <-probing:
	case <-time.After(e.timing.Slack):
		e.failf("no send was let through %v after the breaker had opened", openFor)
	}
	_, err := c.send(ctx, topic, 9, "")
	e.isKind(err, ports.ErrUnavailable, "send beside the probe")
	e.check(e.primary.count("publish") == asked+1, "the primary was asked beside the probe")
	e.primary.set(nil)
	close(release)
	e.noError(await(ctx, probed, "the probe"), "the probe")
	c.mustSend(ctx, topic, 10, "")
}
