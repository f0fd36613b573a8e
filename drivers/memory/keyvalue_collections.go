package memory

import (
	"cmp"
	"slices"
	"sort"

	"github.com/breakwater-go/breakwater/ports"
)

// collection is the inside of a key that holds no string. Its type may be asked without a lock.
type collection interface {
	keyType() ports.KeyType
	empty() bool
}

// fieldMap is the inside of a hash.
type fieldMap map[string][]byte

func (fieldMap) keyType() ports.KeyType { return ports.KeyHash }
func (m fieldMap) empty() bool          { return len(m) == 0 }

// valueRing is the inside of a list: a ring that grows and shrinks with what it holds.
type valueRing struct {
	buf   [][]byte
	first int // the head's place
	size  int
}

func (*valueRing) keyType() ports.KeyType { return ports.KeyList }
func (r *valueRing) empty() bool          { return r.size == 0 }

func (r *valueRing) at(i int) int { return (r.first + i) & (len(r.buf) - 1) }

func (r *valueRing) pushHead(v []byte) {
	r.grow()
	r.first = r.at(len(r.buf) - 1)
	r.buf[r.first] = v
	r.size++
}

func (r *valueRing) pushTail(v []byte) {
	r.grow()
	r.buf[r.at(r.size)] = v
	r.size++
}

func (r *valueRing) popHead() []byte {
	v := r.buf[r.first]
	r.buf[r.first] = nil
	r.first = r.at(1)
	r.size--
	r.shrink()
	return v
}

func (r *valueRing) popTail() []byte {
	i := r.at(r.size - 1)
	v := r.buf[i]
	r.buf[i] = nil
	r.size--
	r.shrink()
	return v
}

func (r *valueRing) grow() {
	if r.size == len(r.buf) {
		r.resize(max(2*len(r.buf), 4))
	}
}

func (r *valueRing) shrink() {
	if len(r.buf) > 64 && r.size < len(r.buf)/4 {
		r.resize(len(r.buf) / 2)
	}
}

// resize to a power of two.
func (r *valueRing) resize(n int) {
	buf := make([][]byte, n)
	for i := range r.size {
		buf[i] = r.buf[r.at(i)]
	}
	r.buf, r.first = buf, 0
}

// sortedSet keeps its members in order, in runs of bounded length, so that neither adding nor finding a rank moves or
// visits them all.
type sortedSet struct {
	scores map[string]float64
	runs   [][]rankedMember
}

type rankedMember struct {
	score  float64
	member string
}

// runLength is where a run splits.
const runLength = 512

func newSortedSet() *sortedSet { return &sortedSet{scores: map[string]float64{}} }

func (*sortedSet) keyType() ports.KeyType { return ports.KeyZSet }
func (z *sortedSet) empty() bool          { return len(z.scores) == 0 }

func (m rankedMember) compare(other rankedMember) int {
	return cmp.Or(cmp.Compare(m.score, other.score), cmp.Compare(m.member, other.member))
}

// add gives the member its score.
func (z *sortedSet) add(m rankedMember) {
	if score, known := z.scores[m.member]; known {
		if score == m.score {
			return
		}
		z.remove(m.member)
	}
	z.scores[m.member] = m.score
	if len(z.runs) == 0 {
		z.runs = [][]rankedMember{{m}}
		return
	}
	i := min(z.run(m), len(z.runs)-1)
	at, _ := slices.BinarySearchFunc(z.runs[i], m, rankedMember.compare)
	z.runs[i] = slices.Insert(z.runs[i], at, m)
	if run := z.runs[i]; len(run) > runLength {
		z.runs[i] = slices.Clone(run[:len(run)/2])
		z.runs = slices.Insert(z.runs, i+1, slices.Clone(run[len(run)/2:]))
	}
}

func (z *sortedSet) remove(member string) {
	m := rankedMember{score: z.scores[member], member: member}
	delete(z.scores, member)
	i := z.run(m)
	at, _ := slices.BinarySearchFunc(z.runs[i], m, rankedMember.compare)
	z.runs[i] = slices.Delete(z.runs[i], at, at+1)
	if len(z.runs[i]) == 0 {
		z.runs = slices.Delete(z.runs, i, i+1)
	}
}

// restore takes back an add.
func (z *sortedSet) restore(member string, score float64, known bool) {
	if known {
		z.add(rankedMember{score: score, member: member})
	} else {
		z.remove(member)
	}
}

// run is the first run whose end does not lie before m.
func (z *sortedSet) run(m rankedMember) int {
	return sort.Search(len(z.runs), func(i int) bool {
		run := z.runs[i]
		return run[len(run)-1].compare(m) >= 0
	})
}

// between returns the members of the ranks from start to stop, both included and negative ones counted from the end.
func (z *sortedSet) between(start, stop int64, reverse bool) []ports.Scored {
	n := int64(len(z.scores))
	start, stop = rank(start, n), min(rank(stop, n), n-1)
	start = max(start, 0)
	if start > stop {
		return nil
	}
	if reverse {
		start, stop = n-1-stop, n-1-start
	}
	found := make([]ports.Scored, 0, stop-start+1)
	for _, run := range z.runs {
		if length := int64(len(run)); start >= length {
			start, stop = start-length, stop-length
			continue
		}
		end := min(stop+1, int64(len(run)))
		for _, m := range run[start:end] {
			found = append(found, ports.Scored{Member: []byte(m.member), Score: m.score})
		}
		if stop < int64(len(run)) {
			break
		}
		start, stop = 0, stop-int64(len(run))
	}
	if reverse {
		slices.Reverse(found)
	}
	return found
}

func rank(r, n int64) int64 {
	if r < 0 {
		return r + n
	}
	return r
}

// copied is the driver's or the caller's own copy of a value, never nil.
func copied(value []byte) []byte {
	c := make([]byte, len(value)) // one allocation that is not cleared first: bytes.Clone costs a third more
	copy(c, value)
	return c
}
