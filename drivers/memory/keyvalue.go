package memory

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// KeyValue is a client of a Server's keys: [ports.KeyValue] with every capability. It is safe for concurrent use, and
// owns no goroutine.
//
// Reading a string takes no lock. Expired keys go when their time has come, though nobody reads them.
type KeyValue struct {
	*client
	store *keyValueStore
}

var _ ports.KeyValue = (*KeyValue)(nil)

// NewKeyValue makes a client of srv; nil = of a new server of its own.
func NewKeyValue(srv *Server) *KeyValue {
	c := newClient(srv, PortKeyValue)
	return &KeyValue{client: c, store: c.srv.keyValues}
}

// KeyValueCapabilities are all of them.
func (c *KeyValue) KeyValueCapabilities() ports.KeyValueCapabilities {
	return ports.KeyValueCapabilities{TTL: true, Counters: true, Hashes: true, Lists: true, SortedSets: true,
		CompareAndSet: true, Atomic: true, Volatile: true}
}

// enterKeys is enter for a call with keys.
func (c *KeyValue) enterKeys(ctx context.Context, op string, keys ...string) error {
	for _, key := range keys {
		if err := ports.ValidateKey(key); err != nil && c.alive(op) == nil {
			return kvInvalid(op, err)
		}
	}
	return c.enter(ctx, op)
}

// enterTTL is enter for one key and a TTL.
func (c *KeyValue) enterTTL(ctx context.Context, op, key string, ttl time.Duration) error {
	if err := ports.ValidateTTL(ttl); err != nil && c.alive(op) == nil {
		return kvInvalid(op, err)
	}
	return c.enterKeys(ctx, op, key)
}

// enterOp is enter for an operation that a pipeline may hold too.
func (c *KeyValue) enterOp(ctx context.Context, op ports.Op) error {
	name := op.Verb.String()
	if err := op.Validate(); err != nil && c.alive(name) == nil {
		return kvInvalid(name, err)
	}
	return c.enter(ctx, name)
}

func kvInvalid(op string, err error) error {
	return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrInvalid, Err: err}
}

// lock takes the key's shard.
func (s *keyValueStore) lock(key string) *kvShard {
	sh := &s.shards[shardOf(s.hash(key))]
	sh.mu.Lock()
	return sh
}

// Get is [ports.KeyValue] Get.
func (c *KeyValue) Get(ctx context.Context, key string) ([]byte, error) {
	if err := c.enterKeys(ctx, "get", key); err != nil {
		return nil, err
	}
	return stringOf(c.store.load(key), "get", key)
}

// Set is [ports.KeyValue] Set.
func (c *KeyValue) Set(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
	if err := c.enterTTL(ctx, "set", key, o.TTL); err != nil {
		return err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.set(key, value, o)
}

// MGet is [ports.KeyValue] MGet.
func (c *KeyValue) MGet(ctx context.Context, keys ...string) ([][]byte, error) {
	if err := c.enterKeys(ctx, "mget", keys...); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		if o := c.store.load(key); o != nil && o.collection == nil {
			values[i] = copied(o.value)
		}
	}
	return values, nil
}

// Delete is [ports.KeyValue] Delete.
func (c *KeyValue) Delete(ctx context.Context, keys ...string) (int64, error) {
	if err := c.enterKeys(ctx, "delete", keys...); err != nil {
		return 0, err
	}
	w := kvWork{store: c.store}
	var n int64
	for _, key := range keys {
		sh := c.store.lock(key)
		n += w.delete(key)
		sh.mu.Unlock()
	}
	return n, nil
}

// Exists is [ports.KeyValue] Exists.
func (c *KeyValue) Exists(ctx context.Context, keys ...string) (int64, error) {
	if err := c.enterKeys(ctx, "exists", keys...); err != nil {
		return 0, err
	}
	var n int64
	for _, key := range keys {
		if c.store.load(key) != nil {
			n++
		}
	}
	return n, nil
}

// Type is [ports.KeyValue] Type.
func (c *KeyValue) Type(ctx context.Context, key string) (ports.KeyType, error) {
	if err := c.enterKeys(ctx, "type", key); err != nil {
		return "", err
	}
	return c.store.load(key).keyType(), nil
}

// Expire is [ports.KeyValue] Expire.
func (c *KeyValue) Expire(ctx context.Context, key string, ttl time.Duration) error {
	if err := c.enterTTL(ctx, "expire", key, ttl); err != nil {
		return err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.expire(key, ttl)
}

// TTL is [ports.KeyValue] TTL.
func (c *KeyValue) TTL(ctx context.Context, key string) (time.Duration, error) {
	if err := c.enterKeys(ctx, "ttl", key); err != nil {
		return 0, err
	}
	o := c.store.load(key)
	switch {
	case o == nil:
		return 0, kvError("ttl", key, ports.ErrNotFound)
	case o.deadline == 0:
		return 0, nil
	}
	return left(c.store.now(), o.deadline), nil
}

// Incr is [ports.KeyValue] Incr.
func (c *KeyValue) Incr(ctx context.Context, key string, by int64) (int64, error) {
	if err := c.enterKeys(ctx, "incr", key); err != nil {
		return 0, err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.incr(key, by)
}

// CompareAndSet is [ports.KeyValue] CompareAndSet.
func (c *KeyValue) CompareAndSet(ctx context.Context, key string, old, value []byte, ttl time.Duration) error {
	if err := c.enterTTL(ctx, "compareandset", key, ttl); err != nil {
		return err
	}
	w := kvWork{store: c.store}
	defer c.store.lock(key).mu.Unlock()
	return w.compareAndSet(key, old, value, ttl)
}
