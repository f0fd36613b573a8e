package memory

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// keyValueStore is a hash table in shards. Reads of strings take no lock: they follow atomic pointers to objects that
// never change. Writes, and everything inside of collections, happen under the lock of the key's shard.
type keyValueStore struct {
	epoch  time.Time
	seed   maphash.Seed
	shards [shardCount]kvShard
}

// shardCount is the number of bits in a pipeline's set of shards.
const shardCount = 64

const minBuckets = 8

type kvShard struct {
	table atomic.Pointer[kvTable]
	// version is odd while an atomic pipeline writes: readers then wait at mu, so that nobody sees a part of it.
	version atomic.Uint64

	mu     sync.Mutex
	count  int
	expiry expiryQueue

	_ [64]byte // two shards share no cache line
}

type kvTable struct {
	mask    uint64
	side    int // which of its objects' links are this table's
	buckets []atomic.Pointer[kvObject]
}

// kvObject is a key and what it holds: a string, or a collection if there is one. A write puts another object in its
// place; only its links and the inside of a collection change.
type kvObject struct {
	hash uint64
	key  string
	// next in the chain, a link for each of two tables: while the objects move to a new one, the old chains stay whole.
	next       [2]atomic.Pointer[kvObject]
	deadline   int64 // on the store's clock; 0 = no expiry
	value      []byte
	collection collection
	queued     int // place in the shard's expiry queue, from 1; 0 = none; guarded by the shard's lock
}

// Objects with room for their value, which fill the allocator's size classes 112, 144 and 208: the value of a short string
// lies beside its header, where a reader's processor fetches both at once, and a write allocates once.
type (
	kvObject16 struct {
		kvObject
		room [16]byte
	}
	kvObject48 struct {
		kvObject
		room [48]byte
	}
	kvObject112 struct {
		kvObject
		room [112]byte
	}
)

// newString is an object with its own copy of value.
func newString(value []byte, deadline int64) *kvObject {
	var o *kvObject
	var room []byte
	switch n := len(value); {
	case n <= len(kvObject16{}.room):
		x := &kvObject16{}
		o, room = &x.kvObject, x.room[:n:n]
	case n <= len(kvObject48{}.room):
		x := &kvObject48{}
		o, room = &x.kvObject, x.room[:n:n]
	case n <= len(kvObject112{}.room):
		x := &kvObject112{}
		o, room = &x.kvObject, x.room[:n:n]
	default:
		return &kvObject{deadline: deadline, value: copied(value)}
	}
	copy(room, value)
	o.deadline, o.value = deadline, room
	return o
}

// again is what o holds, to be put once more; nil = nothing.
func (o *kvObject) again() *kvObject {
	if o == nil {
		return nil
	}
	return o.until(o.deadline)
}

// until is what o holds, in an object of its own with another deadline. It shares no room: the old object would stay.
func (o *kvObject) until(deadline int64) *kvObject {
	if o.collection == nil && len(o.value) <= len(kvObject112{}.room) {
		return newString(o.value, deadline)
	}
	return &kvObject{deadline: deadline, value: o.value, collection: o.collection}
}

func newKeyValueStore() *keyValueStore {
	s := &keyValueStore{epoch: time.Now().Add(-time.Second), seed: maphash.MakeSeed()}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.table.Store(newTable(minBuckets, 0))
		sh.expiry.clock, sh.expiry.wake = s.now, func() { s.expire(sh) }
	}
	return s
}

func newTable(buckets, side int) *kvTable {
	return &kvTable{mask: uint64(buckets - 1), side: side, buckets: make([]atomic.Pointer[kvObject], buckets)}
}

// now is the store's clock: monotonic, never 0, and a synctest bubble's where the server was made in one.
func (s *keyValueStore) now() int64 { return int64(time.Since(s.epoch)) }

func (s *keyValueStore) hash(key string) uint64 { return maphash.String(s.seed, key) }

func shardOf(hash uint64) int { return int(hash >> 58) }

// load is what the key holds now, nil = absent.
func (s *keyValueStore) load(key string) *kvObject {
	hash := s.hash(key)
	o := s.shards[shardOf(hash)].read(hash, key)
	if o == nil || o.deadline != 0 && o.deadline <= s.now() {
		return nil
	}
	return o
}

// len counts the keys, those too that have expired a moment ago.
func (s *keyValueStore) len() int {
	n := 0
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		n += sh.count
		sh.mu.Unlock()
	}
	return n
}

// read looks the key up without a lock, unless an atomic pipeline is writing or the table was replaced meanwhile: the
// links of the one before may serve the next.
func (sh *kvShard) read(hash uint64, key string) *kvObject {
	if before := sh.version.Load(); before&1 == 0 {
		t := sh.table.Load()
		o := t.find(hash, key)
		if sh.version.Load() == before && sh.table.Load() == t {
			return o
		}
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.table.Load().find(hash, key)
}

func (t *kvTable) bucket(hash uint64) *atomic.Pointer[kvObject] { return &t.buckets[hash&t.mask] }

func (t *kvTable) find(hash uint64, key string) *kvObject {
	for o := t.bucket(hash).Load(); o != nil; o = o.next[t.side].Load() {
		if o.hash == hash && o.key == key {
			return o
		}
	}
	return nil
}

// add puts o first in its chain.
func (t *kvTable) add(o *kvObject) {
	bucket := t.bucket(o.hash)
	o.next[t.side].Store(bucket.Load())
	bucket.Store(o)
}

// replace puts o, or nothing, in the place of old. A reader that stands on old goes on to the next one.
func (t *kvTable) replace(old, o *kvObject) {
	link := t.bucket(old.hash)
	for link.Load() != old {
		link = &link.Load().next[t.side]
	}
	next := old.next[t.side].Load()
	if o != nil {
		o.next[t.side].Store(next)
		next = o
	}
	link.Store(next)
}

// put makes o, which nobody has seen yet, what the key holds in place of old, nil = none; the lock is held, and so it is
// for all that follows.
func (sh *kvShard) put(old *kvObject, hash uint64, key string, o *kvObject) {
	o.hash, o.key = hash, key
	t := sh.table.Load()
	if old != nil {
		t.replace(old, o)
		sh.expiry.replace(old, o)
	} else {
		t.add(o)
		sh.count++
		if sh.count > len(t.buckets)/2 { // chains are short: each step along one may be a cache miss
			sh.rebuild(2 * len(t.buckets))
		}
	}
	sh.expiry.update(o, o.deadline)
}

// remove takes the key out of the table.
func (sh *kvShard) remove(o *kvObject) {
	sh.expiry.update(o, 0)
	t := sh.table.Load()
	t.replace(o, nil)
	sh.count--
	if len(t.buckets) > minBuckets && sh.count < len(t.buckets)/16 {
		sh.rebuild(len(t.buckets) / 4)
	}
}

// rebuild moves the keys to a table of another size by their links that the old one does not use.
func (sh *kvShard) rebuild(buckets int) {
	old := sh.table.Load()
	t := newTable(max(buckets, minBuckets), 1-old.side)
	for i := range old.buckets {
		for o := old.buckets[i].Load(); o != nil; o = o.next[old.side].Load() {
			t.add(o)
		}
	}
	sh.table.Store(t)
}
