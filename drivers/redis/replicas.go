package redis

import (
	"context"
	"sync"
	"time"
)

// replicas is a link to replicas, made when the first read asks for one. It stands apart from the master's, so that no
// other read can go there, and so that a set without replicas works.
type replicas struct {
	mu   sync.Mutex
	link *link
	// open is nil where there is nothing to open.
	open func(context.Context) (*link, error)
	// busy: somebody is opening it; closed: nobody shall.
	busy, closed bool
	// retry is when to look for replicas again, after a failure.
	retry   time.Time
	openers sync.WaitGroup
}

// replicaRetry is how long reads stay with the master after no replica was found.
const replicaRetry = time.Second

// reader is the link for a read: the replicas' if ctx permits it and there are some, else the master's.
func (c *Client) reader(ctx context.Context) *link {
	if !staleOK(ctx) {
		return c.keys
	}
	if l := c.replicas.get(ctx); l != nil {
		return l
	}
	return c.keys
}

func (r *replicas) get(ctx context.Context) *link {
	r.mu.Lock()
	if r.link != nil || r.open == nil || r.busy || r.closed || time.Now().Before(r.retry) {
		defer r.mu.Unlock()
		return r.link
	}
	r.busy = true
	r.openers.Add(1)
	defer r.openers.Done()
	r.mu.Unlock()

	l, err := r.open(ctx)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = false
	if err != nil {
		r.retry = time.Now().Add(replicaRetry)
		return nil
	}
	r.link = l
	return l
}

func (r *replicas) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.openers.Wait()
	if r.link != nil {
		r.link.end()
	}
}
