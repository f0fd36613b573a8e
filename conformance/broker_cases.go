package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerCases() []testCase[ports.Broker] {
	return slices.Concat(brokerPublishCases(), brokerSubscribeCases(), brokerReceiveCases(), brokerSettleCases(),
		brokerLeaseCases(), brokerSharingCases(), brokerOrderCases(), brokerStickyCases(), brokerTakeoverCases(),
		brokerDelayCases(), brokerLifeCases(), brokerEmergencyCases())
}

type brokerEnv = env[ports.Broker]

// brokerCore is a case that every driver owes, run under one strategy because it holds for all alike.
func brokerCore(id string, run func(desk), clauses ...string) testCase[ports.Broker] {
	return testCase[ports.Broker]{id: "broker/" + id, clauses: clauses,
		run: func(ctx context.Context, e *brokerEnv) { run(plainDesk(ctx, e)) }}
}

// eachSupported is a core case that is run under every supported strategy.
func eachSupported(id string, run func(desk), clauses ...string) testCase[ports.Broker] {
	return testCase[ports.Broker]{id: "broker/" + id, clauses: clauses, run: forEach(supported, run)}
}

// eachDeclared is a case of a capability, run under every strategy that declares it.
func eachDeclared(c brokerCapability, id string, run func(desk), clauses ...string) testCase[ports.Broker] {
	return testCase[ports.Broker]{id: "broker/" + id, clauses: clauses, run: forEach(c.of, run),
		needs: capability[ports.Broker]{name: c.name, declared: func(d ports.Broker) bool {
			return slices.ContainsFunc(ports.Strategies[:], func(s ports.Strategy) bool { return c.of(s, d.BrokerCapabilities(s)) })
		}}}
}

// brokerCapability is what a strategy may declare; the contract explains the names.
type brokerCapability struct {
	name string
	of   func(ports.Strategy, ports.BrokerCapabilities) bool
}

func supported(_ ports.Strategy, c ports.BrokerCapabilities) bool { return c.Supported }

// is makes the capability of a single strategy.
func is(name string, strategy ports.Strategy) brokerCapability {
	return brokerCapability{name, func(s ports.Strategy, c ports.BrokerCapabilities) bool { return s == strategy && c.Supported }}
}

// declares makes a capability of all supported strategies for which flag holds.
func declares(name string, flag func(ports.Strategy, ports.BrokerCapabilities) bool) brokerCapability {
	return brokerCapability{name, func(s ports.Strategy, c ports.BrokerCapabilities) bool { return c.Supported && flag(s, c) }}
}

func atLeastOnce() brokerCapability {
	return declares("AtLeastOnce", func(_ ports.Strategy, c ports.BrokerCapabilities) bool { return c.AtLeastOnce })
}

func exactAttempt() brokerCapability {
	return declares("ExactAttempt", func(_ ports.Strategy, c ports.BrokerCapabilities) bool { return c.ExactAttempt })
}

func leased() brokerCapability {
	return declares("Lease", func(_ ports.Strategy, c ports.BrokerCapabilities) bool { return c.AtLeastOnce && !c.SessionLease })
}

func sessionLeased() brokerCapability {
	return declares("SessionLease", func(_ ports.Strategy, c ports.BrokerCapabilities) bool { return c.SessionLease })
}

func delaying() brokerCapability {
	return declares("Delay", func(_ ports.Strategy, c ports.BrokerCapabilities) bool { return c.Delay })
}

func ordered() brokerCapability {
	return declares("Ordered", func(s ports.Strategy, _ ports.BrokerCapabilities) bool { return s.Ordered() })
}

// desk is one topic under one strategy: what most cases work at. Its methods end the case when the driver fails them.
type desk struct {
	*brokerEnv
	ctx      context.Context
	topic    string
	strategy ports.Strategy
	caps     ports.BrokerCapabilities
}

// forEach runs a case under all strategies that declare something, each at a desk of its own, at the same time.
func forEach(declared func(ports.Strategy, ports.BrokerCapabilities) bool, run func(desk)) func(context.Context, *brokerEnv) {
	return func(ctx context.Context, e *brokerEnv) {
		var works []func() (struct{}, error)
		for _, k := range desks(ctx, e, declared) {
			works = append(works, func() (struct{}, error) {
				runAt(k, run)
				return struct{}{}, nil
			})
		}
		calls, _ := startAll(works...)
		for _, c := range calls {
			<-c.done
		}
		for _, c := range calls {
			_, _ = c.result() // it panics with what the case says of the driver
		}
	}
}

// inTurn runs a case under one strategy after the other, for cases that touch more than their desk.
func inTurn(declared func(ports.Strategy, ports.BrokerCapabilities) bool, run func(desk)) func(context.Context, *brokerEnv) {
	return func(ctx context.Context, e *brokerEnv) {
		for _, k := range desks(ctx, e, declared) {
			runAt(k, run)
		}
	}
}

// desks makes a desk for each strategy that declares something.
func desks(ctx context.Context, e *brokerEnv, declared func(ports.Strategy, ports.BrokerCapabilities) bool) (all []desk) {
	for _, s := range ports.Strategies {
		if caps := e.Driver.BrokerCapabilities(s); declared(s, caps) {
			all = append(all, desk{e, ctx, "topic-" + strings.ReplaceAll(s.String(), "_", "-"), s, caps})
		}
	}
	e.check(len(all) > 0, "no strategy is supported; a broker has one at least")
	return all
}

// runAt names the strategy in what the case says of the driver.
func runAt(k desk, run func(desk)) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			k.failf("%v: %s", k.strategy, string(p))
		default:
			panic(p)
		}
	}()
	run(k)
}

// plainDesk has the strategy with which cases work that hold for all alike: load-balanced where it is supported.
func plainDesk(ctx context.Context, e *brokerEnv) desk {
	all := desks(ctx, e, supported)
	for _, k := range all {
		if k.strategy == ports.LoadBalanced {
			return k
		}
	}
	return all[0]
}

// at is the same desk with another topic.
func (k desk) at(topic string) desk {
	k.topic = topic
	return k
}

// setOption changes what a Subscribe asks for.
type setOption func(*ports.SubscribeOptions)

func group(name string) setOption { return func(o *ports.SubscribeOptions) { o.Group = name } }
func fromStart() setOption        { return func(o *ports.SubscribeOptions) { o.FromStart = true } }
func prefetch(n int) setOption    { return func(o *ports.SubscribeOptions) { o.Prefetch = n } }
func lease(d time.Duration) setOption {
	return func(o *ports.SubscribeOptions) { o.Lease = d }
}

func (k desk) options(set ...setOption) ports.SubscribeOptions {
	o := ports.SubscribeOptions{Topic: k.topic, Group: "group", Strategy: k.strategy}
	for _, s := range set {
		s(&o)
	}
	return o
}

// subscribe opens a subscription of the case's own client.
func (k desk) subscribe(set ...setOption) ports.Subscription { return k.subscribeOn(k.Driver, set...) }

func (k desk) subscribeOn(d ports.Broker, set ...setOption) ports.Subscription {
	s, err := d.Subscribe(k.ctx, k.options(set...))
	k.noError(err, "subscribe")
	return s
}

// publish sends one message an id, each with a key of its own.
func (k desk) publish(ids ...string) {
	for _, id := range ids {
		k.send(&ports.Message{ID: id, Key: "key-of-" + id})
	}
}

// publishKey sends messages of one key.
func (k desk) publishKey(key string, ids ...string) {
	for _, id := range ids {
		k.send(&ports.Message{ID: id, Key: key})
	}
}

// send publishes to the desk's topic; a message without payload gets one that names it.
func (k desk) send(m *ports.Message) string {
	m.Topic = k.topic
	if m.Payload == nil {
		m.Payload = fmt.Appendf(nil, `{"id":%q}`, m.ID)
	}
	position, err := k.Driver.Publish(k.ctx, m)
	k.noError(err, "publish "+m.ID)
	return position
}

// within receives what must come within bound.
func (k desk) within(bound time.Duration, s ports.Subscription) ports.Delivery {
	ctx, cancel := context.WithTimeout(k.ctx, bound+k.Timing.Slack)
	defer cancel()
	d, err := s.Receive(ctx)
	k.noError(err, "receive")
	k.check(d != nil && d.Message() != nil, "receive: neither a delivery nor an error")
	return d
}

// receive receives what must be there, or come as soon as a subscriber took over.
func (k desk) receive(s ports.Subscription) ports.Delivery { return k.within(k.caps.TakeoverBound, s) }

// receiveID receives the message that must come next.
func (k desk) receiveID(s ports.Subscription, id string) ports.Delivery {
	d := k.receive(s)
	k.isMessage(d, id)
	return d
}

func (k desk) isMessage(d ports.Delivery, id string) {
	k.check(d.Message().ID == id, "received message %q; want %q", d.Message().ID, id)
}

// take receives these messages, in any order, acknowledges each and returns the ids in the order of receiving.
func (k desk) take(s ports.Subscription, ids ...string) []string {
	var got []string
	for range ids {
		d := k.receive(s)
		got = append(got, d.Message().ID)
		k.ack(d)
	}
	k.sameIDs(got, ids)
	return got
}

// sameIDs compares without looking at the order.
func (k desk) sameIDs(got, want []string) {
	k.check(slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))), "received %q; want %q", got, want)
}

// silent watches that nothing comes while Timing.Quiet passes.
func (k desk) silent(s ports.Subscription, why string) { k.silentFor(k.Timing.Quiet, s, why) }

func (k desk) silentFor(quiet time.Duration, s ports.Subscription, why string) {
	if quiet <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(k.ctx, quiet)
	defer cancel()
	d, err := s.Receive(ctx)
	if err == nil {
		k.failf("received message %q, attempt %d; want none: %s", d.Message().ID, d.Attempt(), why)
	}
	k.isKind(err, ports.ErrTimeout, "receive, with nothing to come")
}

func (k desk) ack(d ports.Delivery) { k.noError(d.Ack(k.ctx), "ack "+d.Message().ID) }
func (k desk) nack(d ports.Delivery, delay time.Duration) {
	k.noError(d.Nack(k.ctx, delay), "nack "+d.Message().ID)
}
func (k desk) close(s ports.Subscription) { k.noError(s.Close(k.ctx), "close the subscription") }

// settle waits until subscribers that came or went are known to all.
func (k desk) settle() { k.pause(k.ctx, k.caps.TakeoverBound) }

// received is a delivery with the place of the subscription that it came from.
type received struct {
	d    ports.Delivery
	from int
}

// gather receives n messages from several subscriptions at once; handle gets each as it comes. There must not be more.
func (k desk) gather(n int, handle func(received), subs ...ports.Subscription) {
	ctx, cancel := context.WithCancel(k.ctx)
	got := make(chan received)
	var receivers []*call[ports.Delivery]
	for i, s := range subs {
		receivers = append(receivers, start(func() (ports.Delivery, error) {
			for {
				d, err := s.Receive(ctx)
				if err != nil {
					return nil, err
				}
				select {
				case got <- received{d, i}:
				case <-ctx.Done():
					return d, nil
				}
			}
		}))
	}
	defer func() {
		cancel()
		for _, r := range receivers {
			d, err := r.wait()
			if d != nil {
				k.failf("received message %q, attempt %d, beyond the %d that there are", d.Message().ID, d.Attempt(), n)
			}
			k.isKind(err, ports.ErrCanceled, "receive after a cancel")
		}
	}()
	for range n {
		handle(awaitAny(k.brokerEnv, k.caps.TakeoverBound, "receive from any of several subscriptions", got))
	}
}

func idsOf(ds []ports.Delivery) []string {
	var ids []string
	for _, d := range ds {
		ids = append(ids, d.Message().ID)
	}
	return ids
}

// given and changed are what a caller wrote first and what it makes of it later; they are equally long.
const given, changed = "before", "after!"

// number makes n ids.
func number(prefix string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s%03d", prefix, i)
	}
	return ids
}

// isOpen says whether a channel that is only ever closed is still open.
func isOpen(c <-chan struct{}) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}

// isDown fails the case unless err says that the backend cannot be reached.
func isDown(e *brokerEnv, err error, doing string) {
	if kind := ports.KindOf(err); kind != ports.ErrUnavailable && kind != ports.ErrTimeout {
		e.failf("%s while the backend is cut off: %v; want %v or %v", doing, err, ports.ErrUnavailable, ports.ErrTimeout)
	}
}
