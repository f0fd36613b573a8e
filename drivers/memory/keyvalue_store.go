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
	buckets []atomic.Pointer[kvNode]
}

// kvNode holds one key's place in a bucket's chain.
type kvNode struct {
	hash   uint64
	key    string
	object atomic.Pointer[kvObject] // nil = the node was taken out of the chain
	next   atomic.Pointer[kvNode]
	queued int // place in the shard's expiry queue, from 1; 0 = none; guarded by the shard's lock
}

// kvObject is what a key holds: a string, or a collection if there is one. Only the inside of a collection changes.
type kvObject struct {
	deadline   int64 // on the store's clock; 0 = no expiry
	value      []byte
	collection collection
}

// Objects with room for their value, which fill the allocator's size classes 64, 96 and 160: the value of a short string
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

func newKeyValueStore() *keyValueStore {
	s := &keyValueStore{epoch: time.Now().Add(-time.Second), seed: maphash.MakeSeed()}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.table.Store(newTable(minBuckets))
		sh.expiry.clock, sh.expiry.wake = s.now, func() { s.expire(sh) }
	}
	return s
}

func newTable(buckets int) *kvTable {
	return &kvTable{mask: uint64(buckets - 1), buckets: make([]atomic.Pointer[kvNode], buckets)}
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

// read looks the key up without a lock, unless an atomic pipeline is writing.
func (sh *kvShard) read(hash uint64, key string) *kvObject {
	if before := sh.version.Load(); before&1 == 0 {
		o := sh.object(hash, key)
		if sh.version.Load() == before {
			return o
		}
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.object(hash, key)
}

func (sh *kvShard) object(hash uint64, key string) *kvObject {
	if n := sh.find(hash, key); n != nil {
		return n.object.Load()
	}
	return nil
}

func (sh *kvShard) find(hash uint64, key string) *kvNode {
	t := sh.table.Load()
	for n := t.buckets[hash&t.mask].Load(); n != nil; n = n.next.Load() {
		if n.hash == hash && n.key == key {
			return n
		}
	}
	return nil
}

// put makes o what the key holds; the lock is held, and so it is for all that follows.
func (sh *kvShard) put(n *kvNode, hash uint64, key string, o *kvObject) {
	if n == nil {
		n = &kvNode{hash: hash, key: key}
		n.object.Store(o)
		t := sh.table.Load()
		bucket := &t.buckets[hash&t.mask]
		n.next.Store(bucket.Load())
		bucket.Store(n)
		sh.count++
		if sh.count > len(t.buckets)/2 { // chains are short: each step along one may be a cache miss
			sh.rebuild(2 * len(t.buckets))
			n = sh.find(hash, key)
		}
	} else {
		n.object.Store(o)
	}
	sh.expiry.update(n, o.deadline)
}

// remove takes the key's node out of its chain. A reader that stands on it goes on to the next one.
func (sh *kvShard) remove(n *kvNode) {
	sh.expiry.update(n, 0)
	t := sh.table.Load()
	link := &t.buckets[n.hash&t.mask]
	for link.Load() != n {
		link = &link.Load().next
	}
	link.Store(n.next.Load())
	n.object.Store(nil)
	sh.count--
	if len(t.buckets) > minBuckets && sh.count < len(t.buckets)/16 {
		sh.rebuild(len(t.buckets) / 4)
	}
}

// rebuild moves the keys to a table of another size, in new nodes: the old chains stay whole for readers on them, who
// began before and may see what was there before.
func (sh *kvShard) rebuild(buckets int) {
	old, t := sh.table.Load(), newTable(max(buckets, minBuckets))
	for i := range old.buckets {
		for n := old.buckets[i].Load(); n != nil; n = n.next.Load() {
			moved := &kvNode{hash: n.hash, key: n.key, queued: n.queued}
			moved.object.Store(n.object.Load())
			bucket := &t.buckets[n.hash&t.mask]
			moved.next.Store(bucket.Load())
			bucket.Store(moved)
			sh.expiry.replace(moved)
		}
	}
	sh.table.Store(t)
}
