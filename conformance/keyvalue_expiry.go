package conformance

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func kvExpiryCases() []kvCase {
	return []kvCase{
		kvTTL.holding("key-lives-until-its-ttl-has-passed", "030 031", func(ctx context.Context, e *kvEnv) {
			kvExpires(ctx, e, 250*time.Millisecond, func() { kvSetTTL(ctx, e, "k", "v", 250*time.Millisecond) }, "k")
		}),
		kvTTL.holding("expired-key-is-absent-everywhere", "030", kvExpiredEverywhere),
		kvTTL.holding("expire-ends-a-key", "030 038", func(ctx context.Context, e *kvEnv) {
			kvSetTTL(ctx, e, "k", "v", kvLong)
			kvExpires(ctx, e, 250*time.Millisecond, func() { e.noError(e.Driver.Expire(ctx, "k", 250*time.Millisecond), "expire") }, "k")
		}),
		kvTTL.holding("ttl-is-kept-to-the-millisecond", "032 035", func(ctx context.Context, e *kvEnv) {
			since := time.Now()
			kvSetTTL(ctx, e, "k", "v", kvLong)
			kvWantTTL(ctx, e, "k", kvLong, since)
			since = time.Now()
			e.noError(e.Driver.Expire(ctx, "k", kvLong/3), "expire")
			kvWantTTL(ctx, e, "k", kvLong/3, since)
		}),
		kvTTL.holding("ttl-below-a-millisecond", "033", func(ctx context.Context, e *kvEnv) {
			kvSetTTL(ctx, e, "set", "v", time.Nanosecond)
			kvSet(ctx, e, "expire", "v")
			e.noError(e.Driver.Expire(ctx, "expire", time.Microsecond), "expire")
			e.eventually(ctx, "keys with TTLs below a millisecond end", func() bool {
				n, err := e.Driver.Exists(ctx, "set", "expire")
				e.noError(err, "exists")
				return n == 0
			})
		}),
		kvTTL.holding("negative-ttl", "034", kvNegativeTTL),
		kvTTL.holding("ttl-of-lasting-and-absent-keys", "035", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "k", "v")
			kvWantNoTTL(ctx, e, "k")
			_, err := e.Driver.TTL(ctx, "absent")
			e.isKind(err, ports.ErrNotFound, "ttl of an absent key")
		}),
		kvTTL.holding("set-without-ttl-clears-it", "036", func(ctx context.Context, e *kvEnv) {
			kvSetTTL(ctx, e, "k", "v", kvLong)
			kvSet(ctx, e, "k", "new")
			kvWantNoTTL(ctx, e, "k")
			kvSetTTL(ctx, e, "b", "v", kvLong)
			e.noError(kvOneReply(ctx, e, ports.OpSet("b", []byte("new"), ports.SetOptions{})), "set in a batch")
			kvWantNoTTL(ctx, e, "b")
		}),
		kvTTL.holding("refused-set-keeps-the-ttl", "037", func(ctx context.Context, e *kvEnv) {
			since := time.Now()
			kvSetTTL(ctx, e, "k", "v", kvLong)
			for _, ttl := range []time.Duration{0, time.Hour} {
				err := e.Driver.Set(ctx, "k", []byte("new"), ports.SetOptions{IfAbsent: true, TTL: ttl})
				e.isKind(err, ports.ErrAlreadyExists, "set if absent")
				kvWantTTL(ctx, e, "k", kvLong, since)
			}
		}),
		kvTTL.holding("expire-sets-and-removes", "038", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "k", "v")
			since := time.Now()
			e.noError(e.Driver.Expire(ctx, "k", kvLong), "expire")
			kvWantTTL(ctx, e, "k", kvLong, since)
			e.noError(e.Driver.Expire(ctx, "k", 0), "expire with 0")
			kvWantNoTTL(ctx, e, "k")
			kvWantString(ctx, e, "k", "v")
		}),
		kvTTL.holding("expire-of-absent-key", "039", func(ctx context.Context, e *kvEnv) {
			e.isKind(e.Driver.Expire(ctx, "k", kvLong), ports.ErrNotFound, "expire of an absent key")
			e.isKind(e.Driver.Expire(ctx, "k", 0), ports.ErrNotFound, "expire with 0 of an absent key")
			kvWantAbsent(ctx, e, "k")
		}),
	}
}

// kvExpires gives the key its TTL by start, and fails the case if it goes before or stays after.
func kvExpires(ctx context.Context, e *kvEnv, ttl time.Duration, start func(), key string) {
	began := time.Now()
	start()
	started := time.Now()
	for {
		asked := time.Now()
		n, err := e.Driver.Exists(ctx, key)
		e.noError(err, "exists "+key)
		if n == 0 {
			lived := time.Since(began)
			e.check(lived >= ttl-time.Millisecond, "%s was gone after %v; its TTL is %v", key, lived, ttl)
			return
		}
		e.check(asked.Sub(started) < ttl+e.Timing.Slack, "%s is still there after %v; its TTL is %v", key, asked.Sub(started), ttl)
		e.pause(ctx, 5*time.Millisecond)
	}
}

func kvExpiredEverywhere(ctx context.Context, e *kvEnv) {
	const ttl = 50 * time.Millisecond
	kvExpires(ctx, e, ttl, func() { kvSetTTL(ctx, e, "k", "v", ttl) }, "k")
	_, err := e.Driver.Get(ctx, "k")
	e.isKind(err, ports.ErrNotFound, "get")
	many, err := e.Driver.MGet(ctx, "k")
	e.noError(err, "mget")
	e.check(many[0] == nil, "mget has %q for an expired key", many[0])
	kvWantType(ctx, e, "k", ports.KeyNone)
	_, err = e.Driver.TTL(ctx, "k")
	e.isKind(err, ports.ErrNotFound, "ttl")
	e.isKind(e.Driver.Expire(ctx, "k", kvLong), ports.ErrNotFound, "expire")
	n, err := e.Driver.Delete(ctx, "k")
	e.noError(err, "delete")
	e.check(n == 0, "delete counted an expired key")
	e.noError(e.Driver.Set(ctx, "k", []byte("new"), ports.SetOptions{IfAbsent: true}), "set if absent of an expired key")
	kvWantString(ctx, e, "k", "new")
	kvWantNoTTL(ctx, e, "k")
}

func kvNegativeTTL(ctx context.Context, e *kvEnv) {
	const negative = -time.Second
	d, v := e.Driver, []byte("v")
	since := time.Now()
	kvSetTTL(ctx, e, "k", "kept", kvLong)
	attempts := map[string]error{
		"set":            d.Set(ctx, "k", v, ports.SetOptions{TTL: negative}),
		"expire":         d.Expire(ctx, "k", negative),
		"set in a batch": kvOneReply(ctx, e, ports.OpSet("k", v, ports.SetOptions{TTL: negative})),
	}
	if kvCompareAndSet.in(d) {
		attempts["compare and set"] = d.CompareAndSet(ctx, "k", []byte("kept"), v, negative)
	}
	if kvHashes.in(d) {
		attempts["hset"] = second(d.HSet(ctx, "new", kvFields("f", "v"), negative))
	}
	if kvLists.in(d) {
		attempts["lpush"] = second(d.LPush(ctx, "new", negative, v))
	}
	for doing, err := range attempts {
		e.isKind(err, ports.ErrInvalid, doing+" with a negative TTL")
	}
	kvWantString(ctx, e, "k", "kept")
	kvWantTTL(ctx, e, "k", kvLong, since)
	kvWantAbsent(ctx, e, "new")
}
