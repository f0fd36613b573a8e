package ports

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestShardOfIsRedisClustersRule(t *testing.T) {
	for key, want := range map[string]string{
		"plain": "", "{a}": "a", "{a}:b": "a", "x{a}y": "a", "{}a": "", "{}{a}": "", "{{a}}": "{a", "{a": "", "a}": "", "}{a}": "a", "{a}{b}": "a",
		"{hotel:987}:name": "hotel:987",
	} {
		if got := ShardOf(key); got != want {
			t.Errorf("ShardOf(%q) is %q; want %q", key, got, want)
		}
	}
}

func TestValidatePipeline(t *testing.T) {
	set := func(key string) Op { return OpSet(key, nil, SetOptions{}) }
	a, b := ShardKey("hotel:987", "a"), ShardKey("hotel:987", "b")
	for _, c := range []struct {
		name string
		o    PipelineOptions
		ops  []Op
		want string // a part of the error; "" = valid
	}{
		{"nothing", PipelineOptions{}, nil, ""},
		{"one key needs no shard", PipelineOptions{}, []Op{set("k"), OpGet("k")}, ""},
		{"one shard", PipelineOptions{Shard: "hotel:987"}, []Op{set(a), set(b)}, ""},
		{"a batch answers for itself", PipelineOptions{Batch: true}, []Op{set(""), set("k"), {}}, ""},
		{"several keys without a shard", PipelineOptions{}, []Op{set(a), set(b)}, `shard is ""`},
		{"a shard with braces", PipelineOptions{Shard: "{hotel:987}"}, []Op{set(a), set(b)}, "without braces"},
		{"another shard", PipelineOptions{Shard: "hotel:987"}, []Op{set(a), set("{hotel:988}:b")}, `op 1 (set): key "{hotel:988}:b" lies outside shard "hotel:987"; valid is "{hotel:987}:b"`},
		{"the shard without its braces", PipelineOptions{Shard: "hotel:987"}, []Op{set("hotel:987:name"), set(a)}, `op 0 (set): key "hotel:987:name" lies outside shard "hotel:987"; valid is "{hotel:987}:name"`},
		{"no shard in the key", PipelineOptions{Shard: "hotel:987"}, []Op{set("name"), set(a)}, `valid is "{hotel:987}:name"`},
		{"nothing but the shard", PipelineOptions{Shard: "hotel:987"}, []Op{set("hotel:987:"), set(a)}, `valid is "{hotel:987}:hotel:987:"`},
		{"an empty key", PipelineOptions{}, []Op{set("k"), set("")}, "op 1 (set): key is empty"},
		{"a key that is no text", PipelineOptions{}, []Op{set("\xff")}, "op 0 (set): key is not UTF-8"},
		{"a negative TTL", PipelineOptions{}, []Op{OpExpire("k", -time.Second)}, "op 0 (expire): ttl is -1s; valid is 0 (no expiry) or more"},
		{"no verb", PipelineOptions{}, []Op{{Key: "k"}}, "op 0 (unknown): op has no verb"},
		{"no fields", PipelineOptions{}, []Op{OpHSet("k", nil, 0)}, "hset has no fields"},
		{"no values", PipelineOptions{}, []Op{OpLPush("k", 0)}, "lpush has no values"},
		{"no members", PipelineOptions{}, []Op{OpZAdd("k")}, "zadd has no members"},
		{"NaN", PipelineOptions{}, []Op{OpZAdd("k", Scored{Member: []byte("secret")}, Scored{Score: math.NaN()})}, "score of member 1 is NaN"},
	} {
		err := ValidatePipeline(c.o, c.ops)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v; want %s", c.name, err, c.want)
		}
	}
}

func TestOpsHoldTheirOwnCopies(t *testing.T) {
	buf := []byte("value")
	fields := map[string][]byte{"f": buf}
	values := [][]byte{buf}
	members := []Scored{{Member: buf, Score: 1}}
	names := []string{"f"}
	set, hset, lpush, zadd, hdel := OpSet("k", buf, SetOptions{}), OpHSet("k", fields, 0), OpLPush("k", 0, values...),
		OpZAdd("k", members...), OpHDel("k", names...)
	copy(buf, "XXXXX")
	fields["g"], values[0], members[0].Score, names[0] = nil, nil, 2, "g"
	want := []byte("value")
	if !bytes.Equal(set.Value, want) || len(hset.Fields) != 1 || !bytes.Equal(hset.Fields["f"], want) || !bytes.Equal(lpush.Values[0], want) ||
		!bytes.Equal(zadd.Members[0].Member, want) || zadd.Members[0].Score != 1 || hdel.Names[0] != "f" {
		t.Errorf("an op changed with its caller's memory: %v %v %v %v %v", set, hset, lpush, zadd, hdel)
	}
}

func TestVerbsHaveNames(t *testing.T) {
	for v := VerbGet; v <= VerbZAdd; v++ {
		if v.String() == "unknown" {
			t.Errorf("verb %d has no name", v)
		}
	}
	if got := Verb(200).String(); got != "unknown" {
		t.Errorf("a verb that does not exist is %q", got)
	}
}

// FuzzShardKey: a shard without braces is the tag of the keys that ShardKey makes, and what ValidatePipeline proposes in
// place of a wrong key is right.
func FuzzShardKey(f *testing.F) {
	for _, seed := range [][2]string{{"hotel:987", "name"}, {"a", "{b}:c"}, {"a", "a:"}, {"", "x"}, {"ü", "\xff"}, {"a}", "b"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, shard, key string) {
		usable := shard != "" && !strings.ContainsAny(shard, "{}") && utf8.ValidString(shard)
		made := ShardKey(shard, key)
		if usable && ShardOf(made) != shard {
			t.Fatalf("ShardOf(%q) is %q; want %q", made, ShardOf(made), shard)
		}
		if !usable || ValidateKey(key) != nil {
			return
		}
		inside := ShardKey(shard, "inside")
		ops := []Op{OpGet(inside), OpGet(key)}
		err := ValidatePipeline(PipelineOptions{Shard: shard}, ops)
		if right := ShardOf(key) == shard || key == inside; right != (err == nil) {
			t.Fatalf("key %q in shard %q: %v", key, shard, err)
		}
		ops[1] = OpGet(keyInShard(shard, key))
		if err := ValidatePipeline(PipelineOptions{Shard: shard}, ops); err != nil {
			t.Fatalf("the proposed key: %v", err)
		}
	})
}
