package mutants

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/breakwater-go/breakwater/ports"
)

func keyValueSortedSets() []Mutant[ports.KeyValue] {
	return []Mutant[ports.KeyValue]{
		keyValueMutant("zadd-counts-all", "066", "zadd-adds-and-moves", "zrange-of-many zadd-keeps-the-ttl", func(d ports.KeyValue, m *brokenKeyValue) {
			m.zadd = func(ctx context.Context, key string, members ...ports.Scored) (int64, error) {
				_, err := d.ZAdd(ctx, key, members...)
				return int64(len(members)), err
			}
		}),
		keyValueMutant("reverse-ignored", "067", "zrange-order", "zrange-of-many zrange-ranks", func(d ports.KeyValue, m *brokenKeyValue) {
			m.zrange = func(ctx context.Context, key string, start, stop int64, _ bool) ([]ports.Scored, error) {
				return d.ZRange(ctx, key, start, stop, false)
			}
		}),
		keyValueMutant("stop-excluded", "068", "zrange-ranks", "zrange-of-many", func(d ports.KeyValue, m *brokenKeyValue) {
			m.zrange = func(ctx context.Context, key string, start, stop int64, reverse bool) ([]ports.Scored, error) {
				found, err := d.ZRange(ctx, key, start, stop, reverse)
				if len(found) > 0 && int64(len(found)) == stop-start+1 {
					found = found[:len(found)-1]
				}
				return found, err
			}
		}),
		keyValueMutant("scores-are-float32", "069", "scores-are-exact", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.zadd = func(ctx context.Context, key string, members ...ports.Scored) (int64, error) {
				return d.ZAdd(ctx, key, withScores(members, func(s float64) float64 { return float64(float32(s)) })...)
			}
		}),
		keyValueMutant("nan-is-zero", "070", "zadd-of-what-is-no-score", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.zadd = func(ctx context.Context, key string, members ...ports.Scored) (int64, error) {
				return d.ZAdd(ctx, key, withScores(members, func(s float64) float64 {
					if math.IsNaN(s) {
						return 0
					}
					return s
				})...)
			}
		}),
		keyValueMutant("zadd-clears-ttl", "071", "zadd-keeps-the-ttl", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.zadd = func(ctx context.Context, key string, members ...ports.Scored) (int64, error) {
				n, err := d.ZAdd(ctx, key, members...)
				if err == nil {
					err = d.Expire(ctx, key, 0)
				}
				return n, err
			}
		}),
		keyValueMutant("zrange-of-a-string-is-empty", "072", "sorted-set-and-string-do-not-mix", "", func(d ports.KeyValue, m *brokenKeyValue) {
			m.zrange = func(ctx context.Context, key string, start, stop int64, reverse bool) ([]ports.Scored, error) {
				found, err := d.ZRange(ctx, key, start, stop, reverse)
				if errors.Is(err, ports.ErrWrongType) {
					return nil, nil
				}
				return found, err
			}
		}),
	}
}

func withScores(members []ports.Scored, change func(float64) float64) []ports.Scored {
	members = slices.Clone(members)
	for i := range members {
		members[i].Score = change(members[i].Score)
	}
	return members
}
