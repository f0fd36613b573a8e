package memory_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/internal/memoryharness"
	"github.com/breakwater-go/breakwater/ports"
)

// limitedKeyValue declares less than memory has, and keeps what the contract says of that: it shows that the suite lets
// small drivers pass, and that it asks them for ErrUnsupported.
type limitedKeyValue struct {
	ports.KeyValue
	has ports.KeyValueCapabilities
}

var unsupported = &ports.Error{Op: "limited", Driver: "memory", Kind: ports.ErrUnsupported}

func (l limitedKeyValue) KeyValueCapabilities() ports.KeyValueCapabilities { return l.has }

// refuse returns ErrUnsupported unless the capability is declared, and the TTL's if there is a TTL.
func (l limitedKeyValue) refuse(declared bool, ttl time.Duration) error {
	if !declared || ttl > 0 && !l.has.TTL {
		return unsupported
	}
	return nil
}

// limit runs a method that the limits allow.
func limit[T any](refused error, run func() (T, error)) (T, error) {
	if refused != nil {
		var none T
		return none, refused
	}
	return run()
}

func (l limitedKeyValue) Set(ctx context.Context, key string, value []byte, o ports.SetOptions) error {
	if err := l.refuse(true, o.TTL); err != nil {
		return err
	}
	return l.KeyValue.Set(ctx, key, value, o)
}

func (l limitedKeyValue) Expire(ctx context.Context, key string, ttl time.Duration) error {
	if err := l.refuse(l.has.TTL, 0); err != nil {
		return err
	}
	return l.KeyValue.Expire(ctx, key, ttl)
}

func (l limitedKeyValue) TTL(ctx context.Context, key string) (time.Duration, error) {
	return limit(l.refuse(l.has.TTL, 0), func() (time.Duration, error) { return l.KeyValue.TTL(ctx, key) })
}

func (l limitedKeyValue) Incr(ctx context.Context, key string, by int64) (int64, error) {
	return limit(l.refuse(l.has.Counters, 0), func() (int64, error) { return l.KeyValue.Incr(ctx, key, by) })
}

func (l limitedKeyValue) CompareAndSet(ctx context.Context, key string, old, value []byte, ttl time.Duration) error {
	if err := l.refuse(l.has.CompareAndSet, ttl); err != nil {
		return err
	}
	return l.KeyValue.CompareAndSet(ctx, key, old, value, ttl)
}

func (l limitedKeyValue) HSet(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (int64, error) {
	return limit(l.refuse(l.has.Hashes, ttl), func() (int64, error) { return l.KeyValue.HSet(ctx, key, fields, ttl) })
}

func (l limitedKeyValue) HGet(ctx context.Context, key, field string) ([]byte, error) {
	return limit(l.refuse(l.has.Hashes, 0), func() ([]byte, error) { return l.KeyValue.HGet(ctx, key, field) })
}

func (l limitedKeyValue) HGetAll(ctx context.Context, key string) (map[string][]byte, error) {
	return limit(l.refuse(l.has.Hashes, 0), func() (map[string][]byte, error) { return l.KeyValue.HGetAll(ctx, key) })
}

func (l limitedKeyValue) HDel(ctx context.Context, key string, fields ...string) (int64, error) {
	return limit(l.refuse(l.has.Hashes, 0), func() (int64, error) { return l.KeyValue.HDel(ctx, key, fields...) })
}

func (l limitedKeyValue) LPush(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error) {
	return limit(l.refuse(l.has.Lists, ttl), func() (int64, error) { return l.KeyValue.LPush(ctx, key, ttl, values...) })
}

func (l limitedKeyValue) RPop(ctx context.Context, key string) ([]byte, error) {
	return limit(l.refuse(l.has.Lists, 0), func() ([]byte, error) { return l.KeyValue.RPop(ctx, key) })
}

func (l limitedKeyValue) LLen(ctx context.Context, key string) (int64, error) {
	return limit(l.refuse(l.has.Lists, 0), func() (int64, error) { return l.KeyValue.LLen(ctx, key) })
}

func (l limitedKeyValue) ZAdd(ctx context.Context, key string, members ...ports.Scored) (int64, error) {
	return limit(l.refuse(l.has.SortedSets, 0), func() (int64, error) { return l.KeyValue.ZAdd(ctx, key, members...) })
}

func (l limitedKeyValue) ZRange(ctx context.Context, key string, start, stop int64, reverse bool) ([]ports.Scored, error) {
	return limit(l.refuse(l.has.SortedSets, 0), func() ([]ports.Scored, error) { return l.KeyValue.ZRange(ctx, key, start, stop, reverse) })
}

func (l limitedKeyValue) Pipeline(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
	if !o.Batch {
		refused := l.refuse(l.has.Atomic, 0)
		for _, op := range ops {
			if refused == nil {
				refused = l.refuseOp(op)
			}
		}
		return limit(refused, func() ([]ports.Reply, error) { return l.KeyValue.Pipeline(ctx, o, ops...) })
	}
	if err := ctx.Err(); err != nil || len(ops) == 0 {
		return l.KeyValue.Pipeline(ctx, o, ops...)
	}
	var all []ports.Reply
	for _, op := range ops {
		replies, err := limit(l.refuseOp(op), func() ([]ports.Reply, error) { return l.KeyValue.Pipeline(ctx, o, op) })
		if errors.Is(err, ports.ErrUnsupported) {
			replies, err = []ports.Reply{{Err: unsupported}}, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, replies...)
	}
	return all, nil
}

func (l limitedKeyValue) refuseOp(op ports.Op) error {
	switch op.Verb {
	case ports.VerbExpire:
		return l.refuse(l.has.TTL, 0)
	case ports.VerbIncr:
		return l.refuse(l.has.Counters, 0)
	case ports.VerbHSet, ports.VerbHGet, ports.VerbHDel:
		return l.refuse(l.has.Hashes, op.TTL)
	case ports.VerbLPush, ports.VerbRPop:
		return l.refuse(l.has.Lists, op.TTL)
	case ports.VerbZAdd:
		return l.refuse(l.has.SortedSets, 0)
	default:
		return l.refuse(true, op.TTL)
	}
}

func TestKeyValueConformanceOfSmallDrivers(t *testing.T) {
	all := memory.NewKeyValue(nil).KeyValueCapabilities()
	without := map[string]ports.KeyValueCapabilities{"": {}}
	for name, field := range map[string]func(*ports.KeyValueCapabilities) *bool{
		"TTL":           func(c *ports.KeyValueCapabilities) *bool { return &c.TTL },
		"Counters":      func(c *ports.KeyValueCapabilities) *bool { return &c.Counters },
		"Hashes":        func(c *ports.KeyValueCapabilities) *bool { return &c.Hashes },
		"Lists":         func(c *ports.KeyValueCapabilities) *bool { return &c.Lists },
		"SortedSets":    func(c *ports.KeyValueCapabilities) *bool { return &c.SortedSets },
		"CompareAndSet": func(c *ports.KeyValueCapabilities) *bool { return &c.CompareAndSet },
		"Atomic":        func(c *ports.KeyValueCapabilities) *bool { return &c.Atomic },
	} {
		c := all
		*field(&c) = false
		without[name] = c
	}
	for name, has := range without {
		t.Run("without-"+name, func(t *testing.T) {
			open := func(srv *memory.Server) ports.KeyValue { return limitedKeyValue{memory.NewKeyValue(srv), has} }
			var r conformance.Report
			synctest.Test(t, func(t *testing.T) {
				r = conformance.CheckKeyValue(t.Context(), memoryharness.New(open, memory.PortKeyValue))
			})
			if err := r.Err(); err != nil {
				t.Error(err)
			}
			if name == "" {
				return
			}
			for _, c := range conformance.Cases() {
				i := slices.IndexFunc(r.Results, func(res conformance.Result) bool { return res.ID == c.ID })
				if i < 0 {
					continue
				}
				needs := slices.Contains(strings.Split(c.Capability, "+"), name)
				if skipped := r.Results[i].Outcome == conformance.NotDeclared; skipped != needs {
					t.Errorf("%s needs %q: %s", c.ID, c.Capability, r.Results[i].Outcome)
				}
			}
		})
	}
}
