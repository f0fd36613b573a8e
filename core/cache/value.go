package cache

import (
	"context"
	"slices"

	"github.com/breakwater-go/breakwater/core/sensitivity"
	"github.com/breakwater-go/breakwater/ports"
)

// Set writes a value; see the package comment for how long and where. ErrUnsupported for a critical value without
// Config.Volatile: nothing is then written.
func Set[T any](ctx context.Context, c *Cache, key string, value T, o WriteOptions) error {
	const op = "set"
	sealed, level, err := seal(c, op, key, value, o)
	if err != nil {
		return err
	}
	p, err := c.place(op, key, level, o.TTL)
	if err != nil {
		return err
	}
	if err := p.store.Set(ctx, key, sealed, ports.SetOptions{TTL: p.ttl}); err != nil {
		return err
	}
	return c.removeElsewhere(ctx, p, key)
}

// removeElsewhere deletes what the store that was not written to has under key: a persistent copy of what has become
// critical, or a volatile one that would hide the new value.
func (c *Cache) removeElsewhere(ctx context.Context, p placement, key string) error {
	for _, store := range c.stores() {
		if store == p.store {
			continue
		}
		if _, err := store.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// Get returns the payload: ErrNotFound when the key is absent, ErrCorrupt, naming the key, when what it holds is neither
// an envelope nor JSON or does not fit T. Bare JSON that others wrote is read as it is.
func Get[T any](ctx context.Context, c *Cache, key string) (T, error) {
	data, err := find(c, func(s ports.KeyValue) ([]byte, error) { return s.Get(ctx, key) })
	if err != nil {
		var none T
		return none, err
	}
	return unseal[T]("get", key, data)
}

// GetMany returns what is there, by key, in one round trip a store. One that is corrupt fails the call.
func GetMany[T any](ctx context.Context, c *Cache, keys ...string) (map[string]T, error) {
	found := make(map[string]T, len(keys))
	missing := slices.Clone(keys)
	for _, store := range c.stores() {
		values, err := store.MGet(ctx, missing...)
		if err != nil {
			return nil, err
		}
		var still []string
		for i, key := range missing {
			if values[i] == nil {
				still = append(still, key)
				continue
			}
			if found[key], err = unseal[T]("get many", key, values[i]); err != nil {
				return nil, err
			}
		}
		if missing = still; len(missing) == 0 {
			break
		}
	}
	return found, nil
}

// levelOfKey raises level to critical while key lives in the volatile store: what a hash or list there holds already must
// not be joined by a persistent half.
func (c *Cache) levelOfKey(ctx context.Context, key string, level sensitivity.Level) (sensitivity.Level, error) {
	if c.cfg.Volatile == nil || level == sensitivity.Critical {
		return level, nil
	}
	n, err := c.cfg.Volatile.Exists(ctx, key)
	if n > 0 {
		level = sensitivity.Critical
	}
	return level, err
}

// joinTTL is the TTL with which to add to a hash or list: it never lengthens the key's life, since what it holds already
// may be more sensitive than what comes. 0 = leave it.
func joinTTL(ctx context.Context, p placement, key string) (placement, error) {
	left, err := p.store.TTL(ctx, key)
	switch {
	case ports.KindOf(err) == ports.ErrNotFound:
		return p, nil
	case err != nil:
		return p, err
	case left > 0 && left <= p.ttl:
		p.ttl = 0
	}
	return p, nil
}
