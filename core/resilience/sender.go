package resilience

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/core/sensitivity"
	"github.com/breakwater-go/breakwater/ports"
)

// Defaults of [Config].
const (
	DefaultSendTimeout = 2 * time.Second
	DefaultProbe       = time.Second
	// DefaultBatch is how many stranded messages a replay has in hand at a time.
	DefaultBatch = 100
)

// Preference says what to give up when a key has stranded messages and the emergency store cannot take the next one.
type Preference uint8

// The preferences.
const (
	// PreferAvailability sends past the stranded messages, with a warning and a count in Stats.Unordered.
	PreferAvailability Preference = iota
	// PreferOrder fails the send.
	PreferOrder
)

// Config of a [Sender]; Primary is required.
type Config struct {
	Primary ports.Broker
	// Fallback is where messages wait while Primary is down; nil = a send fails then.
	Fallback ports.EmergencyStore
	// SendTimeout bounds one try against one backend, under the caller's context; 0 = DefaultSendTimeout.
	SendTimeout time.Duration
	// Probe is how often recovery tries while anything is stranded; 0 = DefaultProbe.
	Probe time.Duration
	// Prefer decides when the store is down and order is at stake.
	Prefer Preference
	// Breaker of each backend; its OnChange is replaced by this Config's.
	Breaker BreakerConfig
	// OnBreaker, if set, is told each change of a breaker: the hook for metrics. backend is "primary" or "fallback".
	OnBreaker func(backend string, from, to State)
	// Refused, if set, takes a stranded message that the primary calls ErrInvalid and so will never take; nil from it
	// means that the message is safe elsewhere and leaves the store. Without it such a message blocks its topic's replay.
	Refused func(ctx context.Context, m *ports.Message, cause error) error
	// Logger: nil = silent.
	Logger *slog.Logger
}

// Validate says which field is wrong, and what is valid.
func (c Config) Validate() error {
	switch {
	case c.Primary == nil:
		return invalid("new", "Primary is nil; valid is a broker")
	case c.SendTimeout < 0:
		return invalid("new", "SendTimeout is %v; valid is above 0, or 0 for %v", c.SendTimeout, DefaultSendTimeout)
	case c.Probe < 0:
		return invalid("new", "Probe is %v; valid is above 0, or 0 for %v", c.Probe, DefaultProbe)
	case c.Prefer > PreferOrder:
		return invalid("new", "Prefer is %d; valid are PreferAvailability and PreferOrder", c.Prefer)
	case c.Breaker.Failures < 0:
		return invalid("new", "Breaker.Failures is %d; valid is 1 or more, or 0 for %d", c.Breaker.Failures, DefaultFailures)
	case c.Breaker.OpenFor < 0:
		return invalid("new", "Breaker.OpenFor is %v; valid is above 0, or 0 for %v", c.Breaker.OpenFor, DefaultOpenFor)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.SendTimeout == 0 {
		c.SendTimeout = DefaultSendTimeout
	}
	if c.Probe == 0 {
		c.Probe = DefaultProbe
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Stats counts since New.
type Stats struct {
	// Sent: confirmed by the primary at the first send. Stranded: confirmed by the store instead. Replayed: of those in the
	// store, confirmed by the primary later; another instance's messages count too.
	Sent, Stranded, Replayed int64
	// Failed: no backend confirmed.
	Failed int64
	// Unordered: sent past stranded messages of the same key, as PreferAvailability allows.
	Unordered int64
	// WaitingTopics is how many topics have, or may have, stranded messages now; Unknown: the store was not yet seen.
	WaitingTopics int
	Unknown       bool
	// Primary and Fallback are the breakers' states.
	Primary, Fallback State
}

// Sender sends messages to a primary broker, and to the emergency store while the primary is down; and it brings them
// back. It is safe for concurrent use.
type Sender struct {
	c        Config
	primary  *Breaker
	fallback *Breaker
	gates    *gates

	sent, stranded, replayed, failed, unordered atomic.Int64

	// replaying is held by who reads the store for this Sender: recovery or a flush.
	replaying chan struct{}

	mu       sync.Mutex
	recovery *recovery // nil before Start
	closed   bool
}

// New makes a Sender; recovery begins with Start.
func New(c Config) (*Sender, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Sender{c: c.withDefaults(), gates: newGates(c.Fallback != nil), replaying: make(chan struct{}, 1)}
	s.primary = NewBreaker(s.breakerConfig("primary"))
	s.fallback = NewBreaker(s.breakerConfig("fallback"))
	return s, nil
}

func (s *Sender) breakerConfig(backend string) BreakerConfig {
	c := s.c.Breaker
	c.OnChange = func(from, to State) {
		log := s.c.Logger.Info
		switch {
		case to == Open && from == Closed:
			log = s.c.Logger.Warn
		case to != Closed: // the probes of an outage that was reported
			log = s.c.Logger.Debug
		}
		log("breaker changed", "backend", backend, "from", from.String(), "to", to.String())
		if s.c.OnBreaker != nil {
			s.c.OnBreaker(backend, from, to)
		}
	}
	return c
}

// Stats are the figures now.
func (s *Sender) Stats() Stats {
	topics, unknown := s.gates.stranded()
	return Stats{
		Sent: s.sent.Load(), Stranded: s.stranded.Load(), Replayed: s.replayed.Load(), Failed: s.failed.Load(),
		Unordered: s.unordered.Load(), WaitingTopics: len(topics), Unknown: unknown,
		Primary: s.primary.State(), Fallback: s.fallback.State(),
	}
}

// Send returns nil once a backend has m: the primary, or, with stranded, the emergency store, from where it is replayed.
// m needs an id; a repeat of a failed Send must carry the same one, since the failed one may have happened. declared raises
// the payload's own sensitivity (0 = not at all); a critical message is never stranded, its Send fails instead.
//
// When both are down the one error holds both causes. A caller's own cancel or deadline ends the call and strands
// nothing. RS-001 to RS-020.
func (s *Sender) Send(ctx context.Context, m *ports.Message, declared sensitivity.Level) (stranded bool, err error) {
	if s.c.Fallback == nil {
		err = s.publish(ctx, m)
	} else {
		stranded, err = s.sendOrStrand(ctx, m, declared)
	}
	switch {
	case err != nil:
		s.failed.Add(1)
	case stranded:
		s.stranded.Add(1)
	default:
		s.sent.Add(1)
	}
	return stranded, err
}

func (s *Sender) sendOrStrand(ctx context.Context, m *ports.Message, declared sensitivity.Level) (stranded bool, err error) {
	if s.blocked(ctx, m) {
		return s.sendBehind(ctx, m, declared)
	}
	err = s.publish(ctx, m)
	if err == nil || !outage(ctx, err) {
		return false, err
	}
	if err := s.strand(ctx, m, declared, err); err != nil {
		return false, err
	}
	return true, nil
}

// blocked asks the key's gate. While a replay makes progress it waits for the gate to open, or for its turn to strand, but
// not longer than a try may last.
func (s *Sender) blocked(ctx context.Context, m *ports.Message) bool {
	blocked, queue := s.gates.blocked(m.Topic, m.Key)
	if queue == nil {
		return blocked
	}
	patience := time.NewTimer(s.c.SendTimeout)
	defer patience.Stop()
	for blocked && queue != nil {
		select {
		case <-queue.over:
		case <-queue.turn:
			return true
		case <-patience.C:
			return true
		case <-ctx.Done():
			return true
		}
		blocked, queue = s.gates.blocked(m.Topic, m.Key)
	}
	return blocked
}

var errBehind = errors.New("messages of the same key wait in the emergency store")

// sendBehind strands m behind earlier messages of its key.
func (s *Sender) sendBehind(ctx context.Context, m *ports.Message, declared sensitivity.Level) (stranded bool, err error) {
	err = s.strand(ctx, m, declared, unavailable("send "+m.Topic, errBehind))
	var down *storeDownError
	switch {
	case err == nil:
		return true, nil
	case s.c.Prefer == PreferOrder || !errors.As(err, &down):
		return false, err
	}
	s.c.Logger.WarnContext(ctx, "order of a key given up: the emergency store does not answer", "topic", m.Topic, "error", down.err)
	err = s.publish(ctx, m)
	switch {
	case err == nil:
		s.unordered.Add(1)
	case outage(ctx, err):
		err = bothDown(ctx, m.Topic, err, down.err)
	}
	return false, err
}

// storeDownError marks that the emergency store did not answer.
type storeDownError struct{ err error }

func (e *storeDownError) Error() string { return e.err.Error() }
func (e *storeDownError) Unwrap() error { return e.err }

// strand puts m into the store; cause is why the primary did not take it.
func (s *Sender) strand(ctx context.Context, m *ports.Message, declared sensitivity.Level, cause error) error {
	if sensitivity.Of(m.Payload, declared) >= sensitivity.Critical {
		return &ports.Error{Op: "send " + m.Topic, Driver: driverName, Kind: kindOfOutage(cause),
			Err: fmt.Errorf("the payload is critical and is never put into the emergency store: %w", cause)}
	}
	s.gates.begin(m.Topic, m.Key)
	defer s.gates.end(m.Topic)
	failedAt := time.Now()
	err := s.try(ctx, func(ctx context.Context) error { return s.c.Fallback.Strand(ctx, m, failedAt) })
	switch {
	case err == nil:
		return nil
	case outage(ctx, err):
		err = &storeDownError{err}
	}
	return bothDown(ctx, m.Topic, cause, err)
}

// publish tries the primary once.
func (s *Sender) publish(ctx context.Context, m *ports.Message) error {
	permit, ok := s.primary.Allow()
	if !ok {
		return unavailable("send "+m.Topic, errOpen)
	}
	return s.publishWith(ctx, permit, m)
}

// publishWith is written without a closure, since every healthy send passes here.
func (s *Sender) publishWith(ctx context.Context, permit Permit, m *ports.Message) (err error) {
	tctx, own := newTry(ctx, s.c.SendTimeout)
	returned := false
	defer func() { s.record(ctx, s.primary, permit, own, err, returned) }()
	_, err = s.c.Primary.Publish(tctx, m)
	returned = true
	return err
}

// try runs one call of the store under its breaker and the per-try timeout.
func (s *Sender) try(ctx context.Context, call func(context.Context) error) error {
	permit, ok := s.fallback.Allow()
	return s.tryWith(ctx, permit, ok, call)
}

// tryNow is try for recovery, which has its own clock and so does not wait for the breaker's.
func (s *Sender) tryNow(ctx context.Context, call func(context.Context) error) error {
	permit, ok := s.fallback.Probe()
	return s.tryWith(ctx, permit, ok, call)
}

func (s *Sender) tryWith(ctx context.Context, permit Permit, ok bool, call func(context.Context) error) (err error) {
	if !ok {
		return unavailable("emergency store", errOpen)
	}
	tctx, own := newTry(ctx, s.c.SendTimeout)
	returned := false
	defer func() { s.record(ctx, s.fallback, permit, own, err, returned) }()
	err = call(tctx)
	returned = true
	return err
}

// record tells the breaker what a try has shown of the backend. Only Unavailable, and a Timeout of the try's own, speak
// against it; a caller's end speaks neither way, and every other error is an answer.
func (s *Sender) record(ctx context.Context, b *Breaker, permit Permit, own *tryContext, err error, returned bool) {
	own.end()
	if err == nil && returned {
		b.Success(permit)
		return
	}
	kind := ports.KindOf(err)
	switch {
	case !returned, // the driver panicked
		ctx.Err() != nil, kind == ports.ErrCanceled, kind == ports.ErrClosed:
		b.Release(permit)
	case kind == ports.ErrUnavailable, kind == ports.ErrTimeout && own.timedOut():
		b.Failure(permit)
	case kind == ports.ErrTimeout:
		b.Release(permit)
	default:
		b.Success(permit)
	}
}

var errOpen = errors.New("the breaker is open after repeated failures")

// outage says whether err means that the backend is down, and its caller still waits.
func outage(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	kind := ports.KindOf(err)
	return kind == ports.ErrUnavailable || kind == ports.ErrTimeout
}

// bothDown is the one error of a send that no backend confirmed. A Timeout among the causes means that it may have
// happened, and so is the kind.
func bothDown(ctx context.Context, topic string, primary, store error) error {
	kind := kindOfOutage(primary, store)
	if err := ctx.Err(); err != nil {
		kind = ports.KindOf(err)
	}
	return &ports.Error{Op: "send " + topic, Driver: driverName, Kind: kind,
		Err: fmt.Errorf("no backend confirmed: %w", errors.Join(fmt.Errorf("primary: %w", primary), fmt.Errorf("emergency store: %w", store)))}
}

func kindOfOutage(errs ...error) ports.Kind {
	for _, err := range errs {
		if ports.KindOf(err) == ports.ErrTimeout {
			return ports.ErrTimeout
		}
	}
	return ports.ErrUnavailable
}

func unavailable(op string, err error) error {
	return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrUnavailable, Err: err}
}

func invalid(op, format string, args ...any) error {
	return ports.Errorf(driverName, op, ports.ErrInvalid, format, args...)
}
