package cache

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/core/sensitivity"
	"github.com/breakwater-go/breakwater/ports"
)

// HSet writes fields of a hash, each in an envelope of its own. The whole key has one level, the highest of its fields,
// whose own names count too, and one TTL, which later writes only shorten. A hash that becomes critical moves to
// Config.Volatile.
func HSet[T any](ctx context.Context, c *Cache, key string, fields map[string]T, o WriteOptions) error {
	const op = "hset"
	sealed := make(map[string][]byte, len(fields))
	level := o.Sensitivity
	for name, value := range fields {
		data, l, err := seal(c, op, key, value, o)
		if err != nil {
			return err
		}
		sealed[name] = data
		level = max(level, l, sensitivity.OfName(name))
	}
	p, err := c.placeInto(ctx, op, key, level, o.TTL, moveHash)
	if err != nil {
		return err
	}
	_, err = p.store.HSet(ctx, key, sealed, p.ttl)
	return err
}

// placeInto is place for a key that may hold something already, which move brings along when the key becomes critical.
func (c *Cache) placeInto(ctx context.Context, op, key string, level sensitivity.Level, ttl time.Duration, move mover) (placement, error) {
	level, err := c.levelOfKey(ctx, key, level)
	if err != nil {
		return placement{}, err
	}
	p, err := c.place(op, key, level, ttl)
	if err != nil {
		return p, err
	}
	if p.level == sensitivity.Critical {
		if err := move(ctx, c.cfg.KeyValue, p, key); err != nil {
			return p, err
		}
	}
	return joinTTL(ctx, p, key)
}

// mover brings what the persistent store has under key to where p says.
type mover func(ctx context.Context, from ports.KeyValue, p placement, key string) error

func moveHash(ctx context.Context, from ports.KeyValue, p placement, key string) error {
	fields, err := from.HGetAll(ctx, key)
	if err != nil || len(fields) == 0 {
		return err
	}
	if _, err := p.store.HSet(ctx, key, fields, p.ttl); err != nil {
		return err
	}
	_, err = from.Delete(ctx, key)
	return err
}

// HGet returns one field's payload; errors as for [Get].
func HGet[T any](ctx context.Context, c *Cache, key, field string) (T, error) {
	data, err := find(c, func(s ports.KeyValue) ([]byte, error) { return s.HGet(ctx, key, field) })
	if err != nil {
		var none T
		return none, err
	}
	return unseal[T]("hget", key, data)
}

// HGetAll returns every field's payload, an empty map for an absent key.
func HGetAll[T any](ctx context.Context, c *Cache, key string) (map[string]T, error) {
	for _, store := range c.stores() {
		sealed, err := store.HGetAll(ctx, key)
		if err != nil {
			return nil, err
		}
		if len(sealed) == 0 {
			continue
		}
		fields := make(map[string]T, len(sealed))
		for name, data := range sealed {
			if fields[name], err = unseal[T]("hgetall", key, data); err != nil {
				return nil, err
			}
		}
		return fields, nil
	}
	return map[string]T{}, nil
}
