package resilience

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// maxGatedEntries bounds what the gates remember. Beyond it single keys are forgotten and every topic counts as stranded
// until the store was looked at, which is the safe side.
const maxGatedEntries = 1 << 16

// gates knows which keys have messages in the emergency store, so that later messages of theirs queue behind them.
type gates struct {
	// shut is false while there is nothing stranded anywhere: all that a healthy send asks.
	shut atomic.Bool

	mu sync.Mutex
	// unknown: the store has not been looked at since the start, so every topic counts as stranded.
	unknown bool
	topics  map[string]*gate
	entries int    // topics and keys
	begun   uint64 // strandings begun, over all topics
	wake    chan struct{}
}

// gate of a topic that has, or may have, stranded messages.
type gate struct {
	all  bool // every key
	keys map[string]struct{}
	// begun is the number of the last stranding that was begun, underway counts those that have not ended: the store was
	// seen empty only if none was begun since the look began, and none was under way.
	begun    uint64
	underway int
	idle     chan struct{} // made by who waits for underway to be 0, closed then
	// queue is there while a replay makes progress.
	queue *queue
}

// queue is where senders of stranded keys wait while a replay makes progress: were they to strand as fast as they can,
// the store might never be empty again.
type queue struct {
	// over is closed when it is worth to ask the gate again.
	over chan struct{}
	// turn lets one sender strand.
	turn chan struct{}
}

func newGates(unknown bool) *gates {
	g := &gates{unknown: unknown, topics: map[string]*gate{}, wake: make(chan struct{}, 1)}
	g.shut.Store(unknown)
	return g
}

// blocked says whether a message must go behind stranded ones, and where to wait before, if not nil.
func (g *gates) blocked(topic, key string) (blocked bool, wait *queue) {
	if !g.shut.Load() {
		return false, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	if t == nil {
		return g.unknown, nil
	}
	if _, ok := t.keys[key]; ok || t.all || g.unknown {
		return true, t.queue
	}
	return false, nil
}

// begin shuts the gate of a key before its message is stranded, so that no later one overtakes it; end must follow.
func (g *gates) begin(topic, key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.entries >= maxGatedEntries {
		g.forget()
	}
	t := g.at(topic)
	if _, ok := t.keys[key]; !ok && !t.all {
		t.keys[key] = struct{}{}
		g.entries++
	}
	g.begun++
	t.begun = g.begun
	t.underway++
	g.changed()
}

// end says that the stranding which begin announced is over. The gate stays shut, even after an error: the message may
// be in the store all the same.
func (g *gates) end(topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	t.underway--
	if t.underway == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// learn takes what a look at the whole store has shown.
func (g *gates) learn(stranded []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unknown = false
	for _, topic := range stranded {
		g.shutAll(g.at(topic))
	}
	g.changed()
}

// look begins a look at one topic; open opens its gate if the store was seen empty since then.
func (g *gates) look(topic string) (mark uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.topics[topic]; t != nil {
		return t.begun
	}
	return 0
}

func (g *gates) open(topic string, mark uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	if t == nil {
		return true
	}
	if t.underway > 0 || t.begun != mark {
		return false
	}
	g.entries -= len(t.keys) + 1
	delete(g.topics, topic)
	g.release(t)
	g.changed()
	return true
}

// hold makes senders of the topic wait from now on, and returns what is closed once no stranding is under way.
// releaseSenders lets them go on.
func (g *gates) hold(topic string) (idle <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	if t == nil {
		return closedChannel()
	}
	if t.queue == nil {
		t.queue = &queue{over: make(chan struct{}), turn: make(chan struct{}, 1)}
	}
	if t.underway == 0 {
		return closedChannel()
	}
	if t.idle == nil {
		t.idle = make(chan struct{})
	}
	return t.idle
}

// admit lets one of the senders that wait strand its message.
func (g *gates) admit(topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.topics[topic]; t != nil && t.queue != nil {
		select {
		case t.queue.turn <- struct{}{}:
		default: // nobody has taken the turn before
		}
	}
}

func (g *gates) releaseSenders(topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.topics[topic]; t != nil {
		g.release(t)
	}
}

func (g *gates) releaseAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.topics {
		g.release(t)
	}
}

func (g *gates) release(t *gate) {
	if t.queue != nil {
		close(t.queue.over)
		t.queue = nil
	}
}

// stranded lists the topics to recover.
func (g *gates) stranded() (topics []string, unknown bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(maps.Keys(g.topics)), g.unknown
}

func (g *gates) at(topic string) *gate {
	t := g.topics[topic]
	if t == nil {
		t = &gate{keys: map[string]struct{}{}}
		g.topics[topic] = t
		g.entries++
	}
	return t
}

// shutAll makes every key of a topic queue.
func (g *gates) shutAll(t *gate) {
	g.entries -= len(t.keys)
	t.all, t.keys = true, nil
}

// forget gives memory back: what the gates knew is learned anew from the store. Strandings under way stay known.
func (g *gates) forget() {
	g.unknown = true
	for topic, t := range g.topics {
		g.shutAll(t)
		if t.underway == 0 {
			delete(g.topics, topic)
			g.entries--
			g.release(t)
		}
	}
}

func (g *gates) changed() {
	shut := g.unknown || len(g.topics) > 0
	if g.shut.Swap(shut) || !shut {
		return
	}
	select {
	case g.wake <- struct{}{}:
	default: // recovery has not yet heard of the one before
	}
}

func closedChannel() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
