package memory

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// kvWork runs operations on keys whose shards its maker has locked. With a log it can take back what it did.
type kvWork struct {
	store *keyValueStore
	time  int64
	// logs: keep an undo log. A single operation needs none, it finds its errors before it writes.
	logs bool
	// undo takes back each change, the oldest first in the list.
	undo []func(*kvWork)
}

// now is the moment of all the work, asked for when first needed.
func (w *kvWork) now() int64 {
	if w.time == 0 {
		w.time = w.store.now()
	}
	return w.time
}

func (w *kvWork) undoable(undo func(*kvWork)) { w.undo = append(w.undo, undo) }

func (w *kvWork) rollback() {
	w.logs = false
	for i := len(w.undo) - 1; i >= 0; i-- {
		w.undo[i](w)
	}
}

// deadline of a TTL that begins now.
func (w *kvWork) deadline(ttl time.Duration) int64 {
	if ttl == 0 {
		return 0
	}
	return deadlineAfter(w.now(), ttl)
}

// kvPlace is a key's place in the store, and what it holds.
type kvPlace struct {
	shard *kvShard
	hash  uint64
	key   string
	// found lies there now, expired or not; nil = nothing does.
	found *kvObject
	// object is nil when the key is absent or has expired.
	object *kvObject
}

func (w *kvWork) find(key string) kvPlace {
	p := w.place(key)
	if o := p.found; o != nil && (o.deadline == 0 || o.deadline > w.now()) {
		p.object = o
	}
	return p
}

// place is find without a look at what the key holds.
func (w *kvWork) place(key string) kvPlace {
	hash := w.store.hash(key)
	shard := &w.store.shards[shardOf(hash)]
	return kvPlace{shard: shard, hash: hash, key: key, found: shard.table.Load().find(hash, key)}
}

// keyType is what the object is; nil is none.
func (o *kvObject) keyType() ports.KeyType {
	switch {
	case o == nil:
		return ports.KeyNone
	case o.collection == nil:
		return ports.KeyString
	}
	return o.collection.keyType()
}

func (p kvPlace) deadline() int64 {
	if p.object == nil {
		return 0
	}
	return p.object.deadline
}

// put writes what the key holds, nil = nothing.
func (w *kvWork) put(p kvPlace, o *kvObject) {
	if w.logs {
		key, before := p.key, p.object
		w.undoable(func(w *kvWork) { w.put(w.find(key), before.again()) })
	}
	switch {
	case o != nil:
		p.shard.put(p.found, p.hash, p.key, o)
	case p.found != nil:
		p.shard.remove(p.found)
	}
}

// touch gives the key a new deadline, where there is a TTL.
func (w *kvWork) touch(p kvPlace, ttl time.Duration) {
	if ttl != 0 {
		w.put(p, p.object.until(w.deadline(ttl)))
	}
}

// collectionOf returns the collection under the key, the zero value when the key is absent.
func collectionOf[C collection](p kvPlace, op string) (C, error) {
	var c C
	if p.object == nil {
		return c, nil
	}
	c, ok := p.object.collection.(C)
	if !ok {
		return c, kvError(op, p.key, ports.ErrWrongType)
	}
	return c, nil
}

// dropEmpty removes a key whose collection has lost its last element.
func (w *kvWork) dropEmpty(p kvPlace) {
	if p.object.collection.empty() {
		w.put(p, nil)
	}
}

func (w *kvWork) get(key string) ([]byte, error) {
	p := w.find(key)
	return stringOf(p.object, "get", key)
}

// stringOf is the caller's copy of the string that an object is.
func stringOf(o *kvObject, op, key string) ([]byte, error) {
	switch {
	case o == nil:
		return nil, kvError(op, key, ports.ErrNotFound)
	case o.collection != nil:
		return nil, kvError(op, key, ports.ErrWrongType)
	}
	return copied(o.value), nil
}

func (w *kvWork) set(key string, value []byte, o ports.SetOptions) error {
	if !o.IfAbsent && !w.logs { // what was there matters to nobody
		w.put(w.place(key), newString(value, w.deadline(o.TTL)))
		return nil
	}
	p := w.find(key)
	if o.IfAbsent && p.object != nil {
		return kvError("set", key, ports.ErrAlreadyExists)
	}
	w.put(p, newString(value, w.deadline(o.TTL)))
	return nil
}

func (w *kvWork) delete(key string) int64 {
	p := w.find(key)
	if p.object == nil {
		return 0
	}
	w.put(p, nil)
	return 1
}

func (w *kvWork) expire(key string, ttl time.Duration) error {
	p := w.find(key)
	if p.object == nil {
		return kvError("expire", key, ports.ErrNotFound)
	}
	w.put(p, p.object.until(w.deadline(ttl)))
	return nil
}

func (w *kvWork) incr(key string, by int64) (int64, error) {
	p := w.find(key)
	var n int64
	if p.object != nil {
		var ok bool
		if n, ok = decimal(p.object); !ok {
			return 0, kvError("incr", key, ports.ErrWrongType)
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return 0, kvError("incr", key, ports.ErrInvalid)
	}
	w.put(p, newString(strconv.AppendInt(make([]byte, 0, 20), n+by, 10), p.deadline()))
	return n + by, nil
}

// decimal reads a number in the one form in which it is written: no plus sign, no leading zero, no space.
func decimal(o *kvObject) (int64, bool) {
	if o.collection != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(o.value), 10, 64)
	return n, err == nil && bytes.Equal(strconv.AppendInt(nil, n, 10), o.value)
}

func (w *kvWork) compareAndSet(key string, old, value []byte, ttl time.Duration) error {
	p := w.find(key)
	match := p.object == nil && old == nil ||
		p.object != nil && old != nil && p.object.collection == nil && bytes.Equal(p.object.value, old)
	if !match {
		return kvError("compareandset", key, ports.ErrConflict)
	}
	w.put(p, newString(value, w.deadline(ttl)))
	return nil
}

func (w *kvWork) hset(key string, fields map[string][]byte, ttl time.Duration) (added int64, err error) {
	p := w.find(key)
	m, err := collectionOf[fieldMap](p, "hset")
	if err != nil {
		return 0, err
	}
	if m == nil {
		m = make(fieldMap, len(fields))
		w.put(p, &kvObject{deadline: w.deadline(ttl), collection: m})
	} else {
		w.touch(p, ttl)
	}
	for name, value := range fields {
		before, known := m[name]
		if !known {
			added++
		}
		if w.logs {
			w.undoable(func(*kvWork) { restore(m, name, before, known) })
		}
		m[name] = copied(value)
	}
	return added, nil
}

func restore(m fieldMap, name string, value []byte, known bool) {
	if known {
		m[name] = value
	} else {
		delete(m, name)
	}
}

func (w *kvWork) hget(key, field string) ([]byte, error) {
	m, err := collectionOf[fieldMap](w.find(key), "hget")
	if err != nil {
		return nil, err
	}
	value, ok := m[field]
	if !ok {
		return nil, kvError("hget", key, ports.ErrNotFound)
	}
	return copied(value), nil
}

func (w *kvWork) hgetall(key string) (map[string][]byte, error) {
	m, err := collectionOf[fieldMap](w.find(key), "hgetall")
	if err != nil {
		return nil, err
	}
	all := make(map[string][]byte, len(m))
	for name, value := range m {
		all[name] = copied(value)
	}
	return all, nil
}

func (w *kvWork) hdel(key string, fields []string) (removed int64, err error) {
	p := w.find(key)
	m, err := collectionOf[fieldMap](p, "hdel")
	if err != nil || m == nil {
		return 0, err
	}
	for _, name := range fields {
		before, known := m[name]
		if !known {
			continue
		}
		removed++
		if w.logs {
			w.undoable(func(*kvWork) { m[name] = before })
		}
		delete(m, name)
	}
	w.dropEmpty(p)
	return removed, nil
}

func (w *kvWork) lpush(key string, ttl time.Duration, values [][]byte) (int64, error) {
	p := w.find(key)
	r, err := collectionOf[*valueRing](p, "lpush")
	if err != nil {
		return 0, err
	}
	if r == nil {
		r = &valueRing{}
		w.put(p, &kvObject{deadline: w.deadline(ttl), collection: r})
	} else {
		w.touch(p, ttl)
	}
	for _, v := range values {
		if w.logs {
			w.undoable(func(*kvWork) { r.popHead() })
		}
		r.pushHead(copied(v))
	}
	return int64(r.size), nil
}

func (w *kvWork) rpop(key string) ([]byte, error) {
	p := w.find(key)
	r, err := collectionOf[*valueRing](p, "rpop")
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, kvError("rpop", key, ports.ErrNotFound)
	}
	v := r.popTail()
	if w.logs {
		w.undoable(func(*kvWork) { r.pushTail(v) })
	}
	w.dropEmpty(p)
	return v, nil
}

func (w *kvWork) llen(key string) (int64, error) {
	r, err := collectionOf[*valueRing](w.find(key), "llen")
	if err != nil || r == nil {
		return 0, err
	}
	return int64(r.size), nil
}

func (w *kvWork) zadd(key string, members []ports.Scored) (added int64, err error) {
	p := w.find(key)
	z, err := collectionOf[*sortedSet](p, "zadd")
	if err != nil {
		return 0, err
	}
	if z == nil {
		z = newSortedSet()
		w.put(p, &kvObject{collection: z})
	}
	for _, m := range members {
		name := string(m.Member)
		before, known := z.scores[name]
		if !known {
			added++
		}
		if w.logs {
			w.undoable(func(*kvWork) { z.restore(name, before, known) })
		}
		z.add(rankedMember{score: m.Score, member: name})
	}
	return added, nil
}

func (w *kvWork) zrange(key string, start, stop int64, reverse bool) ([]ports.Scored, error) {
	z, err := collectionOf[*sortedSet](w.find(key), "zrange")
	if err != nil || z == nil {
		return nil, err
	}
	return z.between(start, stop, reverse), nil
}

// keyError is an error's text, made only when somebody reads it.
type keyError string

// Error names the key.
func (k keyError) Error() string { return fmt.Sprintf("key %q", string(k)) }

func kvError(op, key string, kind ports.Kind) error {
	return &ports.Error{Op: op, Driver: driverName, Kind: kind, Err: keyError(key)}
}
