package conformance

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func kvHashCases() []kvCase {
	return []kvCase{
		kvHashes.holding("hset-writes-fields", "050", func(ctx context.Context, e *kvEnv) {
			kvWantAdded(ctx, e, "h", 2, "a", "1", "b", "2")
			kvWantAdded(ctx, e, "h", 1, "b", "new", "c", "")
			kvWantHash(ctx, e, "h", "a", "1", "b", "new", "c", "")
			v, err := e.Driver.HGet(ctx, "h", "b")
			e.noError(err, "hget")
			e.check(string(v) == "new", "hget is %q; want new", v)
			v, err = e.Driver.HGet(ctx, "h", "c")
			e.noError(err, "hget of an empty value")
			e.check(v != nil && len(v) == 0, "hget of an empty value is %#v", v)
		}),
		kvHashes.holding("hget-of-absent", "051", func(ctx context.Context, e *kvEnv) {
			_, err := e.Driver.HGet(ctx, "h", "f")
			e.isKind(err, ports.ErrNotFound, "hget of an absent key")
			kvHSet(ctx, e, "h", "f", "v")
			_, err = e.Driver.HGet(ctx, "h", "other")
			e.isKind(err, ports.ErrNotFound, "hget of an absent field")
		}),
		kvHashes.holding("hgetall-of-absent-key", "052", func(ctx context.Context, e *kvEnv) {
			all, err := e.Driver.HGetAll(ctx, "h")
			e.noError(err, "hgetall of an absent key")
			e.check(all != nil && len(all) == 0, "hgetall of an absent key is %#v; want an empty map", all)
		}),
		kvHashes.holding("hdel-removes-fields", "053", func(ctx context.Context, e *kvEnv) {
			kvHSet(ctx, e, "h", "a", "1", "b", "2", "c", "3")
			kvWantRemoved(ctx, e, 2, "a", "absent", "b", "a")
			kvWantHash(ctx, e, "h", "c", "3")
			kvWantRemoved(ctx, e, 0)
			kvWantRemoved(ctx, e, 1, "c")
			kvWantAbsent(ctx, e, "h")
			kvWantRemoved(ctx, e, 0, "c")
			kvWantAbsent(ctx, e, "h")
		}),
		kvHashes.holding("field-names-are-any-text", "054", func(ctx context.Context, e *kvEnv) {
			pairs := []string{"", "empty", "a:b", "1", "A:B", "2", "a b", "3", "鍵", "4", "\x00", "5", "a", "6", "*", "7"}
			kvWantAdded(ctx, e, "h", int64(len(pairs)/2), pairs...)
			kvWantHash(ctx, e, "h", pairs...)
			v, err := e.Driver.HGet(ctx, "h", "")
			e.noError(err, "hget of the empty field name")
			e.check(string(v) == "empty", "hget of the empty field name is %q", v)
		}),
		kvHashes.holding("hset-without-fields", "055", func(ctx context.Context, e *kvEnv) {
			_, err := e.Driver.HSet(ctx, "h", nil, 0)
			e.isKind(err, ports.ErrInvalid, "hset of nil")
			_, err = e.Driver.HSet(ctx, "h", map[string][]byte{}, 0)
			e.isKind(err, ports.ErrInvalid, "hset of no fields")
			kvWantAbsent(ctx, e, "h")
		}),
		kvHashes.and(kvTTL).holding("hash-has-one-ttl", "056", kvHashTTL),
		kvHashes.holding("hash-and-string-do-not-mix", "057", kvHashWrongType),
		kvHashes.holding("hash-is-a-key-like-others", "058", func(ctx context.Context, e *kvEnv) {
			kvHSet(ctx, e, "h", "f", "v")
			kvWantType(ctx, e, "h", ports.KeyHash)
			n, err := e.Driver.Exists(ctx, "h")
			e.noError(err, "exists")
			e.check(n == 1, "exists does not count a hash")
			many, err := e.Driver.MGet(ctx, "h")
			e.noError(err, "mget of a hash")
			e.check(many[0] == nil, "mget has %q for a hash; want nil", many[0])
			e.isKind(e.Driver.Set(ctx, "h", []byte("v"), ports.SetOptions{IfAbsent: true}), ports.ErrAlreadyExists, "set if absent of a hash")
			n, err = e.Driver.Delete(ctx, "h")
			e.noError(err, "delete")
			e.check(n == 1, "delete does not count a hash")
			kvWantAbsent(ctx, e, "h")
			kvHSet(ctx, e, "h", "f", "v")
			kvSet(ctx, e, "h", "text")
			kvWantString(ctx, e, "h", "text")
			kvWantType(ctx, e, "h", ports.KeyString)
		}),
	}
}

func kvWantAdded(ctx context.Context, e *kvEnv, key string, want int64, pairs ...string) {
	n, err := e.Driver.HSet(ctx, key, kvFields(pairs...), 0)
	e.noError(err, "hset "+key)
	e.check(n == want, "hset %s of %q added %d; want %d", key, pairs, n, want)
}

func kvWantRemoved(ctx context.Context, e *kvEnv, want int64, fields ...string) {
	n, err := e.Driver.HDel(ctx, "h", fields...)
	e.noError(err, "hdel")
	e.check(n == want, "hdel of %q removed %d; want %d", fields, n, want)
}

func kvHashTTL(ctx context.Context, e *kvEnv) {
	const ttl = 250 * time.Millisecond
	set := func(ttl time.Duration, pairs ...string) {
		_, err := e.Driver.HSet(ctx, "h", kvFields(pairs...), ttl)
		e.noError(err, "hset")
	}
	since := time.Now()
	set(kvLong, "a", "1", "b", "2")
	kvWantTTL(ctx, e, "h", kvLong, since)
	set(0, "c", "3")
	kvWantRemoved(ctx, e, 1, "a")
	kvWantTTL(ctx, e, "h", kvLong, since)
	kvExpires(ctx, e, ttl, func() { set(ttl, "b", "new") }, "h")
	all, err := e.Driver.HGetAll(ctx, "h")
	e.noError(err, "hgetall of an expired hash")
	e.check(len(all) == 0, "an expired hash still has %q", all)
	set(0, "d", "4")
	kvWantHash(ctx, e, "h", "d", "4")
	kvWantNoTTL(ctx, e, "h")
}

func kvHashWrongType(ctx context.Context, e *kvEnv) {
	kvSet(ctx, e, "s", "text")
	kvHSet(ctx, e, "h", "f", "v")
	for _, m := range kvDeclared(e.Driver) {
		switch {
		case m.needs.name == "Hashes":
			e.isKind(m.call(ctx, e.Driver, "s"), ports.ErrWrongType, m.name+" of a string")
		case m.name == "Get" || m.name == "Incr":
			e.isKind(m.call(ctx, e.Driver, "h"), ports.ErrWrongType, m.name+" of a hash")
		}
	}
	e.isKind(kvOneReply(ctx, e, ports.OpHSet("s", kvFields("f", "v"), 0)), ports.ErrWrongType, "hset of a string in a batch")
	e.isKind(kvOneReply(ctx, e, ports.OpGet("h")), ports.ErrWrongType, "get of a hash in a batch")
	kvWantString(ctx, e, "s", "text")
	kvWantHash(ctx, e, "h", "f", "v")
}
