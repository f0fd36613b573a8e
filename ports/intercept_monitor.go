package ports

import (
	"context"
	"time"
)

// InterceptMonitor puts i around every call of m; a nil i is none, and m comes back as it is. A backend that is down is
// no error of Health: i sees nil. A Health that i refuses is unhealthy, its error the reason.
func InterceptMonitor(m Monitor, i Interceptor) Monitor {
	if i == nil {
		return m
	}
	return &interceptedMonitor{Monitor: m, seam: seam{i, "monitor", m.Name()}}
}

type interceptedMonitor struct {
	Monitor
	seam seam
}

// Unwrap is [Unwrapper].
func (m *interceptedMonitor) Unwrap() Driver { return m.Monitor }

func (m *interceptedMonitor) Close(ctx context.Context) error {
	return m.seam.do(ctx, "close", "", m.Monitor.Close)
}

func (m *interceptedMonitor) Health(ctx context.Context) Health {
	h, err := ask(ctx, &m.seam, "health", "", func(ctx context.Context) (Health, error) { return m.Monitor.Health(ctx), nil })
	if err != nil {
		return Health{Technology: m.seam.driver, Details: HealthDetails{Reason: err.Error(), Since: time.Now()}}
	}
	return h
}

func (m *interceptedMonitor) Stats(ctx context.Context) (Stats, error) {
	return ask(ctx, &m.seam, "stats", "", m.Monitor.Stats)
}
