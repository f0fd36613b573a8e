package memory

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestStreamIDGrowsWhateverTheClockDoes(t *testing.T) {
	now := time.UnixMilli(1_719_656_658_123)
	for _, c := range []struct {
		name string
		last streamID
		now  time.Time
		want string
	}{
		{"first", streamID{}, now, "1719656658123-0"},
		{"clock goes on", streamID{1_719_656_658_122, 7}, now, "1719656658123-0"},
		{"clock stands still", streamID{1_719_656_658_123, 7}, now, "1719656658123-8"},
		{"clock goes back", streamID{1_719_656_658_999, 7}, now, "1719656658999-8"},
		{"clock before 1970", streamID{}, time.UnixMilli(-5), "0-1"},
		{"number used up", streamID{1_719_656_658_123, math.MaxUint64}, now, "1719656658124-0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.last.next(c.now)
			if got.String() != c.want {
				t.Errorf("next of %v is %v; want %v", c.last, got, c.want)
			}
			if got.compare(c.last) <= 0 {
				t.Errorf("next of %v is %v, which is not above it", c.last, got)
			}
		})
	}
}

func FuzzParseStreamID(f *testing.F) {
	for _, text := range []string{"0", "1-1", "1719656658123-0", "-1", "1-", "$", "", "18446744073709551616-0", "1-1-1", "+1-0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := parseStreamID(text)
		if err != nil {
			return
		}
		again, err := parseStreamID(id.String())
		if err != nil || again != id {
			t.Errorf("%q is %v, whose text is read as %v, %v", text, id, again, err)
		}
	})
}

// The log does what a plain sorted list of ids does, through any mix of operations, and holds no array that is mostly
// waste.
func TestIDLogAgainstAList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var log idLog[int]
		var list []streamID
		next := streamID{}
		for range 400 {
			switch k := random.IntN(10); {
			case k < 6:
				next.seq += 1 + random.Uint64N(3)
				log.add(next, int(next.seq))
				list = append(list, next)
			case k < 9:
				id := streamID{seq: random.Uint64N(next.seq + 2)}
				i := slices.Index(list, id)
				if got := log.remove(id); got != (i >= 0) {
					t.Fatalf("remove of %v is %v", id, got)
				}
				if i >= 0 {
					list = slices.Delete(list, i, i+1)
				}
			default:
				id := streamID{seq: random.Uint64N(next.seq/2 + 1)}
				before := len(list)
				list = slices.DeleteFunc(list, func(other streamID) bool { return other.compare(id) < 0 })
				if got := log.removeBelow(id); got != before-len(list) {
					t.Fatalf("remove below %v removed %d; want %d", id, got, before-len(list))
				}
			}
			sameLog(t, &log, list)
			at := streamID{seq: random.Uint64N(next.seq + 2)}
			sameAfter(t, &log, list, at, random.IntN(5))
		}
	}
}

func sameLog(t *testing.T, log *idLog[int], list []streamID) {
	t.Helper()
	if log.len() != len(list) {
		t.Fatalf("the log holds %d; want %d", log.len(), len(list))
	}
	for i, it := range log.items {
		if it.id != list[i] || it.value != int(it.id.seq) {
			t.Fatalf("item %d is %v with %d; want %v", i, it.id, it.value, list[i])
		}
	}
	if waste := cap(log.items) - len(log.items); waste > 64 && waste > 3*len(log.items) {
		t.Fatalf("%d items hold room for %d", len(log.items), cap(log.items))
	}
}

func sameAfter(t *testing.T, log *idLog[int], list []streamID, at streamID, most int) {
	t.Helper()
	var want []streamID
	for _, id := range list {
		if id.compare(at) > 0 && len(want) < most {
			want = append(want, id)
		}
	}
	got := log.after(at, most)
	if len(got) != len(want) {
		t.Fatalf("after %v at most %d: %d items; want %d", at, most, len(got), len(want))
	}
	for i := range got {
		if got[i].id != want[i] {
			t.Fatalf("after %v: item %d is %v; want %v", at, i, got[i].id, want[i])
		}
	}
	_, known := log.get(at)
	if known != slices.Contains(list, at) {
		t.Fatalf("get of %v is %v", at, known)
	}
}

func TestIDLogGivesMemoryBack(t *testing.T) {
	var log idLog[[]byte]
	for i := range 100_000 {
		log.add(streamID{seq: uint64(i)}, nil)
	}
	for i := range 99_990 { // one at a time, as acknowledgements come
		log.remove(streamID{seq: uint64(i)})
	}
	if room := cap(log.items) + log.gone; room > 200 {
		t.Errorf("10 items of 100,000 hold an array of %d", room)
	}
}
