package conformance

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func kvCounterCases() []kvCase {
	return []kvCase{
		kvCounters.holding("incr-adds", "040", func(ctx context.Context, e *kvEnv) {
			for _, step := range []struct{ by, sum int64 }{{5, 5}, {-7, -2}, {0, -2}, {1 << 60, 1<<60 - 2}} {
				kvWantSum(ctx, e, "k", step.by, step.sum)
				kvWantString(ctx, e, "k", fmt.Sprint(step.sum))
			}
			kvSet(ctx, e, "k", "-41")
			kvWantSum(ctx, e, "k", -1, -42)
			kvWantSum(ctx, e, "least", math.MinInt64, math.MinInt64)
		}),
		kvCounters.holding("incr-loses-nothing", "041", func(ctx context.Context, e *kvEnv) {
			const each = 25
			kvWins(ctx, e, 0, "incr", func(d ports.KeyValue, _ int) error {
				for range each {
					if _, err := d.Incr(ctx, "k", 1); err != nil {
						return err
					}
				}
				return nil
			})
			kvWantString(ctx, e, "k", fmt.Sprint(kvClients*each))
		}),
		kvCounters.holding("incr-of-no-number", "042", func(ctx context.Context, e *kvEnv) {
			for _, text := range []string{"", "abc", "1.5", " 1", "1 ", "+1", "1e3", "0x1", "9223372036854775808", "1\x00"} {
				kvSet(ctx, e, "k", text)
				_, err := e.Driver.Incr(ctx, "k", 1)
				e.isKind(err, ports.ErrWrongType, fmt.Sprintf("incr of %q", text))
				kvWantString(ctx, e, "k", text)
			}
		}),
		kvCounters.holding("incr-overflow", "043", func(ctx context.Context, e *kvEnv) {
			for _, c := range []struct {
				from string
				by   int64
			}{{"9223372036854775807", 1}, {"-9223372036854775808", -1}, {"1", math.MaxInt64}, {"-1", math.MinInt64}} {
				kvSet(ctx, e, "k", c.from)
				_, err := e.Driver.Incr(ctx, "k", c.by)
				e.isKind(err, ports.ErrInvalid, fmt.Sprintf("incr of %s by %d", c.from, c.by))
				kvWantString(ctx, e, "k", c.from)
			}
		}),
		kvCounters.and(kvTTL).holding("incr-keeps-the-ttl", "044", func(ctx context.Context, e *kvEnv) {
			since := time.Now()
			kvSetTTL(ctx, e, "k", "1", kvLong)
			kvWantSum(ctx, e, "k", 1, 2)
			kvWantTTL(ctx, e, "k", kvLong, since)
		}),
	}
}

func kvWantSum(ctx context.Context, e *kvEnv, key string, by, want int64) {
	got, err := e.Driver.Incr(ctx, key, by)
	e.noError(err, "incr "+key)
	e.check(got == want, "incr %s by %d is %d; want %d", key, by, got, want)
}

func kvCompareAndSetCases() []kvCase {
	cas := kvCompareAndSet
	return []kvCase{
		cas.holding("compare-and-set-writes", "045", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "k", "old")
			e.noError(e.Driver.CompareAndSet(ctx, "k", []byte("old"), []byte("new"), 0), "compare and set")
			kvWantString(ctx, e, "k", "new")
			e.noError(e.Driver.CompareAndSet(ctx, "k", []byte("new"), nil, 0), "compare and set of nothing")
			kvWantString(ctx, e, "k", "")
		}),
		cas.holding("compare-and-set-conflict", "046", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "k", "held")
			for _, old := range []string{"other", "hel", "held ", "HELD", ""} {
				kvWantConflict(ctx, e, "k", []byte(old))
				kvWantString(ctx, e, "k", "held")
			}
			kvWantConflict(ctx, e, "absent", []byte("old"))
			kvWantAbsent(ctx, e, "absent")
		}),
		cas.and(kvHashes).holding("compare-and-set-of-a-hash", "046", func(ctx context.Context, e *kvEnv) {
			kvHSet(ctx, e, "h", "f", "v")
			kvWantConflict(ctx, e, "h", []byte("v"))
			kvWantConflict(ctx, e, "h", nil)
			kvWantHash(ctx, e, "h", "f", "v")
		}),
		cas.holding("compare-and-set-nil-is-absent", "047", func(ctx context.Context, e *kvEnv) {
			e.noError(e.Driver.CompareAndSet(ctx, "k", nil, []byte("first"), 0), "compare and set if absent")
			kvWantConflict(ctx, e, "k", nil)
			kvWantString(ctx, e, "k", "first")
			kvSet(ctx, e, "empty", "")
			kvWantConflict(ctx, e, "empty", nil)
			e.noError(e.Driver.CompareAndSet(ctx, "empty", []byte{}, []byte("full"), 0), "compare and set if empty")
			kvWantString(ctx, e, "empty", "full")
			kvWantConflict(ctx, e, "absent", []byte{})
			kvWantAbsent(ctx, e, "absent")
		}),
		cas.holding("compare-and-set-has-one-winner", "048", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "k", "0")
			for round := range 5 {
				won := kvWins(ctx, e, ports.ErrConflict, "compare and set", func(d ports.KeyValue, _ int) error {
					return d.CompareAndSet(ctx, "k", fmt.Append(nil, round), fmt.Append(nil, round+1), 0)
				})
				e.check(won == 1, "%d of %d clients replaced the same value; want 1", won, kvClients)
			}
			kvWantString(ctx, e, "k", "5")
		}),
		cas.and(kvTTL).holding("compare-and-set-ttl", "049", func(ctx context.Context, e *kvEnv) {
			since := time.Now()
			e.noError(e.Driver.CompareAndSet(ctx, "k", nil, []byte("1"), kvLong), "compare and set with a TTL")
			kvWantTTL(ctx, e, "k", kvLong, since)
			kvWantConflict(ctx, e, "k", []byte("other"))
			kvWantTTL(ctx, e, "k", kvLong, since)
			e.noError(e.Driver.CompareAndSet(ctx, "k", []byte("1"), []byte("2"), 0), "compare and set without a TTL")
			kvWantNoTTL(ctx, e, "k")
		}),
	}
}

func kvWantConflict(ctx context.Context, e *kvEnv, key string, old []byte) {
	err := e.Driver.CompareAndSet(ctx, key, old, []byte("new"), 0)
	e.isKind(err, ports.ErrConflict, fmt.Sprintf("compare and set of %s, old %#v", key, old))
}
