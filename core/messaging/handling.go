package messaging

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// handling is one delivery from receipt to settlement. Its lease is kept alive meanwhile.
type handling struct {
	l *Listener
	d ports.Delivery
	m *ports.Message
	// ctx ends when the lease is lost, or a drain is cut short.
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	beat    *time.Timer
	beating chan struct{} // closed when the extension under way is over
	over    bool
	gone    bool // the lease
}

// Ends of a run that the handler did not choose.
var (
	errTimeout = errors.New("the handler outlived its timeout")
	errGoexit  = errors.New("the handler ended its goroutine")
)

type panicError struct {
	text  string
	stack []byte
}

func (e *panicError) Error() string { return "the handler panicked: " + e.text }

// postponedError is a failure that is not the message's fault: it is tried again without end.
type postponedError struct{ err error }

func (e *postponedError) Error() string { return e.err.Error() }
func (e *postponedError) Unwrap() error { return e.err }

// handle runs the handler until the message is settled.
func (l *Listener) handle(d ports.Delivery) {
	defer l.guard()
	h := l.hold(d)
	defer h.release()
	if l.handledBefore(h) {
		l.c.repeated.Add(1)
		h.ack()
		return
	}
	for run := 1; ; run++ {
		attempt := max(d.Attempt(), 1) + run - 1
		err := h.run(attempt)
		switch {
		case err == nil:
			l.c.handled.Add(1)
			l.remember(h)
			h.ack()
			return
		case h.ctx.Err() != nil:
			h.handBack()
			return
		}
		if done := h.failed(err, attempt, run); done {
			return
		}
	}
}

// failed decides what becomes of a message whose run has failed; false = the next run.
func (h *handling) failed(err error, attempt, run int) (done bool) {
	l := h.l
	var undecodable *undecodableError
	if errors.As(err, &undecodable) {
		h.bury(DeadLetter{Reason: ReasonUndecodable, Attempts: attempt, Group: l.so.Group}, err)
		return true
	}
	l.c.failedRuns.Add(1)
	h.logFailure(err, attempt)
	runs := attempt
	if l.inPlace {
		runs = run
	}
	var postponed *postponedError
	switch {
	case final(err), runs >= l.o.Attempts && !errors.As(err, &postponed):
		h.bury(DeadLetter{Reason: reasonOf(err), Attempts: attempt, Group: l.so.Group}, err)
		return true
	case !l.inPlace:
		h.nack(l.o.backoff(runs))
		return true
	case !h.pause(l.o.backoff(runs)):
		h.handBack()
		return true
	}
	return false
}

// final says that no run can succeed: the handler marked its error, as [process.NonRetryable] does.
func final(err error) bool {
	var app *ports.ApplicationError
	return errors.As(err, &app) && app.NonRetryable
}

func reasonOf(err error) Reason {
	var panicked *panicError
	switch {
	case errors.As(err, &panicked):
		return ReasonPanic
	case errors.Is(err, errTimeout):
		return ReasonTimeout
	}
	return ReasonFailed
}

func (h *handling) logFailure(err error, attempt int) {
	args := []any{"topic", h.l.topic, "group", h.l.so.Group, "id", h.m.ID, "attempt", attempt, "error", errorText(err, h.m.Payload)}
	var panicked *panicError
	if errors.As(err, &panicked) {
		h.l.c.log.ErrorContext(h.ctx, "handler panicked", append(args, "stack", string(panicked.stack))...)
		return
	}
	h.l.c.log.WarnContext(h.ctx, "handler failed", args...)
}

// run is one run of the handler, on a goroutine of its own: what outlives its timeout is left behind, and what it returns
// then counts no more.
func (h *handling) run(attempt int) error {
	call, err := h.prepare()
	if err != nil {
		return &undecodableError{err}
	}
	select {
	case h.l.slots <- struct{}{}:
	case <-h.ctx.Done():
		return h.ctx.Err()
	}
	meta := Meta{ID: h.m.ID, Topic: h.m.Topic, Key: h.m.Key, Headers: h.m.Headers, Attempt: attempt, PublishedAt: h.m.PublishedAt}
	ctx, cancel := context.WithTimeout(h.ctx, h.l.o.Timeout)
	defer cancel()
	result := make(chan error, 1)
	h.l.runs.Add(1)
	go func() {
		err := errGoexit
		defer func() {
			if p := recover(); p != nil {
				err = &panicError{fmt.Sprint(p), debug.Stack()}
			}
			result <- err
			<-h.l.slots
			h.l.runs.Done()
		}()
		if err = call(ctx, meta); err != nil {
			_ = err.Error() // a typed nil panics here, as the handler's own fault, and not where it is logged
		}
	}()
	select {
	case err = <-result:
	case <-ctx.Done():
		err = ctx.Err()
	case <-h.d.Lost():
		h.lose()
		return h.ctx.Err()
	}
	if h.ctx.Err() == nil && ctx.Err() != nil {
		return errTimeout
	}
	return err
}

// undecodableError: no run can succeed.
type undecodableError struct{ err error }

func (e *undecodableError) Error() string { return e.err.Error() }

// prepare decodes the message anew for each run, so that a handler may change what it was given.
func (h *handling) prepare() (call runFunc, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("payload does not decode: its decoder panicked")
		}
	}()
	return h.l.prepare(h.m)
}

// hold begins to extend the lease.
func (l *Listener) hold(d ports.Delivery) *handling {
	h := &handling{l: l, d: d, m: d.Message()}
	h.ctx, h.cancel = context.WithCancel(l.base)
	if l.caps.AtLeastOnce && !l.caps.SessionLease {
		h.mu.Lock()
		h.beat = time.AfterFunc(l.so.Lease/3, h.extend)
		h.mu.Unlock()
	}
	return h
}

// extend starts the lease anew, and itself again.
func (h *handling) extend() {
	defer h.l.guard()
	h.mu.Lock()
	if h.over {
		h.mu.Unlock()
		return
	}
	beating := make(chan struct{})
	h.beating = beating
	h.mu.Unlock()
	defer close(beating)

	ctx, cancel := context.WithTimeout(h.ctx, min(h.l.so.Lease/3, h.l.c.c.SendTimeout))
	defer cancel()
	err := h.d.Extend(ctx)
	switch {
	case errors.Is(err, ports.ErrConflict):
		h.lose()
		return
	case err != nil && h.ctx.Err() == nil:
		h.l.c.log.WarnContext(ctx, "lease not extended", "topic", h.l.topic, "id", h.m.ID, "error", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		h.beat.Reset(h.l.so.Lease / 3)
	}
}

// release ends the extensions; none is under way when it returns.
func (h *handling) release() {
	h.mu.Lock()
	h.over = true
	if h.beat != nil {
		h.beat.Stop()
	}
	beating := h.beating
	h.mu.Unlock()
	h.cancel()
	if beating != nil {
		<-beating
	}
}

// lose ends the handling: the message is somebody else's now.
func (h *handling) lose() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over || h.gone {
		return
	}
	h.gone = true
	h.l.c.log.WarnContext(h.ctx, "lease lost while handling: the message comes again", "topic", h.l.topic, "id", h.m.ID)
	h.cancel()
}

func (h *handling) lost() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gone
}

// pause waits in place; false when the message should be given back instead.
func (h *handling) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-h.d.Lost():
		h.lose()
	case <-h.ctx.Done():
	case <-h.l.drained:
	}
	return false
}

func (h *handling) ack() { h.settle("ack", h.d.Ack) }

func (h *handling) nack(delay time.Duration) {
	h.settle("nack", func(ctx context.Context) error { return h.d.Nack(ctx, delay) })
}

// handBack gives the message to whoever comes next.
func (h *handling) handBack() {
	switch {
	case h.lost():
	case h.l.caps.AtLeastOnce:
		h.l.handBackUnseen(h.d)
	default:
		h.l.c.log.ErrorContext(h.ctx, "message given up: its broadcast is not repeated", "topic", h.l.topic, "id", h.m.ID)
	}
}

// settle tries until the broker has answered, the lease is lost or a drain is cut short: a lease that was to expire for
// want of an answer would delay the key, and repeat the message.
func (h *handling) settle(op string, call func(context.Context) error) {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), h.l.c.c.SendTimeout)
		err := call(ctx)
		cancel()
		switch {
		case err == nil:
			return
		case isOutage(err) && sleepUnlessLost(h, pause):
			continue
		}
		h.l.c.log.WarnContext(h.ctx, "message not settled: it comes again", "topic", h.l.topic, "id", h.m.ID, "op", op, "error", err)
		return
	}
}

func sleepUnlessLost(h *handling, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-h.d.Lost():
		h.lose()
	case <-h.ctx.Done():
	}
	return false
}

// bury puts the message on its dead-letter topic and then acknowledges it; while that fails it stays unacknowledged.
func (h *handling) bury(about DeadLetter, cause error) {
	for try := 1; ; try++ {
		err := h.l.c.bury(h.ctx, h.m, about, cause)
		if err == nil {
			h.ack()
			return
		}
		h.l.c.log.ErrorContext(h.ctx, "dead letter not sent", "topic", h.l.topic, "id", h.m.ID, "error", err)
		switch {
		case h.ctx.Err() != nil:
			h.handBack()
			return
		case !h.l.inPlace:
			h.nack(h.l.o.backoff(about.Attempts))
			return
		case !h.pause(h.l.o.backoff(try)):
			h.handBack()
			return
		}
	}
}

// handledBefore asks the filter for repeats. A filter that does not answer lets the message through.
func (l *Listener) handledBefore(h *handling) bool {
	if l.o.DropRepeats == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(h.ctx, l.c.c.SendTimeout)
	defer cancel()
	n, err := l.c.c.KeyValue.Exists(ctx, l.repeatKey(h.m))
	if err != nil {
		l.c.log.WarnContext(ctx, "filter for repeats does not answer: handling", "topic", l.topic, "id", h.m.ID, "error", err)
	}
	return err == nil && n > 0
}

// remember records a handled message; if that fails, a repeat is handled once more.
func (l *Listener) remember(h *handling) {
	if l.o.DropRepeats == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), l.c.c.SendTimeout)
	defer cancel()
	if err := l.c.c.KeyValue.Set(ctx, l.repeatKey(h.m), nil, ports.SetOptions{TTL: l.o.DropRepeats}); err != nil {
		l.c.log.WarnContext(ctx, "handled message not remembered", "topic", l.topic, "id", h.m.ID, "error", err)
	}
}

// repeatKey escapes its parts, so that no topic or id can reach another's key or a hash tag.
func (l *Listener) repeatKey(m *ports.Message) string {
	return "handled:" + url.QueryEscape(l.so.Group) + ":" + url.QueryEscape(l.topic) + ":" + url.QueryEscape(m.ID)
}
