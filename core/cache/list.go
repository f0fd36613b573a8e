package cache

import (
	"context"

	"github.com/breakwater-go/breakwater/ports"
)

// Push puts values, each in an envelope, at the head of a list; [Pop] takes them from its tail, first in, first out. The
// level and TTL are the whole key's, as for [HSet].
func Push[T any](ctx context.Context, c *Cache, key string, o WriteOptions, values ...T) error {
	const op = "push"
	sealed := make([][]byte, len(values))
	level := o.Sensitivity
	for i, value := range values {
		data, l, err := seal(c, op, key, value, o)
		if err != nil {
			return err
		}
		sealed[i] = data
		level = max(level, l)
	}
	p, err := c.placeInto(ctx, op, key, level, o.TTL, moveList)
	if err != nil {
		return err
	}
	_, err = p.store.LPush(ctx, key, p.ttl, sealed...)
	return err
}

// moveList takes the oldest element each time, so that the order stays.
func moveList(ctx context.Context, from ports.KeyValue, p placement, key string) error {
	for {
		value, err := from.RPop(ctx, key)
		switch {
		case ports.KindOf(err) == ports.ErrNotFound:
			return nil
		case err != nil:
			return err
		}
		if _, err := p.store.LPush(ctx, key, p.ttl, value); err != nil {
			return err
		}
	}
}

// Pop takes the oldest value; ErrNotFound when there is none. One that is corrupt is taken, and reported as ErrCorrupt.
func Pop[T any](ctx context.Context, c *Cache, key string) (T, error) {
	data, err := find(c, func(s ports.KeyValue) ([]byte, error) { return s.RPop(ctx, key) })
	if err != nil {
		var none T
		return none, err
	}
	return unseal[T]("pop", key, data)
}
