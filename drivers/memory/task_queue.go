package memory

import (
	"container/list"
	"log/slog"
	"sync"
)

// workKey is what a worker must have registered to take a piece of work.
type workKey struct {
	step bool
	name string
}

func (k workKey) kind() string {
	if k.step {
		return "step"
	}
	return "process"
}

// work is what a worker's goroutine does: an activation of a run, or an attempt of a step.
type work interface {
	// do does it and returns what the same goroutine shall do next on the same worker; nil = nothing.
	do(w *processWorker) work
	// resume is what is left to do when user code ended the goroutine by runtime.Goexit; nil = nothing.
	resume() work
}

// place is where a piece of work waits in a taskQueue; the queue's lock guards it.
type place struct{ element *list.Element }

// taskQueue brings work of one name to its workers. It has no capacity: work waits only where no worker has what it
// needs registered.
type taskQueue struct {
	name string
	log  *slog.Logger

	mu      sync.Mutex
	workers []*processWorker
	turn    int
	waiting map[workKey]*list.List
	// reported are the keys whose lack of a worker was told since one was there.
	reported map[workKey]bool
}

type waitingWork struct {
	work work
	at   *place
}

// dispatch hands work to a worker, or lets it wait for one.
func (q *taskQueue) dispatch(k workKey, x work, at *place) {
	if w := q.assign(k, x, at); w != nil {
		go w.loop(x)
	}
}

// assign finds a worker and counts the work as its own; nil = it waits.
func (q *taskQueue) assign(k workKey, x work, at *place) *processWorker {
	q.mu.Lock()
	for range q.workers {
		q.turn++
		w := q.workers[q.turn%len(q.workers)]
		if w.has(k) && w.accept() {
			q.mu.Unlock()
			return w
		}
	}
	q.enqueue(k, x, at)
	lacking := q.lacking(k)
	q.mu.Unlock()
	if lacking {
		q.report(k)
	}
	return nil
}

// lacking says, once, that the queue has workers and none of them has the work registered. Work without any worker, and
// work whose workers are draining, just waits for the next one.
func (q *taskQueue) lacking(k workKey) bool {
	if len(q.workers) == 0 || q.reported[k] {
		return false
	}
	for _, w := range q.workers {
		if w.has(k) {
			return false
		}
	}
	if q.reported == nil {
		q.reported = map[workKey]bool{}
	}
	q.reported[k] = true
	return true
}

func (q *taskQueue) report(k workKey) {
	q.log.Error("work waits because no worker of its queue has it registered", "queue", q.name, "kind", k.kind(), "name", k.name)
}

func (q *taskQueue) enqueue(k workKey, x work, at *place) {
	if q.waiting == nil {
		q.waiting = map[workKey]*list.List{}
	}
	l := q.waiting[k]
	if l == nil {
		l = list.New()
		q.waiting[k] = l
	}
	at.element = l.PushBack(waitingWork{x, at})
}

// hold lets work wait until the next worker joins that can do it.
func (q *taskQueue) hold(k workKey, x work, at *place) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.enqueue(k, x, at)
}

// withdraw takes work out again; false = it does not wait.
func (q *taskQueue) withdraw(k workKey, at *place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at.element == nil {
		return false
	}
	q.waiting[k].Remove(at.element)
	at.element = nil
	if q.waiting[k].Len() == 0 {
		delete(q.waiting, k)
	}
	return true
}

// join adds a worker and starts all that has waited for what it can do.
func (q *taskQueue) join(w *processWorker) {
	for _, k := range q.take(w) {
		q.report(k)
	}
}

// take is join; it returns what waits and no worker can do.
func (q *taskQueue) take(w *processWorker) (lacking []workKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.draining.Load() {
		return nil
	}
	q.workers = append(q.workers, w)
	for k, l := range q.waiting {
		if !w.has(k) {
			if q.lacking(k) {
				lacking = append(lacking, k)
			}
			continue
		}
		for e := l.Front(); e != nil && w.accept(); e = l.Front() {
			x := l.Remove(e).(waitingWork)
			x.at.element = nil
			go w.loop(x.work)
		}
		if l.Len() == 0 {
			delete(q.waiting, k)
			delete(q.reported, k)
		}
	}
	return lacking
}

func (q *taskQueue) leave(w *processWorker) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.workers {
		if other == w {
			q.workers = append(q.workers[:i], q.workers[i+1:]...)
			return
		}
	}
}

// lack counts the work that waits for a worker.
func (q *taskQueue) lack() (processes, steps int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for k, l := range q.waiting {
		if k.step {
			steps += l.Len()
		} else {
			processes += l.Len()
		}
	}
	return processes, steps
}
