package redis

import (
	"context"
	"errors"
	"fmt"
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
	calls   atomic.Int64
	// stray waits for calls whose caller has gone.
	stray sync.WaitGroup
}

// queueLength is how many calls one of rueidis's connections queues; behind a full queue it keeps callers waiting without
// an eye on their contexts.
const queueLength = 1 << rueidis.DefaultRingScale

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
		if l.enter() {
			r = l.Do(ctx, cmd)
		} else {
			r = l.guarded(ctx, cmd)
		}
		l.calls.Add(-1)
		if ctx.Err() != nil || !errors.Is(r.NonRedisError(), errDialAbandoned) {
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
		if l.enter() {
			rs = l.DoMulti(ctx, cmds...)
		} else {
			rs = l.guardedMulti(ctx, cmds)
		}
		l.calls.Add(-1)
		if ctx.Err() != nil || !allAbandoned(rs) {
			return rs
		}
	}
}

// enter counts a call, and says whether rueidis will heed its context: not while connections are being made, and not
// behind a full queue.
func (l *link) enter() bool {
	n := l.calls.Add(1)
	return n < queueLength && (l.dialer == nil || l.dialer.making.Load() == 0)
}

func allAbandoned(rs []rueidis.RedisResult) bool {
	for _, r := range rs {
		if !errors.Is(r.NonRedisError(), errDialAbandoned) {
			return false
		}
	}
	return len(rs) > 0
}

// guarded runs a command on a goroutine of its own, and leaves it behind when ctx ends first: it then ends within
// rueidis's own timeouts.
func (l *link) guarded(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	return guard(ctx, &l.stray, func() rueidis.RedisResult { return l.Do(ctx, cmd) }, rueidis.NewErrorResult)
}

func (l *link) guardedMulti(ctx context.Context, cmds []rueidis.Completed) []rueidis.RedisResult {
	fail := func(err error) []rueidis.RedisResult {
		rs := make([]rueidis.RedisResult, len(cmds))
		for i := range rs {
			rs[i] = rueidis.NewErrorResult(err)
		}
		return rs
	}
	return guard(ctx, &l.stray, func() []rueidis.RedisResult { return l.DoMulti(ctx, cmds...) }, fail)
}

func guard[T any](ctx context.Context, stray *sync.WaitGroup, call func() T, fail func(error) T) T {
	done := make(chan T, 1)
	stray.Go(func() {
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
	return &link{Client: c, dialer: l.dialer, silence: l.silence}
}

// end closes what the link owns, and waits until it and every stray call have gone.
func (l *link) end() {
	defer l.stray.Wait()
	if l.dialer == nil {
		return
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		l.Close()
	}()
	// rueidis says farewell on each connection; a server that is silent is not waited for.
	patience := time.NewTimer(l.silence)
	defer patience.Stop()
	select {
	case <-closed:
	case <-patience.C:
	}
	l.dialer.close()
	<-closed
	<-l.dialer.empty
}
