package ports_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// The names are read by status pages and dashboards: they must not change.
func TestMonitorJSON(t *testing.T) {
	since := time.Date(2026, 6, 29, 10, 24, 18, 123456000, time.UTC)
	for _, c := range []struct {
		name string
		v    any
		want string
	}{
		{"healthy", ports.Health{Technology: "redis", Healthy: true, Details: ports.HealthDetails{Since: since, LatencyMS: 0.25}},
			`{"technology":"redis","is_healthy":true,"details":{"since":"2026-06-29T10:24:18.123456Z","latency_ms":0.25}}`},
		{"unhealthy", ports.Health{Technology: "redis", Details: ports.HealthDetails{Reason: "no route to host", Since: since,
			LatencyMS: 200, Facts: map[string]string{"role": "master"}}},
			`{"technology":"redis","is_healthy":false,"details":{"reason":"no route to host","since":"2026-06-29T10:24:18.123456Z","latency_ms":200,"facts":{"role":"master"}}}`},
		{"stats", ports.Stats{Technology: "redis", Summary: map[string]float64{"keys": 3}, Metrics: []ports.Sample{
			{Name: "redis_keys", Unit: "keys", Value: 3}, {Name: "redis_memory_bytes", Unit: "bytes", Value: 1.5, Labels: map[string]string{"kind": "used"}}}},
			`{"technology":"redis","metrics":[{"name":"redis_keys","unit":"keys","value":3},{"name":"redis_memory_bytes","unit":"bytes","value":1.5,"labels":{"kind":"used"}}],"summary":{"keys":3}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := json.Marshal(c.v)
			if err != nil || string(got) != c.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}
