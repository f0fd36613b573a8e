package memory

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// streamID orders the entries of a stream, as in Redis: the millisecond in which an entry came, and a number within it.
type streamID struct{ ms, seq uint64 }

func (id streamID) String() string {
	return strconv.FormatUint(id.ms, 10) + "-" + strconv.FormatUint(id.seq, 10)
}

func (id streamID) compare(other streamID) int {
	return cmp.Or(cmp.Compare(id.ms, other.ms), cmp.Compare(id.seq, other.seq))
}

// next is the id of an entry that comes at now: above id also when the clock stands still or went back.
func (id streamID) next(now time.Time) streamID {
	if ms := uint64(max(now.UnixMilli(), 0)); ms > id.ms {
		return streamID{ms: ms}
	}
	if id.seq == math.MaxUint64 {
		return streamID{ms: id.ms + 1}
	}
	return streamID{ms: id.ms, seq: id.seq + 1}
}

// parseStreamID reads "milliseconds-number", or "milliseconds" for the number 0.
func parseStreamID(text string) (streamID, error) {
	ms, seq, both := strings.Cut(text, "-")
	var id streamID
	var err error
	if id.ms, err = strconv.ParseUint(ms, 10, 64); err == nil && both {
		id.seq, err = strconv.ParseUint(seq, 10, 64)
	}
	if err != nil {
		return id, fmt.Errorf("id is %q; valid is an id that Append returned, such as %q", text, "1719656658123-0")
	}
	return id, nil
}

func parseStreamIDs(texts []string) ([]streamID, error) {
	ids := make([]streamID, len(texts))
	for i, text := range texts {
		id, err := parseStreamID(text)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

// idLog holds values by id, lowest first. Ids are added in growing order only, and values mostly leave at the front; both
// are cheap, and what left keeps no memory.
type idLog[T any] struct {
	items []logItem[T]
	// gone counts slots of the array that lie before items: 0 after it was moved, or too many, which only moves it early.
	gone int
}

type logItem[T any] struct {
	id    streamID
	value T
}

func (l *idLog[T]) len() int { return len(l.items) }

func (l *idLog[T]) add(id streamID, v T) { l.items = append(l.items, logItem[T]{id, v}) }

// search is the index of id, or where it would be, and whether it is there.
func (l *idLog[T]) search(id streamID) (int, bool) {
	return slices.BinarySearchFunc(l.items, id, func(it logItem[T], id streamID) int { return it.id.compare(id) })
}

func (l *idLog[T]) get(id streamID) (v T, ok bool) {
	i, ok := l.search(id)
	if !ok {
		return v, false
	}
	return l.items[i].value, true
}

// after are the items above id, most at most.
func (l *idLog[T]) after(id streamID, most int) []logItem[T] {
	i, found := l.search(id)
	if found {
		i++
	}
	rest := l.items[i:]
	return rest[:min(most, len(rest))]
}

// remove says whether id was there. It moves the shorter side of the log.
func (l *idLog[T]) remove(id streamID) bool {
	i, found := l.search(id)
	switch {
	case !found:
	case i < len(l.items)/2:
		copy(l.items[1:i+1], l.items[:i])
		l.removeFirst(1)
	default:
		l.items = slices.Delete(l.items, i, i+1)
		l.shrink()
	}
	return found
}

// removeBelow removes what lies below id and returns how many that were.
func (l *idLog[T]) removeBelow(id streamID) int {
	n, _ := l.search(id)
	l.removeFirst(n)
	return n
}

func (l *idLog[T]) removeFirst(n int) {
	clear(l.items[:n])
	l.items = l.items[n:]
	l.gone += n
	l.shrink()
}

// shrink moves the items to an array that fits when most of the present one is waste; a short waste is not worth it.
func (l *idLog[T]) shrink() {
	const short = 64
	waste := l.gone + cap(l.items) - len(l.items)
	if waste > short && waste > 3*len(l.items) {
		l.items, l.gone = slices.Clone(l.items), 0
	}
}
