package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

type (
	kvEnv  = env[ports.KeyValue]
	kvCase = testCase[ports.KeyValue]
	kvCaps = ports.KeyValueCapabilities
)

func keyValueCases() []kvCase {
	return slices.Concat(kvStringCases(), kvBoundaryCases(), kvLifeCases(), kvExpiryCases(), kvCounterCases(),
		kvCompareAndSetCases(), kvHashCases(), kvListCases(), kvSortedSetCases(), kvBatchCases(), kvAtomicCases(),
		kvShardCases())
}

// kvHas is a capability, or several that a case needs together.
type kvHas struct {
	name     string
	declared func(kvCaps) bool
}

var (
	kvTTL           = kvHas{"TTL", func(c kvCaps) bool { return c.TTL }}
	kvCounters      = kvHas{"Counters", func(c kvCaps) bool { return c.Counters }}
	kvHashes        = kvHas{"Hashes", func(c kvCaps) bool { return c.Hashes }}
	kvLists         = kvHas{"Lists", func(c kvCaps) bool { return c.Lists }}
	kvSortedSets    = kvHas{"SortedSets", func(c kvCaps) bool { return c.SortedSets }}
	kvCompareAndSet = kvHas{"CompareAndSet", func(c kvCaps) bool { return c.CompareAndSet }}
	kvAtomic        = kvHas{"Atomic", func(c kvCaps) bool { return c.Atomic }}
)

func (h kvHas) and(other kvHas) kvHas {
	return kvHas{h.name + "+" + other.name, func(c kvCaps) bool { return h.declared(c) && other.declared(c) }}
}

func (h kvHas) in(d ports.KeyValue) bool {
	return h.declared == nil || h.declared(d.KeyValueCapabilities())
}

// holding makes a case of a capability's clauses.
func (h kvHas) holding(id, clauses string, run func(context.Context, *kvEnv)) kvCase {
	c := kvCoreCase(id, clauses, run)
	c.needs = capability[ports.KeyValue]{name: h.name, declared: h.in}
	return c
}

// kvCoreCase makes a case of clauses, their numbers separated by spaces, that every driver owes.
func kvCoreCase(id, clauses string, run func(context.Context, *kvEnv)) kvCase {
	c := kvCase{id: "keyvalue/" + id, run: run}
	for _, n := range strings.Fields(clauses) {
		c.clauses = append(c.clauses, "KV-"+n)
	}
	return c
}

func kvSet(ctx context.Context, e *kvEnv, key, value string) {
	e.noError(e.Driver.Set(ctx, key, []byte(value), ports.SetOptions{}), "set "+key)
}

func kvSetTTL(ctx context.Context, e *kvEnv, key, value string, ttl time.Duration) {
	e.noError(e.Driver.Set(ctx, key, []byte(value), ports.SetOptions{TTL: ttl}), "set "+key+" with a TTL")
}

func kvWantString(ctx context.Context, e *kvEnv, key, want string) {
	got, err := e.Driver.Get(ctx, key)
	e.noError(err, "get "+key)
	e.check(string(got) == want, "get %s: got %.40q; want %.40q", key, got, want)
}

func kvWantAbsent(ctx context.Context, e *kvEnv, keys ...string) {
	for _, key := range keys {
		n, err := e.Driver.Exists(ctx, key)
		e.noError(err, "exists "+key)
		e.check(n == 0, "key %q is there; want it absent", key)
	}
}

func kvWantType(ctx context.Context, e *kvEnv, key string, want ports.KeyType) {
	got, err := e.Driver.Type(ctx, key)
	e.noError(err, "type of "+key)
	e.check(got == want, "type of %s is %q; want %q", key, got, want)
}

func kvHSet(ctx context.Context, e *kvEnv, key string, pairs ...string) {
	_, err := e.Driver.HSet(ctx, key, kvFields(pairs...), 0)
	e.noError(err, "hset "+key)
}

// kvFields makes fields of names and values in turn.
func kvFields(pairs ...string) map[string][]byte {
	fields := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = []byte(pairs[i+1])
	}
	return fields
}

func kvWantHash(ctx context.Context, e *kvEnv, key string, pairs ...string) {
	got, err := e.Driver.HGetAll(ctx, key)
	e.noError(err, "hgetall "+key)
	e.check(fmt.Sprintf("%q", got) == fmt.Sprintf("%q", kvFields(pairs...)), "hgetall %s: got %q; want %q", key, got, kvFields(pairs...))
}

func kvPush(ctx context.Context, e *kvEnv, key string, values ...string) {
	_, err := e.Driver.LPush(ctx, key, 0, kvBytes(values...)...)
	e.noError(err, "lpush "+key)
}

func kvBytes(values ...string) [][]byte {
	all := make([][]byte, len(values))
	for i, v := range values {
		all[i] = []byte(v)
	}
	return all
}

func kvWantPop(ctx context.Context, e *kvEnv, key, want string) {
	got, err := e.Driver.RPop(ctx, key)
	e.noError(err, "rpop "+key)
	e.check(string(got) == want, "rpop %s: got %q; want %q", key, got, want)
}

func kvScored(score float64, member string) ports.Scored {
	return ports.Scored{Member: []byte(member), Score: score}
}

// kvWantRange compares members, written "member=score", in their order.
func kvWantRange(ctx context.Context, e *kvEnv, key string, start, stop int64, reverse bool, want string) {
	got, err := e.Driver.ZRange(ctx, key, start, stop, reverse)
	e.noError(err, "zrange "+key)
	texts := make([]string, len(got))
	for i, m := range got {
		texts[i] = fmt.Sprintf("%s=%v", m.Member, m.Score)
	}
	e.check(strings.Join(texts, " ") == want, "zrange %s %d %d reverse=%v: got [%.200s]; want [%.200s]", key, start, stop, reverse,
		strings.Join(texts, " "), want)
}

// kvWantTTL fails the case unless the key's TTL is what is left of ttl since a moment before it was set.
func kvWantTTL(ctx context.Context, e *kvEnv, key string, ttl time.Duration, since time.Time) {
	got, err := e.Driver.TTL(ctx, key)
	e.noError(err, "ttl of "+key)
	least := ttl - time.Since(since) - time.Millisecond
	e.check(got > 0 && got <= ttl && got >= least, "ttl of %s is %v; want between %v and %v", key, got, least, ttl)
}

func kvWantNoTTL(ctx context.Context, e *kvEnv, key string) {
	got, err := e.Driver.TTL(ctx, key)
	e.noError(err, "ttl of "+key)
	e.check(got == 0, "ttl of %s is %v; want 0, no expiry", key, got)
}

// kvLong is a TTL that no case waits for. It is no whole number of seconds.
const kvLong = 90*time.Second + 900*time.Millisecond

// kvClients is how many clients work at the same time.
const kvClients = 4

// kvWins runs the same work at the same time, on a client each, and counts who got no error; the others must get kind.
func kvWins(ctx context.Context, e *kvEnv, kind ports.Kind, doing string, work func(ports.KeyValue, int) error) int {
	calls := make([]func() (int, error), kvClients)
	for i := range calls {
		d := e.peer(ctx)
		calls[i] = func() (int, error) { return i, work(d, i) }
	}
	all, _ := startAll(calls...)
	won := 0
	for _, c := range all {
		if _, err := await(e, 0, doing, c); err == nil {
			won++
		} else {
			e.isKind(err, kind, doing)
		}
	}
	return won
}

// kvMethod is one method, called on a key that the caller chooses.
type kvMethod struct {
	name  string
	needs kvHas
	call  func(ctx context.Context, d ports.KeyValue, key string) error
}

// kvMethods are all methods that take a key. On an absent key every one that can write would make it be there.
func kvMethods() []kvMethod {
	v := []byte("v")
	return []kvMethod{
		{"Get", kvHas{}, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.Get(ctx, key)) }},
		{"Set", kvHas{}, func(ctx context.Context, d ports.KeyValue, key string) error {
			return d.Set(ctx, key, v, ports.SetOptions{})
		}},
		{"MGet", kvHas{}, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.MGet(ctx, "ok", key)) }},
		{"Delete", kvHas{}, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.Delete(ctx, "ok", key)) }},
		{"Exists", kvHas{}, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.Exists(ctx, "ok", key)) }},
		{"Type", kvHas{}, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.Type(ctx, key)) }},
		{"Expire", kvTTL, func(ctx context.Context, d ports.KeyValue, key string) error { return d.Expire(ctx, key, time.Minute) }},
		{"TTL", kvTTL, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.TTL(ctx, key)) }},
		{"Incr", kvCounters, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.Incr(ctx, key, 1)) }},
		{"CompareAndSet", kvCompareAndSet, func(ctx context.Context, d ports.KeyValue, key string) error {
			return d.CompareAndSet(ctx, key, nil, v, 0)
		}},
		{"HSet", kvHashes, func(ctx context.Context, d ports.KeyValue, key string) error {
			return second(d.HSet(ctx, key, kvFields("f", "v"), 0))
		}},
		{"HGet", kvHashes, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.HGet(ctx, key, "f")) }},
		{"HGetAll", kvHashes, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.HGetAll(ctx, key)) }},
		{"HDel", kvHashes, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.HDel(ctx, key, "f")) }},
		{"LPush", kvLists, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.LPush(ctx, key, 0, v)) }},
		{"RPop", kvLists, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.RPop(ctx, key)) }},
		{"LLen", kvLists, func(ctx context.Context, d ports.KeyValue, key string) error { return second(d.LLen(ctx, key)) }},
		{"ZAdd", kvSortedSets, func(ctx context.Context, d ports.KeyValue, key string) error {
			return second(d.ZAdd(ctx, key, kvScored(1, "m")))
		}},
		{"ZRange", kvSortedSets, func(ctx context.Context, d ports.KeyValue, key string) error {
			return second(d.ZRange(ctx, key, 0, -1, false))
		}},
		{"Pipeline", kvAtomic, func(ctx context.Context, d ports.KeyValue, key string) error {
			return second(d.Pipeline(ctx, ports.PipelineOptions{}, ports.OpSet(key, v, ports.SetOptions{})))
		}},
	}
}

func second[T any](_ T, err error) error { return err }

// kvDeclared are the methods that the driver has.
func kvDeclared(d ports.KeyValue) []kvMethod {
	return slices.DeleteFunc(kvMethods(), func(m kvMethod) bool { return !m.needs.in(d) })
}
