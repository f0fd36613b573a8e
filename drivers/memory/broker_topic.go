package memory

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// DefaultRetainUnclaimed is how many messages a topic without any group keeps.
const DefaultRetainUnclaimed = 1000

// topicStore is the Server's part behind the Broker and the EmergencyStore.
type topicStore struct {
	retain int          // unclaimed messages a topic
	seed   maphash.Seed // spreads keys over the members of sticky groups

	mu     sync.RWMutex
	topics map[string]*topic

	waiters sync.Pool // of *waiter

	stranded strandedStore
}

func newTopicStore(retainUnclaimed int) *topicStore {
	if retainUnclaimed == 0 {
		retainUnclaimed = DefaultRetainUnclaimed
	}
	return &topicStore{retain: retainUnclaimed, seed: maphash.MakeSeed(), topics: map[string]*topic{},
		waiters: sync.Pool{New: newWaiter}, stranded: newStrandedStore()}
}

// topic finds a topic or makes it.
func (s *topicStore) topic(name string) *topic {
	s.mu.RLock()
	t := s.topics[name]
	s.mu.RUnlock()
	if t != nil {
		return t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t = s.topics[name]; t == nil {
		t = &topic{store: s, name: name, groups: map[string]*group{}}
		s.topics[name] = t
	}
	return t
}

// topic is one sequence of messages and those who read it. Its mutex guards everything below it: groups, subscriptions
// and deliveries; nothing waits while holding it.
type topic struct {
	store *topicStore
	name  string

	mu     sync.Mutex
	seq    uint64
	groups map[string]*group
	// readers are the groups and, each as a group of its own, the broadcast subscriptions.
	readers []*group
	// log holds, oldest first, what some group has not settled, and what no group has claimed.
	log chain[*record]
}

// record is a message as the topic keeps it. It never changes once published.
type record struct {
	link link[*record]
	seq  uint64
	msg  ports.Message
	refs int // groups that have not settled it
}

// publish appends a copy of m and hands it to whoever waits.
func (t *topic) publish(m *ports.Message, now time.Time) uint64 {
	r := &record{msg: copyOf(m)}
	r.msg.PublishedAt = now
	r.link.value = r

	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	r.seq = t.seq
	if r.msg.ID == "" {
		r.msg.ID = t.name + "/" + strconv.FormatUint(r.seq, 10)
	}
	t.keep(r)
	for _, g := range t.readers {
		g.accept(r, now)
	}
	return r.seq
}

// keep puts a new message into the log for the groups of now, or for those of later.
func (t *topic) keep(r *record) {
	r.refs = len(t.groups)
	if r.refs > 0 {
		t.log.pushBack(&r.link)
		return
	}
	if t.store.retain < 0 {
		return
	}
	t.log.pushBack(&r.link)
	if t.log.size > t.store.retain { // without groups the log holds nothing else
		t.log.popFront()
	}
}

// settled drops one group's claim.
func (t *topic) settled(r *record) {
	if r.refs--; r.refs == 0 {
		r.link.remove()
	}
}

// subscribe makes a live subscription; its errors are conflicts.
func (t *topic) subscribe(b *Broker, o ports.SubscribeOptions) (*subscription, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, err := t.group(o)
	if err != nil {
		return nil, err
	}
	s := newSubscription(b, g, o)
	g.join(s, time.Now())
	return s, nil
}

// group finds or makes the group that o asks for.
func (t *topic) group(o ports.SubscribeOptions) (*group, error) {
	if o.Strategy == ports.Broadcast {
		g := newGroup(t, o)
		t.readers = append(t.readers, g)
		return g, nil
	}
	g := t.groups[o.Group]
	switch {
	case g == nil:
		return t.makeGroup(o), nil
	case len(g.members) == 0:
		g.become(o.Strategy)
	case g.strategy != o.Strategy:
		return nil, fmt.Errorf("group %q of topic %q has %v subscribers; %v is possible once they have closed",
			o.Group, t.name, g.strategy, o.Strategy)
	case g.strategy == ports.Exclusive:
		return nil, fmt.Errorf("group %q of topic %q has its one exclusive subscriber", o.Group, t.name)
	}
	return g, nil
}

func (t *topic) makeGroup(o ports.SubscribeOptions) *group {
	g := newGroup(t, o)
	t.groups[o.Group] = g
	t.readers = append(t.readers, g)
	if o.FromStart {
		now := time.Now()
		for r := range t.log.all {
			r.refs++
			g.accept(r, now)
		}
	}
	return g
}

// drop forgets a broadcast subscription.
func (t *topic) drop(g *group) {
	t.readers = slices.DeleteFunc(t.readers, func(r *group) bool { return r == g })
}

// copyOf is Clone without an allocation for the message itself.
func copyOf(m *ports.Message) ports.Message {
	c := *m
	c.Payload = slices.Clone(m.Payload)
	c.Headers = maps.Clone(m.Headers)
	return c
}
