package resilience

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/breakwater-go/breakwater/ports"
)

const (
	// replayKeys bounds how many keys are replayed side by side; the messages of one key go one after the other.
	replayKeys = 8
	// roundProbes is how long, in probes, recovery may hold a topic before it lets another instance have it for a moment:
	// who sees a topic's store empty opens its own gates only.
	roundProbes = 10
	// replaysATurn is how many messages leave the store for each one that may be added meanwhile.
	replaysATurn = 2
	// idleProbes is how often, in probes, a Sender without stranded messages looks for those that another, now dead,
	// instance has left.
	idleProbes = 30
)

// recovery is the Sender's one goroutine, from Start to Close.
type recovery struct {
	s      *Sender
	ctx    context.Context // ends the calls under way; Close cancels it when its own context has ended
	cancel context.CancelFunc
	stop   chan struct{} // closed by Close: end after what is in hand
	ended  chan struct{}
}

// Start starts recovery, after a [Sender.Survey] if there was none; ctx bounds that only, and its values serve recovery's
// calls. A second Start, or one after Close, is ErrInvalid.
func (s *Sender) Start(ctx context.Context) error {
	s.mu.Lock()
	if s.recovery != nil || s.closed {
		s.mu.Unlock()
		return invalid("start", "the sender was started or closed before; valid is one Start")
	}
	r := &recovery{s: s, stop: make(chan struct{}), ended: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.recovery = r
	s.mu.Unlock()
	if s.c.Fallback == nil {
		close(r.ended)
		return nil
	}
	if _, unknown := s.gates.stranded(); unknown {
		s.Survey(ctx)
	}
	go r.run()
	return nil
}

// Close ends recovery after the message that it has in hand, or at once when ctx ends. What is stranded stays in the
// store for the next Start, of any instance. The backends are their owner's to close. Close is idempotent.
func (s *Sender) Close(ctx context.Context) error {
	s.mu.Lock()
	r := s.recovery
	if r != nil && !s.closed {
		close(r.stop)
	}
	s.closed = true
	s.mu.Unlock()
	if r == nil {
		return nil
	}
	defer r.cancel()
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return ports.ContextError(ctx, driverName, "close")
	}
}

// Survey learns from the emergency store which topics have stranded messages. A store that does not answer is no error:
// until it was seen, every topic counts as stranded, and recovery looks again.
func (s *Sender) Survey(ctx context.Context) {
	if s.c.Fallback == nil {
		return
	}
	topics, err := s.topics(ctx)
	if err != nil {
		s.c.Logger.WarnContext(ctx, "emergency store not seen yet: every topic counts as stranded", "error", err)
		return
	}
	s.gates.learn(topics)
}

func (s *Sender) topics(ctx context.Context) (topics []string, err error) {
	err = s.tryNow(ctx, func(ctx context.Context) (err error) {
		topics, err = s.c.Fallback.Topics(ctx)
		return err
	})
	return topics, err
}

// run waits until something is stranded, and then tries every Probe until nothing is.
func (r *recovery) run() {
	defer close(r.ended)
	defer r.s.gates.releaseAll()
	probe, idle := r.s.c.Probe, idleProbes*r.s.c.Probe
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		work, pause := r.adopt, idle
		if r.s.gates.shut.Load() {
			work, pause = r.round, probe
		}
		timer.Reset(pause) // after the last round, so that another instance has its chance between two
		select {
		case <-r.stop:
			return
		case <-r.s.gates.wake: // the pause is another one now
		case <-timer.C:
			r.guarded(work)
		}
	}
}

// guarded keeps a driver's panic from ending the program; the next round tries again.
func (r *recovery) guarded(work func()) {
	defer func() {
		if p := recover(); p != nil {
			r.s.c.Logger.ErrorContext(r.ctx, "panic while replaying", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	work()
}

// round tries each stranded topic once. The first message is the probe: when the primary does not take it, the round is
// over.
func (r *recovery) round() {
	if _, unknown := r.s.gates.stranded(); unknown {
		r.s.Survey(r.ctx)
	}
	topics, _ := r.s.gates.stranded()
	r.replay(topics)
}

// adopt replays what other instances have left behind.
func (r *recovery) adopt() {
	topics, err := r.s.topics(r.ctx)
	if err != nil {
		r.s.c.Logger.WarnContext(r.ctx, "emergency store does not answer", "error", err)
		return
	}
	r.replay(topics)
}

func (r *recovery) replay(topics []string) {
	for _, topic := range topics {
		count, err := r.s.replayTopic(r.ctx, topic, DefaultBatch, time.Now().Add(roundProbes*r.s.c.Probe), r.stop)
		if count > 0 {
			r.s.c.Logger.InfoContext(r.ctx, "stranded messages replayed", "topic", topic, "count", count)
		}
		switch {
		case errors.Is(err, ports.ErrConflict):
			r.leaveToOther(topic)
		case err != nil:
			r.s.gates.releaseSenders(topic)
			r.s.c.Logger.WarnContext(r.ctx, "replay interrupted", "topic", topic, "error", err)
		}
		if r.s.primary.State() != Closed || stopped(r.stop) {
			return
		}
	}
}

// leaveToOther slows this instance's senders down while another one replays the topic: it cannot do so itself. With the
// primary down there is nothing to wait for.
func (r *recovery) leaveToOther(topic string) {
	if r.s.primary.State() == Closed {
		r.s.gates.hold(topic)
	} else {
		r.s.gates.releaseSenders(topic)
	}
}

// Flush replays the topic's stranded messages now, whatever the breaker says, batch at a time until none is left, and
// returns how many the primary confirmed, also beside an error. ErrConflict: another instance is replaying.
// ErrUnsupported without a Fallback. RS-022 to RS-029.
func (s *Sender) Flush(ctx context.Context, topic string, batch int) (int, error) {
	switch {
	case s.c.Fallback == nil:
		return 0, ports.Errorf(driverName, "flush "+topic, ports.ErrUnsupported, "Config.Fallback is nil")
	case batch < 0:
		return 0, invalid("flush "+topic, "batch is %d; valid is 1 or more, or 0 for %d", batch, DefaultBatch)
	case batch == 0:
		batch = DefaultBatch
	}
	return s.replayTopic(ctx, topic, batch, time.Time{}, nil)
}

// replayTopic holds the topic's store and replays until it is empty, until passes (zero = never) or stop is closed.
func (s *Sender) replayTopic(ctx context.Context, topic string, batch int, until time.Time, stop <-chan struct{}) (count int, err error) {
	select {
	case s.replaying <- struct{}{}:
		defer func() { <-s.replaying }()
	case <-ctx.Done():
		return 0, ports.ContextError(ctx, driverName, "replay "+topic)
	}
	var reader ports.StrandedReader
	err = s.tryNow(ctx, func(ctx context.Context) (err error) {
		reader, err = s.c.Fallback.Stranded(ctx, topic)
		return err
	})
	if err != nil {
		return 0, err
	}
	p := &replay{s: s, topic: topic, reader: reader, stop: stop}
	defer p.close(ctx)
	err = p.run(ctx, batch, until)
	return int(p.confirmed.Load()), err
}

// replay of one topic by one reader.
type replay struct {
	s         *Sender
	topic     string
	reader    ports.StrandedReader
	stop      <-chan struct{}
	confirmed atomic.Int64
	halted    atomic.Bool
}

func (p *replay) run(ctx context.Context, batch int, until time.Time) (err error) {
	gates := p.s.gates
	defer func() {
		if err != nil { // no progress to wait for; after until, the next round goes on
			gates.releaseSenders(p.topic)
		}
	}()
	size := 1 // the oldest message alone is the probe
	for !stopped(p.stop) && (until.IsZero() || time.Now().Before(until)) {
		mark := gates.look(p.topic)
		messages, err := p.next(ctx, size)
		if err != nil {
			return err
		}
		if len(messages) == 0 {
			if gates.open(p.topic, mark) {
				return nil
			}
			// Some were stranded meanwhile: no more until these are replayed.
			select {
			case <-gates.hold(p.topic):
			case <-ctx.Done():
				return ports.ContextError(ctx, driverName, "replay "+p.topic)
			}
			continue
		}
		if err := p.deliver(ctx, messages); err != nil {
			return err
		}
		gates.hold(p.topic) // the primary is back
		size = batch
	}
	return nil
}

// next takes up to size messages, none at the end of the store.
func (p *replay) next(ctx context.Context, size int) (messages []ports.Delivery, err error) {
	for len(messages) < size {
		var d ports.Delivery
		err := p.s.try(ctx, func(ctx context.Context) (err error) {
			d, err = p.reader.Next(ctx)
			return err
		})
		switch {
		case err == nil:
			messages = append(messages, d)
		case errors.Is(err, ports.ErrNotFound) || len(messages) > 0:
			return messages, nil // another error comes again at the next call
		default:
			return nil, err
		}
	}
	return messages, nil
}

// deliver publishes the messages, keys side by side and each key in order, until one fails.
func (p *replay) deliver(ctx context.Context, messages []ports.Delivery) error {
	byKey := map[string][]ports.Delivery{}
	var keys []string
	for _, d := range messages {
		key := d.Message().Key
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], d)
	}
	var workers errgroup.Group
	workers.SetLimit(replayKeys)
	for _, key := range keys {
		workers.Go(func() error {
			err := p.deliverInOrder(ctx, byKey[key])
			if err != nil {
				p.halted.Store(true)
			}
			return err
		})
	}
	return workers.Wait()
}

func (p *replay) deliverInOrder(ctx context.Context, messages []ports.Delivery) (err error) {
	defer func() {
		if r := recover(); r != nil { // this goroutine is ours
			err = fmt.Errorf("driver panicked: %v", r)
		}
	}()
	for _, d := range messages {
		if p.halted.Load() || stopped(p.stop) {
			return nil
		}
		if err := p.deliverOne(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// deliverOne removes a message from the store only once the primary has it. A crash between the two repeats it.
func (p *replay) deliverOne(ctx context.Context, d ports.Delivery) error {
	m := d.Message()
	err := p.s.probe(ctx, m)
	refused := errors.Is(err, ports.ErrInvalid)
	if refused && p.s.c.Refused != nil {
		err = p.s.c.Refused(ctx, m, err)
	}
	if err != nil {
		return err
	}
	err = p.s.try(ctx, d.Ack)
	if !refused {
		p.s.replayed.Add(1)
		if p.confirmed.Add(1)%replaysATurn == 0 {
			p.s.gates.admit(p.topic)
		}
	}
	return err
}

// probe is publish for a replay, which has its own clock and so does not wait for the breaker's.
func (s *Sender) probe(ctx context.Context, m *ports.Message) error {
	permit, ok := s.primary.Probe()
	if !ok {
		return unavailable("replay "+m.Topic, errOpen)
	}
	return s.publishWith(ctx, permit, m)
}

// close gives the topic free, also after ctx has ended.
func (p *replay) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.s.c.SendTimeout)
	defer cancel()
	if err := p.reader.Close(ctx); err != nil {
		p.s.c.Logger.WarnContext(ctx, "stranded topic not given free: its lease must run out", "topic", p.topic, "error", err)
	}
}

func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false // a nil channel never is
	}
}
