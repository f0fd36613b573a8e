package redis_test

import (
	"context"
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/ports"
)

// ownStream closes the client too, whose connections are its own.
type ownStream struct {
	*redis.Stream
	shut func(context.Context, ports.Driver) error
}

func (o ownStream) Close(ctx context.Context) error { return o.shut(ctx, o.Stream) }

func TestConformanceStream(t *testing.T) {
	testConformance(t, conformance.Timing{},
		func(c *redis.Client, shut func(context.Context, ports.Driver) error) (ports.Stream, error) {
			return ownStream{redis.NewStream(c), shut}, nil
		}, healing(conformance.RunStream))
}
