package cache

import (
	"context"

	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

// GetOrLoad returns what is cached, or what load gives, which is then cached. One load a key runs at a time in this
// Cache; the others wait for it and get values of their own. A caller whose ctx ends leaves, and the load goes on for the
// rest, with a context that carries the first caller's values and no end: load bounds itself. A load's error is
// returned and not cached.
//
// A cache that is down or holds what cannot be decoded is no reason to fail: load then answers.
func GetOrLoad[T any](ctx context.Context, c *Cache, key string, o WriteOptions, load func(ctx context.Context) (T, error)) (T, error) {
	v, err := Get[T](ctx, c, key)
	if err == nil || !c.loadInstead(ctx, key, err) {
		return v, err
	}
	result := c.loads.DoChan(key, func() (any, error) {
		return loadAndStore(context.WithoutCancel(ctx), c, key, o, load)
	})
	select {
	case <-ctx.Done():
		return v, ports.ContextError(ctx, owner, "get or load")
	case r := <-result:
		if r.Err != nil {
			return v, r.Err
		}
		payload, _ := r.Val.([]byte)
		err := wire.Unmarshal(payload, &v)
		return v, err
	}
}

// loadInstead says whether a failed read calls for the loader.
func (c *Cache) loadInstead(ctx context.Context, key string, err error) bool {
	switch ports.KindOf(err) {
	case ports.ErrNotFound:
		return true
	case ports.ErrUnavailable, ports.ErrTimeout, ports.ErrCorrupt:
		if ctx.Err() != nil {
			return false
		}
		c.cfg.Logger.WarnContext(ctx, "cache read failed, loading instead", "key", key, "error", err)
		return true
	default:
		return false
	}
}

// loadAndStore returns the payload, from which each caller decodes a value of its own.
func loadAndStore[T any](ctx context.Context, c *Cache, key string, o WriteOptions, load func(context.Context) (T, error)) (payload []byte, err error) {
	v, err := guarded(ctx, key, load)
	if err != nil {
		return nil, err
	}
	if payload, err = wire.Marshal(v); err != nil {
		return nil, ports.Errorf(owner, "get or load", ports.ErrInvalid, "key %q: a %T cannot be written as JSON", key, v)
	}
	if err := Set(ctx, c, key, v, o); err != nil {
		c.cfg.Logger.WarnContext(ctx, "cache write failed, value served uncached", "key", key, "error", err)
	}
	return payload, nil
}

// guarded turns a panic of load, which runs on a goroutine of ours, into an error.
func guarded[T any](ctx context.Context, key string, load func(context.Context) (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ports.Errorf(owner, "get or load", ports.ErrFailed, "key %q: load panicked: %v", key, p)
		}
	}()
	return load(ctx)
}
