package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func kvListCases() []kvCase {
	return []kvCase{
		kvLists.holding("first-in-first-out", "059", func(ctx context.Context, e *kvEnv) {
			kvWantPushed(ctx, e, 3, "a", "b", "")
			kvWantPushed(ctx, e, 4, "\xff\x00")
			for _, want := range []string{"a", "b", "", "\xff\x00"} {
				kvWantPop(ctx, e, "l", want)
			}
		}),
		kvLists.holding("long-list-keeps-order", "059 061", func(ctx context.Context, e *kvEnv) {
			const n = 300
			for i := range n {
				kvPush(ctx, e, "l", fmt.Sprint(i))
			}
			kvWantLen(ctx, e, "l", n)
			for i := range n {
				kvWantPop(ctx, e, "l", fmt.Sprint(i))
			}
		}),
		kvLists.holding("rpop-of-absent-list", "060", func(ctx context.Context, e *kvEnv) {
			_, err := e.Driver.RPop(ctx, "l")
			e.isKind(err, ports.ErrNotFound, "rpop of an absent list")
			kvPush(ctx, e, "l", "only")
			kvWantPop(ctx, e, "l", "only")
			kvWantAbsent(ctx, e, "l")
			_, err = e.Driver.RPop(ctx, "l")
			e.isKind(err, ports.ErrNotFound, "rpop of an emptied list")
			kvSet(ctx, e, "l", "a string may take the name")
		}),
		kvLists.holding("llen-counts", "061", func(ctx context.Context, e *kvEnv) {
			kvWantLen(ctx, e, "l", 0)
			kvPush(ctx, e, "l", "a", "b", "c")
			kvWantLen(ctx, e, "l", 3)
			kvWantPop(ctx, e, "l", "a")
			kvWantLen(ctx, e, "l", 2)
			kvWantAbsent(ctx, e, "other")
		}),
		kvLists.holding("each-element-once", "062", kvEachElementOnce),
		kvLists.holding("lpush-without-values", "063", func(ctx context.Context, e *kvEnv) {
			_, err := e.Driver.LPush(ctx, "l", 0)
			e.isKind(err, ports.ErrInvalid, "lpush of no values")
			kvWantAbsent(ctx, e, "l")
		}),
		kvLists.and(kvTTL).holding("list-has-one-ttl", "064", func(ctx context.Context, e *kvEnv) {
			since := time.Now()
			_, err := e.Driver.LPush(ctx, "l", kvLong, kvBytes("a", "b")...)
			e.noError(err, "lpush with a TTL")
			kvWantTTL(ctx, e, "l", kvLong, since)
			kvPush(ctx, e, "l", "c")
			kvWantPop(ctx, e, "l", "a")
			kvWantTTL(ctx, e, "l", kvLong, since)
			const ttl = 250 * time.Millisecond
			kvExpires(ctx, e, ttl, func() { e.noError(second(e.Driver.LPush(ctx, "l", ttl, []byte("d"))), "lpush with a new TTL") }, "l")
			kvWantPushed(ctx, e, 1, "new")
			kvWantNoTTL(ctx, e, "l")
		}),
		kvLists.holding("list-and-string-do-not-mix", "065", func(ctx context.Context, e *kvEnv) {
			kvPush(ctx, e, "l", "v")
			kvWantType(ctx, e, "l", ports.KeyList)
			e.isKind(second(e.Driver.Get(ctx, "l")), ports.ErrWrongType, "get of a list")
			kvWantWrongTypes(ctx, e, "Lists")
			kvWantPop(ctx, e, "l", "v")
		}),
	}
}

func kvWantPushed(ctx context.Context, e *kvEnv, want int64, values ...string) {
	n, err := e.Driver.LPush(ctx, "l", 0, kvBytes(values...)...)
	e.noError(err, "lpush")
	e.check(n == want, "lpush returned %d; want the length %d", n, want)
}

func kvWantLen(ctx context.Context, e *kvEnv, key string, want int64) {
	n, err := e.Driver.LLen(ctx, key)
	e.noError(err, "llen "+key)
	e.check(n == want, "llen is %d; want %d", n, want)
}

// kvWantWrongTypes calls a capability's methods on a string.
func kvWantWrongTypes(ctx context.Context, e *kvEnv, capability string) {
	kvSet(ctx, e, "s", "text")
	for _, m := range kvDeclared(e.Driver) {
		if m.needs.name == capability {
			e.isKind(m.call(ctx, e.Driver, "s"), ports.ErrWrongType, m.name+" of a string")
		}
	}
	kvWantString(ctx, e, "s", "text")
}

func kvEachElementOnce(ctx context.Context, e *kvEnv) {
	const each = 10
	for i := range kvClients * each {
		kvPush(ctx, e, "l", fmt.Sprint(i))
	}
	popped := make([][]string, kvClients)
	kvWins(ctx, e, 0, "rpop", func(d ports.KeyValue, i int) error {
		for range each {
			v, err := d.RPop(ctx, "l")
			if err != nil {
				return err
			}
			popped[i] = append(popped[i], string(v))
		}
		return nil
	})
	seen := map[string]bool{}
	for _, values := range popped {
		for _, v := range values {
			e.check(!seen[v], "element %s was handed out twice", v)
			seen[v] = true
		}
	}
	e.check(len(seen) == kvClients*each, "%d of %d elements were handed out", len(seen), kvClients*each)
	kvWantAbsent(ctx, e, "l")
}
