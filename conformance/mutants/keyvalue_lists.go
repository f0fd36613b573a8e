package mutants

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func keyValueLists() []Mutant[ports.KeyValue] {
	return []Mutant[ports.KeyValue]{
		keyValueMutant("lpush-reverses", "059", "first-in-first-out", "llen-counts list-has-one-ttl atomic-type-error-undoes-all", func(d ports.KeyValue, m *brokenKeyValue) {
			m.lpush = func(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error) {
				values = slices.Clone(values)
				slices.Reverse(values)
				return d.LPush(ctx, key, ttl, values...)
			}
		}),
		keyValueMutant("rpop-nil-on-missing", "060", "rpop-of-absent-list", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.rpop = func(ctx context.Context, key string) ([]byte, error) {
				v, err := d.RPop(ctx, key)
				if errors.Is(err, ports.ErrNotFound) {
					return nil, nil
				}
				return v, err
			}
		}),
		keyValueMutant("llen-of-absent-is-not-found", "061", "llen-counts", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.llen = func(ctx context.Context, key string) (int64, error) {
				n, err := d.LLen(ctx, key)
				if err == nil && n == 0 {
					err = kvErr(ports.ErrNotFound)
				}
				return n, err
			}
		}),
		keyValueMutant("rpop-repeated-after-a-lost-reply", "062", "each-element-once", "long-list-keeps-order", func(d ports.KeyValue, m *brokenKeyValue) {
			// A retry of a command that is not idempotent: each client's fifth pop goes out twice, the first reply is lost.
			var mu sync.Mutex
			pops := 0
			m.rpop = func(ctx context.Context, key string) ([]byte, error) {
				mu.Lock()
				pops++
				again := pops == 5
				mu.Unlock()
				v, err := d.RPop(ctx, key)
				if again && err == nil {
					return d.RPop(ctx, key)
				}
				return v, err
			}
		}),
		keyValueMutant("lpush-of-nothing-is-nil", "063", "lpush-without-values", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.lpush = func(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error) {
				if len(values) == 0 {
					return 0, nil
				}
				return d.LPush(ctx, key, ttl, values...)
			}
		}),
		keyValueMutant("lpush-clears-ttl", "064", "list-has-one-ttl", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.lpush = func(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error) {
				n, err := d.LPush(ctx, key, ttl, values...)
				if err == nil && ttl == 0 {
					err = d.Expire(ctx, key, 0)
				}
				return n, err
			}
		}),
		keyValueMutant("llen-of-a-string-is-zero", "065", "list-and-string-do-not-mix", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.llen = func(ctx context.Context, key string) (int64, error) {
				n, err := d.LLen(ctx, key)
				if errors.Is(err, ports.ErrWrongType) {
					return 0, nil
				}
				return n, err
			}
		}),
	}
}
