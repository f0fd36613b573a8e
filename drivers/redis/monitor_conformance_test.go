package redis_test

import (
	"context"
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/ports"
)

// ownMonitor closes the client too, whose connections are its own.
type ownMonitor struct {
	*redis.Monitor
	shut func(context.Context, ports.Driver) error
}

func (o ownMonitor) Close(ctx context.Context) error { return o.shut(ctx, o.Monitor) }

func TestConformanceMonitor(t *testing.T) {
	testConformance(t, conformance.Timing{},
		func(c *redis.Client, shut func(context.Context, ports.Driver) error) (ports.Monitor, error) {
			return ownMonitor{redis.NewMonitor(c), shut}, nil
		}, healing(conformance.RunMonitor))
}
