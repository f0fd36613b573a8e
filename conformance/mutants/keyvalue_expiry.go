package mutants

import (
	"context"
	"errors"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// setWithTTL is a Set whose TTL is changed.
func setWithTTL(change func(time.Duration) time.Duration) func(d ports.KeyValue, m *brokenKeyValue) {
	return func(d ports.KeyValue, m *brokenKeyValue) {
		m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
			o.TTL = change(o.TTL)
			return d.Set(ctx, key, value, o)
		}
	}
}

func keyValueExpiry() []Mutant[ports.KeyValue] {
	return []Mutant[ports.KeyValue]{
		keyValueMutant("ttl-ignored", "030", "key-lives-until-its-ttl-has-passed expired-key-is-absent-everywhere", "ttl-is-kept-to-the-millisecond ttl-below-a-millisecond negative-ttl refused-set-keeps-the-ttl incr-keeps-the-ttl",
			setWithTTL(func(ttl time.Duration) time.Duration { return min(ttl, 0) })),
		keyValueMutant("ttl-cut-short", "031", "key-lives-until-its-ttl-has-passed", "expired-key-is-absent-everywhere ttl-is-kept-to-the-millisecond negative-ttl refused-set-keeps-the-ttl incr-keeps-the-ttl",
			setWithTTL(func(ttl time.Duration) time.Duration { return ttl - ttl/10 })),
		keyValueMutant("ttl-rounded", "032", "ttl-is-kept-to-the-millisecond", "negative-ttl refused-set-keeps-the-ttl incr-keeps-the-ttl", setWithTTL(func(ttl time.Duration) time.Duration {
			if ttl <= 0 {
				return ttl
			}
			return (ttl + time.Second - 1).Truncate(time.Second)
		})),
		keyValueMutant("ttl-below-a-millisecond-is-none", "033", "ttl-below-a-millisecond", "",
			setWithTTL(func(ttl time.Duration) time.Duration {
				if ttl < 0 {
					return ttl
				}
				return ttl.Truncate(time.Millisecond)
			})),
		keyValueMutant("negative-ttl-is-none", "034", "negative-ttl", "",
			setWithTTL(func(ttl time.Duration) time.Duration { return max(ttl, 0) })),
		keyValueMutant("no-expiry-is-minus-one", "035", "ttl-of-lasting-and-absent-keys", "expired-key-is-absent-everywhere set-without-ttl-clears-it expire-sets-and-removes compare-and-set-ttl hash-has-one-ttl list-has-one-ttl", func(d ports.KeyValue, m *brokenKeyValue) {
			m.ttl = func(ctx context.Context, key string) (time.Duration, error) {
				ttl, err := d.TTL(ctx, key)
				if err == nil && ttl == 0 {
					ttl = -1
				}
				return ttl, err
			}
		}),
		keyValueMutant("set-keeps-ttl", "036", "set-without-ttl-clears-it", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				if o == (ports.SetOptions{}) {
					o.TTL, _ = d.TTL(ctx, key)
				}
				return d.Set(ctx, key, value, o)
			}
		}),
		keyValueMutant("refused-set-renews-ttl", "037", "refused-set-keeps-the-ttl", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.set = func(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
				err := d.Set(ctx, key, value, o)
				if errors.Is(err, ports.ErrAlreadyExists) {
					err = errors.Join(err, d.Expire(ctx, key, o.TTL))
				}
				return err
			}
		}),
		keyValueMutant("expire-zero-deletes", "038", "expire-sets-and-removes", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.expire = func(ctx context.Context, key string, ttl time.Duration) error {
				err := d.Expire(ctx, key, ttl)
				if err == nil && ttl == 0 {
					_, err = d.Delete(ctx, key)
				}
				return err
			}
		}),
		keyValueMutant("expire-of-absent-is-nil", "039", "expire-of-absent-key", "expired-key-is-absent-everywhere", func(d ports.KeyValue, m *brokenKeyValue) {
			m.expire = func(ctx context.Context, key string, ttl time.Duration) error {
				err := d.Expire(ctx, key, ttl)
				if errors.Is(err, ports.ErrNotFound) {
					return nil
				}
				return err
			}
		}),
	}
}
