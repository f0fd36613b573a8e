package mutants

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

func keyValueBoundary() []Mutant[ports.KeyValue] {
	return []Mutant[ports.KeyValue]{
		keyValueMutant("retains-input", "016", "caller-may-reuse-its-memory", "", retainsInput),
		keyValueMutant("shares-output", "017", "results-belong-to-the-caller", "", sharesOutput),
		keyValueMutant("bare-errors", "018", "errors-name-driver-and-operation", "", func(_ ports.KeyValue, m *brokenKeyValue) {
			m.after = func(_ string, err error) error {
				var pe *ports.Error
				if errors.As(err, &pe) && pe.Err != nil {
					return fmt.Errorf("%w: %w", pe.Kind, pe.Err)
				}
				return err
			}
		}),
		keyValueMutant("value-in-error", "019", "errors-hold-no-value", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				err := d.Set(ctx, key, value, o)
				if err != nil {
					err = ports.Errorf("memory", "set", ports.KindOf(err), "%s = %q: %w", key, value, err)
				}
				return err
			}
		}),
		keyValueMutant("ignore-cancel", "020 021", "canceled-context passed-deadline", "", func(_ ports.KeyValue, m *brokenKeyValue) {
			m.before = func(ctx context.Context, _ string) (context.Context, error) { return context.WithoutCancel(ctx), nil }
		}),
		keyValueMutant("unsupported-returns-nil", "022", "undeclared-is-unsupported", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.capabilities = func() ports.KeyValueCapabilities {
				c := d.KeyValueCapabilities()
				c.Counters = false
				return c
			}
			m.incr = func(context.Context, string, int64) (int64, error) { return 0, nil }
		}),
		keyValueMutant("unsupported-has-an-effect", "022", "undeclared-is-unsupported", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.capabilities = func() ports.KeyValueCapabilities {
				c := d.KeyValueCapabilities()
				c.Counters = false
				return c
			}
			m.incr = func(ctx context.Context, key string, by int64) (int64, error) {
				_, err := d.Incr(ctx, key, by)
				return 0, errors.Join(kvErr(ports.ErrUnsupported), err)
			}
		}),
		keyValueMutant("as-says-yes", "023", "as-knows-only-its-own", "", func(_ ports.KeyValue, m *brokenKeyValue) {
			m.as = func(any) bool { return true }
		}),
		keyValueMutant("works-after-close", "024", "closed-client", "", func(_ ports.KeyValue, m *brokenKeyValue) {
			m.close = func(context.Context) error { return nil }
		}),
		keyValueMutant("second-close-fails", "025", "close-twice", "closed-client close-harms-nobody-else close-leaves-no-goroutine", func(d ports.KeyValue, m *brokenKeyValue) {
			var closed atomic.Bool
			m.close = func(ctx context.Context) error {
				if closed.Swap(true) {
					return kvErr(ports.ErrClosed)
				}
				return d.Close(ctx)
			}
		}),
		keyValueMutant("close-shared-client", "026", "close-harms-nobody-else", "closed-client", func(d ports.KeyValue, m *brokenKeyValue) {
			m.close = func(ctx context.Context) error {
				var srv *memory.Server
				if d.As(&srv) {
					srv.Faults().SetUnavailable(memory.PortKeyValue, true)
				}
				return d.Close(ctx)
			}
		}),
		keyValueMutant("leaks-goroutine", "027", "close-leaves-no-goroutine", "", func(_ ports.KeyValue, m *brokenKeyValue) {
			var once sync.Once
			m.before = func(ctx context.Context, _ string) (context.Context, error) {
				once.Do(func() { go Deaf() })
				return ctx, nil
			}
		}),
		keyValueMutant("swallow-error", "028", "unreachable-backend", "works-again-when-backend-is-back", func(_ ports.KeyValue, m *brokenKeyValue) {
			m.after = func(_ string, err error) error {
				if errors.Is(err, ports.ErrUnavailable) {
					return nil
				}
				return err
			}
		}),
		keyValueMutant("never-reconnects", "029", "works-again-when-backend-is-back", "", func(_ ports.KeyValue, m *brokenKeyValue) {
			var lost atomic.Bool
			m.after = func(_ string, err error) error {
				if errors.Is(err, ports.ErrUnavailable) {
					lost.Store(true)
				}
				if lost.Load() {
					return kvErr(ports.ErrUnavailable)
				}
				return err
			}
		}),
	}
}

// retainsInput stores the caller's own slice.
func retainsInput(d ports.KeyValue, m *brokenKeyValue) {
	type held struct{ callers, written []byte }
	var mu sync.Mutex
	all := map[string]held{}
	m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
		mu.Lock()
		defer mu.Unlock()
		all[key] = held{callers: value, written: slices.Clone(value)}
		return d.Set(ctx, key, value, o)
	}
	m.get = func(ctx context.Context, key string) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		v, err := d.Get(ctx, key)
		if h, ok := all[key]; ok && err == nil && bytes.Equal(v, h.written) {
			return append([]byte{}, h.callers...), nil
		}
		return v, err
	}
}

// sharesOutput gives every caller the same slice.
func sharesOutput(d ports.KeyValue, m *brokenKeyValue) {
	type given struct{ shared, original []byte }
	var mu sync.Mutex
	all := map[string]given{}
	m.get = func(ctx context.Context, key string) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		v, err := d.Get(ctx, key)
		if err != nil {
			return v, err
		}
		if g, ok := all[key]; ok && bytes.Equal(g.original, v) {
			return g.shared, nil
		}
		all[key] = given{shared: v, original: slices.Clone(v)}
		return v, nil
	}
}
