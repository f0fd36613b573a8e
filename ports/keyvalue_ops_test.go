package ports_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// TestKeyValueOps sees that each method asks for its op, and hands on the part of the reply that is its result.
func TestKeyValueOps(t *testing.T) {
	v, fields := []byte("v"), map[string][]byte{"f": []byte("v")}
	member := ports.Scored{Member: v, Score: 1.5}
	ctx := t.Context()
	value := func(v []byte, err error) (any, error) { return string(v), err }
	count := func(n int64, err error) (any, error) { return n, err }
	for _, c := range []struct {
		op   ports.Op
		call func(ports.KeyValueOps) (any, error)
		want any
	}{
		{ports.OpGet("k"), func(k ports.KeyValueOps) (any, error) { return value(k.Get(ctx, "k")) }, "answer"},
		{ports.OpSet("k", v, ports.SetOptions{TTL: 1, IfAbsent: true}), func(k ports.KeyValueOps) (any, error) {
			return nil, k.Set(ctx, "k", v, ports.SetOptions{TTL: 1, IfAbsent: true})
		}, nil},
		{ports.OpExpire("k", time.Second), func(k ports.KeyValueOps) (any, error) { return nil, k.Expire(ctx, "k", time.Second) }, nil},
		{ports.OpIncr("k", -2), func(k ports.KeyValueOps) (any, error) { return count(k.Incr(ctx, "k", -2)) }, int64(7)},
		{ports.OpHSet("k", fields, 1), func(k ports.KeyValueOps) (any, error) { return count(k.HSet(ctx, "k", fields, 1)) }, int64(7)},
		{ports.OpHGet("k", "f"), func(k ports.KeyValueOps) (any, error) { return value(k.HGet(ctx, "k", "f")) }, "answer"},
		{ports.OpHDel("k", "f", "g"), func(k ports.KeyValueOps) (any, error) { return count(k.HDel(ctx, "k", "f", "g")) }, int64(7)},
		{ports.OpLPush("k", 1, v, v), func(k ports.KeyValueOps) (any, error) { return count(k.LPush(ctx, "k", 1, v, v)) }, int64(7)},
		{ports.OpRPop("k"), func(k ports.KeyValueOps) (any, error) { return value(k.RPop(ctx, "k")) }, "answer"},
		{ports.OpZAdd("k", member), func(k ports.KeyValueOps) (any, error) { return count(k.ZAdd(ctx, "k", member)) }, int64(7)},
	} {
		t.Run(c.op.Verb.String(), func(t *testing.T) {
			var asked ports.Op
			k := ports.KeyValueOps{Do: func(_ context.Context, op ports.Op) (ports.Reply, error) {
				asked = op
				return ports.Reply{Value: []byte("answer"), Int: 7}, nil
			}}
			if got, err := c.call(k); got != c.want || err != nil {
				t.Errorf("result is %v, %v; want %v", got, err, c.want)
			}
			if !reflect.DeepEqual(asked, c.op) {
				t.Errorf("asked for %+v; want %+v", asked, c.op)
			}
			k.Do = func(context.Context, ports.Op) (ports.Reply, error) {
				return ports.Reply{Value: []byte("answer"), Int: 7}, ports.ErrConflict
			}
			if got, err := c.call(k); !errors.Is(err, ports.ErrConflict) || got == c.want && got != nil {
				t.Errorf("beside an error: %v, %v; want nothing", got, err)
			}
		})
	}
}
