package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// KeyValue is [ports.KeyValue] with every capability. What it keeps Redis may write to disk: it is not volatile.
//
// Every call but MGet, Delete and Exists over several slots, and batches, is one round trip.
type KeyValue struct {
	port
	ports.KeyValueOps
	action action
}

var _ ports.KeyValue = (*KeyValue)(nil)

// NewKeyValue makes the port on client: keys are service:data:key.
func NewKeyValue(client *Client) *KeyValue { return newKeyValue(client, actionData) }

// NewCacheKeyValue makes one for a cache, apart from other data: keys are service:cache:key.
func NewCacheKeyValue(client *Client) *KeyValue { return newKeyValue(client, actionCache) }

func newKeyValue(client *Client, a action) *KeyValue {
	k := &KeyValue{port: newPort(client), action: a}
	k.Do = k.one
	return k
}

// KeyValueCapabilities are all but Volatile.
func (k *KeyValue) KeyValueCapabilities() ports.KeyValueCapabilities {
	return ports.KeyValueCapabilities{TTL: true, Counters: true, Hashes: true, Lists: true, SortedSets: true,
		CompareAndSet: true, Atomic: true}
}

// enterKey is enter for a key, as it is sent.
func (k *KeyValue) enterKey(ctx context.Context, op, name string) (string, error) {
	key, bad := k.key(k.action, name)
	return key, k.enter(ctx, op, bad)
}

// maxBulk is the longest text that Redis takes by default, and can store at all. Longer ones are refused here: Redis would
// close the connection, and with it everybody's calls.
const maxBulk = 512 << 20

// fits says why texts cannot be sent, or nil.
func fits(op string, sizes ...int) error {
	for _, n := range sizes {
		if n > maxBulk {
			return ports.Errorf(driverName, op, ports.ErrExhausted, "a key or value has %d bytes; valid is up to %d: split it", n, maxBulk)
		}
	}
	return nil
}

// milliseconds of a TTL, rounded up.
func milliseconds(ttl time.Duration) int64 {
	ms := int64(ttl / time.Millisecond)
	if ttl%time.Millisecond > 0 {
		ms++
	}
	return ms
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// keyed is a failure with the key that it is about, for answers that do not name it.
func (k *KeyValue) keyed(ctx context.Context, op, name string, err error) error {
	if err == nil {
		return nil
	}
	err = k.failed(ctx, op, err)
	if kind := ports.KindOf(err); kind == ports.ErrNotFound || kind == ports.ErrWrongType {
		return keyError(op, name, kind)
	}
	return err
}

func keyError(op, name string, kind ports.Kind) error {
	return &ports.Error{Op: op, Driver: driverName, Kind: kind, Err: keyNameError(name)}
}

// keyNameError is an error's text, made only when somebody reads it.
type keyNameError string

// Error names the key.
func (k keyNameError) Error() string { return fmt.Sprintf("key %.100q", string(k)) }

// Get is [ports.KeyValue] Get.
func (k *KeyValue) Get(ctx context.Context, name string) ([]byte, error) {
	const op = "get"
	key, err := k.enterKey(ctx, op, name)
	if err != nil {
		return nil, err
	}
	l := k.reader(ctx)
	value, err := l.do(ctx, l.B().Get().Key(key).Build()).AsBytes()
	if err != nil {
		return nil, k.keyed(ctx, op, name, err)
	}
	return present(value), nil
}

// present is a value that is there: never nil.
func present(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// Set is [ports.KeyValue] Set.
func (k *KeyValue) Set(ctx context.Context, name string, value []byte, o ports.SetOptions) error {
	const op = "set"
	if err := ports.ValidateTTL(o.TTL); err != nil {
		return k.enter(ctx, op, err)
	}
	key, err := k.enterKey(ctx, op, name)
	if err != nil {
		return err
	}
	if err := fits(op, len(key), len(value)); err != nil {
		return err
	}
	r := k.keys.do(ctx, setCommand(k.keys, key, string(value), o))
	if err := r.Error(); err != nil {
		return k.setFailed(ctx, name, o, err)
	}
	return nil
}

// setFailed: a Redis nil is how SET says that the key was there.
func (k *KeyValue) setFailed(ctx context.Context, name string, o ports.SetOptions, err error) error {
	if o.IfAbsent && rueidis.IsRedisNil(err) {
		return keyError("set", name, ports.ErrAlreadyExists)
	}
	return k.keyed(ctx, "set", name, err)
}

func setCommand(l *link, key, value string, o ports.SetOptions) rueidis.Completed {
	set := l.B().Set().Key(key).Value(value)
	switch ms := milliseconds(o.TTL); {
	case o.IfAbsent && ms > 0:
		return set.Nx().PxMilliseconds(ms).Build()
	case o.IfAbsent:
		return set.Nx().Build()
	case ms > 0:
		return set.PxMilliseconds(ms).Build()
	}
	return set.Build()
}

// Type is [ports.KeyValue] Type.
func (k *KeyValue) Type(ctx context.Context, name string) (ports.KeyType, error) {
	const op = "type"
	key, err := k.enterKey(ctx, op, name)
	if err != nil {
		return "", err
	}
	l := k.reader(ctx)
	text, err := l.do(ctx, l.B().Type().Key(key).Build()).ToString()
	return ports.KeyType(text), k.failed(ctx, op, err)
}

// TTL is [ports.KeyValue] TTL.
func (k *KeyValue) TTL(ctx context.Context, name string) (time.Duration, error) {
	const op = "ttl"
	key, err := k.enterKey(ctx, op, name)
	if err != nil {
		return 0, err
	}
	l := k.reader(ctx)
	ms, err := l.do(ctx, l.B().Pttl().Key(key).Build()).AsInt64()
	switch {
	case err != nil:
		return 0, k.failed(ctx, op, err)
	case ms == -2:
		return 0, keyError(op, name, ports.ErrNotFound)
	case ms == -1:
		return 0, nil
	}
	return max(time.Duration(ms)*time.Millisecond, time.Millisecond), nil // 0 would be "no expiry"
}

// CompareAndSet is [ports.KeyValue] CompareAndSet.
func (k *KeyValue) CompareAndSet(ctx context.Context, name string, old, value []byte, ttl time.Duration) error {
	const op = "compareandset"
	if err := ports.ValidateTTL(ttl); err != nil {
		return k.enter(ctx, op, err)
	}
	key, err := k.enterKey(ctx, op, name)
	if err != nil {
		return err
	}
	if err := fits(op, len(key), len(old), len(value)); err != nil {
		return err
	}
	if old == nil {
		err := k.keys.do(ctx, setCommand(k.keys, key, string(value), ports.SetOptions{TTL: ttl, IfAbsent: true})).Error()
		if rueidis.IsRedisNil(err) {
			return keyError(op, name, ports.ErrConflict)
		}
		return k.failed(ctx, op, err)
	}
	args := []string{string(old), string(value), decimal(milliseconds(ttl))}
	swapped, err := compareAndSetScript.run(ctx, k.keys, []string{key}, args).AsInt64()
	switch {
	case err != nil:
		return k.failed(ctx, op, err)
	case swapped == 0:
		return keyError(op, name, ports.ErrConflict)
	}
	return nil
}

// HGetAll is [ports.KeyValue] HGetAll.
func (k *KeyValue) HGetAll(ctx context.Context, name string) (map[string][]byte, error) {
	const op = "hgetall"
	key, err := k.enterKey(ctx, op, name)
	if err != nil {
		return nil, err
	}
	l := k.reader(ctx)
	found, err := l.do(ctx, l.B().Hgetall().Key(key).Build()).AsStrMap()
	if err != nil {
		return nil, k.keyed(ctx, op, name, err)
	}
	fields := make(map[string][]byte, len(found))
	for field, value := range found {
		fields[field] = []byte(value)
	}
	return fields, nil
}

// LLen is [ports.KeyValue] LLen.
func (k *KeyValue) LLen(ctx context.Context, name string) (int64, error) {
	const op = "llen"
	key, err := k.enterKey(ctx, op, name)
	if err != nil {
		return 0, err
	}
	l := k.reader(ctx)
	n, err := l.do(ctx, l.B().Llen().Key(key).Build()).AsInt64()
	return n, k.keyed(ctx, op, name, err)
}

// ZRange is [ports.KeyValue] ZRange.
func (k *KeyValue) ZRange(ctx context.Context, name string, start, stop int64, reverse bool) ([]ports.Scored, error) {
	const op = "zrange"
	key, err := k.enterKey(ctx, op, name)
	if err != nil {
		return nil, err
	}
	l := k.reader(ctx)
	between := l.B().Zrange().Key(key).Min(decimal(start)).Max(decimal(stop))
	cmd := between.Withscores().Build()
	if reverse {
		cmd = l.B().Zrange().Key(key).Min(decimal(start)).Max(decimal(stop)).Rev().Withscores().Build()
	}
	found, err := l.do(ctx, cmd).AsZScores()
	if err != nil {
		return nil, k.keyed(ctx, op, name, err)
	}
	members := make([]ports.Scored, len(found))
	for i, m := range found {
		members[i] = ports.Scored{Member: []byte(m.Member), Score: m.Score}
	}
	return members, nil
}
