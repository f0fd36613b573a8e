package memory

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// streamStore is what a Server knows of streams. Whoever changes a stream serves those who wait for it before it lets go
// of the lock, the longest waiting first: so nobody polls, and an entry goes to one reader of a group.
type streamStore struct {
	mu      sync.Mutex
	streams map[string]*stream
	// waiting readers by the stream that they wait for, which need not exist: *streamWaiter values.
	waiting map[string]*list.List
}

type stream struct {
	last    streamID // of the newest entry ever; it stays when entries go
	entries idLog[[]ports.Field]
	groups  map[string]*streamGroup
}

type streamGroup struct {
	last    streamID // of the newest entry ever handed out
	pending idLog[*streamPending]
}

type streamPending struct {
	consumer   string
	delivered  time.Time
	deliveries int
}

// streamRead tries to read; with nothing and no error it has to wait. It is called under the store's lock.
type streamRead func() ([]ports.Entry, error)

type streamWaiter struct {
	read   streamRead
	places map[string]*list.Element // by stream, in streamStore.waiting
	done   chan struct{}            // closed once it was served, with entries or with an error
	// entries and err are safe to read after done.
	entries []ports.Entry
	err     error
}

func newStreamStore() *streamStore {
	return &streamStore{streams: map[string]*stream{}, waiting: map[string]*list.List{}}
}

func (st *streamStore) makeStream(name string) *stream {
	s := st.streams[name]
	if s == nil {
		s = &stream{groups: map[string]*streamGroup{}}
		st.streams[name] = s
	}
	return s
}

// group is nil when the group or its stream does not exist.
func (st *streamStore) group(stream, group string) *streamGroup {
	s := st.streams[stream]
	if s == nil {
		return nil
	}
	return s.groups[group]
}

// wait registers a reader, unless it can be served at once.
func (st *streamStore) wait(read streamRead, streams []string) *streamWaiter {
	w := &streamWaiter{read: read, done: make(chan struct{})}
	if st.tryServe(w) {
		return w
	}
	w.places = make(map[string]*list.Element, len(streams))
	for _, name := range streams {
		if st.waiting[name] == nil {
			st.waiting[name] = list.New()
		}
		w.places[name] = st.waiting[name].PushBack(w)
	}
	return w
}

// serve is called after a change of the stream.
func (st *streamStore) serve(name string) {
	all := st.waiting[name]
	if all == nil {
		return
	}
	for e := all.Front(); e != nil; {
		next := e.Next()
		if w := e.Value.(*streamWaiter); st.tryServe(w) {
			st.forget(w)
		}
		e = next
	}
}

func (st *streamStore) tryServe(w *streamWaiter) bool {
	w.entries, w.err = w.read()
	served := len(w.entries) > 0 || w.err != nil
	if served {
		close(w.done)
	}
	return served
}

// forget takes a waiter off the lists; it may be off already.
func (st *streamStore) forget(w *streamWaiter) {
	for name, place := range w.places {
		all := st.waiting[name]
		all.Remove(place)
		if all.Len() == 0 {
			delete(st.waiting, name)
		}
	}
	w.places = nil
}

// append adds an entry, and drops the oldest beyond maxLen if that is above 0.
func (s *stream) append(fields []ports.Field, maxLen int64) streamID {
	s.last = s.last.next(time.Now())
	s.entries.add(s.last, fields)
	if excess := int64(s.entries.len()) - maxLen; maxLen > 0 && excess > 0 {
		s.removeBelow(s.entries.items[excess].id)
	}
	return s.last
}

// removeBelow takes entries away, and what is pending of them: nobody is to wait for what is gone.
func (s *stream) removeBelow(id streamID) int {
	for _, g := range s.groups {
		g.pending.removeBelow(id)
	}
	return s.entries.removeBelow(id)
}

func (s *stream) remove(id streamID) bool {
	for _, g := range s.groups {
		g.pending.remove(id)
	}
	return s.entries.remove(id)
}

// handOut gives the group's next entries to a consumer.
func (s *stream) handOut(g *streamGroup, consumer string, most int) []logItem[[]ports.Field] {
	items := s.entries.after(g.last, most)
	for _, it := range items {
		g.last = it.id
		g.pending.add(it.id, &streamPending{consumer: consumer, delivered: time.Now(), deliveries: 1})
	}
	return items
}

// claim makes a pending entry the consumer's, if it is there and has been idle for long enough.
func (g *streamGroup) claim(id streamID, consumer string, minIdle time.Duration) bool {
	p, ok := g.pending.get(id)
	if !ok || time.Since(p.delivered) < minIdle {
		return false
	}
	p.consumer, p.delivered = consumer, time.Now()
	p.deliveries++
	return true
}

// list is the group's pending entries as o says.
func (g *streamGroup) list(o ports.PendingOptions) []ports.PendingEntry {
	var all []ports.PendingEntry
	for _, it := range g.pending.items {
		if len(all) == o.Count {
			break
		}
		idle := time.Since(it.value.delivered)
		if idle < o.MinIdle || o.Consumer != "" && o.Consumer != it.value.consumer {
			continue
		}
		all = append(all, ports.PendingEntry{ID: it.id.String(), Consumer: it.value.consumer, Idle: idle, Deliveries: it.value.deliveries})
	}
	return all
}

func cloneFields(fields []ports.Field) []ports.Field {
	c := slices.Clone(fields)
	for i := range c {
		c[i].Value = append([]byte{}, c[i].Value...)
	}
	return c
}

func entryOf(stream string, it logItem[[]ports.Field]) ports.Entry {
	return ports.Entry{Stream: stream, ID: it.id.String(), Fields: cloneFields(it.value)}
}
