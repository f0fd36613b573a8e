package memory

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/breakwater-go/breakwater/ports"
)

// timersAndKeys looks into the store: how many timers are armed, keys are there, and buckets the tables have.
func (s *keyValueStore) timersAndKeys() (timers, keys, buckets int) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		if sh.expiry.timer != nil {
			timers++
		}
		keys += sh.count
		buckets += len(sh.table.Load().buckets)
		sh.mu.Unlock()
	}
	return timers, keys, buckets
}

func TestExpiredKeysLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, kv := t.Context(), NewKeyValue(nil)
		const n = 20000
		for i := range n {
			ttl := time.Duration(1+i%100) * time.Second
			must(t, kv.Set(ctx, fmt.Sprint("k", i), []byte("v"), ports.SetOptions{TTL: ttl}))
		}
		time.Sleep(50*time.Second + time.Millisecond)
		if got := kv.store.len(); got != n/2 {
			t.Errorf("%d keys are left after half of the time; want %d", got, n/2)
		}
		time.Sleep(50 * time.Second)
		synctest.Wait()
		timers, keys, buckets := kv.store.timersAndKeys()
		if timers != 0 || keys != 0 || buckets != shardCount*minBuckets {
			t.Errorf("%d timers, %d keys and %d buckets are left; want none, none and %d", timers, keys, buckets, shardCount*minBuckets)
		}
		for i := range kv.store.shards {
			if c := cap(kv.store.shards[i].expiry.objects); c != 0 {
				t.Fatalf("an empty expiry queue keeps room for %d", c)
			}
		}
	})
}

func TestLastingKeysArmNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, kv := t.Context(), NewKeyValue(nil)
		must(t, kv.Set(ctx, "lasting", nil, ports.SetOptions{}))
		must(t, kv.Set(ctx, "cleared", nil, ports.SetOptions{TTL: time.Hour}))
		must(t, kv.Set(ctx, "cleared", nil, ports.SetOptions{}))
		must(t, kv.Set(ctx, "deleted", nil, ports.SetOptions{TTL: time.Hour}))
		_, err := kv.Delete(ctx, "deleted")
		must(t, err)
		if timers, _, _ := kv.store.timersAndKeys(); timers != 0 {
			t.Errorf("%d timers are armed though nothing expires", timers)
		}
	})
}

func TestExpiryFollowsChangedTTLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, kv := t.Context(), NewKeyValue(nil)
		must(t, kv.Set(ctx, "k", nil, ports.SetOptions{TTL: time.Hour}))
		must(t, kv.Expire(ctx, "k", time.Second))
		time.Sleep(time.Second)
		synctest.Wait()
		if n := kv.store.len(); n != 0 {
			t.Error("a key with a shortened TTL is still stored")
		}
		must(t, kv.Set(ctx, "k", nil, ports.SetOptions{TTL: time.Second}))
		must(t, kv.Expire(ctx, "k", time.Hour))
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := kv.store.len(); n != 1 {
			t.Error("a key with a lengthened TTL is gone")
		}
		time.Sleep(time.Hour - time.Minute - time.Millisecond)
		if n := kv.store.len(); n != 1 {
			t.Error("a key with a lengthened TTL is gone a millisecond early")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if timers, n, _ := kv.store.timersAndKeys(); timers != 0 || n != 0 {
			t.Errorf("%d timers and %d keys are left after a lengthened TTL", timers, n)
		}
	})
}

// TestExpireLetsTheOldObjectGo: a short value lies in its object, which would stay, with all it links to, for a slice of it.
func TestExpireLetsTheOldObjectGo(t *testing.T) {
	ctx, kv := t.Context(), NewKeyValue(nil)
	for _, size := range []int{1, 16, 17, 48, 49, 112} {
		must(t, kv.Set(ctx, "k", make([]byte, size), ports.SetOptions{}))
		before := kv.store.load("k")
		must(t, kv.Expire(ctx, "k", time.Hour))
		if after := kv.store.load("k"); &after.value[0] == &before.value[0] || len(after.value) != size {
			t.Errorf("a value of %d bytes lies in the object that Expire replaced, or has %d bytes now", size, len(after.value))
		}
	}
}

func TestLongestTTLDoesNotOverflow(t *testing.T) {
	ctx, kv := t.Context(), NewKeyValue(nil)
	for _, ttl := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, 100 * 365 * 24 * time.Hour} {
		must(t, kv.Set(ctx, "k", nil, ports.SetOptions{TTL: ttl}))
		got, err := kv.TTL(ctx, "k")
		must(t, err)
		if got > ttl || got < ttl-time.Minute {
			t.Errorf("of a TTL of %v %v is left", ttl, got)
		}
	}
}

func TestTableGrowsAndShrinksUnderReaders(t *testing.T) {
	ctx, kv := t.Context(), NewKeyValue(nil)
	must(t, kv.Set(ctx, "always", []byte("here"), ports.SetOptions{}))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if v, err := kv.Get(ctx, "always"); err != nil || string(v) != "here" {
					t.Errorf("a reader got %q, %v while others wrote", v, err)
					return
				}
			}
		})
	}
	for range 3 {
		var keys []string
		for i := range 3000 {
			keys = append(keys, fmt.Sprint("k", i))
			must(t, kv.Set(ctx, keys[i], nil, ports.SetOptions{}))
		}
		n, err := kv.Delete(ctx, keys...)
		must(t, err)
		if n != int64(len(keys)) {
			t.Errorf("deleted %d of %d keys", n, len(keys))
		}
	}
	close(stop)
	readers.Wait()
	if _, keys, buckets := kv.store.timersAndKeys(); keys != 1 || buckets > 2*shardCount*minBuckets {
		t.Errorf("%d keys and %d buckets are left", keys, buckets)
	}
}

// TestPipelinesAllOrNothing runs random atomic pipelines on one store and the same operations one by one on another: a
// pipeline that is refused changes nothing, one that runs does and answers what the single operations do.
func TestPipelinesAllOrNothing(t *testing.T) {
	ctx := t.Context()
	r := rand.New(rand.NewPCG(1, 2))
	refused, ran := 0, 0
	for range 800 {
		kv, single := NewKeyValue(nil), NewKeyValue(nil)
		for _, op := range randomOps(r, 6) {
			kv.single(op)
			single.single(op)
		}
		ops := randomOps(r, 1+r.IntN(8))
		before := dump(t, kv)
		replies, err := kv.Pipeline(ctx, ports.PipelineOptions{Shard: "s"}, ops...)
		if err != nil {
			refused++
			if replies != nil || !errors.Is(err, ports.ErrWrongType) && !errors.Is(err, ports.ErrInvalid) {
				t.Fatalf("%v: %v with replies %v", ops, err, replies)
			}
			if after := dump(t, kv); !reflect.DeepEqual(before, after) {
				t.Fatalf("%v was refused (%v) and changed\n%v to\n%v", ops, err, before, after)
			}
			continue
		}
		ran++
		for i, op := range ops {
			want := single.single(op)
			if replies[i].Int != want.Int || string(replies[i].Value) != string(want.Value) || ports.KindOf(replies[i].Err) != ports.KindOf(want.Err) {
				t.Fatalf("%v: reply %d is %v; want %v", ops, i, replies[i], want)
			}
		}
		if got, want := dump(t, kv), dump(t, single); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v left\n%v; want\n%v", ops, got, want)
		}
	}
	if refused < 80 || ran < 80 {
		t.Errorf("%d pipelines were refused and %d ran: too few to tell", refused, ran)
	}
}

func randomKey(r *rand.Rand) string { return ports.ShardKey("s", string(rune('a'+r.IntN(4)))) }

func randomOps(r *rand.Rand, n int) []ports.Op {
	ops := make([]ports.Op, n)
	for i := range ops {
		key, text := randomKey(r), fmt.Sprint(r.IntN(3))
		ops[i] = []ports.Op{
			ports.OpGet(key), ports.OpSet(key, []byte(text), ports.SetOptions{IfAbsent: r.IntN(2) == 0}), ports.OpSet(key, []byte("text"), ports.SetOptions{}),
			ports.OpDelete(key), ports.OpExpire(key, time.Duration(r.IntN(2))*time.Hour), ports.OpIncr(key, int64(r.IntN(3))), ports.OpIncr(key, math.MaxInt64),
			ports.OpHSet(key, map[string][]byte{text: []byte(text)}, time.Duration(r.IntN(2))*time.Hour), ports.OpHGet(key, text), ports.OpHDel(key, text, "0"),
			ports.OpLPush(key, 0, []byte(text), []byte("x")), ports.OpRPop(key), ports.OpZAdd(key, ports.Scored{Member: []byte(text), Score: r.Float64()}),
		}[r.IntN(13)]
	}
	return ops
}

// dump is all that the keys of randomOps hold; of a TTL only whether there is one.
func dump(t *testing.T, kv *KeyValue) map[string]any {
	t.Helper()
	ctx, all := t.Context(), map[string]any{}
	for _, name := range []string{"a", "b", "c", "d"} {
		key := ports.ShardKey("s", name)
		typ, err := kv.Type(ctx, key)
		must(t, err)
		ttl, _ := kv.TTL(ctx, key)
		all[key+" type"], all[key+" expires"] = typ, ttl > 0
		o := kv.store.load(key)
		if o == nil {
			continue
		}
		switch c := o.collection.(type) {
		case nil:
			all[key] = string(o.value)
		case fieldMap:
			all[key] = fmt.Sprint(map[string][]byte(c))
		case *valueRing:
			var texts []string
			for i := range c.size {
				texts = append(texts, string(c.buf[c.at(i)]))
			}
			all[key] = texts
		case *sortedSet:
			all[key] = c.between(0, -1, false)
		}
	}
	return all
}

func TestSortedSetAgainstASortedSlice(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	z, want := newSortedSet(), []rankedMember{}
	for range 3000 {
		m := rankedMember{score: float64(r.IntN(500)), member: fmt.Sprint("m", r.IntN(1500))}
		want = slices.DeleteFunc(want, func(o rankedMember) bool { return o.member == m.member })
		at, _ := slices.BinarySearchFunc(want, m, rankedMember.compare)
		want = slices.Insert(want, at, m)
		z.add(m)
	}
	for range 200 {
		start, stop := r.IntN(len(want)), r.IntN(len(want))
		got := z.between(int64(start), int64(stop), false)
		if expect := want[start:max(start, stop+1)]; len(got) != len(expect) || len(got) > 0 && string(got[0].Member) != expect[0].member {
			t.Fatalf("ranks %d to %d: %d members; want %d", start, stop, len(got), len(expect))
		}
	}
	for len(want) > 0 {
		i := r.IntN(len(want))
		z.remove(want[i].member)
		want = slices.Delete(want, i, i+1)
		if got := z.between(0, 0, false); len(want) > 0 && string(got[0].Member) != want[0].member {
			t.Fatalf("the lowest of %d is %s; want %s", len(want), got[0].Member, want[0].member)
		}
	}
	if len(z.runs) != 0 || !z.empty() {
		t.Errorf("%d runs are left of an empty set", len(z.runs))
	}
}

func TestClientsLeaveNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	kv := NewKeyValue(nil)
	must(t, kv.Set(t.Context(), "k", nil, ports.SetOptions{TTL: time.Hour}))
	must(t, kv.Close(t.Context()))
}

func TestLatencyHeedsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := NewKeyValue(nil)
		kv.srv.Faults().SetLatency(PortKeyValue, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_, err := kv.Get(ctx, "k")
		if ports.KindOf(err) != ports.ErrTimeout || time.Since(begin) != time.Second {
			t.Errorf("%v after %v; want a timeout after a second", err, time.Since(begin))
		}
	})
}

func TestKeyValueAsGivesTheServer(t *testing.T) {
	srv := NewServer(ServerOptions{})
	var got *Server
	if !NewKeyValue(srv).As(&got) || got != srv {
		t.Error("As does not give the server")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
