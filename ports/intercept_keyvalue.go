package ports

import (
	"context"
	"time"
)

// InterceptKeyValue puts i around every call of kv; a nil i is none, and kv comes back as it is.
func InterceptKeyValue(kv KeyValue, i Interceptor) KeyValue {
	if i == nil {
		return kv
	}
	return &interceptedKeyValue{KeyValue: kv, seam: seam{i, "keyvalue", kv.Name()}}
}

type interceptedKeyValue struct {
	KeyValue
	seam seam
}

// Unwrap is [Unwrapper].
func (k *interceptedKeyValue) Unwrap() Driver { return k.KeyValue }

func (k *interceptedKeyValue) Close(ctx context.Context) error {
	return k.seam.do(ctx, "close", "", k.KeyValue.Close)
}

func (k *interceptedKeyValue) Get(ctx context.Context, key string) ([]byte, error) {
	return ask(ctx, &k.seam, "get", key, func(ctx context.Context) ([]byte, error) { return k.KeyValue.Get(ctx, key) })
}

func (k *interceptedKeyValue) Set(ctx context.Context, key string, value []byte, o SetOptions) error {
	return k.seam.do(ctx, "set", key, func(ctx context.Context) error { return k.KeyValue.Set(ctx, key, value, o) })
}

func (k *interceptedKeyValue) MGet(ctx context.Context, keys ...string) ([][]byte, error) {
	return ask(ctx, &k.seam, "mget", firstOf(keys), func(ctx context.Context) ([][]byte, error) {
		return k.KeyValue.MGet(ctx, keys...)
	})
}

func (k *interceptedKeyValue) Delete(ctx context.Context, keys ...string) (int64, error) {
	return ask(ctx, &k.seam, "delete", firstOf(keys), func(ctx context.Context) (int64, error) {
		return k.KeyValue.Delete(ctx, keys...)
	})
}

func (k *interceptedKeyValue) Exists(ctx context.Context, keys ...string) (int64, error) {
	return ask(ctx, &k.seam, "exists", firstOf(keys), func(ctx context.Context) (int64, error) {
		return k.KeyValue.Exists(ctx, keys...)
	})
}

func (k *interceptedKeyValue) Type(ctx context.Context, key string) (KeyType, error) {
	return ask(ctx, &k.seam, "type", key, func(ctx context.Context) (KeyType, error) { return k.KeyValue.Type(ctx, key) })
}

func (k *interceptedKeyValue) Expire(ctx context.Context, key string, ttl time.Duration) error {
	return k.seam.do(ctx, "expire", key, func(ctx context.Context) error { return k.KeyValue.Expire(ctx, key, ttl) })
}

func (k *interceptedKeyValue) TTL(ctx context.Context, key string) (time.Duration, error) {
	return ask(ctx, &k.seam, "ttl", key, func(ctx context.Context) (time.Duration, error) { return k.KeyValue.TTL(ctx, key) })
}

func (k *interceptedKeyValue) Incr(ctx context.Context, key string, by int64) (int64, error) {
	return ask(ctx, &k.seam, "incr", key, func(ctx context.Context) (int64, error) { return k.KeyValue.Incr(ctx, key, by) })
}

func (k *interceptedKeyValue) CompareAndSet(ctx context.Context, key string, old, value []byte, ttl time.Duration) error {
	return k.seam.do(ctx, "compareandset", key, func(ctx context.Context) error {
		return k.KeyValue.CompareAndSet(ctx, key, old, value, ttl)
	})
}

func (k *interceptedKeyValue) HSet(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
	return ask(ctx, &k.seam, "hset", key, func(ctx context.Context) (int64, error) {
		return k.KeyValue.HSet(ctx, key, fields, ttl)
	})
}

func (k *interceptedKeyValue) HGet(ctx context.Context, key, field string) ([]byte, error) {
	return ask(ctx, &k.seam, "hget", key, func(ctx context.Context) ([]byte, error) { return k.KeyValue.HGet(ctx, key, field) })
}

func (k *interceptedKeyValue) HGetAll(ctx context.Context, key string) (map[string][]byte, error) {
	return ask(ctx, &k.seam, "hgetall", key, func(ctx context.Context) (map[string][]byte, error) {
		return k.KeyValue.HGetAll(ctx, key)
	})
}

func (k *interceptedKeyValue) HDel(ctx context.Context, key string, fields ...string) (int64, error) {
	return ask(ctx, &k.seam, "hdel", key, func(ctx context.Context) (int64, error) {
		return k.KeyValue.HDel(ctx, key, fields...)
	})
}

func (k *interceptedKeyValue) LPush(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error) {
	return ask(ctx, &k.seam, "lpush", key, func(ctx context.Context) (int64, error) {
		return k.KeyValue.LPush(ctx, key, ttl, values...)
	})
}

func (k *interceptedKeyValue) RPop(ctx context.Context, key string) ([]byte, error) {
	return ask(ctx, &k.seam, "rpop", key, func(ctx context.Context) ([]byte, error) { return k.KeyValue.RPop(ctx, key) })
}

func (k *interceptedKeyValue) LLen(ctx context.Context, key string) (int64, error) {
	return ask(ctx, &k.seam, "llen", key, func(ctx context.Context) (int64, error) { return k.KeyValue.LLen(ctx, key) })
}

func (k *interceptedKeyValue) ZAdd(ctx context.Context, key string, members ...Scored) (int64, error) {
	return ask(ctx, &k.seam, "zadd", key, func(ctx context.Context) (int64, error) {
		return k.KeyValue.ZAdd(ctx, key, members...)
	})
}

func (k *interceptedKeyValue) ZRange(ctx context.Context, key string, start, stop int64, reverse bool) ([]Scored, error) {
	return ask(ctx, &k.seam, "zrange", key, func(ctx context.Context) ([]Scored, error) {
		return k.KeyValue.ZRange(ctx, key, start, stop, reverse)
	})
}

func (k *interceptedKeyValue) Pipeline(ctx context.Context, o PipelineOptions, ops ...Op) ([]Reply, error) {
	target := ""
	if len(ops) > 0 {
		target = ops[0].Key
	}
	return ask(ctx, &k.seam, "pipeline", target, func(ctx context.Context) ([]Reply, error) {
		return k.KeyValue.Pipeline(ctx, o, ops...)
	})
}
