package mutants

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// brokenKeyValue is a sound driver whose methods can be replaced one by one; nil = sound.
type brokenKeyValue struct {
	ports.KeyValue

	// before stands before every method; an error ends it.
	before func(ctx context.Context, method string) (context.Context, error)
	// after changes what every method returns as its error.
	after func(method string, err error) error

	as           func(target any) bool
	close        func(ctx context.Context) error
	capabilities func() ports.KeyValueCapabilities

	get    func(ctx context.Context, key string) ([]byte, error)
	set    func(ctx context.Context, key string, value []byte, o ports.SetOptions) error
	mget   func(ctx context.Context, keys ...string) ([][]byte, error)
	delete func(ctx context.Context, keys ...string) (int64, error)
	exists func(ctx context.Context, keys ...string) (int64, error)
	typ    func(ctx context.Context, key string) (ports.KeyType, error)

	expire func(ctx context.Context, key string, ttl time.Duration) error
	ttl    func(ctx context.Context, key string) (time.Duration, error)
	incr   func(ctx context.Context, key string, by int64) (int64, error)
	cas    func(ctx context.Context, key string, old, value []byte, ttl time.Duration) error

	hset    func(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error)
	hget    func(ctx context.Context, key, field string) ([]byte, error)
	hgetall func(ctx context.Context, key string) (map[string][]byte, error)
	hdel    func(ctx context.Context, key string, fields ...string) (int64, error)
	lpush   func(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error)
	rpop    func(ctx context.Context, key string) ([]byte, error)
	llen    func(ctx context.Context, key string) (int64, error)
	zadd    func(ctx context.Context, key string, members ...ports.Scored) (int64, error)
	zrange  func(ctx context.Context, key string, start, stop int64, reverse bool) ([]ports.Scored, error)

	pipeline func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error)
}

// breakKeyValue makes a Wrap of what spoils a driver; d is the sound one.
func breakKeyValue(spoil func(d ports.KeyValue, m *brokenKeyValue)) func(ports.KeyValue) ports.KeyValue {
	return func(d ports.KeyValue) ports.KeyValue {
		m := &brokenKeyValue{KeyValue: d}
		spoil(d, m)
		return m
	}
}

// or is the broken method, or else the sound one.
func or[F any](broken F, isSet bool, sound F) F {
	if isSet {
		return broken
	}
	return sound
}

// around runs a method between before and after.
func around[T any](ctx context.Context, m *brokenKeyValue, method string, run func(context.Context) (T, error)) (result T, err error) {
	if m.before != nil {
		if ctx, err = m.before(ctx, method); err != nil {
			return result, err
		}
	}
	result, err = run(ctx)
	if m.after != nil {
		err = m.after(method, err)
	}
	return result, err
}

func aroundErr(ctx context.Context, m *brokenKeyValue, method string, run func(context.Context) error) error {
	_, err := around(ctx, m, method, func(ctx context.Context) (struct{}, error) { return struct{}{}, run(ctx) })
	return err
}

// Unwrap is the sound driver.
func (m *brokenKeyValue) Unwrap() ports.Driver { return m.KeyValue }

// As is m.as, or sound.
func (m *brokenKeyValue) As(target any) bool { return or(m.as, m.as != nil, m.KeyValue.As)(target) }

// Close is m.close, or sound.
func (m *brokenKeyValue) Close(ctx context.Context) error {
	return or(m.close, m.close != nil, m.KeyValue.Close)(ctx)
}

// KeyValueCapabilities is m.capabilities, or sound.
func (m *brokenKeyValue) KeyValueCapabilities() ports.KeyValueCapabilities {
	return or(m.capabilities, m.capabilities != nil, m.KeyValue.KeyValueCapabilities)()
}

// Get is m.get, or sound.
func (m *brokenKeyValue) Get(ctx context.Context, key string) ([]byte, error) {
	f := or(m.get, m.get != nil, m.KeyValue.Get)
	return around(ctx, m, "Get", func(ctx context.Context) ([]byte, error) { return f(ctx, key) })
}

// Set is m.set, or sound.
func (m *brokenKeyValue) Set(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
	f := or(m.set, m.set != nil, m.KeyValue.Set)
	return aroundErr(ctx, m, "Set", func(ctx context.Context) error { return f(ctx, key, value, o) })
}

// MGet is m.mget, or sound.
func (m *brokenKeyValue) MGet(ctx context.Context, keys ...string) ([][]byte, error) {
	f := or(m.mget, m.mget != nil, m.KeyValue.MGet)
	return around(ctx, m, "MGet", func(ctx context.Context) ([][]byte, error) { return f(ctx, keys...) })
}

// Delete is m.delete, or sound.
func (m *brokenKeyValue) Delete(ctx context.Context, keys ...string) (int64, error) {
	f := or(m.delete, m.delete != nil, m.KeyValue.Delete)
	return around(ctx, m, "Delete", func(ctx context.Context) (int64, error) { return f(ctx, keys...) })
}

// Exists is m.exists, or sound.
func (m *brokenKeyValue) Exists(ctx context.Context, keys ...string) (int64, error) {
	f := or(m.exists, m.exists != nil, m.KeyValue.Exists)
	return around(ctx, m, "Exists", func(ctx context.Context) (int64, error) { return f(ctx, keys...) })
}

// Type is m.typ, or sound.
func (m *brokenKeyValue) Type(ctx context.Context, key string) (ports.KeyType, error) {
	f := or(m.typ, m.typ != nil, m.KeyValue.Type)
	return around(ctx, m, "Type", func(ctx context.Context) (ports.KeyType, error) { return f(ctx, key) })
}

// Expire is m.expire, or sound.
func (m *brokenKeyValue) Expire(ctx context.Context, key string, ttl time.Duration) error {
	f := or(m.expire, m.expire != nil, m.KeyValue.Expire)
	return aroundErr(ctx, m, "Expire", func(ctx context.Context) error { return f(ctx, key, ttl) })
}

// TTL is m.ttl, or sound.
func (m *brokenKeyValue) TTL(ctx context.Context, key string) (time.Duration, error) {
	f := or(m.ttl, m.ttl != nil, m.KeyValue.TTL)
	return around(ctx, m, "TTL", func(ctx context.Context) (time.Duration, error) { return f(ctx, key) })
}

// Incr is m.incr, or sound.
func (m *brokenKeyValue) Incr(ctx context.Context, key string, by int64) (int64, error) {
	f := or(m.incr, m.incr != nil, m.KeyValue.Incr)
	return around(ctx, m, "Incr", func(ctx context.Context) (int64, error) { return f(ctx, key, by) })
}

// CompareAndSet is m.cas, or sound.
func (m *brokenKeyValue) CompareAndSet(ctx context.Context, key string, old, value []byte, ttl time.Duration) error {
	f := or(m.cas, m.cas != nil, m.KeyValue.CompareAndSet)
	return aroundErr(ctx, m, "CompareAndSet", func(ctx context.Context) error { return f(ctx, key, old, value, ttl) })
}

// HSet is m.hset, or sound.
func (m *brokenKeyValue) HSet(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
	f := or(m.hset, m.hset != nil, m.KeyValue.HSet)
	return around(ctx, m, "HSet", func(ctx context.Context) (int64, error) { return f(ctx, key, fields, ttl) })
}

// HGet is m.hget, or sound.
func (m *brokenKeyValue) HGet(ctx context.Context, key, field string) ([]byte, error) {
	f := or(m.hget, m.hget != nil, m.KeyValue.HGet)
	return around(ctx, m, "HGet", func(ctx context.Context) ([]byte, error) { return f(ctx, key, field) })
}

// HGetAll is m.hgetall, or sound.
func (m *brokenKeyValue) HGetAll(ctx context.Context, key string) (map[string][]byte, error) {
	f := or(m.hgetall, m.hgetall != nil, m.KeyValue.HGetAll)
	return around(ctx, m, "HGetAll", func(ctx context.Context) (map[string][]byte, error) { return f(ctx, key) })
}

// HDel is m.hdel, or sound.
func (m *brokenKeyValue) HDel(ctx context.Context, key string, fields ...string) (int64, error) {
	f := or(m.hdel, m.hdel != nil, m.KeyValue.HDel)
	return around(ctx, m, "HDel", func(ctx context.Context) (int64, error) { return f(ctx, key, fields...) })
}

// LPush is m.lpush, or sound.
func (m *brokenKeyValue) LPush(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error) {
	f := or(m.lpush, m.lpush != nil, m.KeyValue.LPush)
	return around(ctx, m, "LPush", func(ctx context.Context) (int64, error) { return f(ctx, key, ttl, values...) })
}

// RPop is m.rpop, or sound.
func (m *brokenKeyValue) RPop(ctx context.Context, key string) ([]byte, error) {
	f := or(m.rpop, m.rpop != nil, m.KeyValue.RPop)
	return around(ctx, m, "RPop", func(ctx context.Context) ([]byte, error) { return f(ctx, key) })
}

// LLen is m.llen, or sound.
func (m *brokenKeyValue) LLen(ctx context.Context, key string) (int64, error) {
	f := or(m.llen, m.llen != nil, m.KeyValue.LLen)
	return around(ctx, m, "LLen", func(ctx context.Context) (int64, error) { return f(ctx, key) })
}

// ZAdd is m.zadd, or sound.
func (m *brokenKeyValue) ZAdd(ctx context.Context, key string, members ...ports.Scored) (int64, error) {
	f := or(m.zadd, m.zadd != nil, m.KeyValue.ZAdd)
	return around(ctx, m, "ZAdd", func(ctx context.Context) (int64, error) { return f(ctx, key, members...) })
}

// ZRange is m.zrange, or sound.
func (m *brokenKeyValue) ZRange(ctx context.Context, key string, start, stop int64, reverse bool) ([]ports.Scored, error) {
	f := or(m.zrange, m.zrange != nil, m.KeyValue.ZRange)
	return around(ctx, m, "ZRange", func(ctx context.Context) ([]ports.Scored, error) { return f(ctx, key, start, stop, reverse) })
}

// Pipeline is m.pipeline, or sound.
func (m *brokenKeyValue) Pipeline(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
	f := or(m.pipeline, m.pipeline != nil, m.KeyValue.Pipeline)
	return around(ctx, m, "Pipeline", func(ctx context.Context) ([]ports.Reply, error) { return f(ctx, o, ops...) })
}
