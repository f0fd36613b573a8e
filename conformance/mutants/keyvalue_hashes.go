package mutants

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func keyValueHashes() []Mutant[ports.KeyValue] {
	return []Mutant[ports.KeyValue]{
		keyValueMutant("hset-counts-all", "050", "hset-writes-fields", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.hset = func(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
				_, err := d.HSet(ctx, key, fields, ttl)
				return int64(len(fields)), err
			}
		}),
		keyValueMutant("hset-replaces-all", "050", "hset-writes-fields", "hash-has-one-ttl", func(d ports.KeyValue, m *brokenKeyValue) {
			m.hset = func(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
				n, err := d.HSet(ctx, key, fields, ttl)
				if err != nil {
					return n, err
				}
				all, err := d.HGetAll(ctx, key)
				for name := range all {
					if _, kept := fields[name]; !kept && err == nil {
						_, err = d.HDel(ctx, key, name)
					}
				}
				return n, err
			}
		}),
		keyValueMutant("hget-nil-on-missing", "051", "hget-of-absent", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.hget = func(ctx context.Context, key, field string) ([]byte, error) {
				v, err := d.HGet(ctx, key, field)
				if errors.Is(err, ports.ErrNotFound) {
					return nil, nil
				}
				return v, err
			}
		}),
		keyValueMutant("hgetall-nil-map", "052", "hgetall-of-absent-key", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.hgetall = func(ctx context.Context, key string) (map[string][]byte, error) {
				all, err := d.HGetAll(ctx, key)
				if len(all) == 0 {
					return nil, err
				}
				return all, err
			}
		}),
		keyValueMutant("last-hdel-keeps-the-key", "053", "hdel-removes-fields", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.hdel = func(ctx context.Context, key string, fields ...string) (int64, error) {
				n, err := d.HDel(ctx, key, fields...)
				if all, _ := d.HGetAll(ctx, key); n > 0 && len(all) == 0 {
					err = d.Set(ctx, key, nil, ports.SetOptions{})
				}
				return n, err
			}
		}),
		keyValueMutant("field-names-without-case", "054", "field-names-are-any-text", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.hset = func(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
				lower := make(map[string][]byte, len(fields))
				for name, value := range fields {
					lower[strings.ToLower(name)] = value
				}
				return d.HSet(ctx, key, lower, ttl)
			}
		}),
		keyValueMutant("hset-of-nothing-is-nil", "055", "hset-without-fields", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.hset = func(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
				if len(fields) == 0 {
					return 0, nil
				}
				return d.HSet(ctx, key, fields, ttl)
			}
		}),
		keyValueMutant("hset-clears-ttl", "056", "hash-has-one-ttl", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.hset = func(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
				n, err := d.HSet(ctx, key, fields, ttl)
				if err == nil && ttl == 0 {
					err = d.Expire(ctx, key, 0)
				}
				return n, err
			}
		}),
		keyValueMutant("hset-overwrites-a-string", "057", "hash-and-string-do-not-mix", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.hset = func(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
				n, err := d.HSet(ctx, key, fields, ttl)
				if !errors.Is(err, ports.ErrWrongType) {
					return n, err
				}
				if _, err := d.Delete(ctx, key); err != nil {
					return 0, err
				}
				return d.HSet(ctx, key, fields, ttl)
			}
		}),
		keyValueMutant("set-refuses-a-hash", "058", "hash-is-a-key-like-others", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				if t, err := d.Type(ctx, key); err == nil && t == ports.KeyHash && !o.IfAbsent {
					return kvErr(ports.ErrWrongType)
				}
				return d.Set(ctx, key, value, o)
			}
		}),
	}
}
