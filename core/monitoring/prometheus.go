package monitoring

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/breakwater-go/breakwater/ports"
)

// The metrics that every backend has.
const (
	metricPrefix  = "breakwater_"
	metricHealthy = metricPrefix + "backend_healthy"
	metricLatency = metricPrefix + "backend_health_latency_seconds"
)

// Collector gives what [Group.Status] gives to a Prometheus registry; register it once. Each scrape asks, within the
// Group's timeouts and until ctx ends: hand in the program's own context.
//
// It exports breakwater_backend_healthy (1 or 0) and, while that is 1, breakwater_backend_health_latency_seconds, both
// with the labels backend and technology. Each sample of a backend or source is breakwater_<name>_<unit>, the unit not
// repeated where the name ends with it, and has the label backend or source beside its own. A name that ends with _total
// is a counter, any other a gauge. A label named backend or source becomes exported_backend or exported_source, and
// characters that Prometheus does not know become "_". A sample that then has both name and labels of another is left
// out, so that one careless monitor does not spoil the scrape.
func (g *Group) Collector(ctx context.Context) prometheus.Collector { return &collector{g, ctx} }

// collector keeps a context because Collect is given none.
type collector struct {
	group *Group
	ctx   context.Context
}

// Describe tells nothing: which figures there are, only the monitors know, and only when asked.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	if c.ctx.Err() != nil {
		return
	}
	status := c.group.Status(c.ctx)
	s := scrape{to: to, seen: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(status.Backends)) {
		b := status.Backends[name]
		s.health(name, b.Health)
		s.samples("backend", name, b.Stats)
	}
	for _, name := range slices.Sorted(maps.Keys(status.Sources)) {
		s.samples("source", name, status.Sources[name].Stats)
	}
}

// scrape is one going round.
type scrape struct {
	to   chan<- prometheus.Metric
	seen map[string]bool
}

func (s *scrape) health(name string, h ports.Health) {
	healthy := 0.0
	if h.Healthy {
		healthy = 1
	}
	labels := []label{{"backend", name}, {"technology", h.Technology}}
	s.send(metricHealthy, "Whether the backend is healthy: 1 or 0.", prometheus.GaugeValue, healthy, labels)
	if h.Healthy { // one that hangs would otherwise look fast
		s.send(metricLatency, "How long the last probe of a healthy backend took.", prometheus.GaugeValue,
			h.Details.LatencyMS/1000, labels)
	}
}

func (s *scrape) samples(kind, name string, stats *ports.Stats) {
	if stats == nil {
		return
	}
	for _, sample := range stats.Metrics {
		metric, valueType := metricOf(sample)
		if metric == metricHealthy || metric == metricLatency {
			continue
		}
		s.send(metric, "A figure of a backend's monitor, or of another source.", valueType, sample.Value,
			labelsOf(label{kind, name}, sample.Labels))
	}
}

type label struct{ name, value string }

// send hands on what Prometheus accepts and has not got yet.
func (s *scrape) send(metric, help string, valueType prometheus.ValueType, value float64, labels []label) {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, strings.ToValidUTF8(l.value, "\uFFFD")
	}
	key := fmt.Sprintf("%s %q %q", metric, names, values)
	if s.seen[key] {
		return
	}
	s.seen[key] = true
	m, err := prometheus.NewConstMetric(prometheus.NewDesc(metric, help, names, nil), valueType, value, values...)
	if err == nil {
		s.to <- m
	}
}

// metricOf names a sample as Prometheus does: the unit behind the name, and _total behind both.
func metricOf(s ports.Sample) (string, prometheus.ValueType) {
	name, counts := strings.CutSuffix(plain(s.Name), "_total")
	if unit := plain(s.Unit); unit != "" && name != unit && !strings.HasSuffix(name, "_"+unit) {
		name += "_" + unit
	}
	if counts {
		return metricPrefix + name + "_total", prometheus.CounterValue
	}
	return metricPrefix + name, prometheus.GaugeValue
}

// labelsOf puts a sample's labels behind the first, by name and each name once.
func labelsOf(first label, own map[string]string) []label {
	labels := []label{first}
	taken := map[string]bool{first.name: true}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		exported := plain(name)
		switch {
		case exported == "backend", exported == "source", strings.HasPrefix(exported, "__"):
			exported = "exported_" + exported
		case exported != "" && exported[0] <= '9':
			exported = "_" + exported
		}
		if !taken[exported] {
			taken[exported] = true
			labels = append(labels, label{exported, own[name]})
		}
	}
	return labels
}

// plain keeps what a name of Prometheus may hold.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, name)
}
