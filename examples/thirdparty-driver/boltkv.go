// Package boltkv is a Breakwater key-value driver over bbolt, written as a stranger would: in a module of its own, against
// package ports alone, held to the contract by package conformance.
//
// Why bbolt: it is pure Go, the etcd project keeps it, and it links nothing but golang.org/x/sys. Above all its transactions
// are isolated and roll back, so that an atomic pipeline is simply a transaction.
//
// A write that returned is on disk, unless the database was opened with NoSync. A hash is one record, written as a whole:
// right for an object's fields, wrong for a million of them.
package boltkv

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/breakwater-go/breakwater/ports"
)

// Store shares a database among its clients. The database stays its owner's to close, after the clients.
type Store struct {
	db   *bbolt.DB
	turn chan struct{} // the writer's: bbolt's own lock cannot be awaited with a context
}

// New makes the one Store of an open database.
func New(db *bbolt.DB) *Store { return &Store{db: db, turn: make(chan struct{}, 1)} }

// Client makes a client of namespace, which is any text.
func (s *Store) Client(namespace string) *KeyValue {
	c := &KeyValue{Store: s, namespace: []byte("keys of " + namespace)}
	c.Do = c.one
	return c
}

// KeyValue is a [ports.KeyValue]: a client of one namespace of a Store, safe for concurrent use, without goroutines. A
// cancel ends a wait for other writers at once, but a commit under way only after its sync of the disk.
type KeyValue struct {
	ports.KeyValueOps
	*Store
	namespace []byte
	swept     []byte // where the next sweep begins; the writer's
	closed    atomic.Bool
}

// Close ends the client and nothing else.
func (c *KeyValue) Close(context.Context) error { c.closed.Store(true); return nil }

// Name is "bbolt".
func (*KeyValue) Name() string { return "bbolt" }

// As gives the database when target is a **bbolt.DB.
func (c *KeyValue) As(target any) bool {
	db, ok := target.(**bbolt.DB)
	if ok = ok && db != nil; ok {
		*db = c.db
	}
	return ok
}

// run does work in one transaction, which is taken back when it fails.
func (c *KeyValue) run(ctx context.Context, op string, write bool, work func(*transaction) error) error {
	err := ctx.Err()
	switch {
	case c.closed.Load():
		err = ports.ErrClosed
	case err == nil && write:
		err = c.update(ctx, work)
	case err == nil:
		err = c.db.View(func(tx *bbolt.Tx) error { return work(begin(tx.Bucket(c.namespace))) })
	}
	return failure(op, err)
}

// update deletes what has expired of the next few keys too, so that what nobody reads does not stay.
func (c *KeyValue) update(ctx context.Context, work func(*transaction) error) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return c.db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(c.namespace)
		if err != nil {
			return err
		}
		t, cursor := begin(bucket), bucket.Cursor()
		key, raw := cursor.Seek(c.swept)
		for n := 0; n < 16 && key != nil && err == nil; n++ {
			if t.expired(raw) {
				err = cursor.Delete()
			}
			key, raw = cursor.Next()
		}
		if c.swept = bytes.Clone(key); err != nil {
			return err
		}
		return work(t)
	})
}

// failure makes the one error type that leaves a driver, of anything but nil.
func failure(op string, err error) error {
	if err == nil {
		return nil
	}
	kind := cmp.Or(ports.KindOf(err), ports.ErrUnavailable) // the database was closed, or its disk fails
	if errors.Is(err, berrors.ErrKeyTooLarge) || errors.Is(err, berrors.ErrValueTooLarge) {
		kind = ports.ErrExhausted
	}
	return &ports.Error{Op: op, Driver: "bbolt", Kind: kind, Err: err}
}

// invalid marks what a validation found, if anything.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ports.ErrInvalid, err)
}

// record is what a key holds: a value or fields. It is stored as JSON behind its deadline.
type record struct {
	Deadline int64 // nanoseconds since 1970; 0 = none
	Kind     ports.KeyType
	Value    []byte
	Fields   map[string][]byte
}

// transaction is a namespace seen at one moment.
type transaction struct {
	bucket  *bbolt.Bucket // nil: nothing was ever written
	now     int64
	emptied map[string]bool // hashes that lost their last field just now: for an atomic pipeline they are hashes still
}

func begin(bucket *bbolt.Bucket) *transaction {
	return &transaction{bucket, time.Now().UnixNano(), map[string]bool{}}
}

// expired looks at the deadline before a stored record.
func (t *transaction) expired(raw []byte) bool {
	return binary.BigEndian.Uint64(raw)-1 < uint64(t.now) // 0, which is none, wraps around
}

// load returns a record of KeyNone for an absent key.
func (t *transaction) load(key string) (r record, err error) {
	if err := invalid(ports.ValidateKey(key)); err != nil {
		return r, err
	}
	var raw []byte
	if t.bucket != nil {
		raw = t.bucket.Get([]byte(key))
	}
	if raw == nil || t.expired(raw) {
		return record{Kind: ports.KeyNone, Fields: map[string][]byte{}}, nil
	}
	if json.Unmarshal(raw[8:], &r) != nil {
		return r, ports.ErrCorrupt // whose cause might quote a value
	}
	return r, nil
}

// save writes a record, or deletes the key when it holds nothing.
func (t *transaction) save(key string, r record) error {
	t.emptied[key] = r.Kind == ports.KeyHash && len(r.Fields) == 0
	if r.Kind == ports.KeyNone || t.emptied[key] {
		return t.bucket.Delete([]byte(key))
	}
	raw, _ := json.Marshal(r) // a record always has a form
	return t.bucket.Put([]byte(key), append(binary.BigEndian.AppendUint64(nil, uint64(r.Deadline)), raw...))
}

// deadline of a TTL that begins now, rounded up to the millisecond; more than a century is one, lest it overflow.
func (t *transaction) deadline(ttl time.Duration) int64 {
	if ttl == 0 {
		return 0
	}
	return t.now + int64((min(ttl, 100*365*24*time.Hour) + time.Millisecond - 1).Truncate(time.Millisecond))
}

// do runs one operation, which has no effect when it is refused.
func (t *transaction) do(op ports.Op) (reply ports.Reply, err error) {
	if err := invalid(op.Validate()); err != nil {
		return reply, err
	}
	r, err := t.load(op.Key)
	if err == nil {
		err = t.refusal(op, r)
	}
	none, before := r.Kind == ports.KeyNone, len(r.Fields)
	if err != nil || none && op.Verb == ports.VerbHDel {
		return reply, err
	}
	if op.TTL != 0 || op.Verb == ports.VerbExpire {
		r.Deadline = t.deadline(op.TTL)
	}
	switch op.Verb {
	case ports.VerbGet:
		return ports.Reply{Value: r.Value}, nil
	case ports.VerbHGet:
		return ports.Reply{Value: r.Fields[op.Field]}, nil
	case ports.VerbSet:
		r = record{Kind: ports.KeyString, Deadline: t.deadline(op.TTL), Value: append([]byte{}, op.Value...)}
	case ports.VerbDelete:
		if r = (record{Kind: ports.KeyNone}); !none {
			reply.Int = 1
		}
	case ports.VerbHSet, ports.VerbHDel:
		for name, value := range op.Fields {
			r.Fields[name] = append([]byte{}, value...)
		}
		for _, name := range op.Names {
			delete(r.Fields, name)
		}
		r.Kind, reply.Int = ports.KeyHash, int64(max(before-len(r.Fields), len(r.Fields)-before))
	default: // expire: the deadline is all
	}
	return reply, t.save(op.Key, r)
}

// refusal says why op cannot be done to what its key holds, or nil.
func (t *transaction) refusal(op ports.Op, r record) error {
	needs, declared := map[ports.Verb]ports.KeyType{
		ports.VerbSet: "", ports.VerbDelete: "", ports.VerbExpire: "", ports.VerbGet: ports.KeyString,
		ports.VerbHSet: ports.KeyHash, ports.VerbHGet: ports.KeyHash, ports.VerbHDel: ports.KeyHash}[op.Verb]
	_, known := r.Fields[op.Field]
	none := r.Kind == ports.KeyNone
	switch {
	case !declared:
		return ports.ErrUnsupported
	case needs != "" && !none && r.Kind != needs, needs == ports.KeyString && t.emptied[op.Key]:
		return ports.ErrWrongType
	case none && (op.Verb == ports.VerbGet || op.Verb == ports.VerbExpire), op.Verb == ports.VerbHGet && !known:
		return ports.ErrNotFound
	case op.IfAbsent && !none:
		return ports.ErrAlreadyExists
	}
	return nil
}

// Pipeline is [ports.KeyValue] Pipeline: one transaction, atomic or not.
func (c *KeyValue) Pipeline(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
	replies := make([]ports.Reply, len(ops))
	err := c.run(ctx, "pipeline", true, func(t *transaction) error {
		err := invalid(ports.ValidatePipeline(o, ops))
		for i := 0; i < len(ops) && err == nil; i++ {
			if o.Batch {
				clear(t.emptied) // each op stands alone
			}
			replies[i], err = t.do(ops[i])
			if kind := ports.KindOf(err); kind == ports.ErrNotFound || kind == ports.ErrAlreadyExists || o.Batch && kind != 0 {
				replies[i].Err, err = failure(ops[i].Verb.String(), err), nil // an answer
			}
		}
		return err
	})
	if err != nil {
		replies = nil
	}
	return replies, err
}

// CompareAndSet is [ports.KeyValue] CompareAndSet.
func (c *KeyValue) CompareAndSet(ctx context.Context, key string, old, value []byte, ttl time.Duration) error {
	return c.run(ctx, "compareandset", true, func(t *transaction) error {
		r, _ := t.load(key) // its error comes again
		held := r.Kind == ports.KeyString && old != nil && bytes.Equal(r.Value, old) || r.Kind == ports.KeyNone && old == nil
		if _, err := t.do(ports.OpSet(key, value, ports.SetOptions{TTL: ttl})); err != nil || held {
			return err
		}
		return ports.ErrConflict // which takes the write back
	})
}

// one is what the methods of [ports.KeyValueOps] run.
func (c *KeyValue) one(ctx context.Context, op ports.Op) (r ports.Reply, err error) {
	reads := op.Verb == ports.VerbGet || op.Verb == ports.VerbHGet
	err = c.run(ctx, op.Verb.String(), !reads, func(t *transaction) (err error) { r, err = t.do(op); return err })
	return r, err
}

// Delete is [ports.KeyValue] Delete.
func (c *KeyValue) Delete(ctx context.Context, keys ...string) (n int64, err error) {
	err = c.run(ctx, "delete", true, func(t *transaction) (err error) {
		for _, key := range keys {
			r, refused := t.do(ports.OpDelete(key))
			n, err = n+r.Int, errors.Join(err, refused)
		}
		return err
	})
	return n, err
}

// records are what keys hold at one moment, and one that is empty in place of an error.
func (c *KeyValue) records(ctx context.Context, op string, keys ...string) (all []record, err error) {
	all = make([]record, len(keys))
	err = c.run(ctx, op, false, func(t *transaction) (err error) {
		for i := 0; i < len(keys) && err == nil; i++ {
			all[i], err = t.load(keys[i])
		}
		return err
	})
	return all, err
}

// MGet is [ports.KeyValue] MGet.
func (c *KeyValue) MGet(ctx context.Context, keys ...string) (values [][]byte, _ error) {
	all, err := c.records(ctx, "mget", keys...)
	for _, r := range all {
		values = append(values, r.Value)
	}
	return values, err
}

// Exists is [ports.KeyValue] Exists.
func (c *KeyValue) Exists(ctx context.Context, keys ...string) (n int64, err error) {
	all, err := c.records(ctx, "exists", keys...)
	for _, r := range all {
		if r.Kind != ports.KeyNone {
			n++
		}
	}
	return n, err
}

// Type is [ports.KeyValue] Type.
func (c *KeyValue) Type(ctx context.Context, key string) (ports.KeyType, error) {
	all, err := c.records(ctx, "type", key)
	return all[0].Kind, err
}

// TTL is [ports.KeyValue] TTL.
func (c *KeyValue) TTL(ctx context.Context, key string) (time.Duration, error) {
	all, err := c.records(ctx, "ttl", key)
	if all[0].Kind == ports.KeyNone {
		return 0, failure("ttl", ports.ErrNotFound)
	}
	if err != nil || all[0].Deadline == 0 {
		return 0, err
	}
	return max(time.Until(time.Unix(0, all[0].Deadline)), 1), nil
}

// HGetAll is [ports.KeyValue] HGetAll.
func (c *KeyValue) HGetAll(ctx context.Context, key string) (map[string][]byte, error) {
	all, err := c.records(ctx, "hgetall", key)
	if all[0].Kind == ports.KeyString {
		return nil, failure("hgetall", ports.ErrWrongType)
	}
	return all[0].Fields, err
}

// KeyValueCapabilities leaves out counters, lists and sorted sets.
func (*KeyValue) KeyValueCapabilities() ports.KeyValueCapabilities {
	return ports.KeyValueCapabilities{TTL: true, Hashes: true, CompareAndSet: true, Atomic: true}
}

// LLen is undeclared.
func (*KeyValue) LLen(context.Context, string) (int64, error) {
	return 0, failure("llen", ports.ErrUnsupported)
}

// ZRange is undeclared.
func (*KeyValue) ZRange(context.Context, string, int64, int64, bool) ([]ports.Scored, error) {
	return nil, failure("zrange", ports.ErrUnsupported)
}
