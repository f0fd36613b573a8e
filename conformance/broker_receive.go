package conformance

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerReceiveCases() []testCase[ports.Broker] {
	return []testCase[ports.Broker]{
		eachSupported("prefetch-bounds-unsettled", prefetchBounds, "BR-023"),
		eachSupported("receive-waits-for-a-message", receiveWaits, "BR-024"),
		eachSupported("receive-heeds-its-context", receiveHeedsContext, "BR-025"),
		eachSupported("cancelled-receive-loses-nothing", cancelledReceiveLosesNothing, "BR-026"),
		eachSupported("receives-at-once-share", receivesShare, "BR-027"),
		eachSupported("closed-subscription", closedSubscription, "BR-028"),
		eachSupported("close-subscription-twice", closeSubscriptionTwice, "BR-029"),
		eachSupported("others-come-and-go", othersComeAndGo, "BR-030"),
	}
}

func prefetchBounds(k desk) {
	s := k.subscribe(prefetch(2))
	ids := number("m", 4)
	k.publish(ids...)
	first, second := k.receive(s), k.receive(s)
	waiting := k.receiving(k.ctx, s)
	mustWait(k.ctx, k.brokerEnv, "receive with two deliveries unsettled, and Prefetch 2", waiting)
	k.ack(first)
	third, err := await(k.brokerEnv, k.caps.TakeoverBound, "receive after one was settled", waiting)
	k.noError(err, "receive after one was settled")
	k.silent(s, "two deliveries are unsettled again")
	k.ack(second)
	k.ack(third)
	fourth := k.receive(s)
	k.ack(fourth)
	k.sameIDs([]string{first.Message().ID, second.Message().ID, third.Message().ID, fourth.Message().ID}, ids)
}

// receiving starts a Receive of its own.
func (k desk) receiving(ctx context.Context, s ports.Subscription) *call[ports.Delivery] {
	return start(func() (ports.Delivery, error) { return s.Receive(ctx) })
}

func receiveWaits(k desk) {
	s := k.subscribe()
	c := k.receiving(k.ctx, s)
	mustWait(k.ctx, k.brokerEnv, "receive with nothing there", c)
	k.publish("a")
	d, err := await(k.brokerEnv, k.caps.TakeoverBound, "receive", c)
	k.noError(err, "receive")
	k.isMessage(d, "a")
	k.ack(d)
}

func receiveHeedsContext(k desk) {
	s := k.subscribe()
	cancelled, cancel := context.WithCancel(k.ctx)
	defer cancel()
	c := k.receiving(cancelled, s)
	mustWait(k.ctx, k.brokerEnv, "receive with nothing there", c)
	cancel()
	_, err := await(k.brokerEnv, 0, "receive after a cancel", c)
	k.isKind(err, ports.ErrCanceled, "receive after a cancel")
	k.check(errors.Is(err, context.Canceled), "receive after a cancel: %v does not wrap %v", err, context.Canceled)

	// A context may be cancelled long before its deadline too.
	both, cancelBoth := context.WithTimeout(k.ctx, time.Hour)
	defer cancelBoth()
	c = k.receiving(both, s)
	mustWait(k.ctx, k.brokerEnv, "receive with nothing there", c)
	cancelBoth()
	_, err = await(k.brokerEnv, 0, "receive after a cancel before the deadline", c)
	k.isKind(err, ports.ErrCanceled, "receive after a cancel before the deadline")

	late, cancelLate := context.WithTimeout(k.ctx, k.Timing.Quiet)
	defer cancelLate()
	_, err = await(k.brokerEnv, k.Timing.Quiet, "receive past its deadline", k.receiving(late, s))
	k.isKind(err, ports.ErrTimeout, "receive past its deadline")
	k.check(errors.Is(err, context.DeadlineExceeded), "receive past its deadline: %v does not wrap %v", err, context.DeadlineExceeded)
}

func cancelledReceiveLosesNothing(k desk) {
	s := k.subscribe()
	ids := number("m", 30)
	var got []string
	keep := func(d ports.Delivery, err error) {
		if err == nil {
			got = append(got, d.Message().ID)
			k.ack(d)
			return
		}
		k.isKind(err, ports.ErrCanceled, "receive after a cancel")
	}
	for i, id := range ids {
		ctx, cancel := context.WithCancel(k.ctx)
		c := k.receiving(ctx, s)
		if i%2 == 0 {
			k.pause(k.ctx, time.Millisecond) // so that some are waiting when they are cancelled
		}
		publishing := start(func() (string, error) {
			return k.Driver.Publish(k.ctx, &ports.Message{ID: id, Topic: k.topic, Key: id, Payload: []byte("x")})
		})
		cancel()
		_, err := publishing.wait()
		k.noError(err, "publish "+id)
		keep(c.wait())
	}
	for len(got) < len(ids) {
		keep(k.receive(s), nil)
	}
	k.sameIDs(got, ids)
}

func receivesShare(k desk) {
	s := k.subscribe()
	const n = 8
	var calls []*call[ports.Delivery]
	for range n {
		calls = append(calls, k.receiving(k.ctx, s))
	}
	mustWait(k.ctx, k.brokerEnv, "receive with nothing there", calls...)
	ids := number("m", n)
	k.publish(ids...)
	var got []string
	for _, c := range calls {
		d, err := await(k.brokerEnv, k.caps.TakeoverBound, "one of several receives", c)
		k.noError(err, "one of several receives")
		got = append(got, d.Message().ID)
		k.ack(d)
	}
	k.sameIDs(got, ids)
}

func closedSubscription(k desk) {
	s := k.subscribe()
	c := k.receiving(k.ctx, s)
	mustWait(k.ctx, k.brokerEnv, "receive with nothing there", c)
	k.close(s)
	_, err := await(k.brokerEnv, 0, "a receive that waits when its subscription is closed", c)
	k.isKind(err, ports.ErrClosed, "a receive that waits when its subscription is closed")
	_, err = s.Receive(k.ctx)
	k.isKind(err, ports.ErrClosed, "receive of a closed subscription")
}

func closeSubscriptionTwice(k desk) {
	s := k.subscribe()
	k.close(s)
	k.noError(s.Close(k.ctx), "close a closed subscription")
}

func othersComeAndGo(k desk) {
	s := k.subscribe(group("stays"))
	held := number("m", 6)
	k.publish(held[:2]...)
	d := k.receive(s)
	got := []string{d.Message().ID}
	other := k.subscribe(group("goes"))
	k.publish(held[2:4]...)
	k.take(other, held[2:4]...)
	k.close(other)
	k.publish(held[4:]...)
	k.check(isOpen(d.Lost()), "another subscription was closed, and the lease of %s is lost", d.Message().ID)
	k.ack(d)
	for range held[1:] {
		d := k.receive(s)
		got = append(got, d.Message().ID)
		k.ack(d)
	}
	slices.Sort(got)
	k.sameIDs(got, held)
}
