package redis_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/internal/backends"
	"github.com/breakwater-go/breakwater/ports"
)

func TestMonitorKnowsItsTopology(t *testing.T) {
	for name, want := range map[string]map[string]string{
		standalone: {"topology": standalone, "role": "master", "masters": "1", "replicas": "0"},
		sentinel:   {"topology": sentinel, "role": "master", "masters": "1", "replicas": "2"},
		cluster:    {"topology": cluster, "nodes": "6", "masters": "3", "replicas": "3", "slots_covered": "16384 of 16384"},
		tlsACL:     {"topology": standalone, "role": "master"},
	} {
		t.Run(name, func(t *testing.T) {
			m := redis.NewMonitor(openClient(t, use(t, name)))
			h := m.Health(t.Context())
			if !h.Healthy {
				t.Fatalf("unhealthy: %s", h.Details.Reason)
			}
			for fact, text := range want {
				if h.Details.Facts[fact] != text {
					t.Errorf("%s is %q; want %q", fact, h.Details.Facts[fact], text)
				}
			}
			if !strings.HasPrefix(h.Details.Facts["version"], "7.") {
				t.Errorf("version is %q", h.Details.Facts["version"])
			}
			stats, err := m.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wantSamples(t, stats, name)
		})
	}
}

func wantSamples(t *testing.T, stats ports.Stats, topology string) {
	t.Helper()
	found := map[string]int{}
	for _, s := range stats.Metrics {
		found[s.Name]++
	}
	want := []string{"redis_up", "redis_memory_used_bytes", "redis_evicted_keys_total", "redis_redirections_total", "redis_client_connections"}
	switch topology {
	case sentinel:
		want = append(want, "redis_replication_lag_seconds", "redis_replication_lag_bytes")
	case cluster:
		want = append(want, "redis_replication_lag_seconds", "redis_master_link_up", "redis_cluster_slots_covered", "redis_cluster_slots")
	}
	for _, name := range want {
		if found[name] == 0 {
			t.Errorf("no sample %s", name)
		}
	}
	if stats.Summary["memory_used_bytes"] <= 0 || stats.Summary["client_connections"] < 1 || stats.Summary["nodes_up"] < 1 {
		t.Errorf("summary is %v", stats.Summary)
	}
}

func TestMonitorOfAFrozenServer(t *testing.T) {
	for _, name := range []string{standalone, cluster} {
		t.Run(name, func(t *testing.T) {
			top := use(t, name)
			m := redis.NewMonitor(openClient(t, top))
			if h := m.Health(t.Context()); !h.Healthy {
				t.Fatalf("unhealthy at first: %s", h.Details.Reason)
			}
			freezeUntilWell(t, top)
			short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			h := m.Health(short)
			if took := time.Since(began); h.Healthy || took > 200*time.Millisecond {
				t.Errorf("healthy is %v after %v; want unhealthy within 100 ms of the deadline of 100 ms", h.Healthy, took)
			}
			began = time.Now()
			h = m.Health(t.Context())
			if took := time.Since(began); h.Healthy || took > 3*time.Second {
				t.Errorf("healthy is %v after %v; want unhealthy by the client's own timeout", h.Healthy, took)
			}
			if _, err := m.Stats(t.Context()); ports.KindOf(err) != ports.ErrTimeout && ports.KindOf(err) != ports.ErrUnavailable {
				t.Errorf("stats: %v", err)
			}
		})
	}
}

// freezeUntilWell is freeze, and at the test's end it awaits that the servers are well again.
func freezeUntilWell(t *testing.T, top *topology) (thaw func()) {
	t.Helper()
	m := redis.NewMonitor(openClient(t, top))
	t.Cleanup(func() { // it runs after freeze's own
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // nobody announces it
			h := m.Health(context.Background()) //nolint:usetesting // the test's has ended
			if h.Healthy {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("not well again after the thaw: %s", h.Details.Reason)
				return
			}
		}
	})
	return freeze(t, top)
}

func TestMonitorOfAUserWithoutInfo(t *testing.T) {
	top := use(t, standalone)
	client := openClient(t, top)
	var raw rueidis.Client
	client.As(&raw)
	const user, password = "no-info", "its-password"
	set := raw.B().Arbitrary("ACL", "SETUSER", user, "on", ">"+password, "~*", "&*", "+@all", "-info").Build()
	if err := raw.Do(t.Context(), set).Error(); err != nil {
		t.Fatal(err)
	}
	m := redis.NewMonitor(openClient(t, top, func(c *redis.Config) { c.Username, c.Password = user, password }))
	if h := m.Health(t.Context()); !h.Healthy || h.Details.Facts["info"] == "" {
		t.Errorf("health is %+v; want healthy, with a fact about INFO", h)
	}
	if _, err := m.Stats(t.Context()); ports.KindOf(err) != ports.ErrDenied {
		t.Errorf("stats: %v; want denied", err)
	}
}

// TestMonitorOfALostReplica: every key can still be served, and a person is told.
func TestMonitorOfALostReplica(t *testing.T) {
	top := use(t, cluster)
	m := redis.NewMonitor(openClient(t, top))
	if h := m.Health(t.Context()); !h.Healthy || h.Details.Facts["unreachable"] != "" {
		t.Fatalf("at first: %+v", h)
	}
	var replica backends.RedisNode
	for _, n := range top.Nodes {
		if replica.Process == nil && roleOf(t, m, n.Addr) == "replica" {
			replica = n
		}
	}
	if err := replica.Kill(); err != nil {
		t.Fatal(err)
	}
	h := m.Health(t.Context())
	if !h.Healthy || h.Details.Facts["unreachable"] != replica.Addr {
		t.Errorf("without a replica: %+v; want healthy, and %s unreachable", h, replica.Addr)
	}
	stats, err := m.Stats(t.Context())
	if err != nil || stats.Summary["nodes_up"] != 5 {
		t.Errorf("stats without a replica: %v, %v", stats.Summary, err)
	}
	if err := replica.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // nobody announces it
		h := m.Health(t.Context())
		if h.Details.Facts["replicas"] == "3" && h.Details.Facts["unreachable"] == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the replica is not back: %+v", h)
		}
	}
}

// roleOf is a node's role as the monitor sees it.
func roleOf(t *testing.T, m *redis.Monitor, addr string) string {
	t.Helper()
	stats, err := m.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stats.Metrics {
		if s.Name == "redis_role" && s.Labels["node"] == addr {
			return s.Labels["role"]
		}
	}
	return ""
}
