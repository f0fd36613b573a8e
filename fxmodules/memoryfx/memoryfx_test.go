package memoryfx_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/fx"

	"github.com/breakwater-go/breakwater/fxmodules/choose"
	"github.com/breakwater-go/breakwater/fxmodules/memoryfx"
	"github.com/breakwater-go/breakwater/ports"
)

// TestRetainUnclaimed: the field reaches the server, from the struct and, before it, from the environment.
func TestRetainUnclaimed(t *testing.T) {
	for name, tc := range map[string]struct {
		defaults memoryfx.Config
		vars     map[string]string
		kept     int
	}{
		"the driver's default":   {memoryfx.Config{}, nil, 5},
		"the struct":             {memoryfx.Config{RetainUnclaimed: 2}, nil, 2},
		"the environment before": {memoryfx.Config{RetainUnclaimed: 2}, map[string]string{"BREAKWATER_MEMORY_RETAIN_UNCLAIMED": "-1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, err := choose.Options(tc.vars, choose.Config{Env: "test"}, map[string]choose.Module{"memory": memoryfx.Module(tc.defaults)})
				if err != nil {
					t.Fatal(err)
				}
				var b ports.Broker
				if err := fx.New(o, fx.Populate(&b)).Err(); err != nil {
					t.Fatal(err)
				}
				if kept := publishAndCount(t, b, 5); kept != tc.kept {
					t.Errorf("%d messages kept, want %d", kept, tc.kept)
				}
			})
		})
	}
}

// publishAndCount publishes n messages that nobody listens for, and counts those that a first group gets.
func publishAndCount(t *testing.T, b ports.Broker, n int) (kept int) {
	t.Helper()
	for i := range n {
		if _, err := b.Publish(t.Context(), &ports.Message{Topic: "t", Payload: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	sub, err := b.Subscribe(t.Context(), ports.SubscribeOptions{Topic: "t", Group: "g", Strategy: ports.LoadBalanced, FromStart: true})
	if err != nil {
		t.Fatal(err)
	}
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := sub.Receive(ctx)
		cancel()
		if err != nil {
			return kept
		}
		kept++
	}
}
