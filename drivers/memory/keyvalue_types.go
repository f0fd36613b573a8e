package memory

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// HSet is [ports.KeyValue] HSet.
func (c *KeyValue) HSet(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
	if err := c.enterOp(ctx, ports.Op{Verb: ports.VerbHSet, Key: key, Fields: fields, TTL: ttl}); err != nil {
		return 0, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.hset(key, fields, ttl)
}

// HGet is [ports.KeyValue] HGet.
func (c *KeyValue) HGet(ctx context.Context, key, field string) ([]byte, error) {
	if err := c.enterKeys(ctx, "hget", key); err != nil {
		return nil, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.hget(key, field)
}

// HGetAll is [ports.KeyValue] HGetAll.
func (c *KeyValue) HGetAll(ctx context.Context, key string) (map[string][]byte, error) {
	if err := c.enterKeys(ctx, "hgetall", key); err != nil {
		return nil, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.hgetall(key)
}

// HDel is [ports.KeyValue] HDel.
func (c *KeyValue) HDel(ctx context.Context, key string, fields ...string) (int64, error) {
	if err := c.enterKeys(ctx, "hdel", key); err != nil {
		return 0, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.hdel(key, fields)
}

// LPush is [ports.KeyValue] LPush.
func (c *KeyValue) LPush(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error) {
	if err := c.enterOp(ctx, ports.Op{Verb: ports.VerbLPush, Key: key, Values: values, TTL: ttl}); err != nil {
		return 0, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.lpush(key, ttl, values)
}

// RPop is [ports.KeyValue] RPop.
func (c *KeyValue) RPop(ctx context.Context, key string) ([]byte, error) {
	if err := c.enterKeys(ctx, "rpop", key); err != nil {
		return nil, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.rpop(key)
}

// LLen is [ports.KeyValue] LLen.
func (c *KeyValue) LLen(ctx context.Context, key string) (int64, error) {
	if err := c.enterKeys(ctx, "llen", key); err != nil {
		return 0, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.llen(key)
}

// ZAdd is [ports.KeyValue] ZAdd.
func (c *KeyValue) ZAdd(ctx context.Context, key string, members ...ports.Scored) (int64, error) {
	if err := c.enterOp(ctx, ports.Op{Verb: ports.VerbZAdd, Key: key, Members: members}); err != nil {
		return 0, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.zadd(key, members)
}

// ZRange is [ports.KeyValue] ZRange.
func (c *KeyValue) ZRange(ctx context.Context, key string, start, stop int64, reverse bool) ([]ports.Scored, error) {
	if err := c.enterKeys(ctx, "zrange", key); err != nil {
		return nil, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.zrange(key, start, stop, reverse)
}
