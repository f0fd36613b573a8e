package corefx

import (
	"context"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/monitoring"
	"github.com/breakwater-go/breakwater/core/resilience"
	"github.com/breakwater-go/breakwater/ports"
)

// figures shows a client's counts beside those of the backends, under the name "messaging".
func figures(client *messaging.Client) monitoring.Source {
	return monitoring.Source{Name: "messaging", Stats: func(context.Context) (ports.Stats, error) {
		return messagingStats(client.Stats()), nil
	}}
}

func messagingStats(s messaging.Stats) ports.Stats {
	stats := ports.Stats{Technology: "messaging", Summary: map[string]float64{}}
	count := func(name, unit string, value int64) {
		stats.Metrics = append(stats.Metrics, ports.Sample{Name: name, Unit: unit, Value: float64(value)})
	}
	count("sent_total", "messages", s.Sent)
	count("send_failed_total", "messages", s.Failed)
	count("stranded_total", "messages", s.Stranded)
	count("replayed_total", "messages", s.Replayed)
	count("unordered_total", "messages", s.Unordered)
	count("dead_lettered_total", "messages", s.DeadLettered)
	count("repeated_total", "messages", s.Repeated)
	count("handled_total", "runs", s.Handled)
	count("handler_failed_total", "runs", s.FailedRuns)
	count("waiting", "topics", int64(s.WaitingTopics))
	for backend, state := range map[string]resilience.State{"primary": s.Primary, "fallback": s.Fallback} {
		open := 0.0
		if state != resilience.Closed {
			open = 1
		}
		stats.Metrics = append(stats.Metrics, ports.Sample{Name: "breaker_open", Value: open, Labels: map[string]string{"side": backend}})
	}
	stats.Summary["sent"] = float64(s.Sent)
	stats.Summary["stranded"] = float64(s.Stranded)
	stats.Summary["replayed"] = float64(s.Replayed)
	stats.Summary["failed"] = float64(s.Failed)
	return stats
}
