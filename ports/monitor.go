package ports

import (
	"context"
	"time"
)

// Monitor tells how a backend is. A backend that is down is an answer, not an error, and both methods end with ctx.
// MO-003 and MO-013 to MO-018 hold for both.
type Monitor interface {
	Driver
	// Health probes the backend now. It has no error: what keeps the probe from an answer, be it ctx or that the client
	// is closed, is the reason of an unhealthy one. Give ctx a deadline: a backend that hangs holds the probe until
	// then. MO-001 to MO-008.
	Health(ctx context.Context) Health
	// Stats collects figures; ErrUnavailable or ErrTimeout when the backend is down. MO-002, MO-009 to MO-012.
	Stats(ctx context.Context) (Stats, error)
}

// Health is one backend's state.
type Health struct {
	// Technology is the driver's Name.
	Technology string        `json:"technology"`
	Healthy    bool          `json:"is_healthy"`
	Details    HealthDetails `json:"details"`
}

// HealthDetails explain a [Health].
type HealthDetails struct {
	// Reason is set when unhealthy; it holds no secret and no payload.
	Reason string `json:"reason,omitempty"`
	// Since is when this client first saw the present state, healthy or not. A probe that its caller cancelled, or began
	// after its deadline, tells nothing of the backend and begins no state.
	Since time.Time `json:"since"`
	// LatencyMS is how long the probe took, in milliseconds.
	LatencyMS float64 `json:"latency_ms"`
	// Facts are what the driver adds: version, role, topology.
	Facts map[string]string `json:"facts,omitempty"`
}

// Stats is flat, so that its JSON stays stable; a driver may give a typed view through As.
type Stats struct {
	// Technology is the driver's Name.
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
