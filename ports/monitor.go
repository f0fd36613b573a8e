package ports

import (
	"context"
	"time"
)

// Monitor tells how a backend is. A backend that is down is an answer, not an error, and both methods end with ctx.
type Monitor interface {
	Driver
	// Health probes the backend now.
	Health(ctx context.Context) Health
	// Stats collects figures; ErrUnavailable when the backend is down.
	Stats(ctx context.Context) (Stats, error)
}

// Health is one backend's state.
type Health struct {
	Technology string        `json:"technology"`
	Healthy    bool          `json:"is_healthy"`
	Details    HealthDetails `json:"details"`
}

// HealthDetails explain a [Health].
type HealthDetails struct {
	// Reason is set when unhealthy; it holds no secret and no payload.
	Reason string `json:"reason,omitempty"`
	// Since is when this state, healthy or not, was first seen.
	Since time.Time `json:"since"`
	// LatencyMS is how long the probe took, in milliseconds.
	LatencyMS float64 `json:"latency_ms"`
	// Facts are what the driver adds: version, role, topology.
	Facts map[string]string `json:"facts,omitempty"`
}

// Stats is flat, so that its JSON stays stable; a driver may give a typed view through As.
type Stats struct {
	Technology string   `json:"technology"`
	Metrics    []Sample `json:"metrics"`
	// Summary holds the few figures that a person looks at first.
	Summary map[string]float64 `json:"summary"`
}

// Sample is one figure, named as Prometheus names metrics, base units in Unit ("seconds", "bytes", "messages").
type Sample struct {
	Name   string            `json:"name"`
	Unit   string            `json:"unit"`
	Value  float64           `json:"value"`
	Labels map[string]string `json:"labels,omitempty"`
}
