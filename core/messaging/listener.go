package messaging

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

const (
	// firstPause and maxPause bound the wait before a backend that failed is asked again.
	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
	// subscribeTimeout bounds one try to subscribe: it may make groups and connections.
	subscribeTimeout = 10 * time.Second
	// maxLateRuns is how many runs that outlived their timeout a listener leaves behind before it waits for one to return.
	maxLateRuns = 1024
)

// Listener is a handler at work.
type Listener struct {
	c       *Client
	topic   string
	o       HandlerOptions
	so      ports.SubscribeOptions
	prepare prepareFunc
	caps    ports.BrokerCapabilities
	// inPlace: runs are repeated while the message is held; else the broker hands it out again.
	inPlace bool

	sub      atomic.Pointer[liveSubscription]
	renewing chan struct{} // held by the worker that subscribes anew
	failing  atomic.Bool   // Receive has failed, and that was logged

	base       context.Context // of the handlers; ends when a drain is cut short
	cancelBase context.CancelFunc
	taking     context.Context // of Receive; ends when the drain begins
	stopTaking context.CancelFunc
	slots      chan struct{} // one element a run
	workers    sync.WaitGroup
	runs       sync.WaitGroup

	mu      sync.Mutex
	started bool
	closed  bool
	drained chan struct{} // closed when Close begins
	ended   chan struct{} // closed when nothing runs any more
	err     error         // of the subscription's Close; read after ended
}

type liveSubscription struct{ ports.Subscription }

// listen registers a handler, and starts it when the client runs.
func (c *Client) listen(topic string, o HandlerOptions, prepare prepareFunc) (*Listener, error) {
	o, err := o.withDefaults(topic, c)
	if err != nil {
		return nil, err
	}
	so, err := o.subscribeOptions(topic).WithDefaults()
	if err != nil {
		return nil, invalid("on "+topic, "%w", err)
	}
	caps := c.c.Primary.BrokerCapabilities(o.Strategy)
	if !caps.Supported {
		return nil, ports.Errorf(driverName, "on "+topic, ports.ErrUnsupported, "%s has no strategy %v", c.c.Primary.Name(), o.Strategy)
	}
	if o.FromStart && o.Strategy == ports.Broadcast {
		return nil, ports.Errorf(driverName, "on "+topic, ports.ErrUnsupported, "FromStart with broadcast, which keeps nothing")
	}
	l := &Listener{c: c, topic: topic, o: o, so: so, prepare: prepare, caps: caps,
		inPlace:  o.Strategy.Ordered() || !caps.AtLeastOnce,
		renewing: make(chan struct{}, 1), slots: make(chan struct{}, o.Concurrency+maxLateRuns),
		drained: make(chan struct{}), ended: make(chan struct{})}
	return l, c.add(l)
}

// add takes a listener in, before or after the client starts.
func (c *Client) add(l *Listener) error {
	closed := &ports.Error{Op: "on " + l.topic, Driver: driverName, Kind: ports.ErrClosed}
	c.mu.Lock()
	phase, base := c.phase.Load(), c.base
	if phase < phaseRunning {
		c.listeners = append(c.listeners, l)
	}
	c.mu.Unlock()
	switch {
	case phase < phaseRunning:
		return nil
	case phase > phaseRunning:
		return closed
	}
	if err := l.subscribe(base, false); err != nil {
		return err
	}
	if !c.adopt(l) {
		_ = l.unsubscribe(base) // the client was closed meanwhile, which is the error to tell
		return closed
	}
	return nil
}

// adopt starts a listener that is subscribed, unless the client is no longer running.
func (c *Client) adopt(l *Listener) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase.Load() != phaseRunning {
		return false
	}
	c.listeners = append(c.listeners, l)
	l.work(c.base)
	return true
}

// forget lets a closed listener go; before the client runs it keeps its place, and Start passes over it.
func (c *Client) forget(l *Listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase.Load() >= phaseRunning {
		c.listeners = slices.DeleteFunc(c.listeners, func(other *Listener) bool { return other == l })
	}
}

// subscribe makes the subscription live; persistent: it tries again while the broker is unavailable.
func (l *Listener) subscribe(ctx context.Context, persistent bool) error {
	pause := firstPause
	for {
		tctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
		sub, err := l.c.c.Primary.Subscribe(tctx, l.so)
		cancel()
		if err == nil {
			l.sub.Store(&liveSubscription{sub})
			return nil
		}
		if !persistent || !isOutage(err) || ctx.Err() != nil {
			return err
		}
		l.reportDown(err)
		if !sleep(ctx, pause) {
			return err
		}
		pause = min(2*pause, maxPause)
	}
}

// unsubscribe gives back what the subscription holds, also after ctx has ended.
func (l *Listener) unsubscribe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.c.c.SendTimeout)
	defer cancel()
	return l.sub.Load().Close(ctx)
}

// work starts the workers; the subscription is live.
func (l *Listener) work(base context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed { // before it began
		return
	}
	l.started = true
	l.base, l.cancelBase = context.WithCancel(base)
	l.taking, l.stopTaking = context.WithCancel(l.base)
	for range l.o.Concurrency {
		l.workers.Go(l.worker)
	}
}

// dropIfClosed ends the subscription of a listener that was closed before it began.
func (l *Listener) dropIfClosed(ctx context.Context) {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		_ = l.unsubscribe(ctx) // nothing was taken from it
	}
}

// Close drains the handler: it takes nothing more, running handlers end, and what was not handled is handed back. When
// ctx ends first, their contexts are cancelled and the error is that of ctx. Idempotent.
func (l *Listener) Close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.drained)
		go l.drain()
	}
	l.mu.Unlock()
	l.c.forget(l)
	select {
	case <-l.ended:
		return l.err
	case <-ctx.Done():
		l.cut()
		return ports.ContextError(ctx, driverName, "close "+l.topic)
	}
}

// drain ends when the last run has returned.
func (l *Listener) drain() {
	defer close(l.ended)
	l.mu.Lock()
	started := l.started
	l.mu.Unlock()
	if started {
		l.stopTaking()
		l.workers.Wait()
	}
	if l.sub.Load() != nil {
		l.err = l.unsubscribe(l.base)
	}
	if started {
		l.runs.Wait()
		l.cancelBase()
	}
}

// cut ends the handlers that a drain did not wait for.
func (l *Listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started {
		l.cancelBase()
	}
}

// worker handles one message at a time.
func (l *Listener) worker() {
	pause := firstPause
	for {
		sub := l.sub.Load()
		d, err := l.receive(sub)
		switch {
		case l.taking.Err() != nil:
			if err == nil {
				l.handBackUnseen(d)
			}
			return
		case err == nil:
			pause = firstPause
			l.reportUp()
			l.handle(d)
		default:
			l.reportDown(err)
			sleep(l.taking, pause)
			pause = min(2*pause, maxPause)
			if !isOutage(err) && !errors.Is(err, ports.ErrCorrupt) {
				l.renew(sub)
			}
		}
	}
}

// receive turns a driver's panic into an error.
func (l *Listener) receive(sub ports.Subscription) (d ports.Delivery, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("driver panicked: %v", p)
		}
	}()
	return sub.Receive(l.taking)
}

// renew replaces a subscription that has ended by itself.
func (l *Listener) renew(old *liveSubscription) {
	select {
	case l.renewing <- struct{}{}:
		defer func() { <-l.renewing }()
	case <-l.taking.Done():
		return
	}
	if l.sub.Load() != old {
		return
	}
	_ = l.unsubscribe(l.taking) // it has told its error already
	if err := l.subscribe(l.taking, false); err != nil {
		l.reportDown(err)
	}
}

// reportDown and reportUp log an outage once, not once a worker and try.
func (l *Listener) reportDown(err error) {
	if l.failing.CompareAndSwap(false, true) {
		l.c.log.Warn("receiving fails", "topic", l.topic, "group", l.so.Group, "error", err)
	}
}

func (l *Listener) reportUp() {
	if l.failing.Load() && l.failing.CompareAndSwap(true, false) {
		l.c.log.Info("receiving again", "topic", l.topic, "group", l.so.Group)
	}
}

// handBackUnseen returns what arrived when the drain had begun.
func (l *Listener) handBackUnseen(d ports.Delivery) {
	if !l.caps.AtLeastOnce {
		return // the broker would not hand it out again
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.base), l.c.c.SendTimeout)
	defer cancel()
	if err := d.Nack(ctx, 0); err != nil {
		l.c.log.WarnContext(ctx, "message not handed back: it comes again when its lease ends", "topic", l.topic, "error", err)
	}
}

// guard keeps a driver's panic inside; the message then comes again when its lease ends.
func (l *Listener) guard() {
	if p := recover(); p != nil {
		l.c.log.Error("panic while a message was settled", "topic", l.topic, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}

func isOutage(err error) bool {
	kind := ports.KindOf(err)
	return kind == ports.ErrUnavailable || kind == ports.ErrTimeout
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
