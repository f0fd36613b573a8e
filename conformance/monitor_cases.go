package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

type (
	monitorEnv  = env[ports.Monitor]
	monitorCase = testCase[ports.Monitor]
)

func monitorCases() []monitorCase {
	return []monitorCase{
		{id: "monitor/healthy", clauses: []string{"MO-001", "MO-002"}, run: monitorHealthy},
		{id: "monitor/json", clauses: []string{"MO-003"}, faults: true, run: monitorJSON},
		{id: "monitor/down-is-unhealthy", clauses: []string{"MO-004"}, faults: true, run: monitorDown},
		{id: "monitor/healthy-again", clauses: []string{"MO-005"}, faults: true, run: monitorBack},
		{id: "monitor/since", clauses: []string{"MO-006"}, faults: true, run: monitorSince},
		{id: "monitor/latency", clauses: []string{"MO-007"}, run: monitorLatency},
		{id: "monitor/health-ends-with-its-context", clauses: []string{"MO-008"}, run: monitorHealthEnds},
		{id: "monitor/health-of-a-down-backend-ends-with-its-context", clauses: []string{"MO-008"}, faults: true, run: monitorDownEnds},
		{id: "monitor/stats", clauses: []string{"MO-002", "MO-009"}, run: monitorStats},
		{id: "monitor/samples-are-prometheus", clauses: []string{"MO-010"}, run: monitorSamples},
		{id: "monitor/stats-of-a-down-backend", clauses: []string{"MO-011"}, faults: true, run: monitorStatsDown},
		{id: "monitor/stats-ends-with-its-context", clauses: []string{"MO-012"}, run: monitorStatsEnds},
		{id: "monitor/tells-no-secret", clauses: []string{"MO-013"}, faults: true, run: monitorNoSecret},
		{id: "monitor/answers-are-copies", clauses: []string{"MO-014"}, faults: true, run: monitorCopies},
		{id: "monitor/errors-are-typed", clauses: []string{"MO-015"}, run: monitorErrorsTyped},
		{id: "monitor/close", clauses: []string{"MO-016"}, run: monitorClose},
		{id: "monitor/close-leaves-no-goroutine", clauses: []string{"MO-017"}, run: monitorLeavesNothing},
		{id: "monitor/as-unknown-target", clauses: []string{"MO-018"}, run: func(_ context.Context, e *monitorEnv) { knowsNoForeignType(e) }},
	}
}

// askHealth asks for the state, and fails the case when it takes longer than bound and Timing.Slack, or contradicts itself.
func askHealth(ctx context.Context, e *monitorEnv, d ports.Monitor, bound time.Duration) ports.Health {
	h, err := await(e, bound, "health", start(func() (ports.Health, error) { return d.Health(ctx), nil }))
	e.noError(err, "health")
	e.check(h.Healthy == (h.Details.Reason == ""), "is_healthy is %v and the reason is %q", h.Healthy, h.Details.Reason)
	return h
}

func wantHealthy(ctx context.Context, e *monitorEnv, when string) ports.Health {
	h := askHealth(ctx, e, e.Driver, 0)
	e.check(h.Healthy, "%s: unhealthy: %s", when, h.Details.Reason)
	return h
}

func wantUnhealthy(ctx context.Context, e *monitorEnv, when string, bound time.Duration) ports.Health {
	h := askHealth(ctx, e, e.Driver, bound)
	e.check(!h.Healthy, "%s: healthy", when)
	return h
}

// wantHealthyAgain waits for a backend that was just healed.
func wantHealthyAgain(ctx context.Context, e *monitorEnv) (h ports.Health) {
	e.eventually(ctx, "healthy again", func() bool {
		h = askHealth(ctx, e, e.Driver, 0)
		return h.Healthy
	})
	return h
}

// askStats asks for figures in the same way.
func askStats(ctx context.Context, e *monitorEnv, d ports.Monitor) (ports.Stats, error) {
	return await(e, 0, "stats", start(func() (ports.Stats, error) { return d.Stats(ctx) }))
}

func monitorHealthy(ctx context.Context, e *monitorEnv) {
	h := wantHealthy(ctx, e, "a backend that can be reached")
	e.check(h.Technology == e.Driver.Name(), "the technology is %q; want %q", h.Technology, e.Driver.Name())
}

func monitorDown(ctx context.Context, e *monitorEnv) {
	wantHealthy(ctx, e, "before the cut")
	e.cut(ctx)
	wantUnhealthy(ctx, e, "after the cut", 0)
}

func monitorBack(ctx context.Context, e *monitorEnv) {
	for range 2 {
		e.cut(ctx)
		wantUnhealthy(ctx, e, "after the cut", 0)
		e.heal(ctx)
		wantHealthyAgain(ctx, e)
	}
}

func monitorSince(ctx context.Context, e *monitorEnv) {
	began := time.Now()
	// lasts probes twice in one state and returns since when it is.
	lasts := func(what string, first ports.Health) time.Time {
		e.pause(ctx, e.Timing.Quiet)
		again := askHealth(ctx, e, e.Driver, 0)
		e.check(again.Healthy == first.Healthy, "%s changed by itself: %s", what, again.Details.Reason)
		e.check(again.Details.Since.Equal(first.Details.Since), "%s since %v, and at the next probe since %v", what, first.Details.Since, again.Details.Since)
		return first.Details.Since
	}
	healthy := lasts("healthy", wantHealthy(ctx, e, "at first"))
	e.check(!healthy.Before(began), "healthy since %v, before the first probe at %v", healthy, began)
	e.cut(ctx)
	cut := time.Now()
	down := lasts("unhealthy", wantUnhealthy(ctx, e, "after the cut", 0))
	e.check(!down.Before(cut) && down.After(healthy), "unhealthy since %v; cut at %v, healthy since %v", down, cut, healthy)
	e.heal(ctx)
	healed := time.Now()
	back := lasts("healthy again", wantHealthyAgain(ctx, e))
	e.check(!back.Before(healed) && back.After(down), "healthy again since %v; healed at %v, unhealthy since %v", back, healed, down)
}

func monitorLatency(ctx context.Context, e *monitorEnv) {
	began := time.Now()
	h := wantHealthy(ctx, e, "a backend that can be reached")
	took := float64(time.Since(began)) / float64(time.Millisecond)
	e.check(h.Details.LatencyMS >= 0 && h.Details.LatencyMS <= took, "the latency is %v ms of a call of %v ms", h.Details.LatencyMS, took)
}

func monitorHealthEnds(ctx context.Context, e *monitorEnv) {
	first := wantHealthy(ctx, e, "at first")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	late, stop := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer stop()
	e.pause(ctx, e.Timing.Quiet)
	wantUnhealthy(cancelled, e, "with a cancelled context", cancelBound)
	wantUnhealthy(late, e, "after the deadline", cancelBound)
	last := wantHealthy(ctx, e, "after that")
	e.check(last.Details.Since.Equal(first.Details.Since), "a caller's own end moved since from %v to %v", first.Details.Since, last.Details.Since)
}

func monitorDownEnds(ctx context.Context, e *monitorEnv) {
	wantHealthy(ctx, e, "before the cut")
	e.cut(ctx)
	short, stop := context.WithTimeout(ctx, e.Timing.Quiet)
	defer stop()
	wantUnhealthy(short, e, "after the cut, with a short deadline", e.Timing.Quiet+cancelBound)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	wantUnhealthy(cancelled, e, "after the cut, with a cancelled context", cancelBound)
}

func monitorStats(ctx context.Context, e *monitorEnv) {
	s, err := askStats(ctx, e, e.Driver)
	e.noError(err, "stats")
	e.check(s.Technology == e.Driver.Name(), "the technology is %q; want %q", s.Technology, e.Driver.Name())
	e.check(len(s.Metrics) > 0, "stats have no sample")
	e.check(len(s.Summary) > 0, "stats have no summary")
	for _, figure := range slices.Sorted(maps.Keys(s.Summary)) {
		v := s.Summary[figure]
		e.check(figure != "" && !math.IsNaN(v) && !math.IsInf(v, 0), "the summary holds %q: %v", figure, v)
	}
}

func monitorSamples(ctx context.Context, e *monitorEnv) {
	prometheus := regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	s, err := askStats(ctx, e, e.Driver)
	e.noError(err, "stats")
	seen := map[string]bool{}
	for _, m := range s.Metrics {
		e.check(prometheus.MatchString(m.Name), "a sample's name is %q", m.Name)
		e.check(m.Unit != "", "sample %s has no unit", m.Name)
		e.check(!math.IsNaN(m.Value) && !math.IsInf(m.Value, 0), "sample %s is %v", m.Name, m.Value)
		series := m.Name
		for _, label := range slices.Sorted(maps.Keys(m.Labels)) {
			e.check(prometheus.MatchString(label), "sample %s has a label %q", m.Name, label)
			series += fmt.Sprintf(",%s=%q", label, m.Labels[label])
		}
		e.check(!seen[series], "two samples are %s", series)
		seen[series] = true
	}
}

func monitorStatsDown(ctx context.Context, e *monitorEnv) {
	_, err := askStats(ctx, e, e.Driver)
	e.noError(err, "stats before the cut")
	e.cut(ctx)
	_, err = askStats(ctx, e, e.Driver)
	isUnreachable(e, err, "stats after the cut")
	e.heal(ctx)
	e.eventually(ctx, "stats work again", func() bool {
		s, err := askStats(ctx, e, e.Driver)
		return err == nil && len(s.Metrics) > 0
	})
}

func monitorStatsEnds(ctx context.Context, e *monitorEnv) {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := askStats(cancelled, e, e.Driver)
	isContextError(e, err, context.Canceled, "stats with a cancelled context")
	late, stop := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer stop()
	_, err = askStats(late, e, e.Driver)
	isContextError(e, err, context.DeadlineExceeded, "stats after the deadline")
}

func monitorJSON(ctx context.Context, e *monitorEnv) {
	healthJSON := func() {
		h := asJSON(e, askHealth(ctx, e, e.Driver, 0), "technology is_healthy details", "")
		details := asJSON(e, h["details"], "since latency_ms", "reason facts")
		since, _ := details["since"].(string)
		_, err := time.Parse(time.RFC3339Nano, since)
		e.noError(err, "read since")
	}
	healthJSON()
	s, err := askStats(ctx, e, e.Driver)
	e.noError(err, "stats")
	asJSON(e, s, "technology metrics summary", "")
	for _, m := range s.Metrics {
		asJSON(e, m, "name unit value", "labels")
	}
	e.cut(ctx)
	healthJSON()
}

// asJSON fails the case unless v is an object with the members must and, perhaps, may, and no others.
func asJSON(e *monitorEnv, v any, must, may string) map[string]any {
	text, err := json.Marshal(v)
	e.noError(err, "write as JSON")
	var members map[string]any
	e.noError(json.Unmarshal(text, &members), "read as an object")
	for _, name := range strings.Fields(must) {
		_, ok := members[name]
		e.check(ok, "there is no member %q in %s", name, text)
	}
	for name := range members {
		e.check(slices.Contains(strings.Fields(must+" "+may), name), "there is a member %q in %s", name, text)
	}
	return members
}

func monitorNoSecret(ctx context.Context, e *monitorEnv) {
	secret := regexp.MustCompile(`(?i)://[^/\s"]*@|(password|passwd|secret|token|credential)s?\\?["']?\s*[=:]\s*\\?["']?[^\s"'\\,}]`)
	check := func(v any, what string) {
		text, err := json.Marshal(v)
		e.noError(err, "write as JSON")
		e.check(!secret.Match(text), "%s tells a credential, at %d of %d bytes", what, secret.FindIndex(text), len(text))
	}
	check(askHealth(ctx, e, e.Driver, 0), "health")
	s, err := askStats(ctx, e, e.Driver)
	e.noError(err, "stats")
	check(s, "stats")
	e.cut(ctx)
	check(askHealth(ctx, e, e.Driver, 0), "health of a down backend")
	_, err = askStats(ctx, e, e.Driver)
	check(fmt.Sprint(err), "the error of stats")
}

func monitorCopies(ctx context.Context, e *monitorEnv) {
	spoilHealth := func() {
		h := askHealth(ctx, e, e.Driver, 0)
		e.check(!tells(h, "spoilt"), "a caller's change of an answer is in a later one")
		if h.Details.Facts != nil {
			clear(h.Details.Facts)
			h.Details.Facts["spoilt"] = "spoilt"
		}
	}
	for range 2 {
		spoilHealth()
		s, err := askStats(ctx, e, e.Driver)
		e.noError(err, "stats")
		e.check(!tells(s, "spoilt"), "a caller's change of an answer is in a later one")
		s.Metrics[0].Name = "spoilt"
		clear(s.Summary)
		s.Summary["spoilt"] = 1
		for _, m := range s.Metrics {
			if m.Labels != nil {
				m.Labels["spoilt"] = "spoilt"
			}
		}
	}
	e.cut(ctx)
	spoilHealth()
	spoilHealth()
}

func tells(v any, text string) bool { return strings.Contains(fmt.Sprint(v), text) }

func monitorErrorsTyped(ctx context.Context, e *monitorEnv) {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := askStats(cancelled, e, e.Driver)
	isTyped(e, err)
	other := e.peer(ctx)
	e.noError(other.Close(ctx), "close the second client")
	_, err = askStats(ctx, e, other)
	isTyped(e, err)
}

func monitorClose(ctx context.Context, e *monitorEnv) {
	other := e.peer(ctx)
	for range 2 {
		e.noError(other.Close(ctx), "close the second client")
	}
	h := askHealth(ctx, e, other, 0)
	e.check(!h.Healthy, "a closed client says that it is healthy")
	_, err := askStats(ctx, e, other)
	e.isKind(err, ports.ErrClosed, "stats of a closed client")
	wantHealthy(ctx, e, "the first client, when the second is closed")
	_, err = askStats(ctx, e, e.Driver)
	e.noError(err, "stats of the first client, when the second is closed")
}

func monitorLeavesNothing(ctx context.Context, e *monitorEnv) {
	use := func(ctx context.Context, d ports.Monitor) {
		d.Health(ctx)
		_, err := d.Stats(ctx)
		e.noError(err, "stats")
	}
	use(ctx, e.Driver)
	e.leavesNoGoroutine(ctx, use)
}
