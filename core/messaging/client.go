package messaging

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/core/resilience"
	"github.com/breakwater-go/breakwater/ports"
)

const driverName = "messaging"

// DefaultDrainTimeout bounds the drain at the end of [Client.Run].
const DefaultDrainTimeout = 30 * time.Second

// Config of a [Client]; Primary is required.
type Config struct {
	// Service names this application; it is the default group of its handlers.
	Service string
	Primary ports.Broker
	// Fallback keeps messages while Primary is down; nil = a send fails then.
	Fallback ports.EmergencyStore
	// KeyValue is what HandlerOptions.DropRepeats needs.
	KeyValue ports.KeyValue
	// Orchestrator is what OnEvent needs.
	Orchestrator ports.Orchestrator
	// SendTimeout bounds one try against one backend, under the caller's context; 0 = 2 s.
	SendTimeout time.Duration
	// Probe is how often recovery tries while anything is stranded; 0 = 1 s.
	Probe time.Duration
	// Prefer says what to give up when a key has stranded messages and the emergency store is down; availability wins
	// unless told otherwise.
	Prefer resilience.Preference
	// Breaker of each backend: opens after 5 failures for 30 s unless told otherwise.
	Breaker resilience.BreakerConfig
	// OnBreaker, if set, is told each change of a breaker: the hook for metrics. backend is "primary" or "fallback".
	OnBreaker func(backend string, from, to resilience.State)
	// DrainTimeout bounds the drain at the end of Run; 0 = DefaultDrainTimeout.
	DrainTimeout time.Duration
	// Logger: nil = silent. Payloads are never logged.
	Logger *slog.Logger
}

// Validate says which field is wrong, and what is valid.
func (c Config) Validate() error {
	if c.DrainTimeout < 0 {
		return invalid("new", "DrainTimeout is %v; valid is above 0, or 0 for %v", c.DrainTimeout, DefaultDrainTimeout)
	}
	return c.resilience(nil).Validate()
}

func (c Config) resilience(refused func(context.Context, *ports.Message, error) error) resilience.Config {
	return resilience.Config{Primary: c.Primary, Fallback: c.Fallback, SendTimeout: c.SendTimeout, Probe: c.Probe,
		Prefer: c.Prefer, Breaker: c.Breaker, OnBreaker: c.OnBreaker, Refused: refused, Logger: c.Logger}
}

// Stats counts since New. Its breaker states, and what waits, are those of now.
type Stats struct {
	resilience.Stats
	// Handled: runs of handlers that succeeded. FailedRuns: runs that did not.
	Handled, FailedRuns int64
	// DeadLettered: messages put on a dead-letter topic. Repeated: dropped by DropRepeats, or found started by OnEvent.
	DeadLettered, Repeated int64
}

// Client sends messages and runs handlers. It is safe for concurrent use. The backends are their owner's to close, after
// the Client.
type Client struct {
	c      Config
	log    *slog.Logger
	sender *resilience.Sender

	phase                                       atomic.Uint32
	handled, failedRuns, deadLettered, repeated atomic.Int64

	mu        sync.Mutex
	listeners []*Listener
	draining  []*Listener // what Close waits for
	// base ends the handlers that a drain does not wait for any longer; its values are those of Start's context.
	base   context.Context
	cancel context.CancelFunc
}

// The phases of a Client's life.
const (
	phaseNew uint32 = iota
	phaseStarting
	phaseRunning
	phaseDraining
	phaseClosed
)

// New makes a Client; nothing runs before Start.
func New(c Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.SendTimeout == 0 {
		c.SendTimeout = resilience.DefaultSendTimeout
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = DefaultDrainTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	client := &Client{c: c, log: c.Logger}
	sender, err := resilience.New(c.resilience(client.buryRefused))
	if err != nil {
		return nil, err
	}
	client.sender = sender
	return client, nil
}

// Start makes every subscription live, starts recovery and returns; from then on the client sends. Subscribing is
// repeated while the broker is unavailable, until ctx ends; any other error ends Start at once, and what was begun is
// undone. ctx bounds the call only; its values reach the handlers. A second Start is ErrInvalid, one after Close
// ErrClosed.
func (c *Client) Start(ctx context.Context) error {
	if !c.phase.CompareAndSwap(phaseNew, phaseStarting) {
		if c.phase.Load() >= phaseDraining {
			return &ports.Error{Op: "start", Driver: driverName, Kind: ports.ErrClosed}
		}
		return invalid("start", "the client was started before; valid is one Start")
	}
	c.sender.Survey(ctx) // before a handler can send
	var live []*Listener
	for {
		l, err := c.nextToStart(ctx, len(live))
		if err == nil && l != nil {
			err = l.subscribe(ctx, true)
		}
		switch {
		case err != nil:
			for _, l := range live {
				_ = l.unsubscribe(ctx) // the first error is the one to tell
			}
			c.phase.CompareAndSwap(phaseStarting, phaseNew)
			return err
		case l == nil:
			for _, l := range live {
				l.dropIfClosed(ctx)
			}
			return c.sender.Start(ctx)
		}
		live = append(live, l)
	}
}

// nextToStart is the listener after the first live ones; after the last the client runs, in the same breath, so that a
// listener which comes later starts by itself.
func (c *Client) nextToStart(ctx context.Context, live int) (*Listener, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if live < len(c.listeners) {
		return c.listeners[live], nil
	}
	if !c.phase.CompareAndSwap(phaseStarting, phaseRunning) {
		return nil, &ports.Error{Op: "start", Driver: driverName, Kind: ports.ErrClosed}
	}
	c.base, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, l := range c.listeners {
		l.work(c.base) //nolint:contextcheck // the handlers outlive Start's context
	}
	return nil, nil
}

// Run starts the client, waits until ctx ends, and closes it within Config.DrainTimeout. It returns the error of either,
// nil after a clean drain. RS-053 to RS-055.
func (c *Client) Run(ctx context.Context) error {
	if err := c.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.c.DrainTimeout)
	defer cancel()
	return c.Close(drain)
}

// Close drains: no message is taken any more, running handlers end, and what was not handled is handed back to the
// broker. When ctx ends first, the contexts of running handlers are cancelled, their messages are handed back, and the
// error is that of ctx. Handlers can send until Close returns. Stranded messages stay in the store. Idempotent, and
// nil always means that no handler runs any more, not even one that outlived its timeout.
// RS-030, RS-053 to RS-056.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	switch c.phase.Load() {
	case phaseNew, phaseStarting:
		c.phase.Store(phaseClosed)
	case phaseRunning:
		c.phase.Store(phaseDraining)
		c.draining, c.listeners = c.listeners, nil
	}
	listeners, started := c.draining, c.cancel != nil
	c.mu.Unlock()
	if !started {
		return nil
	}
	defer c.phase.Store(phaseClosed)
	defer c.cancel()

	// A later call waits for the same, so that nil always means that nothing runs.
	errs := make([]error, len(listeners)+1)
	var drains sync.WaitGroup
	for i, l := range listeners {
		drains.Go(func() { errs[i] = l.Close(ctx) })
	}
	drains.Wait()
	errs[len(listeners)] = c.sender.Close(ctx)
	return errors.Join(errs...)
}

// Stats are the figures now.
func (c *Client) Stats() Stats {
	return Stats{Stats: c.sender.Stats(), Handled: c.handled.Load(), FailedRuns: c.failedRuns.Load(),
		DeadLettered: c.deadLettered.Load(), Repeated: c.repeated.Load()}
}

// FlushEmergencyFallbacks replays the topic's stranded messages now, batch at a time (0 = 100) until none is left, and
// returns how many the primary confirmed, also beside an error. Recovery does the same by itself; this is for who cannot
// wait for it. ErrConflict: another instance is replaying the topic. ErrUnsupported without a Fallback. RS-022
// to RS-027.
func (c *Client) FlushEmergencyFallbacks(ctx context.Context, topic string, batch int) (int, error) {
	if err := c.running("flush"); err != nil {
		return 0, err
	}
	return c.sender.Flush(ctx, topic, batch)
}

// running says why the client cannot work now, or nil.
func (c *Client) running(op string) error {
	switch c.phase.Load() {
	case phaseRunning, phaseDraining:
		return nil
	case phaseClosed:
		return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrClosed}
	}
	return invalid(op, "the client is not started; call Start or Run first")
}

func invalid(op, format string, args ...any) error {
	return ports.Errorf(driverName, op, ports.ErrInvalid, format, args...)
}
