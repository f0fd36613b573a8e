package memory

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Monitor is a ports.Monitor of a whole [Server]. It is unhealthy while any of the server's ports is switched off by
// [Faults], with each such port as a fact; its own probe and figures fail only while PortMonitor is.
type Monitor struct {
	*client

	mu      sync.Mutex
	healthy bool
	since   time.Time // of healthy; zero = nothing seen yet
}

var _ ports.Monitor = (*Monitor)(nil)

// NewMonitor makes a client of srv; nil = of a server of its own.
func NewMonitor(srv *Server) *Monitor { return &Monitor{client: newClient(srv, PortMonitor)} }

// Health implements ports.Monitor.
func (m *Monitor) Health(ctx context.Context) ports.Health {
	began, late := time.Now(), ctx.Err() != nil
	reason, facts := m.probe(ctx)
	ended := time.Now()
	since := ended
	// A cancel, a deadline that had passed before, and a closed client tell nothing of the server.
	if !late && !errors.Is(ctx.Err(), context.Canceled) && m.alive("health") == nil {
		since = m.see(reason == "", ended)
	}
	return ports.Health{Technology: driverName, Healthy: reason == "", Details: ports.HealthDetails{
		Reason: reason, Since: since, LatencyMS: float64(ended.Sub(began)) / float64(time.Millisecond), Facts: facts}}
}

// probe gives the reason for being unhealthy, "" when healthy.
func (m *Monitor) probe(ctx context.Context) (reason string, facts map[string]string) {
	if err := m.enter(ctx, "health"); err != nil {
		return err.Error(), nil
	}
	down := m.srv.faults.unavailable()
	if len(down) == 0 {
		return "", nil
	}
	names := make([]string, len(down))
	facts = make(map[string]string, len(down))
	for i, p := range down {
		names[i] = p.String()
		facts[p.String()] = ports.ErrUnavailable.Error()
	}
	return "switched off by memory.Faults: " + strings.Join(names, ", "), facts
}

// see takes note of a state and returns since when it lasts.
func (m *Monitor) see(healthy bool, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.since.IsZero() || m.healthy != healthy {
		m.healthy, m.since = healthy, now
	}
	return m.since
}

// Stats implements ports.Monitor, with figures for each port.
func (m *Monitor) Stats(ctx context.Context) (ports.Stats, error) {
	if err := m.enter(ctx, "stats"); err != nil {
		return ports.Stats{}, err
	}
	return m.srv.stats(), nil
}
