package redis_test

import (
	"context"
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/ports"
)

// ownKeyValue closes the client too, whose connections are its own.
type ownKeyValue struct {
	*redis.KeyValue
	shut func(context.Context, ports.Driver) error
}

func (o ownKeyValue) Close(ctx context.Context) error { return o.shut(ctx, o.KeyValue) }

func TestConformanceKeyValue(t *testing.T) {
	testConformance(t, conformance.Timing{},
		func(c *redis.Client, shut func(context.Context, ports.Driver) error) (ports.KeyValue, error) {
			return ownKeyValue{redis.NewKeyValue(c), shut}, nil
		}, conformance.RunKeyValue)
}
