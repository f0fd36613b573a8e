package mutants

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

type monitorMutant = Mutant[ports.Monitor]

// Monitor lists the broken Monitor drivers.
func Monitor() []monitorMutant {
	return []monitorMutant{
		{Name: "unhealthy-until-asked-twice", Clauses: []string{"MO-001"}, Kills: monitorCase("healthy"),
			AlsoFails: monitorCase("down-is-unhealthy", "since", "latency", "health-ends-with-its-context",
				"health-of-a-down-backend-ends-with-its-context", "close"),
			Wrap: unhealthyAtFirst},
		{Name: "technology-is-the-host", Clauses: []string{"MO-002"}, Kills: monitorCase("healthy", "stats"),
			Wrap: func(d ports.Monitor) ports.Monitor {
				return monitorBroken{d,
					func(_ context.Context, h *ports.Health) { h.Technology = "db-1.internal" },
					func(_ context.Context, s *ports.Stats, err error) error { s.Technology = "db-1.internal"; return err }}
			}},
		{Name: "healthy-while-down", Clauses: []string{"MO-004"}, Kills: monitorCase("down-is-unhealthy"),
			AlsoFails: monitorCase("healthy-again", "since", "health-of-a-down-backend-ends-with-its-context"),
			Wrap: brokenHealth(func(ctx context.Context, h *ports.Health) {
				if ctx.Err() == nil && isDown(h) {
					h.Healthy, h.Details.Reason = true, ""
				}
			})},
		{Name: "unhealthy-for-ever", Clauses: []string{"MO-005"}, Kills: monitorCase("healthy-again"), AlsoFails: monitorCase("since"), Wrap: unhealthyForEver},
		{Name: "since-is-now", Clauses: []string{"MO-006"}, Kills: monitorCase("since"), AlsoFails: monitorCase("health-ends-with-its-context"),
			Wrap: brokenHealth(func(_ context.Context, h *ports.Health) { h.Details.Since = time.Now() })},
		{Name: "since-never-changes", Clauses: []string{"MO-006"}, Kills: monitorCase("since"), Wrap: sinceForEver},
		{Name: "latency-in-another-unit", Clauses: []string{"MO-007"}, Kills: monitorCase("latency"),
			Wrap: brokenHealth(func(_ context.Context, h *ports.Health) { h.Details.LatencyMS = 1000 * (h.Details.LatencyMS + 1) })},
		{Name: "health-hangs", Clauses: []string{"MO-004", "MO-008"},
			Kills:     monitorCase("down-is-unhealthy", "health-ends-with-its-context", "health-of-a-down-backend-ends-with-its-context"),
			AlsoFails: monitorCase("json", "healthy-again", "since", "tells-no-secret", "answers-are-copies", "close"),
			Wrap: brokenHealth(func(_ context.Context, h *ports.Health) {
				if !h.Healthy {
					Deaf()
				}
			})},
		{Name: "cancel-counts-as-down", Clauses: []string{"MO-008"}, Kills: monitorCase("health-ends-with-its-context"), Wrap: cancelCounts},
		{Name: "no-summary", Clauses: []string{"MO-009"}, Kills: monitorCase("stats"), AlsoFails: monitorCase("answers-are-copies"),
			Wrap: brokenStats(func(_ context.Context, s *ports.Stats, err error) error { s.Summary = nil; return err })},
		{Name: "dotted-names", Clauses: []string{"MO-010"}, Kills: monitorCase("samples-are-prometheus"),
			Wrap: brokenStats(func(_ context.Context, s *ports.Stats, err error) error {
				for i := range s.Metrics {
					s.Metrics[i].Name = strings.ReplaceAll(s.Metrics[i].Name, "_", ".")
				}
				return err
			})},
		{Name: "labels-lost", Clauses: []string{"MO-010"}, Kills: monitorCase("samples-are-prometheus"),
			Wrap: brokenStats(func(_ context.Context, s *ports.Stats, err error) error {
				for i := range s.Metrics {
					s.Metrics[i].Labels = nil
				}
				return err
			})},
		{Name: "zeros-while-down", Clauses: []string{"MO-011"}, Kills: monitorCase("stats-of-a-down-backend"),
			Wrap: brokenStats(func(_ context.Context, _ *ports.Stats, err error) error {
				return unless(errors.Is(err, ports.ErrUnavailable), err)
			})},
		{Name: "stats-of-the-past", Clauses: []string{"MO-012"}, Kills: monitorCase("stats-ends-with-its-context"),
			AlsoFails: monitorCase("errors-are-typed"),
			Wrap:      brokenStats(func(ctx context.Context, _ *ports.Stats, err error) error { return unless(ctx.Err() != nil, err) })},
		{Name: "address-in-reason", Clauses: []string{"MO-013"}, Kills: monitorCase("tells-no-secret"),
			Wrap: brokenHealth(func(_ context.Context, h *ports.Health) {
				if !h.Healthy {
					h.Details.Reason += ": dial redis://app:hunter2@db-1.internal:6379"
				}
			})},
		{Name: "password-in-facts", Clauses: []string{"MO-013"}, Kills: monitorCase("tells-no-secret"),
			Wrap: brokenHealth(func(_ context.Context, h *ports.Health) {
				h.Details.Facts = map[string]string{"options": "user=app password=hunter2"}
			})},
		{Name: "shared-stats", Clauses: []string{"MO-014"}, Kills: monitorCase("answers-are-copies"), Wrap: sharedStats},
		{Name: "shared-facts", Clauses: []string{"MO-014"}, Kills: monitorCase("answers-are-copies"), Wrap: sharedFacts},
		{Name: "bare-error", Clauses: []string{"MO-015"}, Kills: monitorCase("errors-are-typed"),
			Wrap: brokenStats(func(ctx context.Context, _ *ports.Stats, err error) error {
				if err != nil {
					return errors.Join(ports.KindOf(err), ctx.Err())
				}
				return nil
			})},
		{Name: "healthy-when-closed", Clauses: []string{"MO-016"}, Kills: monitorCase("close"),
			Wrap: brokenHealth(func(ctx context.Context, h *ports.Health) {
				if ctx.Err() == nil && !h.Healthy && !isDown(h) {
					h.Healthy, h.Details.Reason = true, ""
				}
			})},
		{Name: "leaks-goroutine", Clauses: []string{"MO-017"}, Kills: monitorCase("close-leaves-no-goroutine"),
			Wrap: brokenHealth(func(context.Context, *ports.Health) { go Deaf() })},
		{Name: "as-says-yes", Clauses: []string{"MO-018"}, Kills: monitorCase("as-unknown-target"),
			Wrap: func(d ports.Monitor) ports.Monitor { return monitorAsSaysYes{d} }},
	}
}

// monitorCase are the ids of cases of the Monitor port.
func monitorCase(names ...string) []string {
	ids := make([]string, len(names))
	for i, name := range names {
		ids[i] = "monitor/" + name
	}
	return ids
}

// isDown tells a server that is switched off from a client that is closed and from a context that has ended.
func isDown(h *ports.Health) bool {
	return !h.Healthy && strings.Contains(h.Details.Reason, ports.ErrUnavailable.Error())
}

// unless swallows err.
func unless(swallowed bool, err error) error {
	if swallowed {
		return nil
	}
	return err
}

// monitorBroken changes the answers of a sound driver; nil = it leaves them.
type monitorBroken struct {
	ports.Monitor
	health func(context.Context, *ports.Health)
	stats  func(context.Context, *ports.Stats, error) error
}

func (m monitorBroken) Health(ctx context.Context) ports.Health {
	h := m.Monitor.Health(ctx)
	if m.health != nil {
		m.health(ctx, &h)
	}
	return h
}

func (m monitorBroken) Stats(ctx context.Context) (ports.Stats, error) {
	s, err := m.Monitor.Stats(ctx)
	if m.stats != nil {
		err = m.stats(ctx, &s, err)
	}
	return s, err
}

func brokenHealth(health func(context.Context, *ports.Health)) func(ports.Monitor) ports.Monitor {
	return func(d ports.Monitor) ports.Monitor { return monitorBroken{Monitor: d, health: health} }
}

func brokenStats(stats func(context.Context, *ports.Stats, error) error) func(ports.Monitor) ports.Monitor {
	return func(d ports.Monitor) ports.Monitor { return monitorBroken{Monitor: d, stats: stats} }
}

// unhealthyAtFirst has not looked yet when it is asked for the first time.
func unhealthyAtFirst(d ports.Monitor) ports.Monitor {
	var looked sync.Once
	return monitorBroken{Monitor: d, health: func(_ context.Context, h *ports.Health) {
		looked.Do(func() { h.Healthy, h.Details.Reason = false, "not probed yet" })
	}}
}

// unhealthyForEver does not dial again.
func unhealthyForEver(d ports.Monitor) ports.Monitor {
	reason := ""
	return monitorBroken{Monitor: d, health: func(_ context.Context, h *ports.Health) {
		if isDown(h) {
			reason = h.Details.Reason
		}
		if reason != "" {
			h.Healthy, h.Details.Reason = false, reason
		}
	}}
}

func sinceForEver(d ports.Monitor) ports.Monitor {
	var since time.Time
	return monitorBroken{Monitor: d, health: func(_ context.Context, h *ports.Health) {
		if since.IsZero() {
			since = h.Details.Since
		}
		h.Details.Since = since
	}}
}

// cancelCounts begins a new state after a probe that its caller ended.
func cancelCounts(d ports.Monitor) ports.Monitor {
	var cancelled time.Time
	return monitorBroken{Monitor: d, health: func(ctx context.Context, h *ports.Health) {
		if ctx.Err() != nil {
			cancelled = time.Now()
		}
		if h.Details.Since.Before(cancelled) {
			h.Details.Since = cancelled
		}
	}}
}

// sharedStats gives everybody the same figures.
func sharedStats(d ports.Monitor) ports.Monitor {
	var first *ports.Stats
	return brokenStats(func(_ context.Context, s *ports.Stats, err error) error {
		switch {
		case err != nil:
		case first == nil:
			first = &ports.Stats{Technology: s.Technology, Metrics: s.Metrics, Summary: s.Summary}
		default:
			*s = *first
		}
		return err
	})(d)
}

// sharedFacts gives everybody the same map.
func sharedFacts(d ports.Monitor) ports.Monitor {
	facts := map[string]string{"version": "1.0"}
	return brokenHealth(func(_ context.Context, h *ports.Health) { h.Details.Facts = facts })(d)
}

type monitorAsSaysYes struct{ ports.Monitor }

func (m monitorAsSaysYes) As(any) bool { return true }
