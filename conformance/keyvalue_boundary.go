package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func kvBoundaryCases() []kvCase {
	return []kvCase{
		kvCoreCase("caller-may-reuse-its-memory", "016", kvInputIsCopied),
		kvCoreCase("results-belong-to-the-caller", "017", kvResultsAreCopied),
		kvCoreCase("errors-name-driver-and-operation", "018", kvErrorsAreNamed),
		kvCoreCase("errors-hold-no-value", "019", func(ctx context.Context, e *kvEnv) {
			for doing, err := range kvFailures(ctx, e) {
				e.check(!strings.Contains(fmt.Sprintf("%v %+v", err, err), kvSecret), "%s: the error holds a value", doing)
			}
		}),
		kvCoreCase("canceled-context", "020", func(ctx context.Context, e *kvEnv) {
			ended, cancel := context.WithCancel(ctx)
			cancel()
			kvAllFail(ended, e, ports.ErrCanceled, context.Canceled)
		}),
		kvCoreCase("passed-deadline", "021", func(ctx context.Context, e *kvEnv) {
			ended, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
			defer cancel()
			kvAllFail(ended, e, ports.ErrTimeout, context.DeadlineExceeded)
		}),
		kvCoreCase("undeclared-is-unsupported", "022", kvUndeclared),
		kvCoreCase("as-knows-only-its-own", "023", func(_ context.Context, e *kvEnv) {
			type unknown struct{ n int }
			target := unknown{n: 1}
			e.check(!e.Driver.As(&target) && target.n == 1, "As took a pointer to a type that no driver can know")
			e.check(!e.Driver.As(nil), "As took nil")
		}),
	}
}

func kvInputIsCopied(ctx context.Context, e *kvEnv) {
	buf := []byte("value")
	batch := ports.PipelineOptions{Batch: true}
	e.noError(e.Driver.Set(ctx, "s", buf, ports.SetOptions{}), "set")
	e.noError(second(e.Driver.Pipeline(ctx, batch, ports.Op{Verb: ports.VerbSet, Key: "p", Value: buf})), "pipeline")
	keys := []string{"s", "p"}
	if kvCompareAndSet.in(e.Driver) {
		keys = append(keys, "c")
		e.noError(e.Driver.CompareAndSet(ctx, "c", nil, buf, 0), "compare and set")
	}
	fields := map[string][]byte{"f": buf}
	if kvHashes.in(e.Driver) {
		e.noError(second(e.Driver.HSet(ctx, "h", fields, 0)), "hset")
	}
	values := [][]byte{buf}
	if kvLists.in(e.Driver) {
		e.noError(second(e.Driver.LPush(ctx, "l", 0, values...)), "lpush")
	}
	members := []ports.Scored{{Member: buf, Score: 1}}
	if kvSortedSets.in(e.Driver) {
		e.noError(second(e.Driver.ZAdd(ctx, "z", members...)), "zadd")
	}

	copy(buf, "XXXXX")
	fields["g"], values[0], members[0].Score = []byte("new"), []byte("other"), 2

	for _, key := range keys {
		kvWantString(ctx, e, key, "value")
	}
	if kvHashes.in(e.Driver) {
		kvWantHash(ctx, e, "h", "f", "value")
	}
	if kvLists.in(e.Driver) {
		kvWantPop(ctx, e, "l", "value")
	}
	if kvSortedSets.in(e.Driver) {
		kvWantRange(ctx, e, "z", 0, -1, false, "value=1")
	}
}

func kvResultsAreCopied(ctx context.Context, e *kvEnv) {
	spoil := func(v []byte, err error) {
		e.noError(err, "read")
		copy(v, "XXXXX")
	}
	kvSet(ctx, e, "s", "value")
	spoil(e.Driver.Get(ctx, "s"))
	many, err := e.Driver.MGet(ctx, "s")
	e.noError(err, "mget")
	spoil(many[0], nil)
	replies, err := e.Driver.Pipeline(ctx, ports.PipelineOptions{Batch: true}, ports.OpGet("s"))
	e.noError(err, "pipeline")
	spoil(replies[0].Value, replies[0].Err)
	kvWantString(ctx, e, "s", "value")
	if kvHashes.in(e.Driver) {
		kvHSet(ctx, e, "h", "f", "value")
		spoil(e.Driver.HGet(ctx, "h", "f"))
		all, err := e.Driver.HGetAll(ctx, "h")
		spoil(all["f"], err)
		all["g"] = []byte("new")
		kvWantHash(ctx, e, "h", "f", "value")
	}
	if kvSortedSets.in(e.Driver) {
		e.noError(second(e.Driver.ZAdd(ctx, "z", kvScored(1, "value"))), "zadd")
		got, err := e.Driver.ZRange(ctx, "z", 0, -1, false)
		e.noError(err, "zrange")
		spoil(got[0].Member, nil)
		kvWantRange(ctx, e, "z", 0, -1, false, "value=1")
	}
}

// kvSecret stands in every value of kvFailures.
const kvSecret = "4111111111111111"

// kvFailures provokes an error of each kind that the driver can give an answer with.
func kvFailures(ctx context.Context, e *kvEnv) map[string]error {
	d, secret := e.Driver, []byte("card "+kvSecret)
	kvSet(ctx, e, "s", string(secret))
	all := map[string]error{
		"get of an absent key":                  second(d.Get(ctx, "absent")),
		"set if absent of an existing key":      d.Set(ctx, "s", secret, ports.SetOptions{IfAbsent: true}),
		"set of an empty key":                   d.Set(ctx, "", secret, ports.SetOptions{}),
		"set of a key that is not UTF-8":        d.Set(ctx, "\xff", secret, ports.SetOptions{}),
		"set with a negative ttl":               d.Set(ctx, "s", secret, ports.SetOptions{TTL: -1}),
		"atomic pipeline over two shards":       second(d.Pipeline(ctx, ports.PipelineOptions{Shard: "a:b"}, kvSetOps("{a:b}:1", "{b:c}:2")...)),
		"set in a batch of an existing key":     kvOneReply(ctx, e, ports.OpSet("s", secret, ports.SetOptions{IfAbsent: true})),
		"set in a batch with an empty key":      kvOneReply(ctx, e, ports.OpSet("", secret, ports.SetOptions{})),
		"get in a batch of an absent key":       kvOneReply(ctx, e, ports.OpGet("absent")),
		"compare and set of an absent key":      d.CompareAndSet(ctx, "absent", secret, secret, 0),
		"compare and set of another value":      d.CompareAndSet(ctx, "s", []byte("other "+kvSecret), secret, 0),
		"incr of text":                          second(d.Incr(ctx, "s", 1)),
		"hset of a string":                      second(d.HSet(ctx, "s", map[string][]byte{"f": secret}, 0)),
		"hget of a string":                      second(d.HGet(ctx, "s", "f")),
		"hset without fields":                   second(d.HSet(ctx, "new", nil, 0)),
		"lpush of a string":                     second(d.LPush(ctx, "s", 0, secret)),
		"rpop of an absent list":                second(d.RPop(ctx, "absent")),
		"zadd of a string":                      second(d.ZAdd(ctx, "s", ports.Scored{Member: secret})),
		"zadd of NaN":                           second(d.ZAdd(ctx, "z", ports.Scored{Member: secret, Score: math.NaN()})),
		"expire of an absent key":               d.Expire(ctx, "absent", time.Minute),
		"atomic pipeline with a type error":     second(d.Pipeline(ctx, ports.PipelineOptions{}, ports.OpLPush("s", 0, secret))),
		"atomic pipeline that counts with text": second(d.Pipeline(ctx, ports.PipelineOptions{}, ports.OpIncr("s", 1))),
	}
	return all
}

func kvSetOps(keys ...string) []ports.Op {
	ops := make([]ports.Op, len(keys))
	for i, key := range keys {
		ops[i] = ports.OpSet(key, []byte("card "+kvSecret), ports.SetOptions{})
	}
	return ops
}

// kvOneReply runs op as a batch of one.
func kvOneReply(ctx context.Context, e *kvEnv, op ports.Op) error {
	replies, err := e.Driver.Pipeline(ctx, ports.PipelineOptions{Batch: true}, op)
	e.noError(err, "batch")
	e.check(len(replies) == 1, "a batch of one has %d replies", len(replies))
	return replies[0].Err
}

func kvErrorsAreNamed(ctx context.Context, e *kvEnv) {
	name := e.Driver.Name()
	e.check(name != "" && name == strings.ToLower(name), "the driver's name is %q; want a short one in lower case", name)
	for doing, err := range kvFailures(ctx, e) {
		if err == nil {
			continue // that it should have failed is another clause
		}
		var pe *ports.Error
		e.check(errors.As(err, &pe), "%s: %T (%v) is no *ports.Error", doing, err, err)
		e.check(pe.Driver == name && pe.Op != "", "%s: the error names driver %q and operation %q; want driver %q and an operation", doing, pe.Driver, pe.Op, name)
		e.check(pe.Kind != 0, "%s: the error has no kind", doing)
	}
}

// kvAllFail fails the case unless every method, at once, is of kind and wraps cause.
func kvAllFail(ctx context.Context, e *kvEnv, kind ports.Kind, cause error) {
	for _, m := range kvDeclared(e.Driver) {
		begin := time.Now()
		err := m.call(ctx, e.Driver, "k")
		took := time.Since(begin)
		e.isKind(err, kind, m.name)
		e.check(errors.Is(err, cause), "%s: %v does not wrap %v", m.name, err, cause)
		e.check(took < 100*time.Millisecond+e.Timing.Slack, "%s returned after %v", m.name, took)
	}
}

func kvUndeclared(ctx context.Context, e *kvEnv) {
	d := e.Driver
	type attempt struct {
		doing string
		needs kvHas
		do    func(key string) error
	}
	v := []byte("v")
	reply := func(op func(key string) ports.Op) func(string) error {
		return func(key string) error { return kvOneReply(ctx, e, op(key)) }
	}
	attempts := []attempt{
		{"set with a ttl", kvTTL, func(k string) error { return d.Set(ctx, k, v, ports.SetOptions{TTL: kvLong}) }},
		{"set with a ttl in a batch", kvTTL, reply(func(k string) ports.Op { return ports.OpSet(k, v, ports.SetOptions{TTL: kvLong}) })},
		{"compare and set with a ttl", kvTTL, func(k string) error { return d.CompareAndSet(ctx, k, nil, v, kvLong) }},
		{"hset with a ttl", kvTTL, func(k string) error { return second(d.HSet(ctx, k, kvFields("f", "v"), kvLong)) }},
		{"lpush with a ttl", kvTTL, func(k string) error { return second(d.LPush(ctx, k, kvLong, v)) }},
		{"incr in a batch", kvCounters, reply(func(k string) ports.Op { return ports.OpIncr(k, 1) })},
		{"hset in a batch", kvHashes, reply(func(k string) ports.Op { return ports.OpHSet(k, kvFields("f", "v"), 0) })},
		{"lpush in a batch", kvLists, reply(func(k string) ports.Op { return ports.OpLPush(k, 0, v) })},
		{"zadd in a batch", kvSortedSets, reply(func(k string) ports.Op { return ports.OpZAdd(k, kvScored(1, "m")) })},
	}
	atomic := func(op func(key string) ports.Op) func(string) error {
		return func(key string) error { return second(d.Pipeline(ctx, ports.PipelineOptions{}, op(key))) }
	}
	attempts = append(attempts,
		attempt{"hset in an atomic pipeline", kvHashes, atomic(func(k string) ports.Op { return ports.OpHSet(k, kvFields("f", "v"), 0) })},
		attempt{"set with a ttl in an atomic pipeline", kvTTL, atomic(func(k string) ports.Op { return ports.OpSet(k, v, ports.SetOptions{TTL: kvLong}) })})
	for _, m := range kvMethods() {
		attempts = append(attempts, attempt{m.name, m.needs, func(k string) error { return m.call(ctx, d, k) }})
	}
	for i, a := range attempts {
		if a.needs.in(d) {
			continue
		}
		key := fmt.Sprint("k", i)
		e.isKind(a.do(key), ports.ErrUnsupported, a.doing+" without the capability "+a.needs.name)
		kvWantAbsent(ctx, e, key)
	}
}
