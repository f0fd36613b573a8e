package resilience

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// State of a [Breaker].
type State uint32

// The states.
const (
	// Closed: calls go through.
	Closed State = iota
	// Open: calls are refused without being tried.
	Open
	// HalfOpen: one call is let through to see whether the backend is back.
	HalfOpen
)

// String is the state's name ("closed", "open", "half-open").
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	}
	return "unknown"
}

// Defaults of [BreakerConfig].
const (
	DefaultFailures = 5
	DefaultOpenFor  = 30 * time.Second
)

// BreakerConfig of the zero value is the documented default.
type BreakerConfig struct {
	// Failures in a row open the breaker; 0 = DefaultFailures.
	Failures int
	// OpenFor is how long it refuses calls before it lets one through as a probe; 0 = DefaultOpenFor.
	OpenFor time.Duration
	// OnChange, if set, is told every change of state, outside of all locks.
	OnChange func(from, to State)
}

// Breaker refuses calls to a backend that has failed several times in a row. The state machine is failsafe-go's; this
// type asks it for permits directly instead of running calls through its executors, spares a healthy call its lock, and
// ignores the late result of a call that began before the last change of state.
type Breaker struct {
	machine  circuitbreaker.CircuitBreaker[any] // used under mu only
	onChange func(from, to State)
	state    atomic.Uint32
	// epoch is the number of state changes, doubled, plus 1 while there is nothing to record of a success: closed, and no
	// failure among the last calls.
	epoch atomic.Uint64
	mu    sync.Mutex
}

// Permit is the right to make one call; every permit ends with one Success, Failure or Release.
type Permit struct{ epoch uint64 }

const clean = 1

// NewBreaker makes a closed breaker.
func NewBreaker(c BreakerConfig) *Breaker {
	if c.Failures == 0 {
		c.Failures = DefaultFailures
	}
	if c.OpenFor == 0 {
		c.OpenFor = DefaultOpenFor
	}
	b := &Breaker{onChange: c.OnChange}
	b.machine = circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(uint(c.Failures)).
		WithSuccessThreshold(1).
		WithDelay(c.OpenFor).
		Build()
	b.epoch.Store(clean)
	return b
}

// State is what the breaker does with the next call; an open one stays open until a call asks after OpenFor.
func (b *Breaker) State() State { return State(b.state.Load()) }

// Allow gives a permit, or false while the breaker is open or another call is its probe.
func (b *Breaker) Allow() (Permit, bool) {
	if e := b.epoch.Load(); e&clean != 0 {
		return Permit{e}, true
	}
	return b.acquire(false)
}

// Probe is Allow that does not wait for OpenFor: for a recovery that has its own clock.
func (b *Breaker) Probe() (Permit, bool) { return b.acquire(true) }

func (b *Breaker) acquire(now bool) (p Permit, ok bool) {
	epoch := b.change(func() {
		if now && b.State() == Open {
			b.machine.HalfOpen()
		}
		ok = b.machine.TryAcquirePermit()
	})
	return Permit{epoch}, ok
}

// Success records that the backend answered, whatever the answer was.
func (b *Breaker) Success(p Permit) {
	if e := b.epoch.Load(); e == p.epoch && e&clean != 0 {
		return
	}
	b.settle(p, b.machine.RecordSuccess)
}

// Failure records that the backend did not answer.
func (b *Breaker) Failure(p Permit) { b.settle(p, b.machine.RecordFailure) }

// Release gives a permit back that has shown nothing, such as that of a call which its caller cancelled.
func (b *Breaker) Release(p Permit) {
	b.settle(p, func() {
		// The library has no word for it: a fresh half-open state has its probe again.
		if b.State() == HalfOpen {
			b.machine.Open()
			b.machine.HalfOpen()
		}
	})
}

func (b *Breaker) settle(p Permit, record func()) {
	b.change(func() {
		if b.epoch.Load()>>1 == p.epoch>>1 {
			record()
		}
	})
}

// change runs do, publishes what it made of the state, and returns the epoch that it leads to.
func (b *Breaker) change(do func()) (epoch uint64) {
	b.mu.Lock()
	from := b.State()
	do()
	to := stateOf(b.machine.State())
	epoch = b.epoch.Load() &^ clean
	if from != to {
		epoch += 2
	}
	if to == Closed && b.machine.Metrics().Failures() == 0 {
		epoch |= clean
	}
	b.state.Store(uint32(to))
	b.epoch.Store(epoch)
	b.mu.Unlock()
	if from != to && b.onChange != nil {
		b.onChange(from, to)
	}
	return epoch
}

func stateOf(s circuitbreaker.State) State {
	switch s {
	case circuitbreaker.OpenState:
		return Open
	case circuitbreaker.HalfOpenState:
		return HalfOpen
	default:
		return Closed
	}
}
