package conformance

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func kvSortedSetCases() []kvCase {
	sets := kvSortedSets
	return []kvCase{
		sets.holding("zadd-adds-and-moves", "066", func(ctx context.Context, e *kvEnv) {
			kvWantZAdded(ctx, e, 3, kvScored(1, "a"), kvScored(2, "b"), kvScored(3, "c"))
			kvWantZAdded(ctx, e, 1, kvScored(5, "a"), kvScored(2, "b"), kvScored(4, "d"))
			kvWantRange(ctx, e, "z", 0, -1, false, "b=2 c=3 d=4 a=5")
			kvWantZAdded(ctx, e, 0, kvScored(7, "b"), kvScored(0, "b")) // the last score counts
			kvWantRange(ctx, e, "z", 0, -1, false, "b=0 c=3 d=4 a=5")
		}),
		sets.holding("zrange-order", "067", func(ctx context.Context, e *kvEnv) {
			kvWantZAdded(ctx, e, 6, kvScored(2, "b"), kvScored(1, "z"), kvScored(2, "B"), kvScored(2, "a"), kvScored(-1, "é"), kvScored(2, "ab"))
			kvWantRange(ctx, e, "z", 0, -1, false, "é=-1 z=1 B=2 a=2 ab=2 b=2")
			kvWantRange(ctx, e, "z", 0, -1, true, "b=2 ab=2 a=2 B=2 z=1 é=-1")
		}),
		sets.holding("zrange-of-many", "066 067 068", kvLongSet),
		sets.holding("zrange-ranks", "068", func(ctx context.Context, e *kvEnv) {
			kvWantRange(ctx, e, "z", 0, -1, false, "")
			kvWantZAdded(ctx, e, 4, kvScored(0, "a"), kvScored(1, "b"), kvScored(2, "c"), kvScored(3, "d"))
			for _, c := range []struct {
				start, stop int64
				up, down    string
			}{
				{0, 0, "a=0", "d=3"}, {1, 2, "b=1 c=2", "c=2 b=1"}, {-2, -1, "c=2 d=3", "b=1 a=0"}, {-100, 1, "a=0 b=1", "d=3 c=2"},
				{2, 100, "c=2 d=3", "b=1 a=0"}, {2, 1, "", ""}, {4, 9, "", ""}, {0, -5, "", ""}, {-1, 0, "", ""},
				{math.MinInt64, math.MaxInt64, "a=0 b=1 c=2 d=3", "d=3 c=2 b=1 a=0"},
			} {
				kvWantRange(ctx, e, "z", c.start, c.stop, false, c.up)
				kvWantRange(ctx, e, "z", c.start, c.stop, true, c.down)
			}
		}),
		sets.holding("scores-are-exact", "069", func(ctx context.Context, e *kvEnv) {
			scores := []float64{math.Inf(-1), -math.MaxFloat64, -0.1, math.SmallestNonzeroFloat64, 0.1, 0.30000000000000004, 1 << 53, math.MaxFloat64, math.Inf(1)}
			for i, s := range scores {
				kvWantZAdded(ctx, e, 1, kvScored(s, fmt.Sprint("m", i)))
			}
			got, err := e.Driver.ZRange(ctx, "z", 0, -1, false)
			e.noError(err, "zrange")
			e.check(len(got) == len(scores), "zrange returned %d members; want %d", len(got), len(scores))
			for i, m := range got {
				e.check(m.Score == scores[i], "score %d is %v; want %v", i, m.Score, scores[i])
			}
		}),
		sets.holding("zadd-of-what-is-no-score", "070", func(ctx context.Context, e *kvEnv) {
			_, err := e.Driver.ZAdd(ctx, "z")
			e.isKind(err, ports.ErrInvalid, "zadd of no members")
			_, err = e.Driver.ZAdd(ctx, "z", kvScored(1, "a"), kvScored(math.NaN(), "b"))
			e.isKind(err, ports.ErrInvalid, "zadd of NaN")
			kvWantAbsent(ctx, e, "z")
		}),
		sets.and(kvTTL).holding("zadd-keeps-the-ttl", "071", func(ctx context.Context, e *kvEnv) {
			kvWantZAdded(ctx, e, 1, kvScored(1, "a"))
			since := time.Now()
			e.noError(e.Driver.Expire(ctx, "z", kvLong), "expire")
			kvWantZAdded(ctx, e, 1, kvScored(2, "b"))
			kvWantZAdded(ctx, e, 0, kvScored(3, "a"))
			kvWantTTL(ctx, e, "z", kvLong, since)
		}),
		sets.holding("sorted-set-and-string-do-not-mix", "072", func(ctx context.Context, e *kvEnv) {
			kvWantZAdded(ctx, e, 1, kvScored(1, "a"))
			kvWantType(ctx, e, "z", ports.KeyZSet)
			e.isKind(second(e.Driver.Get(ctx, "z")), ports.ErrWrongType, "get of a sorted set")
			kvWantWrongTypes(ctx, e, "SortedSets")
			kvWantRange(ctx, e, "z", 0, -1, false, "a=1")
		}),
	}
}

func kvWantZAdded(ctx context.Context, e *kvEnv, want int64, members ...ports.Scored) {
	n, err := e.Driver.ZAdd(ctx, "z", members...)
	e.noError(err, "zadd")
	e.check(n == want, "zadd added %d; want %d", n, want)
}

// kvLongSet adds more members than a driver may keep in one piece, the scores not in order, and changes some.
func kvLongSet(ctx context.Context, e *kvEnv) {
	const n, step = 1009, 400 // no common divisor: i*step visits every score once
	members := make([]ports.Scored, n)
	for i := range members {
		score := i * step % n
		members[i] = kvScored(float64(score), fmt.Sprintf("m%04d", score))
	}
	kvWantZAdded(ctx, e, n, members...)
	var want []string
	for i := 100; i <= 900; i++ {
		want = append(want, fmt.Sprintf("m%04d=%d", i, i))
	}
	kvWantRange(ctx, e, "z", 100, 900, false, strings.Join(want, " "))
	kvWantZAdded(ctx, e, 0, kvScored(-1, "m0500"), kvScored(5000, "m0000"))
	kvWantRange(ctx, e, "z", 0, 1, false, "m0500=-1 m0001=1")
	kvWantRange(ctx, e, "z", 498, 501, false, "m0498=498 m0499=499 m0501=501 m0502=502")
	kvWantRange(ctx, e, "z", 0, 1, true, "m0000=5000 m1008=1008")
}
