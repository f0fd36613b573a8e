package ports

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Verb names what an [Op] does.
type Verb uint8

// The verbs, each made by the constructor of its name.
const (
	VerbGet Verb = iota + 1
	VerbSet
	VerbDelete
	VerbExpire
	VerbIncr
	VerbHSet
	VerbHGet
	VerbHDel
	VerbLPush
	VerbRPop
	VerbZAdd
)

var verbTexts = [...]string{"unknown", "get", "set", "delete", "expire", "incr", "hset", "hget", "hdel", "lpush", "rpop",
	"zadd"}

// String is the verb's name in lower case.
func (v Verb) String() string {
	if int(v) >= len(verbTexts) {
		return verbTexts[0]
	}
	return verbTexts[v]
}

// Op is one operation of a pipeline. Make it with OpGet, OpSet …; a driver reads the fields that the verb uses.
type Op struct {
	Verb     Verb
	Key      string
	Value    []byte            // set
	IfAbsent bool              // set
	Field    string            // hget
	Fields   map[string][]byte // hset
	Names    []string          // hdel
	Values   [][]byte          // lpush
	Members  []Scored          // zadd
	By       int64             // incr
	TTL      time.Duration     // set, expire, hset, lpush
}

// OpGet is [KeyValue] Get; the value is in Reply.Value.
func OpGet(key string) Op { return Op{Verb: VerbGet, Key: key} }

// OpSet is Set. In an atomic pipeline an IfAbsent that finds the key is an answer in Reply.Err: the rest goes on.
func OpSet(key string, value []byte, o SetOptions) Op {
	return Op{Verb: VerbSet, Key: key, Value: slices.Clone(value), IfAbsent: o.IfAbsent, TTL: o.TTL}
}

// OpDelete is Delete of one key; Reply.Int is 0 or 1.
func OpDelete(key string) Op { return Op{Verb: VerbDelete, Key: key} }

// OpExpire is Expire.
func OpExpire(key string, ttl time.Duration) Op { return Op{Verb: VerbExpire, Key: key, TTL: ttl} }

// OpIncr is Incr; the sum is in Reply.Int.
func OpIncr(key string, by int64) Op { return Op{Verb: VerbIncr, Key: key, By: by} }

// OpHSet is HSet; the count is in Reply.Int.
func OpHSet(key string, fields map[string][]byte, ttl time.Duration) Op {
	f := maps.Clone(fields)
	for name, v := range f {
		f[name] = slices.Clone(v)
	}
	return Op{Verb: VerbHSet, Key: key, Fields: f, TTL: ttl}
}

// OpHGet is HGet; the value is in Reply.Value.
func OpHGet(key, field string) Op { return Op{Verb: VerbHGet, Key: key, Field: field} }

// OpHDel is HDel; the count is in Reply.Int.
func OpHDel(key string, fields ...string) Op {
	return Op{Verb: VerbHDel, Key: key, Names: slices.Clone(fields)}
}

// OpLPush is LPush; the length is in Reply.Int.
func OpLPush(key string, ttl time.Duration, values ...[]byte) Op {
	vs := make([][]byte, len(values))
	for i, v := range values {
		vs[i] = slices.Clone(v)
	}
	return Op{Verb: VerbLPush, Key: key, Values: vs, TTL: ttl}
}

// OpRPop is RPop; the value is in Reply.Value.
func OpRPop(key string) Op { return Op{Verb: VerbRPop, Key: key} }

// OpZAdd is ZAdd; the count is in Reply.Int.
func OpZAdd(key string, members ...Scored) Op {
	ms := slices.Clone(members)
	for i := range ms {
		ms[i].Member = slices.Clone(ms[i].Member)
	}
	return Op{Verb: VerbZAdd, Key: key, Members: ms}
}

// Reply is the answer to one [Op].
type Reply struct {
	Value []byte
	Int   int64
	Err   error
}

// ShardKey builds a key of a shard: "{shard}:name". All keys of one shard may stand in one atomic pipeline, and a plain
// Get of the same key reads what the pipeline wrote.
func ShardKey(shard, name string) string { return "{" + shard + "}:" + name }

// ShardOf is a key's hash tag by Redis Cluster's rule: what stands between the first "{" and the next "}" if that is not
// empty, else "".
func ShardOf(key string) string {
	_, rest, ok := strings.Cut(key, "{")
	if !ok {
		return ""
	}
	tag, _, ok := strings.Cut(rest, "}")
	if !ok {
		return ""
	}
	return tag
}

// ValidateKey says why key cannot be one, or nil.
func ValidateKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("key is empty; valid is any UTF-8 text but the empty one")
	case !utf8.ValidString(key):
		return fmt.Errorf("key is not UTF-8; valid is any UTF-8 text but the empty one")
	}
	return nil
}

// ValidateTTL says why ttl cannot be one, or nil.
func ValidateTTL(ttl time.Duration) error {
	if ttl < 0 {
		return fmt.Errorf("ttl is %v; valid is 0 (no expiry) or more", ttl)
	}
	return nil
}

// Validate says why an op's arguments cannot be right whatever the keys hold, or nil.
func (op Op) Validate() error {
	if err := ValidateKey(op.Key); err != nil {
		return err
	}
	if err := ValidateTTL(op.TTL); err != nil {
		return err
	}
	switch op.Verb {
	case VerbGet, VerbSet, VerbDelete, VerbExpire, VerbIncr, VerbHGet, VerbRPop, VerbHDel:
		return nil
	case VerbHSet:
		if len(op.Fields) == 0 {
			return fmt.Errorf("hset has no fields; valid is one or more")
		}
	case VerbLPush:
		if len(op.Values) == 0 {
			return fmt.Errorf("lpush has no values; valid is one or more")
		}
	case VerbZAdd:
		return ValidateMembers(op.Members)
	default:
		return fmt.Errorf("op has no verb; make ops with ports.OpGet, OpSet …")
	}
	return nil
}

// ValidateMembers says why members cannot be added to a sorted set, or nil.
func ValidateMembers(members []Scored) error {
	if len(members) == 0 {
		return fmt.Errorf("zadd has no members; valid is one or more")
	}
	for i, m := range members {
		if math.IsNaN(m.Score) {
			return fmt.Errorf("score of member %d is NaN; valid is any number or an infinity", i)
		}
	}
	return nil
}

// ValidatePipeline checks the arguments of a pipeline: every op of an atomic one, and that its keys share the shard. The
// error names the op and, for a key outside the shard, the key that would be right.
func ValidatePipeline(o PipelineOptions, ops []Op) error {
	if o.Batch {
		return nil // each op answers for itself
	}
	oneKey := true
	for i, op := range ops {
		if err := op.Validate(); err != nil {
			return fmt.Errorf("op %d (%v): %w", i, op.Verb, err)
		}
		oneKey = oneKey && op.Key == ops[0].Key
	}
	if oneKey {
		return nil
	}
	if o.Shard == "" || strings.ContainsAny(o.Shard, "{}") {
		return fmt.Errorf("shard is %q; an atomic pipeline over several keys needs a shard without braces, and keys made by ports.ShardKey", o.Shard)
	}
	for i, op := range ops {
		if ShardOf(op.Key) != o.Shard {
			return fmt.Errorf("op %d (%v): key %q lies outside shard %q; valid is %q", i, op.Verb, op.Key, o.Shard, keyInShard(o.Shard, op.Key))
		}
	}
	return nil
}

// keyInShard is what the caller probably meant by key: its name under the shard's tag, without the tag or the prefix that
// it has in place of it.
func keyInShard(shard, key string) string {
	name := key
	if tag := ShardOf(key); tag != "" {
		name = strings.TrimPrefix(name, "{"+tag+"}:")
	}
	name = strings.TrimPrefix(name, shard+":")
	if name == "" {
		name = key
	}
	return ShardKey(shard, name)
}
