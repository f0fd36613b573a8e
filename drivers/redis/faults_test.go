package redis_test

import (
	"context"
	"sync"
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/ports"
)

// healing runs a suite whose cases may leave their backend cut off: all share the servers, so that what one case cut is
// healed when the next one opens its namespace.
func healing[D ports.Driver](run func(*testing.T, conformance.Harness[D]) conformance.Report) func(*testing.T, conformance.Harness[D]) conformance.Report {
	return func(t *testing.T, h conformance.Harness[D]) conformance.Report {
		open, faults := h.Open, h.Faults
		var mu sync.Mutex
		cutBy := "" // the namespace whose case has cut
		heal := func(ctx context.Context, namespace string) error {
			mu.Lock()
			defer mu.Unlock()
			cutBy = ""
			return faults.Heal(ctx, namespace)
		}
		cut := func(ctx context.Context, namespace string) error {
			mu.Lock()
			defer mu.Unlock()
			cutBy = namespace
			return faults.Cut(ctx, namespace)
		}
		cutByAnother := func(namespace string) string {
			mu.Lock()
			defer mu.Unlock()
			if cutBy == namespace {
				return ""
			}
			return cutBy
		}
		h.Open = func(ctx context.Context, namespace string) (D, error) {
			if other := cutByAnother(namespace); other != "" {
				if err := heal(ctx, other); err != nil {
					var none D
					return none, err
				}
			}
			return open(ctx, namespace)
		}
		h.Faults = &conformance.Faults{Cut: cut, Heal: heal}
		t.Cleanup(func() {
			if other := cutByAnother(""); other != "" {
				if err := heal(context.WithoutCancel(t.Context()), other); err != nil {
					t.Error(err)
				}
			}
		})
		return run(t, h)
	}
}
