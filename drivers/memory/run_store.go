package memory

import (
	"container/list"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

const (
	// keptRuns and keptFor bound what a server keeps of ended runs: the newest of them, for at most so long.
	keptRuns = 100_000
	keptFor  = 3 * 24 * time.Hour
	// listLimit is the default of Filter.Limit.
	listLimit = 100
)

// runStore holds the runs of a server: the open ones, and the newest of those that have ended.
type runStore struct {
	log *slog.Logger
	// keep is the most ended runs that are kept.
	keep int

	mu     sync.Mutex
	queues map[string]*taskQueue
	// newest is the newest run of each id; byRunID holds all.
	newest  map[string]*processRun
	byRunID map[string]*processRun
	// first and last chain all runs in the order of their starts.
	first, last *processRun
	// ended holds the runs that have ended, in that order.
	ended list.List
}

func newRunStore(log *slog.Logger) *runStore {
	return &runStore{log: log, keep: keptRuns, queues: map[string]*taskQueue{}, newest: map[string]*processRun{}, byRunID: map[string]*processRun{}}
}

func (s *runStore) queue(name string) *taskQueue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queueLocked(name)
}

// lack counts the work that waits because no worker has it registered.
func (s *runStore) lack() (processes, steps int) {
	s.mu.Lock()
	queues := slices.Collect(maps.Values(s.queues))
	s.mu.Unlock()
	for _, q := range queues {
		p, st := q.lack()
		processes, steps = processes+p, steps+st
	}
	return processes, steps
}

func (s *runStore) queueLocked(name string) *taskQueue {
	q := s.queues[name]
	if q == nil {
		q = &taskQueue{name: name, log: s.log}
		s.queues[name] = q
	}
	return q
}

// begin records a new run, which the caller then dispatches, or gives the one that the id rule finds instead.
func (s *runStore) begin(request ports.StartRequest, parent *parentLink) (r *processRun, existing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetOld(time.Now())
	if known := s.newest[request.ID]; known != nil && (!known.closed() || request.Reuse == ports.ReuseNever) {
		return known, true
	}
	r = &processRun{store: s, request: request, runID: newRunID(), parent: parent, queue: s.queueLocked(request.Queue),
		started: time.Now().UTC(), done: make(chan struct{}), activity: queued, inbox: []historyEvent{{kind: factStarted, name: request.Process}}}
	running := ports.StatusRunning
	r.status.Store(&running)
	if request.RunTimeout > 0 {
		r.mu.Lock()
		r.timeout = time.AfterFunc(request.RunTimeout, r.timedOut)
		r.mu.Unlock()
	}
	s.newest[request.ID], s.byRunID[r.runID] = r, r
	r.older = s.last
	if s.last == nil {
		s.first = r
	} else {
		s.last.newer = r
	}
	s.last = r
	return r, false
}

func (r *processRun) timedOut() {
	r.stop(ports.StatusTimedOut, failed(ports.ErrTimeout, fmt.Sprintf("the run took longer than %v", r.request.RunTimeout)))
}

// find gives the run that is meant: the newest of the id if it names none.
func (s *runStore) find(op string, run ports.Run) (*processRun, error) {
	if run.ID == "" {
		return nil, invalid(op, "Run.ID is empty; valid is the id of a run")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetOld(time.Now())
	r := s.newest[run.ID]
	if run.RunID != "" {
		r = s.byRunID[run.RunID]
	}
	if r == nil || r.request.ID != run.ID {
		return nil, notFound(op, run)
	}
	return r, nil
}

func notFound(op string, run ports.Run) error {
	return ports.Errorf(driverName, op, ports.ErrNotFound, "run %q %s", run.ID, run.RunID)
}

// closed takes note of a run's end.
func (s *runStore) closed(r *processRun) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended.PushBack(r)
	s.forgetOld(time.Now())
}

// forgetOld drops the ended runs that are beyond what is kept. mu is held.
func (s *runStore) forgetOld(now time.Time) {
	for e := s.ended.Front(); e != nil; e = s.ended.Front() {
		r := e.Value.(*processRun)
		if s.ended.Len() <= s.keep && now.Sub(r.ended) <= keptFor {
			return
		}
		s.ended.Remove(e)
		s.forget(r)
	}
}

func (s *runStore) forget(r *processRun) {
	delete(s.byRunID, r.runID)
	if s.newest[r.request.ID] == r {
		delete(s.newest, r.request.ID)
	}
	if r.older == nil {
		s.first = r.newer
	} else {
		r.older.newer = r.newer
	}
	if r.newer == nil {
		s.last = r.older
	} else {
		r.newer.older = r.older
	}
}

// matching calls visit for the runs that f matches, newest first, until it returns false.
func (s *runStore) matching(f ports.Filter, visit func(*processRun) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetOld(time.Now())
	for r := s.last; r != nil; r = r.older {
		if r.matches(f) && !visit(r) {
			return
		}
	}
}

func (r *processRun) matches(f ports.Filter) bool {
	if f.Process != "" && f.Process != r.request.Process || f.Status != "" && f.Status != r.Status() {
		return false
	}
	for k, v := range f.SearchAttributes {
		if have, ok := r.request.SearchAttributes[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// newRunID is a random UUID, version 4.
func newRunID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
