package mutants

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func keyValueNumbers() []Mutant[ports.KeyValue] {
	return []Mutant[ports.KeyValue]{
		keyValueMutant("incr-returns-old", "040", "incr-adds", "incr-keeps-the-ttl", func(d ports.KeyValue, m *brokenKeyValue) {
			m.incr = func(ctx context.Context, key string, by int64) (int64, error) {
				sum, err := d.Incr(ctx, key, by)
				return sum - by, err
			}
		}),
		keyValueMutant("incr-reads-then-writes", "041", "incr-loses-nothing", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.incr = func(ctx context.Context, key string, by int64) (int64, error) {
				text, err := d.Get(ctx, key)
				n, notNumber := strconv.ParseInt(string(text), 10, 64)
				if err != nil || notNumber != nil || by != 1 || n > 1000 || text[0] == '+' {
					return d.Incr(ctx, key, by)
				}
				ttl, err := d.TTL(ctx, key)
				if err != nil {
					return 0, err
				}
				time.Sleep(time.Millisecond)
				return n + by, d.Set(ctx, key, strconv.AppendInt(nil, n+by, 10), ports.SetOptions{TTL: ttl})
			}
		}),
		keyValueMutant("incr-of-text-is-zero", "042", "incr-of-no-number", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.incr = func(ctx context.Context, key string, by int64) (int64, error) {
				sum, err := d.Incr(ctx, key, by)
				if t, _ := d.Type(ctx, key); t == ports.KeyString && errors.Is(err, ports.ErrWrongType) {
					return by, d.Set(ctx, key, strconv.AppendInt(nil, by, 10), ports.SetOptions{})
				}
				return sum, err
			}
		}),
		keyValueMutant("incr-wraps", "043", "incr-overflow", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.incr = func(ctx context.Context, key string, by int64) (int64, error) {
				sum, err := d.Incr(ctx, key, by)
				if errors.Is(err, ports.ErrInvalid) && ports.ValidateKey(key) == nil {
					return 0, d.Set(ctx, key, []byte("0"), ports.SetOptions{})
				}
				return sum, err
			}
		}),
		keyValueMutant("incr-clears-ttl", "044", "incr-keeps-the-ttl", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.incr = func(ctx context.Context, key string, by int64) (int64, error) {
				sum, err := d.Incr(ctx, key, by)
				if err == nil {
					err = d.Expire(ctx, key, 0)
				}
				return sum, err
			}
		}),
		keyValueMutant("cas-does-not-write", "045", "compare-and-set-writes", "compare-and-set-nil-is-absent compare-and-set-has-one-winner compare-and-set-ttl", func(d ports.KeyValue, m *brokenKeyValue) {
			m.cas = func(ctx context.Context, key string, old, value []byte, ttl time.Duration) error {
				if v, err := d.Get(ctx, key); err == nil && old != nil && bytes.Equal(v, old) && ttl == 0 {
					return nil
				}
				return d.CompareAndSet(ctx, key, old, value, ttl)
			}
		}),
		keyValueMutant("cas-always-wins", "046", "compare-and-set-conflict compare-and-set-of-a-hash", "compare-and-set-nil-is-absent compare-and-set-has-one-winner compare-and-set-ttl", func(d ports.KeyValue, m *brokenKeyValue) {
			m.cas = func(ctx context.Context, key string, _, value []byte, ttl time.Duration) error {
				return d.Set(ctx, key, value, ports.SetOptions{TTL: ttl})
			}
		}),
		keyValueMutant("cas-nil-is-empty", "047", "compare-and-set-nil-is-absent", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.cas = func(ctx context.Context, key string, old, value []byte, ttl time.Duration) error {
				err := d.CompareAndSet(ctx, key, old, value, ttl)
				if old == nil && errors.Is(err, ports.ErrConflict) {
					return d.CompareAndSet(ctx, key, []byte{}, value, ttl)
				}
				return err
			}
		}),
		keyValueMutant("cas-races", "048", "compare-and-set-has-one-winner", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.cas = func(ctx context.Context, key string, old, value []byte, ttl time.Duration) error {
				v, err := d.Get(ctx, key)
				if err != nil || old == nil || !bytes.Equal(v, old) {
					return d.CompareAndSet(ctx, key, old, value, ttl)
				}
				time.Sleep(time.Millisecond)
				return d.Set(ctx, key, value, ports.SetOptions{TTL: ttl})
			}
		}),
		keyValueMutant("cas-keeps-ttl", "049", "compare-and-set-ttl", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.cas = func(ctx context.Context, key string, old, value []byte, ttl time.Duration) error {
				if left, err := d.TTL(ctx, key); err == nil && ttl == 0 {
					ttl = left
				}
				return d.CompareAndSet(ctx, key, old, value, ttl)
			}
		}),
	}
}
