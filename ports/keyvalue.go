package ports

import (
	"context"
	"time"
)

// KeyValue stores bytes under keys. A key is any UTF-8 text but the empty one (else ErrInvalid).
//
// TTL 0 means "no expiry" everywhere, a negative TTL is ErrInvalid, and TTLs are kept to the millisecond, rounded up.
// Set and CompareAndSet without a TTL clear an old one; Incr, ZAdd, HDel, RPop, and HSet or LPush with TTL 0 keep it, as
// in Redis. A hash, list or sorted set that loses its last element is gone.
//
// Strings (Get, Set, MGet, Delete, Exists, Type) and Batch pipelines are owed by every driver; the rest by those that
// declare it. KV-004, KV-005, KV-015 to KV-029 hold for all methods.
type KeyValue interface {
	Driver
	// KeyValueCapabilities says what the driver has beyond strings. KV-022.
	KeyValueCapabilities() KeyValueCapabilities

	// Get returns the value, ErrNotFound when the key is absent, ErrWrongType when it holds no string.
	// KV-001 to KV-003, KV-057.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set writes the value, whatever type the key held before. A nil value is stored as an empty one.
	// KV-001, KV-003, KV-006 to KV-008, KV-030 to KV-034, KV-036, KV-037, KV-058.
	Set(ctx context.Context, key string, value []byte, o SetOptions) error
	// MGet returns one value a key, in the order of keys, on any number of slots; nil = absent or no string, an empty
	// value is non-nil. KV-009, KV-010, KV-013, KV-058.
	MGet(ctx context.Context, keys ...string) ([][]byte, error)
	// Delete removes keys of any type and returns how many there were; no keys is no work.
	// KV-011, KV-013, KV-058.
	Delete(ctx context.Context, keys ...string) (int64, error)
	// Exists counts the keys that exist; a key named twice counts twice, as in Redis. KV-012, KV-013, KV-058.
	Exists(ctx context.Context, keys ...string) (int64, error)
	// Type returns KeyNone for an absent key. KV-014, KV-058, KV-065, KV-072.
	Type(ctx context.Context, key string) (KeyType, error)

	// Expire sets the TTL of an existing key, 0 removes it; ErrNotFound when the key is absent. Capability TTL.
	// KV-030 to KV-034, KV-038, KV-039.
	Expire(ctx context.Context, key string, ttl time.Duration) error
	// TTL returns what is left, 0 when the key has no expiry; ErrNotFound when it is absent. Capability TTL.
	// KV-032, KV-035.
	TTL(ctx context.Context, key string) (time.Duration, error)

	// Incr adds by to the decimal int64 under key (absent counts as 0) and returns the sum. ErrWrongType when it holds
	// anything else, ErrInvalid when the sum would overflow; the value then stays. Capability Counters.
	// KV-040 to KV-044, KV-057.
	Incr(ctx context.Context, key string, by int64) (int64, error)
	// CompareAndSet writes value only if the key holds old; a nil old means "only if absent". ErrConflict otherwise,
	// whatever the key holds, carrying no value. Capability CompareAndSet. KV-034, KV-045 to KV-049.
	CompareAndSet(ctx context.Context, key string, old, value []byte, ttl time.Duration) error

	// HSet writes fields and returns how many are new; a TTL other than 0 is the whole key's. No fields is ErrInvalid.
	// Capability Hashes, as for HGet, HGetAll and HDel. KV-034, KV-050, KV-054 to KV-058.
	HSet(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) (added int64, err error)
	// HGet returns ErrNotFound when the key or the field is absent. KV-050, KV-051, KV-057.
	HGet(ctx context.Context, key, field string) ([]byte, error)
	// HGetAll returns an empty map for an absent key. KV-050, KV-052, KV-057.
	HGetAll(ctx context.Context, key string) (map[string][]byte, error)
	// HDel removes fields and returns how many there were; no fields is no work. KV-053, KV-056, KV-057.
	HDel(ctx context.Context, key string, fields ...string) (int64, error)

	// LPush puts values at the head one after the other, so that the last is the new head, and returns the length. A TTL
	// other than 0 is the whole key's. No values is ErrInvalid. Capability Lists, as for RPop and LLen.
	// KV-034, KV-059, KV-063 to KV-065.
	LPush(ctx context.Context, key string, ttl time.Duration, values ...[]byte) (int64, error)
	// RPop takes the tail; ErrNotFound when the list is absent. KV-059, KV-060, KV-062, KV-064, KV-065.
	RPop(ctx context.Context, key string) ([]byte, error)
	// LLen is 0 for an absent list. KV-061, KV-065.
	LLen(ctx context.Context, key string) (int64, error)

	// ZAdd adds members or changes their scores and returns how many are new; no members, and NaN, is ErrInvalid. Of a
	// member named twice the last score counts. Capability SortedSets, as for ZRange. KV-066, KV-069 to KV-072.
	ZAdd(ctx context.Context, key string, members ...Scored) (int64, error)
	// ZRange returns the members from rank start to rank stop, both included, lowest score first, or highest first if
	// reverse; equal scores in the order of their bytes, backwards if reverse. Negative ranks count from the end, as in
	// Redis. KV-067 to KV-069, KV-072.
	ZRange(ctx context.Context, key string, start, stop int64, reverse bool) ([]Scored, error)

	// Pipeline runs ops in order and returns one [Reply] each.
	//
	// Without Batch it is atomic (capability Atomic): no other client sees a part of it, and it is all or nothing.
	// Argument and type errors are found before anything is written; they are the error of the whole call, and the
	// replies are nil. A missing key or field is an answer, not a failure: it stands in Reply.Err. A key's type is judged
	// by what it holds before the pipeline and by the pipeline's own earlier writes, where an HDel or RPop that empties
	// a key is not counted. An Incr of what is no number, or beyond the range of int64, is such an error too. All keys
	// must lie in the shard o.Shard, unless all ops name one key: see [ShardKey]. KV-075 to KV-085.
	//
	// With Batch each op stands alone, on any slots, with its own result in its Reply; the error is for the call.
	// KV-073 to KV-075.
	Pipeline(ctx context.Context, o PipelineOptions, ops ...Op) ([]Reply, error)
}

// KeyValueCapabilities says what a driver has beyond strings. What is false returns ErrUnsupported.
type KeyValueCapabilities struct {
	TTL           bool `json:"ttl"`
	Counters      bool `json:"counters"`
	Hashes        bool `json:"hashes"`
	Lists         bool `json:"lists"`
	SortedSets    bool `json:"sorted_sets"`
	CompareAndSet bool `json:"compare_and_set"`
	// Atomic pipelines.
	Atomic bool `json:"atomic"`
	// Volatile says that nothing is ever written to disk: the store that critical data may use.
	Volatile bool `json:"volatile"`
}

// SetOptions of the zero value mean: no expiry, write always.
type SetOptions struct {
	TTL time.Duration
	// IfAbsent: ErrAlreadyExists when the key exists, whatever its type; it then keeps its value and TTL.
	IfAbsent bool
}

// KeyType is what a key holds, in Redis's words.
type KeyType string

// The key types; a driver may return others that its backend has.
const (
	KeyNone   KeyType = "none"
	KeyString KeyType = "string"
	KeyHash   KeyType = "hash"
	KeyList   KeyType = "list"
	KeySet    KeyType = "set"
	KeyZSet   KeyType = "zset"
	KeyStream KeyType = "stream"
)

// Scored is a member of a sorted set.
type Scored struct {
	Member []byte
	Score  float64
}

// PipelineOptions of the zero value mean: atomic, one key.
type PipelineOptions struct {
	// Batch turns atomicity off.
	Batch bool
	// Shard is the hash tag that all keys of an atomic pipeline share, without braces.
	Shard string
}
