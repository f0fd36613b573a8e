package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// link is a rueidis client whose calls end with their context: on a cancel too, and whatever state the connections are
// in. All of the driver's commands go through do, doMulti and doBlocking.
type link struct {
	rueidis.Client
	// dialer is nil for a client that was handed in.
	dialer *dialer
	// silence is how long a server may keep an answer that is due.
	silence time.Duration
	// calls are on their way; left are those whose callers have gone, which may still stand in a queue.
	calls atomic.Int64
	left  recent
	// stray waits for calls on goroutines of their own.
	stray sync.WaitGroup
}

func newLink(c rueidis.Client, d *dialer, silence time.Duration) *link {
	// Within three times its timeout rueidis has given up a connection that is silent, and what stands in its queue.
	return &link{Client: c, dialer: d, silence: silence, left: recent{window: 3 * silence}}
}

// One of rueidis's connections queues 1024 calls; behind a full queue it keeps callers waiting without an eye on their
// contexts. From three quarters on calls run apart. What is left is for calls that the scheduler stops between the count
// and the queue: only if more than these overtake such a call on a server that is silent may it miss its context's end,
// and then returns within three times the silence.
const heededCalls = 1 << rueidis.DefaultRingScale * 3 / 4

// clustered says whether keys lie in slots, so that one command takes keys of one slot only.
func (l *link) clustered() bool { return l.Mode() == rueidis.ClientModeCluster }

// do runs one command.
func (l *link) do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if ctx.Done() == nil {
		return l.Do(ctx, cmd)
	}
	ctx = withoutDeadline(ctx)
	for {
		var r rueidis.RedisResult
		if l.heeded() {
			r = l.Do(ctx, cmd)
			l.returned(ctx)
		} else {
			r = l.guarded(ctx, cmd)
		}
		if ctx.Err() != nil || !abandoned(r) {
			return r
		}
	}
}

// doMulti runs commands, which reach the server together; each has its own result.
func (l *link) doMulti(ctx context.Context, cmds ...rueidis.Completed) []rueidis.RedisResult {
	if ctx.Done() == nil {
		return l.DoMulti(ctx, cmds...)
	}
	ctx = withoutDeadline(ctx)
	for {
		var rs []rueidis.RedisResult
		if l.heeded() {
			rs = l.DoMulti(ctx, cmds...)
			l.returned(ctx)
		} else {
			rs = l.guardedMulti(ctx, cmds)
		}
		if ctx.Err() != nil || !allAbandoned(rs) {
			return rs
		}
	}
}

// abandoned: the connection was given up by another call before anything was sent, so that the command may be sent again
// whatever it is.
func abandoned(r rueidis.RedisResult) bool {
	err := r.NonRedisError()
	return err != nil && errors.Is(err, errDialAbandoned)
}

func allAbandoned(rs []rueidis.RedisResult) bool {
	for _, r := range rs {
		if !abandoned(r) {
			return false
		}
	}
	return len(rs) > 0
}

// heeded counts a call, and says whether rueidis will heed its context: not while connections are being made, and not
// behind a full queue.
func (l *link) heeded() bool {
	n := l.calls.Add(1) + l.left.count()
	return n < heededCalls && (l.dialer == nil || l.dialer.making.Load() == 0)
}

// returned ends a call that rueidis heeded.
func (l *link) returned(ctx context.Context) {
	l.calls.Add(-1)
	if ctx.Err() != nil {
		l.left.add()
	}
}

func (l *link) guarded(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	return guard(ctx, l, func() rueidis.RedisResult { return l.Do(ctx, cmd) }, rueidis.NewErrorResult)
}

func (l *link) guardedMulti(ctx context.Context, cmds []rueidis.Completed) []rueidis.RedisResult {
	fail := func(err error) []rueidis.RedisResult {
		return slices.Repeat([]rueidis.RedisResult{rueidis.NewErrorResult(err)}, len(cmds))
	}
	return guard(ctx, l, func() []rueidis.RedisResult { return l.DoMulti(ctx, cmds...) }, fail)
}

// guard runs a call on a goroutine of its own, and leaves it behind when ctx ends first: it then ends within rueidis's own
// timeouts.
func guard[T any](ctx context.Context, l *link, call func() T, fail func(error) T) T {
	done := make(chan T, 1)
	l.stray.Go(func() {
		defer l.calls.Add(-1)
		defer func() {
			if p := recover(); p != nil {
				done <- fail(fmt.Errorf("rueidis panicked: %v", p))
			}
		}()
		done <- call()
	})
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
		return fail(ctx.Err())
	}
}

// recent counts events of the last window or two.
type recent struct {
	window time.Duration
	// some is false while there are none, so that asking costs nothing.
	some      atomic.Bool
	mu        sync.Mutex
	since     time.Time
	this, old int64
}

func (r *recent) add() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn()
	r.this++
	r.some.Store(true)
}

func (r *recent) count() int64 {
	if !r.some.Load() {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn()
	r.some.Store(r.this+r.old > 0)
	return r.this + r.old
}

// turn begins a new window where the last has passed.
func (r *recent) turn() {
	now := time.Now()
	switch passed := now.Sub(r.since); {
	case passed >= 2*r.window:
		r.this, r.old, r.since = 0, 0, now
	case passed >= r.window:
		r.this, r.old, r.since = 0, r.this, now
	}
}

// errSilent: a blocking command's answer did not come when it was due.
var errSilent = errors.New("no answer to a blocking command when it was due; the connection was given up")

// doBlocking runs a command that blocks on the server for up to block; 0 or less = without an end of its own. It takes a
// connection of its own. rueidis lets a blocking command wait for ever on a server that has frozen, so that the time is
// watched here; a command without an end is only ended by ctx.
func (l *link) doBlocking(ctx context.Context, block time.Duration, cmd rueidis.Completed) rueidis.RedisResult {
	if block <= 0 {
		return l.do(ctx, cmd.UnblockOnCancel())
	}
	bounded, cancel := context.WithTimeoutCause(ctx, block+l.silence, errSilent)
	defer cancel()
	r := l.do(bounded, cmd.UnblockOnCancel())
	if ctx.Err() == nil && r.NonRedisError() != nil && errors.Is(context.Cause(bounded), errSilent) {
		return rueidis.NewErrorResult(errSilent)
	}
	return r
}

// node is the link to one of the client's servers.
func (l *link) node(c rueidis.Client) *link {
	return newLink(c, l.dialer, l.silence)
}

// end closes what the link owns, and waits until it and every stray call have gone.
func (l *link) end() {
	defer l.stray.Wait()
	if l.dialer == nil {
		return
	}
	l.dialer.refuse()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		l.Close()
	}()
	// rueidis says farewell on each connection, partly after Close has returned; a silent server is not waited for.
	patience := time.NewTimer(l.silence)
	defer patience.Stop()
	select {
	case <-l.dialer.empty:
	case <-patience.C:
	}
	l.dialer.close()
	<-closed
	<-l.dialer.empty
}
