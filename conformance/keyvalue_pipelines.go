package conformance

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// The shard of the atomic cases, and two keys in it. Two segments, so that every slotting of keys can serve them.
const kvShard = "hotel:987"

var kvA, kvB = ports.ShardKey(kvShard, "a"), ports.ShardKey(kvShard, "b")

func kvBatchCases() []kvCase {
	return []kvCase{
		kvCoreCase("batch-replies-in-order", "073", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "other:key", "old")
			replies := kvBatch(ctx, e, ports.OpSet("user:1", []byte("1"), ports.SetOptions{}), ports.OpGet("user:1"),
				ports.OpGet("other:key"), ports.OpDelete("other:key"), ports.OpDelete("other:key"), ports.OpGet("user:1"))
			kvWantReplies(e, replies, "", "1", "old", "int 1", "int 0", "1")
			kvWantString(ctx, e, "user:1", "1")
			kvWantAbsent(ctx, e, "other:key")
		}),
		kvCoreCase("batch-of-many", "073", func(ctx context.Context, e *kvEnv) {
			var ops []ports.Op
			var want []string
			for i := range 200 {
				key := fmt.Sprint("key:", i)
				ops = append(ops, ports.OpSet(key, fmt.Append(nil, i), ports.SetOptions{}), ports.OpGet(key))
				want = append(want, "", fmt.Sprint(i))
			}
			kvWantReplies(e, kvBatch(ctx, e, ops...), want...)
		}),
		kvCoreCase("batch-goes-on-after-a-failure", "074", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "k", "held")
			replies := kvBatch(ctx, e, ports.OpGet("absent"), ports.OpSet("k", []byte("new"), ports.SetOptions{IfAbsent: true}),
				ports.OpSet("", []byte("v"), ports.SetOptions{}), ports.OpSet("after", []byte("written"), ports.SetOptions{}), ports.OpGet("k"))
			for i, kind := range []ports.Kind{ports.ErrNotFound, ports.ErrAlreadyExists, ports.ErrInvalid} {
				e.isKind(replies[i].Err, kind, fmt.Sprintf("reply %d", i))
			}
			kvWantReplies(e, replies[3:], "", "held")
			kvWantString(ctx, e, "after", "written")
		}),
		kvCoreCase("pipeline-without-operations", "075", func(ctx context.Context, e *kvEnv) {
			replies := kvBatch(ctx, e)
			e.check(len(replies) == 0, "a batch without operations has %d replies", len(replies))
			if kvAtomic.in(e.Driver) {
				replies = kvRunAtomic(ctx, e)
				e.check(len(replies) == 0, "a pipeline without operations has %d replies", len(replies))
			}
		}),
	}
}

func kvBatch(ctx context.Context, e *kvEnv, ops ...ports.Op) []ports.Reply {
	replies, err := e.Driver.Pipeline(ctx, ports.PipelineOptions{Batch: true}, ops...)
	e.noError(err, "batch")
	e.check(len(replies) == len(ops), "%d replies to %d operations", len(replies), len(ops))
	return replies
}

// kvRunAtomic runs an atomic pipeline in kvShard.
func kvRunAtomic(ctx context.Context, e *kvEnv, ops ...ports.Op) []ports.Reply {
	replies, err := e.Driver.Pipeline(ctx, ports.PipelineOptions{Shard: kvShard}, ops...)
	e.noError(err, "atomic pipeline")
	e.check(len(replies) == len(ops), "%d replies to %d operations", len(replies), len(ops))
	return replies
}

// kvNotFound is ErrNotFound as kvWantReplies is told.
const kvNotFound = "not found"

// kvWantReplies compares replies, written as their value, "int n", or kvNotFound.
func kvWantReplies(e *kvEnv, replies []ports.Reply, want ...string) {
	for i, r := range replies {
		if want[i] == kvNotFound {
			e.isKind(r.Err, ports.ErrNotFound, fmt.Sprintf("reply %d", i))
			continue
		}
		e.noError(r.Err, fmt.Sprintf("reply %d", i))
		got := string(r.Value)
		if strings.HasPrefix(want[i], "int ") {
			got = fmt.Sprint("int ", r.Int)
		}
		e.check(got == want[i], "reply %d is %q; want %q", i, got, want[i])
	}
}

// kvRefused fails the case unless the atomic pipeline is refused as a whole.
func kvRefused(ctx context.Context, e *kvEnv, kind ports.Kind, doing string, ops ...ports.Op) {
	replies, err := e.Driver.Pipeline(ctx, ports.PipelineOptions{Shard: kvShard}, ops...)
	e.isKind(err, kind, doing)
	e.check(replies == nil, "%s: %d replies beside the error", doing, len(replies))
}

func kvAtomicCases() []kvCase {
	set := func(key, value string) ports.Op { return ports.OpSet(key, []byte(value), ports.SetOptions{}) }
	atomicHashes := kvAtomic.and(kvHashes)
	return []kvCase{
		kvAtomic.holding("atomic-runs-in-order", "076", func(ctx context.Context, e *kvEnv) {
			replies := kvRunAtomic(ctx, e, set(kvA, "1"), ports.OpGet(kvA), set(kvB, "2"), set(kvA, "3"), ports.OpGet(kvA), ports.OpGet(kvB),
				ports.OpDelete(kvA), ports.OpDelete(kvA))
			kvWantReplies(e, replies, "", "1", "", "", "3", "2", "int 1", "int 0")
			kvWantAbsent(ctx, e, kvA)
			kvWantString(ctx, e, kvB, "2")
		}),
		kvAtomic.holding("atomic-knows-every-verb", "076", kvEveryVerb),
		kvAtomic.holding("atomic-answers-what-is-missing", "077", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, kvB, "held")
			replies := kvRunAtomic(ctx, e, ports.OpGet(kvA), ports.OpSet(kvB, []byte("new"), ports.SetOptions{IfAbsent: true}), set(kvA, "written"))
			e.isKind(replies[0].Err, ports.ErrNotFound, "get of an absent key")
			e.isKind(replies[1].Err, ports.ErrAlreadyExists, "set if absent of an existing key")
			kvWantReplies(e, replies[2:], "")
			kvWantString(ctx, e, kvA, "written")
			kvWantString(ctx, e, kvB, "held")
		}),
		atomicHashes.holding("atomic-type-error-undoes-all", "078", kvTypeErrorUndoesAll),
		kvAtomic.holding("atomic-invalid-argument-undoes-all", "079", kvInvalidArgumentUndoesAll),
		kvAtomic.and(kvCounters).holding("atomic-impossible-incr-undoes-all", "080", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, kvB, "text")
			kvRefused(ctx, e, ports.ErrWrongType, "incr of text", set(kvA, "new"), ports.OpIncr(kvB, 1))
			kvRefused(ctx, e, ports.ErrWrongType, "incr of text that the pipeline wrote", set(kvA, "new"), ports.OpIncr(kvA, 1))
			kvWantAbsent(ctx, e, kvA)
			kvSet(ctx, e, kvB, fmt.Sprint(math.MaxInt64-1))
			kvRefused(ctx, e, ports.ErrInvalid, "incr beyond the range", set(kvA, "new"), ports.OpIncr(kvB, 1), ports.OpIncr(kvB, 1))
			kvWantAbsent(ctx, e, kvA)
			kvWantString(ctx, e, kvB, fmt.Sprint(math.MaxInt64-1))
		}),
		kvAtomic.holding("atomic-shows-no-part", "081", kvShowsNoPart),
		atomicHashes.holding("atomic-judges-by-its-own-writes", "082", func(ctx context.Context, e *kvEnv) {
			hset := ports.OpHSet(kvA, kvFields("f", "v"), 0)
			kvRefused(ctx, e, ports.ErrWrongType, "hset of a string that the pipeline wrote", set(kvA, "v"), hset)
			kvRefused(ctx, e, ports.ErrWrongType, "get of a hash that the pipeline wrote", hset, ports.OpGet(kvA))
			kvWantAbsent(ctx, e, kvA)
			kvSet(ctx, e, kvA, "text")
			kvRunAtomic(ctx, e, ports.OpDelete(kvA), hset)
			kvWantHash(ctx, e, kvA, "f", "v")
			kvRunAtomic(ctx, e, set(kvA, "text"), ports.OpGet(kvA))
			kvRunAtomic(ctx, e, ports.OpDelete(kvA), hset)
			kvRefused(ctx, e, ports.ErrWrongType, "get of an emptied hash", ports.OpHDel(kvA, "f"), ports.OpGet(kvA))
			kvWantHash(ctx, e, kvA, "f", "v")
		}),
		atomicHashes.holding("atomic-delete-frees-an-emptied-hash", "082", kvDeleteFreesAnEmptiedHash),
		kvAtomic.and(kvLists).holding("atomic-judges-an-emptied-list", "082", kvJudgesAnEmptiedList),
	}
}

// kvEveryVerb runs all verbs that the driver declares in one pipeline, and then those that find nothing.
func kvEveryVerb(ctx context.Context, e *kvEnv) {
	key := func(name string) string { return ports.ShardKey(kvShard, name) }
	ttl := time.Duration(0)
	if kvTTL.in(e.Driver) {
		ttl = kvLong
	}
	since := time.Now()
	kvRunDeclared(ctx, e, []kvStep{
		{kvHas{}, ports.OpSet(key("s"), []byte("v"), ports.SetOptions{TTL: ttl}), ""},
		{kvTTL, ports.OpExpire(key("s"), 0), ""},
		{kvHas{}, ports.OpGet(key("s")), "v"},
		{kvTTL, ports.OpExpire(key("s"), kvLong), ""},
		{kvCounters, ports.OpIncr(key("n"), 41), "int 41"},
		{kvCounters, ports.OpIncr(key("n"), 1), "int 42"},
		{kvHashes, ports.OpHSet(key("h"), kvFields("a", "1", "b", "2"), ttl), "int 2"},
		{kvHashes, ports.OpHGet(key("h"), "a"), "1"},
		{kvHashes, ports.OpHDel(key("h"), "a", "absent"), "int 1"},
		{kvLists, ports.OpLPush(key("l"), 0, kvBytes("1", "2", "3")...), "int 3"},
		{kvLists, ports.OpRPop(key("l")), "1"},
		{kvSortedSets, ports.OpZAdd(key("z"), kvScored(1, "m"), kvScored(2, "n")), "int 2"},
		{kvHas{}, ports.OpDelete(key("none")), "int 0"},
	})
	for _, look := range []struct {
		needs kvHas
		want  func()
	}{
		{kvHas{}, func() { kvWantString(ctx, e, key("s"), "v") }},
		{kvTTL, func() { kvWantTTL(ctx, e, key("s"), kvLong, since) }},
		{kvHashes.and(kvTTL), func() { kvWantTTL(ctx, e, key("h"), kvLong, since) }},
		{kvCounters, func() { kvWantString(ctx, e, key("n"), "42") }},
		{kvHashes, func() { kvWantHash(ctx, e, key("h"), "b", "2") }},
		{kvLists, func() { kvWantPop(ctx, e, key("l"), "2") }},
		{kvSortedSets, func() { kvWantRange(ctx, e, key("z"), 0, -1, false, "m=1 n=2") }},
	} {
		if look.needs.in(e.Driver) {
			look.want()
		}
	}
	kvRunDeclared(ctx, e, []kvStep{
		{kvHas{}, ports.OpGet(key("none")), kvNotFound},
		{kvHashes, ports.OpHGet(key("h"), "absent"), kvNotFound},
		{kvHashes, ports.OpHGet(key("none"), "f"), kvNotFound},
		{kvLists, ports.OpRPop(key("none")), kvNotFound},
		{kvTTL, ports.OpExpire(key("none"), kvLong), kvNotFound},
	})
	kvWantAbsent(ctx, e, key("none"))
}

// kvStep is an operation of a pipeline, what it needs, and the reply that kvWantReplies expects.
type kvStep struct {
	needs kvHas
	op    ports.Op
	want  string
}

// kvRunDeclared runs those steps in an atomic pipeline that the driver declares.
func kvRunDeclared(ctx context.Context, e *kvEnv, steps []kvStep) {
	var ops []ports.Op
	var want []string
	for _, step := range steps {
		if step.needs.in(e.Driver) {
			ops, want = append(ops, step.op), append(want, step.want)
		}
	}
	kvWantReplies(e, kvRunAtomic(ctx, e, ops...), want...)
}

// kvDeleteFreesAnEmptiedHash has Delete find a key that an HDel has emptied already.
func kvDeleteFreesAnEmptiedHash(ctx context.Context, e *kvEnv) {
	hset, hdel := ports.OpHSet(kvA, kvFields("f", "v"), 0), ports.OpHDel(kvA, "f")
	kvHSet(ctx, e, kvA, "f", "v")
	kvWantReplies(e, kvRunAtomic(ctx, e, hdel, ports.OpDelete(kvA), ports.OpGet(kvA)), "int 1", "int 0", kvNotFound)
	kvWantAbsent(ctx, e, kvA)
	kvWantReplies(e, kvRunAtomic(ctx, e, hset, hdel, ports.OpDelete(kvA), ports.OpGet(kvA)), "int 1", "int 1", "int 0", kvNotFound)
	kvWantAbsent(ctx, e, kvA)
	kvHSet(ctx, e, kvA, "f", "v")
	kvWantReplies(e, kvRunAtomic(ctx, e, hdel, hset, ports.OpHGet(kvA, "f")), "int 1", "int 1", "v")
	kvWantHash(ctx, e, kvA, "f", "v")
}

// kvJudgesAnEmptiedList is for RPop what the cases of hashes are for HDel.
func kvJudgesAnEmptiedList(ctx context.Context, e *kvEnv) {
	rpop, get := ports.OpRPop(kvA), ports.OpGet(kvA)
	kvPush(ctx, e, kvA, "v")
	kvRefused(ctx, e, ports.ErrWrongType, "get of an emptied list", rpop, get)
	kvWantLen(ctx, e, kvA, 1)
	kvWantReplies(e, kvRunAtomic(ctx, e, rpop, ports.OpDelete(kvA), get), "v", "int 0", kvNotFound)
	kvWantAbsent(ctx, e, kvA)
	kvPush(ctx, e, kvA, "v")
	kvWantReplies(e, kvRunAtomic(ctx, e, rpop, rpop, ports.OpLPush(kvA, 0, []byte("w"))), "v", kvNotFound, "int 1")
	kvWantPop(ctx, e, kvA, "w")
}

// kvTypeErrorUndoesAll writes to keys of every type before, and after, an operation that cannot be.
func kvTypeErrorUndoesAll(ctx context.Context, e *kvEnv) {
	bad, h := ports.ShardKey(kvShard, "string"), ports.ShardKey(kvShard, "hash")
	kvSet(ctx, e, bad, "text")
	kvSet(ctx, e, kvA, "old")
	kvHSet(ctx, e, h, "kept", "1", "changed", "2")
	writes := []ports.Op{
		ports.OpSet(kvA, []byte("new"), ports.SetOptions{}), ports.OpSet(kvB, []byte("new"), ports.SetOptions{}),
		ports.OpHSet(h, kvFields("changed", "new", "added", "new"), 0), ports.OpHDel(h, "kept"), ports.OpDelete(kvA),
	}
	wrong := ports.OpHSet(bad, kvFields("f", "v"), 0)
	for at := range len(writes) + 1 {
		ops := append(append(append([]ports.Op{}, writes[:at]...), wrong), writes[at:]...)
		kvRefused(ctx, e, ports.ErrWrongType, fmt.Sprintf("type error at operation %d", at), ops...)
		kvWantString(ctx, e, kvA, "old")
		kvWantAbsent(ctx, e, kvB)
		kvWantHash(ctx, e, h, "kept", "1", "changed", "2")
		kvWantString(ctx, e, bad, "text")
	}
	if kvLists.in(e.Driver) {
		l := ports.ShardKey(kvShard, "list")
		kvPush(ctx, e, l, "1", "2")
		kvRefused(ctx, e, ports.ErrWrongType, "type error after list operations", ports.OpLPush(l, 0, []byte("3")), ports.OpRPop(l), ports.OpRPop(l), ports.OpRPop(l), wrong)
		kvWantLen(ctx, e, l, 2)
		kvWantPop(ctx, e, l, "1")
		kvWantPop(ctx, e, l, "2")
	}
	if kvSortedSets.in(e.Driver) {
		z := ports.ShardKey(kvShard, "zset")
		e.noError(second(e.Driver.ZAdd(ctx, z, kvScored(1, "m"))), "zadd")
		kvRefused(ctx, e, ports.ErrWrongType, "type error after zadd", ports.OpZAdd(z, kvScored(5, "m"), kvScored(2, "n")), wrong)
		kvWantRange(ctx, e, z, 0, -1, false, "m=1")
	}
}

func kvInvalidArgumentUndoesAll(ctx context.Context, e *kvEnv) {
	good := ports.OpSet(kvA, []byte("new"), ports.SetOptions{})
	kvSet(ctx, e, kvA, "old")
	for _, c := range []struct {
		doing string
		needs kvHas
		op    ports.Op
	}{
		{"empty key", kvHas{}, ports.OpSet("", nil, ports.SetOptions{})},
		{"no verb", kvHas{}, ports.Op{Key: kvB}},
		{"negative TTL", kvTTL, ports.OpSet(kvB, nil, ports.SetOptions{TTL: -1})},
		{"hset without fields", kvHashes, ports.OpHSet(kvB, nil, 0)},
		{"lpush without values", kvLists, ports.OpLPush(kvB, 0)},
		{"zadd of NaN", kvSortedSets, ports.OpZAdd(kvB, kvScored(math.NaN(), "m"))},
	} {
		if !c.needs.in(e.Driver) {
			continue
		}
		kvRefused(ctx, e, ports.ErrInvalid, c.doing, good, c.op)
		kvRefused(ctx, e, ports.ErrInvalid, c.doing+", first", c.op, good)
		kvWantString(ctx, e, kvA, "old")
		kvWantAbsent(ctx, e, kvB)
	}
}

// kvShowsNoPart writes one number to two keys, again and again, while another client reads them: whichever key it reads
// first, the other holds that number or a later one.
func kvShowsNoPart(ctx context.Context, e *kvEnv) {
	const rounds, looks = 20, 8
	reader := e.peer(ctx)
	read := func(key string) int {
		v, err := reader.Get(ctx, key)
		e.noError(err, "get by the reader")
		n := 0
		_, err = fmt.Sscan(string(v), &n)
		e.noError(err, "the reader's number")
		return n
	}
	set := func(n int) []ports.Op {
		v := fmt.Append(nil, n)
		return []ports.Op{ports.OpSet(kvA, v, ports.SetOptions{}), ports.OpSet(kvB, v, ports.SetOptions{})}
	}
	kvRunAtomic(ctx, e, set(0)...)
	for n := range rounds {
		write := start(func() (int, error) {
			return 0, second(e.Driver.Pipeline(ctx, ports.PipelineOptions{Shard: kvShard}, set(n+1)...))
		})
		for range looks {
			first, then := read(kvA), read(kvB)
			e.check(then >= first, "a reader saw %d under one key and then %d under the other", first, then)
			first, then = read(kvB), read(kvA)
			e.check(then >= first, "a reader saw %d under one key and then %d under the other", first, then)
			e.pause(ctx, 100*time.Microsecond)
		}
		_, err := await(e, 0, "atomic pipeline", write)
		e.noError(err, "atomic pipeline")
	}
}

func kvShardCases() []kvCase {
	set := func(key string) ports.Op { return ports.OpSet(key, []byte("new"), ports.SetOptions{}) }
	return []kvCase{
		kvAtomic.holding("key-outside-the-shard", "083", func(ctx context.Context, e *kvEnv) {
			outside := ports.ShardKey("hotel:988", "b")
			for _, ops := range [][]ports.Op{{set(kvA), set(outside)}, {set(outside), set(kvA)}} {
				kvRefused(ctx, e, ports.ErrInvalid, "atomic pipeline with a key outside the shard", ops...)
				_, err := e.Driver.Pipeline(ctx, ports.PipelineOptions{Shard: kvShard}, ops...)
				e.check(err != nil && strings.Contains(err.Error(), kvB), "the error does not name the right key %q: %v", kvB, err)
				kvWantAbsent(ctx, e, kvA, outside)
			}
		}),
		kvAtomic.holding("atomic-needs-a-shard-for-several-keys", "084", func(ctx context.Context, e *kvEnv) {
			replies, err := e.Driver.Pipeline(ctx, ports.PipelineOptions{}, set("user:1"), ports.OpGet("user:1"))
			e.noError(err, "atomic pipeline over one key without a shard")
			kvWantReplies(e, replies, "", "new")
			replies, err = e.Driver.Pipeline(ctx, ports.PipelineOptions{}, set("user:2"), set("tour:2"))
			e.isKind(err, ports.ErrInvalid, "atomic pipeline over several keys without a shard")
			e.check(replies == nil, "replies beside the error")
			kvWantAbsent(ctx, e, "user:2", "tour:2")
		}),
		kvAtomic.holding("shard-keys-are-plain-keys", "085", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, kvA, "old")
			replies := kvRunAtomic(ctx, e, ports.OpGet(kvA), set(kvA), set(kvB))
			kvWantReplies(e, replies, "old", "", "")
			kvWantString(ctx, e, kvA, "new")
			got, err := e.peer(ctx).MGet(ctx, kvB, kvA)
			e.noError(err, "mget by another client")
			e.check(string(got[0]) == "new" && string(got[1]) == "new", "another client reads %q", got)
		}),
	}
}
