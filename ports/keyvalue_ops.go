package ports

import (
	"context"
	"time"
)

// KeyValueOps gives a driver the ten methods of [KeyValue] that are one [Op] each. A driver embeds it, sets Do, and
// writes the other methods itself:
//
//	type Client struct{ ports.KeyValueOps … }
//	c := &Client{…}
//	c.Do = c.one
//
// It checks nothing: what an op's own Validate refuses, and verbs whose capability is not declared, are Do's to refuse.
type KeyValueOps struct {
	// Do runs one operation on its own. Nothing in op is the caller's, so that Do may keep it. Required.
	Do func(ctx context.Context, op Op) (Reply, error)
}

// Get is [KeyValue] Get by [OpGet].
func (k KeyValueOps) Get(ctx context.Context, key string) ([]byte, error) {
	return value(k.Do(ctx, OpGet(key)))
}

// Set is [KeyValue] Set by [OpSet].
func (k KeyValueOps) Set(ctx context.Context, key string, value []byte, o SetOptions) error {
	_, err := k.Do(ctx, OpSet(key, value, o))
	return err
}

// Expire is [KeyValue] Expire by [OpExpire].
func (k KeyValueOps) Expire(ctx context.Context, key string, ttl time.Duration) error {
	_, err := k.Do(ctx, OpExpire(key, ttl))
	return err
}

// Incr is [KeyValue] Incr by [OpIncr].
func (k KeyValueOps) Incr(ctx context.Context, key string, by int64) (int64, error) {
	return count(k.Do(ctx, OpIncr(key, by)))
}

// HSet is [KeyValue] HSet by [OpHSet].
func (k KeyValueOps) HSet(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
	return count(k.Do(ctx, OpHSet(key, fields, ttl)))
}

// HGet is [KeyValue] HGet by [OpHGet].
func (k KeyValueOps) HGet(ctx context.Context, key, field string) ([]byte, error) {
	return value(k.Do(ctx, OpHGet(key, field)))
}

// HDel is [KeyValue] HDel by [OpHDel].
func (k KeyValueOps) HDel(ctx context.Context, key string, fields ...string) (int64, error) {
	return count(k.Do(ctx, OpHDel(key, fields...)))
}

// LPush is [KeyValue] LPush by [OpLPush].
func (k KeyValueOps) LPush(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error) {
	return count(k.Do(ctx, OpLPush(key, ttl, values...)))
}

// RPop is [KeyValue] RPop by [OpRPop].
func (k KeyValueOps) RPop(ctx context.Context, key string) ([]byte, error) {
	return value(k.Do(ctx, OpRPop(key)))
}

// ZAdd is [KeyValue] ZAdd by [OpZAdd].
func (k KeyValueOps) ZAdd(ctx context.Context, key string, members ...Scored) (int64, error) {
	return count(k.Do(ctx, OpZAdd(key, members...)))
}

func value(r Reply, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return r.Value, nil
}

func count(r Reply, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.Int, nil
}
