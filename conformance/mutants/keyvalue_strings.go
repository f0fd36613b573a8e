package mutants

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func keyValueStrings() []Mutant[ports.KeyValue] {
	return []Mutant[ports.KeyValue]{
		keyValueMutant("value-ends-at-nul", "001", "get-returns-what-set-wrote", "incr-of-no-number", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				head, _, _ := bytes.Cut(value, []byte{0})
				return d.Set(ctx, key, head, o)
			}
		}),
		keyValueMutant("nil-on-missing", "002", "get-of-absent-key", "expired-key-is-absent-everywhere", func(d ports.KeyValue, m *brokenKeyValue) {
			m.get = func(ctx context.Context, key string) ([]byte, error) {
				v, err := d.Get(ctx, key)
				if errors.Is(err, ports.ErrNotFound) {
					return nil, nil
				}
				return v, err
			}
		}),
		keyValueMutant("empty-value-deletes", "003", "empty-value-is-no-absence", "mget-keeps-order incr-of-no-number compare-and-set-nil-is-absent", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				if len(value) == 0 && !o.IfAbsent {
					_, err := d.Delete(ctx, key)
					return err
				}
				return d.Set(ctx, key, value, o)
			}
		}),
		keyValueMutant("key-collision", "004", "keys-are-any-text", "", func(d ports.KeyValue, m *brokenKeyValue) {
			file := func(key string) string { return strings.ReplaceAll(key, "/", ":") } // as a path in a folder
			m.get = func(ctx context.Context, key string) ([]byte, error) { return d.Get(ctx, file(key)) }
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				return d.Set(ctx, file(key), value, o)
			}
		}),
		keyValueMutant("empty-key-accepted", "005", "invalid-key", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				if key == "" {
					key = "default"
				}
				return d.Set(ctx, key, value, o)
			}
		}),
		keyValueMutant("short-value-keeps-the-tail", "006", "set-replaces", "get-returns-what-set-wrote close-harms-nobody-else works-again-when-backend-is-back incr-adds incr-of-no-number incr-overflow", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				old, err := d.Get(ctx, key)
				if err == nil && len(old) > len(value) && !o.IfAbsent {
					value = slices.Concat(value, old[len(value):])
				}
				return d.Set(ctx, key, value, o)
			}
		}),
		keyValueMutant("if-absent-ignored", "007", "set-if-absent", "set-if-absent-has-one-winner refused-set-keeps-the-ttl hash-is-a-key-like-others", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				o.IfAbsent = false
				return d.Set(ctx, key, value, o)
			}
		}),
		keyValueMutant("if-absent-races", "008", "set-if-absent-has-one-winner", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				if !o.IfAbsent {
					return d.Set(ctx, key, value, o)
				}
				switch n, err := d.Exists(ctx, key); {
				case err != nil:
					return err
				case n > 0:
					return kvErr(ports.ErrAlreadyExists)
				}
				time.Sleep(time.Millisecond)
				return d.Set(ctx, key, value, ports.SetOptions{TTL: o.TTL})
			}
		}),
		keyValueMutant("mget-sorts", "009", "mget-keeps-order", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.mget = func(ctx context.Context, keys ...string) ([][]byte, error) {
				return d.MGet(ctx, slices.Sorted(slices.Values(keys))...)
			}
		}),
		keyValueMutant("mget-empty-is-nil", "010", "empty-value-is-no-absence mget-keeps-order", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.mget = func(ctx context.Context, keys ...string) ([][]byte, error) {
				values, err := d.MGet(ctx, keys...)
				for i, v := range values {
					if len(v) == 0 {
						values[i] = nil
					}
				}
				return values, err
			}
		}),
		keyValueMutant("delete-counts-names", "011", "delete-counts", "expired-key-is-absent-everywhere", func(d ports.KeyValue, m *brokenKeyValue) {
			m.delete = func(ctx context.Context, keys ...string) (int64, error) {
				_, err := d.Delete(ctx, keys...)
				return int64(len(keys)), err
			}
		}),
		keyValueMutant("exists-counts-once", "012", "exists-counts", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.exists = func(ctx context.Context, keys ...string) (int64, error) {
				return d.Exists(ctx, slices.Compact(slices.Sorted(slices.Values(keys)))...)
			}
		}),
		keyValueMutant("no-keys-is-an-error", "013", "no-keys-is-no-work", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.delete = func(ctx context.Context, keys ...string) (int64, error) {
				if len(keys) == 0 {
					return 0, kvErr(ports.ErrInvalid)
				}
				return d.Delete(ctx, keys...)
			}
		}),
		keyValueMutant("every-key-is-a-string", "014", "type-of-string", "expired-key-is-absent-everywhere", func(d ports.KeyValue, m *brokenKeyValue) {
			m.typ = func(ctx context.Context, key string) (ports.KeyType, error) {
				t, err := d.Type(ctx, key)
				if t == ports.KeyNone {
					t = ports.KeyString
				}
				return t, err
			}
		}),
		keyValueMutant("write-behind", "015", "other-clients-see-writes", "close-harms-nobody-else compare-and-set-has-one-winner", writeBehind),
	}
}

// writeBehind keeps the newest write until the client's next call.
func writeBehind(d ports.KeyValue, m *brokenKeyValue) {
	var mu sync.Mutex
	var pending func(context.Context) error
	flush := func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if pending == nil {
			return nil
		}
		write := pending
		pending = nil
		return write(ctx)
	}
	m.before = func(ctx context.Context, _ string) (context.Context, error) { return ctx, flush(ctx) }
	m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
		if o != (ports.SetOptions{}) || ports.ValidateKey(key) != nil || d.Set(ctx, "probe", nil, ports.SetOptions{}) != nil {
			return d.Set(ctx, key, value, o)
		}
		value = slices.Clone(value)
		mu.Lock()
		defer mu.Unlock()
		pending = func(ctx context.Context) error { return d.Set(ctx, key, value, o) }
		return nil
	}
	m.close = func(ctx context.Context) error { return errors.Join(flush(ctx), d.Close(ctx)) }
}
