package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Monitor is [ports.Monitor] for every server behind a [Client]. It is healthy while every key can be served: the master
// answers and has its data, and on a Cluster every slot has a master that does. What else is amiss, such as a replica that does
// not answer, is a fact: "unreachable" lists such servers.
type Monitor struct {
	port

	mu      sync.Mutex
	healthy bool
	since   time.Time // of healthy; zero = nothing seen yet
}

var _ ports.Monitor = (*Monitor)(nil)

// NewMonitor makes the port on client.
func NewMonitor(client *Client) *Monitor { return &Monitor{port: newPort(client)} }

// Health is [ports.Monitor] Health. A server that keeps silent is given up after one to three times SocketTimeout.
func (m *Monitor) Health(ctx context.Context) ports.Health {
	began, late := time.Now(), ctx.Err() != nil
	reason, facts := m.probe(ctx)
	ended := time.Now()
	since := ended
	// A cancel, a deadline that had passed before, and a closed client tell nothing of the servers.
	if !late && !errors.Is(ctx.Err(), context.Canceled) && m.alive("health") == nil {
		since = m.see(reason == "", ended)
	}
	return ports.Health{Technology: driverName, Healthy: reason == "", Details: ports.HealthDetails{
		Reason: reason, Since: since, LatencyMS: float64(ended.Sub(began)) / float64(time.Millisecond), Facts: facts}}
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

// probe gives the reason for being unhealthy, "" when healthy.
func (m *Monitor) probe(ctx context.Context) (reason string, facts map[string]string) {
	if err := m.enter(ctx, "health", nil); err != nil {
		return err.Error(), nil
	}
	var reasons []string
	facts = map[string]string{}
	for _, s := range m.survey(ctx) {
		if err := m.ended(ctx, "health"); err != nil {
			return "the probe did not end: " + err.Error(), nil
		}
		reasons = append(reasons, s.unhealthy(ctx)...)
		maps.Copy(facts, s.facts())
	}
	return strings.Join(reasons, "; "), facts
}

// ended says that the caller's context or the port has ended, or nil.
func (m *Monitor) ended(ctx context.Context, op string) error {
	if err := ports.ContextError(ctx, driverName, op); err != nil {
		return err
	}
	return m.alive(op)
}

// Stats is [ports.Monitor] Stats: figures of each server that answers, by the addresses that they announce. An error is
// returned only when none does.
func (m *Monitor) Stats(ctx context.Context) (ports.Stats, error) {
	const op = "stats"
	if err := m.enter(ctx, op, nil); err != nil {
		return ports.Stats{}, err
	}
	all := m.survey(ctx)
	if err := m.ended(ctx, op); err != nil {
		return ports.Stats{}, err
	}
	f := newFigures()
	var silent error
	answers := 0
	for _, s := range all {
		if err := s.silent(); err != nil {
			silent = err
		} else {
			answers++
		}
		f.addSurvey(s)
	}
	if answers == 0 {
		return ports.Stats{}, m.failed(ctx, op, silent)
	}
	f.addClient(m.Client)
	return ports.Stats{Technology: driverName, Metrics: f.metrics, Summary: f.summary}, nil
}

// unhealthy are the reasons why not every key can be served.
func (s survey) unhealthy(ctx context.Context) []string {
	var reasons []string
	for _, n := range s.nodes {
		switch {
		case n.err != nil && (!s.clustered || s.slots[n.addr] > 0 || len(s.slots) == 0):
			reasons = append(reasons, n.addr+": "+toError(ctx, "health", n.err).Error())
		case n.err == nil && n.info["loading"] == "1":
			reasons = append(reasons, n.addr+": it is loading its data")
		}
	}
	if len(s.nodes) == 0 {
		reasons = append(reasons, "the client knows no node of the Cluster")
	}
	if kind := ports.KindOf(toError(ctx, "health", s.slotsErr)); s.slotsErr != nil && kind != ports.ErrDenied && kind != ports.ErrUnsupported {
		reasons = append(reasons, "CLUSTER SLOTS: "+toError(ctx, "health", s.slotsErr).Error())
	}
	if s.knowsSlots() {
		if covered := s.covered(); covered < clusterSlots {
			reasons = append(reasons, fmt.Sprintf("the Cluster serves %d of its %d slots", covered, clusterSlots))
		}
		if failing := s.cluster["cluster_slots_fail"]; failing != "" && failing != "0" {
			reasons = append(reasons, fmt.Sprintf("the Cluster counts %s slots whose master has failed", failing))
		}
	}
	return reasons
}

// facts for a person who looks.
func (s survey) facts() map[string]string {
	facts := map[string]string{"topology": s.topology, "nodes": strconv.Itoa(len(s.nodes))}
	versions, unreachable := map[string]bool{}, []string{}
	masters, replicas := 0, 0
	for _, n := range s.nodes {
		if n.err != nil {
			unreachable = append(unreachable, n.addr)
			continue
		}
		if v := n.info["redis_version"]; v != "" {
			versions[v] = true
		}
		switch n.role() {
		case roleMaster:
			masters++
			for _, r := range n.replicas() {
				if !s.clustered && r.online {
					replicas++
				}
			}
		case roleReplica:
			replicas++
		}
		if n.limited {
			facts["info"] = "denied to this user"
		}
	}
	if len(unreachable) > 0 {
		facts["unreachable"] = strings.Join(unreachable, ", ")
	}
	if len(versions) > 0 {
		facts["version"] = strings.Join(slices.Sorted(maps.Keys(versions)), ", ")
	}
	if !s.clustered && len(s.nodes) == 1 && s.nodes[0].err == nil && s.nodes[0].role() != "" {
		facts["role"] = s.nodes[0].role()
	}
	facts["masters"], facts["replicas"] = strconv.Itoa(masters), strconv.Itoa(replicas)
	if lag, ok := s.lagSeconds(); ok {
		facts["replication_lag_seconds"] = strconv.FormatFloat(lag, 'f', -1, 64)
	}
	if s.knowsSlots() {
		facts["slots_covered"] = fmt.Sprintf("%d of %d", s.covered(), clusterSlots)
	}
	return facts
}
