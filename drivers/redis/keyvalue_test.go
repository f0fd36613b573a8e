package redis_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/ports"
)

// TestOneRoundTrip: what decides and writes is one command, not a read and a write.
func TestOneRoundTrip(t *testing.T) {
	top := use(t, standalone)
	raw := ask(t, top.Nodes[0].Addr)
	keys := redis.NewKeyValue(openClient(t, top))
	ctx := t.Context()
	mustSet(t, keys, "k", "v")
	if err := keys.CompareAndSet(ctx, "k", []byte("v"), []byte("w"), 0); err != nil { // the script is on the server now
		t.Fatal(err)
	}
	if err := keys.CompareAndSet(ctx, "k", []byte("w"), []byte("v"), time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, command string
		call          func() error
	}{
		{"if absent", "set", func() error { return keys.Set(ctx, "new", nil, ports.SetOptions{IfAbsent: true, TTL: time.Minute}) }},
		{"compare with nothing", "set", func() error { return keys.CompareAndSet(ctx, "new2", nil, nil, 0) }},
		{"compare and set", "evalsha", func() error { return keys.CompareAndSet(ctx, "k", []byte("v"), []byte("w"), 0) }},
		{"compare and set that loses", "evalsha", func() error {
			if err := keys.CompareAndSet(ctx, "k", []byte("x"), nil, 0); !errors.Is(err, ports.ErrConflict) {
				return fmt.Errorf("want a conflict: %w", err)
			}
			return nil
		}},
		{"expire 0", "evalsha", func() error { return keys.Expire(ctx, "new", 0) }},
		{"mget", "mget", func() error { _, err := keys.MGet(ctx, "k", "new", "new2"); return err }},
		{"delete", "unlink", func() error { _, err := keys.Delete(ctx, "k", "new", "new2"); return err }},
	} {
		if c.name == "expire 0" {
			_ = keys.Expire(ctx, "k", 0) // loads the script
		}
		sum := func() (all int) {
			for _, command := range []string{"get", "set", "evalsha", "eval", "exists", "mget", "unlink", "del", "watch", "multi"} {
				if c.command == "evalsha" && command != "evalsha" && command != "eval" {
					continue // the script's own
				}
				all += calls(t, raw, command)
			}
			return all
		}
		before, all := calls(t, raw, c.command), sum()
		if err := c.call(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if n, m := calls(t, raw, c.command)-before, sum()-all; n != 1 || m != 1 {
			t.Errorf("%s took %d commands, %d of them %s; want 1", c.name, m, n, c.command)
		}
	}
}

// TestAtomicIncrIsExact: the script judges as INCRBY does, over all of int64.
func TestAtomicIncrIsExact(t *testing.T) {
	keys := redis.NewKeyValue(openClient(t, use(t, standalone)))
	ctx := t.Context()
	edges := []int64{0, 1, -1, 9, -9, 999999999, 1e9, 1e10, -1e10, 1e10 - 1, 1 - 1e10, 1<<53 - 1, 1 << 53, 1<<53 + 1, -1<<53 - 1,
		math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1, 6854775807, -6854775808, 9223372030000000000, -9223372030000000000}
	for _, a := range edges {
		for _, b := range edges {
			mustSet(t, keys, "n", strconv.FormatInt(a, 10))
			replies, err := keys.Pipeline(ctx, ports.PipelineOptions{}, ports.OpIncr("n", b), ports.OpGet("n"))
			want := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
			switch {
			case !want.IsInt64():
				if !errors.Is(err, ports.ErrInvalid) {
					t.Errorf("%d + %d: %v, %v; want invalid", a, b, replies, err)
				}
				if v, _ := keys.Get(ctx, "n"); string(v) != strconv.FormatInt(a, 10) {
					t.Errorf("%d + %d left %s", a, b, v)
				}
			case err != nil:
				t.Errorf("%d + %d: %v", a, b, err)
			case replies[0].Int != want.Int64() || string(replies[1].Value) != want.String():
				t.Errorf("%d + %d = %d, read as %s", a, b, replies[0].Int, replies[1].Value)
			}
			single, errSingle := func() (int64, error) {
				mustSet(t, keys, "n", strconv.FormatInt(a, 10))
				return keys.Incr(ctx, "n", b)
			}()
			if (err == nil) != (errSingle == nil) || err == nil && single != replies[0].Int {
				t.Errorf("%d + %d: alone %d, %v; in a pipeline %v", a, b, single, errSingle, err)
			}
		}
	}
}

// TestAtomicIncrFollowsTheOpsBefore it in the pipeline, by value too.
func TestAtomicIncrFollowsTheOpsBefore(t *testing.T) {
	keys := redis.NewKeyValue(openClient(t, use(t, standalone)))
	ctx := t.Context()
	set := func(v string) ports.Op { return ports.OpSet("n", []byte(v), ports.SetOptions{}) }
	for _, c := range []struct {
		ops  []ports.Op
		want ports.Kind // 0 = fine
	}{
		{[]ports.Op{set("9223372036854775806"), ports.OpIncr("n", 1)}, 0},
		{[]ports.Op{set("9223372036854775806"), ports.OpIncr("n", 1), ports.OpIncr("n", 1)}, ports.ErrInvalid},
		{[]ports.Op{set("9223372036854775807"), ports.OpIncr("n", -1), ports.OpIncr("n", 1)}, 0},
		{[]ports.Op{ports.OpDelete("n"), ports.OpIncr("n", math.MinInt64), ports.OpIncr("n", -1)}, ports.ErrInvalid},
		{[]ports.Op{ports.OpDelete("n"), ports.OpIncr("n", math.MinInt64), ports.OpIncr("n", math.MaxInt64)}, 0},
		{[]ports.Op{set("text"), ports.OpIncr("n", 1)}, ports.ErrWrongType},
		{[]ports.Op{set("9223372036854775808"), ports.OpIncr("n", -1)}, ports.ErrWrongType},
		{[]ports.Op{set("-9223372036854775809"), ports.OpIncr("n", 1)}, ports.ErrWrongType},
		{[]ports.Op{set(""), ports.OpIncr("n", 1)}, ports.ErrWrongType},
		{[]ports.Op{set("-0"), ports.OpIncr("n", 1)}, ports.ErrWrongType},
		{[]ports.Op{set("+1"), ports.OpIncr("n", 1)}, ports.ErrWrongType},
		{[]ports.Op{set("01"), ports.OpIncr("n", 1)}, ports.ErrWrongType},
		{[]ports.Op{set(" 1"), ports.OpIncr("n", 1)}, ports.ErrWrongType},
		{[]ports.Op{set("1e3"), ports.OpIncr("n", 1)}, ports.ErrWrongType},
		{[]ports.Op{ports.OpDelete("n"), ports.OpSet("n", []byte("7"), ports.SetOptions{IfAbsent: true}), ports.OpIncr("n", 1)}, 0},
	} {
		mustSet(t, keys, "n", "1")
		_, err := keys.Pipeline(ctx, ports.PipelineOptions{}, c.ops...)
		if ports.KindOf(err) != c.want {
			t.Errorf("%q: %v; want %v", c.ops[0].Value, err, c.want)
		}
		if v, _ := keys.Get(ctx, "n"); c.want != 0 && string(v) != "1" {
			t.Errorf("%q was refused and left %s", c.ops[0].Value, v)
		}
	}
}

// TestAtomicNeverLeavesHalf where hdel or rpop may have emptied the key that a Set would then find absent.
func TestAtomicNeverLeavesHalf(t *testing.T) {
	keys := redis.NewKeyValue(openClient(t, use(t, standalone)))
	ctx := t.Context()
	absent := ports.OpSet("{s}:h", []byte("text"), ports.SetOptions{IfAbsent: true})
	mark := ports.OpSet("{s}:mark", []byte("written"), ports.SetOptions{})
	field := map[string][]byte{"f": nil}
	for name, ops := range map[string][]ports.Op{
		"then hset": {mark, ports.OpHDel("{s}:h", "f"), absent, ports.OpHSet("{s}:h", field, 0)},
		"then get":  {mark, ports.OpHDel("{s}:h", "f"), absent, ports.OpGet("{s}:h")},
		"then incr": {mark, ports.OpHDel("{s}:h", "f"), absent, ports.OpIncr("{s}:h", 1)},
	} {
		if _, err := keys.Delete(ctx, "{s}:h", "{s}:mark"); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.HSet(ctx, "{s}:h", field, 0); err != nil {
			t.Fatal(err)
		}
		replies, err := keys.Pipeline(ctx, ports.PipelineOptions{Shard: "s"}, ops...)
		written, _ := keys.Exists(ctx, "{s}:mark")
		if kind, _ := keys.Type(ctx, "{s}:h"); !errors.Is(err, ports.ErrWrongType) || replies != nil || written != 0 || kind != ports.KeyHash {
			t.Errorf("%s: %v; the mark is there %d times and the key is a %s", name, err, written, kind)
		}
	}
}

// TestManyElements: more than Lua hands to a command at once.
func TestManyElements(t *testing.T) {
	keys := redis.NewKeyValue(openClient(t, use(t, cluster)))
	ctx := t.Context()
	const n = 20_000
	fields, values, members := map[string][]byte{}, make([][]byte, n), make([]ports.Scored, n)
	names := make([]string, n)
	for i := range n {
		names[i] = strconv.Itoa(i)
		fields[names[i]], values[i] = []byte(names[i]), []byte(names[i])
		members[i] = ports.Scored{Member: []byte(names[i]), Score: float64(i)}
	}
	check := func(way string, counts ...int64) {
		t.Helper()
		all, err := keys.HGetAll(ctx, "{m}:h")
		if err != nil || len(all) != n || string(all["19999"]) != "19999" {
			t.Errorf("%s: %d fields, %v", way, len(all), err)
		}
		if length, err := keys.LLen(ctx, "{m}:l"); length != n || err != nil {
			t.Errorf("%s: %d elements, %v", way, length, err)
		}
		for _, want := range []string{"0", "1"} {
			if v, _ := keys.RPop(ctx, "{m}:l"); string(v) != want {
				t.Errorf("%s: popped %s; want %s", way, v, want)
			}
		}
		if got, err := keys.ZRange(ctx, "{m}:z", 0, -1, false); len(got) != n || err != nil {
			t.Errorf("%s: %d members, %v", way, len(got), err)
		}
		for i, count := range counts {
			if count != n {
				t.Errorf("%s: count %d is %d", way, i, count)
			}
		}
		if _, err := keys.Delete(ctx, "{m}:h", "{m}:l", "{m}:z"); err != nil {
			t.Fatal(err)
		}
	}
	for _, ttl := range []time.Duration{0, time.Hour} {
		h, e1 := keys.HSet(ctx, "{m}:h", fields, ttl)
		l, e2 := keys.LPush(ctx, "{m}:l", ttl, values...)
		z, e3 := keys.ZAdd(ctx, "{m}:z", members...)
		if err := errors.Join(e1, e2, e3); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprint("alone, ttl ", ttl), h, l, z)
	}
	replies, err := keys.Pipeline(ctx, ports.PipelineOptions{Shard: "m"}, ports.OpHSet("{m}:h", fields, time.Hour),
		ports.OpLPush("{m}:l", 0, values...), ports.OpZAdd("{m}:z", members...))
	if err != nil {
		t.Fatal(err)
	}
	check("atomic", replies[0].Int, replies[1].Int, replies[2].Int)
	replies, err = keys.Pipeline(ctx, ports.PipelineOptions{Shard: "m"}, ports.OpHSet("{m}:h", fields, 0), ports.OpHDel("{m}:h", names...))
	if err != nil || replies[1].Int != n {
		t.Errorf("%v, %v", replies, err)
	}
}

// TestManySlots: MGet, Delete and Exists over thousands of slots keep order and count.
func TestManySlots(t *testing.T) {
	for _, name := range []string{standalone, cluster} {
		t.Run(name, func(t *testing.T) {
			keys := redis.NewKeyValue(openClient(t, use(t, name)))
			ctx := t.Context()
			const n = 3000
			names, ops := make([]string, n), make([]ports.Op, 0, n)
			for i := range n {
				names[i] = fmt.Sprint("key ", i)
				if i%3 != 0 {
					ops = append(ops, ports.OpSet(names[i], []byte(names[i]), ports.SetOptions{}))
				}
			}
			replies, err := keys.Pipeline(ctx, ports.PipelineOptions{Batch: true}, ops...)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range replies {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
			values, err := keys.MGet(ctx, names...)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				if i%3 == 0 && v != nil || i%3 != 0 && string(v) != names[i] {
					t.Fatalf("place %d holds %q", i, v)
				}
			}
			if count, err := keys.Exists(ctx, slices.Concat(names, names)...); count != 2*2000 || err != nil {
				t.Errorf("exists %d, %v", count, err)
			}
			if count, err := keys.Delete(ctx, slices.Concat(names, names)...); count != 2000 || err != nil {
				t.Errorf("deleted %d, %v", count, err)
			}
		})
	}
}

// TestEntityTaggedPipelines take keys without braces, and with them.
func TestEntityTaggedPipelines(t *testing.T) {
	for _, slotting := range []redis.Slotting{redis.EntityTagged, redis.VirtualShards, redis.Distributed} {
		keys := redis.NewKeyValue(openClient(t, use(t, cluster), func(c *redis.Config) { c.Slotting = slotting }))
		ctx := t.Context()
		set := func(key string) ports.Op { return ports.OpSet(key, []byte(key), ports.SetOptions{}) }
		if _, err := keys.Pipeline(ctx, ports.PipelineOptions{Shard: "hotel:987"}, set("{hotel:987}:a"), set("{hotel:987}:b")); err != nil {
			t.Errorf("%s: %v", slotting, err)
		}
		_, err := keys.Pipeline(ctx, ports.PipelineOptions{Shard: "hotel:987"}, set("hotel:987:c"), set("hotel:987:d"))
		if slotting != redis.EntityTagged {
			wantInvalid(t, err, "{hotel:987}:c")
			continue
		}
		if err != nil {
			t.Error(err)
		}
		got, err := keys.MGet(ctx, "hotel:987:a", "{hotel:987}:d")
		if err != nil || string(got[0]) != "{hotel:987}:a" || string(got[1]) == "" {
			t.Errorf("%q, %v", got, err)
		}
		_, err = keys.Pipeline(ctx, ports.PipelineOptions{Shard: "hotel:987"}, set("hotel:987:c"), set("hotel:988:d"))
		wantInvalid(t, err)
		_, err = keys.Pipeline(ctx, ports.PipelineOptions{Shard: "hotel"}, set("{hotel}:987:c"))
		wantInvalid(t, err, "tag of its own")
		wantInvalid(t, keys.Set(ctx, "{hotel}:987:c", nil, ports.SetOptions{}), "tag of its own", "{hotel:987}:c")
	}
}

// TestScriptsAreSentAgain after the server has forgotten them.
func TestScriptsAreSentAgain(t *testing.T) {
	top := use(t, standalone)
	raw := ask(t, top.Nodes[0].Addr)
	keys := redis.NewKeyValue(openClient(t, top))
	for range 2 {
		if err := raw.Do(t.Context(), raw.B().ScriptFlush().Build()).Error(); err != nil {
			t.Fatal(err)
		}
		mustSet(t, keys, "k", "a")
		if err := keys.CompareAndSet(t.Context(), "k", []byte("a"), []byte("b"), 0); err != nil {
			t.Error(err)
		}
		if _, err := keys.Pipeline(t.Context(), ports.PipelineOptions{}, ports.OpIncr("n", 1)); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkKeyValue(b *testing.B) {
	top := use(b, standalone)
	// Both past the proxy.
	keys := redis.NewKeyValue(openClient(b, top, func(c *redis.Config) { c.ClusterHostMapping = nil }))
	raw, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: top.Addrs(), ForceSingleClient: true, DisableCache: true})
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	ctx := b.Context()
	value := bytes.Repeat([]byte("x"), 1024)
	if err := raw.Do(ctx, raw.B().Set().Key("bench").Value(string(value)).Build()).Error(); err != nil {
		b.Fatal(err)
	}
	if err := keys.Set(ctx, "bench", value, ports.SetOptions{}); err != nil {
		b.Fatal(err)
	}
	text := string(value)
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"get/driver", func() error { _, err := keys.Get(ctx, "bench"); return err }},
		{"get/raw", func() error { _, err := raw.Do(ctx, raw.B().Get().Key("bench").Build()).AsBytes(); return err }},
		{"set/driver", func() error { return keys.Set(ctx, "bench", value, ports.SetOptions{}) }},
		{"set/raw", func() error { return raw.Do(ctx, raw.B().Set().Key("bench").Value(text).Build()).Error() }},
	} {
		for _, width := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", c.name, width), func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(width)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := c.call(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
