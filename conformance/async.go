package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// call is work on a goroutine of its own, whose result, or panic, is for the case's goroutine.
type call[T any] struct {
	done     chan struct{}
	value    T
	err      error
	panicked any
}

func start[T any](work func() (T, error)) *call[T] {
	all, _ := startAll(work)
	return all[0]
}

// startAll starts several calls; ended gives each as it ends.
func startAll[T any](works ...func() (T, error)) (all []*call[T], ended <-chan *call[T]) {
	ends := make(chan *call[T], len(works))
	for _, work := range works {
		c := &call[T]{done: make(chan struct{})}
		all = append(all, c)
		go func() {
			defer func() {
				c.panicked = recover()
				close(c.done)
				ends <- c
			}()
			c.value, c.err = work()
		}()
	}
	return all, ends
}

// mustWait fails the case if one of the calls ends while Timing.Quiet passes.
func mustWait[D ports.Driver, T any](ctx context.Context, e *env[D], what string, calls ...*call[T]) {
	e.pause(ctx, e.Timing.Quiet)
	for _, c := range calls {
		select {
		case <-c.done:
			v, err := c.result()
			e.failf("%s: did not wait but returned %v, %v", what, v, err)
		default:
		}
	}
}

// await returns the call's result, or fails the case when there is none within bound and Timing.Slack.
func await[D ports.Driver, T any](e *env[D], bound time.Duration, what string, c *call[T]) (T, error) {
	awaitAny(e, bound, what, c.done)
	return c.result()
}

// awaitAny returns what comes first from a channel, or fails the case when nothing does within bound and Timing.Slack.
func awaitAny[D ports.Driver, C any](e *env[D], bound time.Duration, what string, ended <-chan C) C {
	t := time.NewTimer(bound + e.Timing.Slack)
	defer t.Stop()
	select {
	case c := <-ended:
		return c
	case <-t.C:
		panic(failure(fmt.Sprintf("%s: no end within %v", what, bound+e.Timing.Slack)))
	}
}

func (c *call[T]) result() (T, error) {
	if c.panicked != nil {
		panic(c.panicked)
	}
	return c.value, c.err
}

// wait returns the call's result when it ends.
func (c *call[T]) wait() (T, error) {
	<-c.done
	return c.result()
}
