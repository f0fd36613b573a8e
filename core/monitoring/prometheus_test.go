package monitoring_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/breakwater-go/breakwater/core/monitoring"
	"github.com/breakwater-go/breakwater/ports"
)

const allMetrics = `
# HELP breakwater_backend_health_latency_seconds How long the last probe of a healthy backend took.
# TYPE breakwater_backend_health_latency_seconds gauge
breakwater_backend_health_latency_seconds{backend="cache",technology="redis"} 0.00025
# HELP breakwater_backend_healthy Whether the backend is healthy: 1 or 0.
# TYPE breakwater_backend_healthy gauge
breakwater_backend_healthy{backend="broker",technology="pulsar"} 0
breakwater_backend_healthy{backend="cache",technology="redis"} 1
breakwater_backend_healthy{backend="fallback",technology="redis"} 0
breakwater_backend_healthy{backend="temporal",technology="temporal"} 0
# HELP breakwater_redis_commands_total A figure of a backend's monitor, or of another source.
# TYPE breakwater_redis_commands_total counter
breakwater_redis_commands_total{backend="cache",command="get"} 12
# HELP breakwater_redis_memory_used_bytes A figure of a backend's monitor, or of another source.
# TYPE breakwater_redis_memory_used_bytes gauge
breakwater_redis_memory_used_bytes{backend="cache"} 1.048576e+06
`

func TestCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := everyAnswer(t).Collector(t.Context())
		if err := testutil.CollectAndCompare(c, strings.NewReader(allMetrics)); err != nil {
			t.Error(err)
		}
	})
}

// TestACarelessMonitorDoesNotSpoilTheScrape gives a registry what it would refuse as a whole.
func TestACarelessMonitorDoesNotSpoilTheScrape(t *testing.T) {
	samples := []ports.Sample{
		{Name: "http.requests-total", Value: 1},
		{Name: "lag_seconds", Unit: "seconds", Value: 2},
		{Name: "lag", Unit: "seconds", Value: 3}, // the same as the one before
		{Name: "sent_total", Unit: "bytes", Value: 4},
		{Name: "backend_healthy", Value: 5},
		{Name: "labels", Value: 6, Labels: map[string]string{"backend": "x", "source": "y", "a-b": "\xff", "a.b": "z", "1st": "one", "__name__": "w"}},
		{Name: "nameless", Value: 7, Labels: map[string]string{"": "x"}},
	}
	stats := func(context.Context) (ports.Stats, error) { return ports.Stats{Metrics: samples}, nil }
	g := newGroup(t, monitoring.Config{Sources: []monitoring.Source{{Name: "messaging", Stats: stats}}})
	const want = `
# HELP breakwater_http_requests_total A figure of a backend's monitor, or of another source.
# TYPE breakwater_http_requests_total counter
breakwater_http_requests_total{source="messaging"} 1
# HELP breakwater_labels A figure of a backend's monitor, or of another source.
# TYPE breakwater_labels gauge
breakwater_labels{_1st="one",a_b="�",exported___name__="w",exported_backend="x",exported_source="y",source="messaging"} 6
# HELP breakwater_lag_seconds A figure of a backend's monitor, or of another source.
# TYPE breakwater_lag_seconds gauge
breakwater_lag_seconds{source="messaging"} 2
# HELP breakwater_sent_bytes_total A figure of a backend's monitor, or of another source.
# TYPE breakwater_sent_bytes_total counter
breakwater_sent_bytes_total{source="messaging"} 4
`
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(g.Collector(t.Context()))
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestNothingIsCollectedAfterTheEnd(t *testing.T) {
	m := &monitor{name: "redis"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n := testutil.CollectAndCount(newGroup(t, monitoring.Config{Backends: of(m)}).Collector(ctx)); n != 0 || m.asked.Load() != 0 {
		t.Errorf("%d metrics, asked %d times", n, m.asked.Load())
	}
}
