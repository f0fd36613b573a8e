package monitoring

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// grace is what the ports promise: a method returns within it of the end of its context, and its own answer tells more
// than ours.
const grace = 100 * time.Millisecond

// probe asks one question of one monitor, one call at a time.
type probe[T any] struct {
	call            func(context.Context) (T, error)
	timeout, repeat time.Duration
	log             *slog.Logger
	// settled, if set, makes of each answer what is given; it is called for one answer after the other.
	settled func(T, error) (T, error)

	mu     sync.Mutex
	latest *answer[T]
	closed bool
}

// answer is one call and what came of it. It is settled once: by the call, or by the clock when that takes too long.
type answer[T any] struct {
	once    sync.Once
	settled chan struct{}
	// returned is closed when the call is over, which may be long after.
	returned chan struct{}
	cancel   context.CancelFunc

	// Set before settled is closed.
	value T
	err   error
	at    time.Time
	late  bool // settled by the clock
}

// noAnswerError says why there is none, in words that anybody may read.
type noAnswerError struct {
	kind ports.Kind
	why  string
}

func (n *noAnswerError) Error() string { return n.why }
func (n *noAnswerError) Unwrap() error { return n.kind }

// ask gives the answer that is there, that is coming, or a new one.
func (p *probe[T]) ask(ctx context.Context) *answer[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return closedAnswer[T]()
	}
	last := p.latest
	if last != nil && last.stands(p.repeat) {
		return last
	}
	// Others may wait for the answer when the first who asked has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
	a := &answer[T]{cancel: cancel, settled: make(chan struct{}), returned: make(chan struct{})}
	p.latest = a
	go func() {
		if last != nil {
			<-last.returned // it has answered, so that it returns now; Close waits for the latest only
		}
		p.run(ctx, a)
	}()
	return a
}

// stands says whether the answer is to be given again: it is coming, its call hangs, or it is fresh.
func (a *answer[T]) stands(repeat time.Duration) bool {
	return !over(a.settled) || a.late && !over(a.returned) || time.Since(a.at) < repeat
}

func closedAnswer[T any]() *answer[T] {
	a := &answer[T]{settled: make(chan struct{}), err: &noAnswerError{ports.ErrClosed, "monitoring is closed"}}
	close(a.settled)
	return a
}

// run makes the call. Whatever that does, the answer is settled in time.
func (p *probe[T]) run(ctx context.Context, a *answer[T]) {
	defer close(a.returned)
	defer a.cancel()
	late := time.AfterFunc(p.timeout+grace, func() {
		p.settle(a, *new(T), &noAnswerError{ports.ErrTimeout, fmt.Sprintf("no answer within %v", p.timeout+grace)}, true)
	})
	defer late.Stop()
	value, err := *new(T), error(&noAnswerError{ports.ErrUnavailable, "the monitor panicked"})
	defer func() {
		if r := recover(); r != nil {
			// Its text may hold anything.
			p.log.ErrorContext(ctx, "a monitor panicked", "panic", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
		}
		p.settle(a, value, err, false)
	}()
	v, e := p.call(ctx)
	value, err = v, e
}

func (p *probe[T]) settle(a *answer[T], value T, err error, late bool) {
	a.once.Do(func() {
		if p.settled != nil {
			value, err = p.settled(value, err)
		}
		a.value, a.err, a.at, a.late = value, err, time.Now(), late
		close(a.settled)
	})
}

// wait gives the answer, or ctx's end.
func (a *answer[T]) wait(ctx context.Context) (T, error) {
	if !over(a.settled) {
		select {
		case <-a.settled:
		case <-ctx.Done():
			var none T
			return none, &noAnswerError{ports.KindOf(ctx.Err()), "no answer before the caller left"}
		}
	}
	return a.value, a.err
}

// end cancels the call that is going on, and allows no other.
func (p *probe[T]) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	if p.latest != nil {
		p.latest.cancel()
	}
}

// idle is closed when no call is going on.
func (p *probe[T]) idle() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.latest == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return p.latest.returned
}

func over(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
