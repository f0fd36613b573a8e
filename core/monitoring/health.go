package monitoring

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Health asks every backend and gives its health by name. It returns when all have answered or their timeouts have
// passed, at the latest with ctx; a backend that has not answered is unhealthy, and the reason says so.
func (g *Group) Health(ctx context.Context) map[string]ports.Health { return healthOf(ctx, g.backends) }

func healthOf(ctx context.Context, backends []*backend) map[string]ports.Health {
	asked := make([]*answer[ports.Health], len(backends))
	for i, b := range backends {
		asked[i] = b.health.ask(ctx)
	}
	all := make(map[string]ports.Health, len(backends))
	for i, b := range backends {
		h, err := asked[i].wait(ctx)
		if err != nil {
			h = unhealthy(b.technology, err, time.Now())
		}
		h.Details.Facts = maps.Clone(h.Details.Facts)
		all[b.name] = h
	}
	return all
}

// required are the backends that readiness waits for: an optional one that hangs must not make a probe give up.
func (g *Group) required() []*backend {
	var all []*backend
	for _, b := range g.backends {
		if b.required {
			all = append(all, b)
		}
	}
	return all
}

// unhealthy is what is said of a monitor without an answer. Only our own errors come here: their text is for everybody.
func unhealthy(technology string, err error, since time.Time) ports.Health {
	return ports.Health{Technology: technology, Details: ports.HealthDetails{Reason: err.Error(), Since: since}}
}

// healthState remembers what a backend's last answer was. One answer is seen after the other.
type healthState struct {
	technology string
	log        *slog.Logger

	known, healthy bool
	since          time.Time
}

// see takes note of an answer, tells of a change, and fills in what the monitor could not say.
func (s *healthState) see(h ports.Health, err error) (ports.Health, error) {
	if err != nil {
		h = unhealthy(s.technology, err, time.Time{})
	}
	if changed := !s.known || h.Healthy != s.healthy; changed {
		s.tell(h)
		s.known, s.healthy, s.since = true, h.Healthy, time.Now()
	}
	if h.Details.Since.IsZero() {
		h.Details.Since = s.since
	}
	s.since = h.Details.Since.UTC()
	h.Details.Since = s.since
	if !finite(h.Details.LatencyMS) {
		h.Details.LatencyMS = 0
	}
	return h, nil
}

// tell logs a change; that a backend is healthy at first is none.
func (s *healthState) tell(h ports.Health) {
	switch {
	case !h.Healthy:
		s.log.Warn("a backend is unhealthy", "reason", h.Details.Reason)
	case s.known:
		s.log.Info("a backend is healthy again", "after", time.Since(s.since))
	}
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
