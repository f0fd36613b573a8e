package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerLifeCases() []testCase[ports.Broker] {
	cutOff := eachSupported("cut-off", brokerCutOff, "BR-078")
	back := eachDeclared(atLeastOnce(), "back-again", brokerBackAgain, "BR-079")
	cutOff.faults, back.faults = true, true
	cutOff.run, back.run = inTurn(supported, brokerCutOff), inTurn(atLeastOnce().of, brokerBackAgain)
	return []testCase[ports.Broker]{
		eachSupported("closed-client", brokerClosed, "BR-072"),
		brokerCore("close-client-twice", brokerClosedTwice, "BR-073"),
		eachSupported("close-harms-no-other", brokerCloseHarmsNoOther, "BR-074"),
		brokerCore("close-leaves-no-goroutine", brokerLeavesNoGoroutine, "BR-075"),
		brokerCore("errors-name-driver-and-operation", brokerErrorsNameDriver, "BR-076"),
		brokerCore("as-leaves-unknown-targets-alone", brokerAsUnknown, "BR-077"),
		cutOff, back,
	}
}

func brokerClosed(k desk) {
	d := k.peer(k.ctx)
	s := k.subscribeOn(d)
	waiting := k.receiving(k.ctx, s)
	mustWait(k.ctx, k.brokerEnv, "receive with nothing there", waiting)
	k.noError(d.Close(k.ctx), "close the client")
	_, err := await(k.brokerEnv, 0, "a receive that waits when its client is closed", waiting)
	k.isKind(err, ports.ErrClosed, "a receive that waits when its client is closed")
	_, err = d.Publish(k.ctx, &ports.Message{ID: "a", Topic: k.topic})
	k.isKind(err, ports.ErrClosed, "publish on a closed client")
	_, err = d.Subscribe(k.ctx, k.options())
	k.isKind(err, ports.ErrClosed, "subscribe on a closed client")
	_, err = s.Receive(k.ctx)
	k.isKind(err, ports.ErrClosed, "receive on a closed client")
}

func brokerClosedTwice(k desk) {
	d := k.peer(k.ctx)
	k.noError(d.Close(k.ctx), "close")
	k.noError(d.Close(k.ctx), "close a closed client")
}

func brokerCloseHarmsNoOther(k desk) {
	s := k.subscribe()
	other := k.peer(k.ctx)
	gone := k.subscribeOn(other, group("other"))
	k.publish("a")
	held := k.receiveID(s, "a")
	k.take(gone, "a")
	k.noError(other.Close(k.ctx), "close the other client")
	k.check(isOpen(held.Lost()), "another client was closed, and the lease is lost")
	k.ack(held)
	k.publish("b")
	k.take(s, "b")
}

func brokerLeavesNoGoroutine(k desk) {
	use := func(k desk, d ports.Broker) {
		s := k.subscribeOn(d)
		k.publish("a", "b")
		k.ack(k.receive(s))
		k.receive(s)
		k.close(k.subscribeOn(d, group("closed")))
	}
	k.leavesNoGoroutine(k.ctx, func(ctx context.Context, d ports.Broker) {
		forEach(supported, func(k desk) { use(k, d) })(ctx, k.brokerEnv)
	})
}

func brokerErrorsNameDriver(k desk) {
	s := k.subscribe()
	k.publish("a")
	d := k.receiveID(s, "a")
	k.ack(d)
	k.close(s)
	_, publish := k.Driver.Publish(k.ctx, &ports.Message{})
	_, subscribe := k.Driver.Subscribe(k.ctx, ports.SubscribeOptions{})
	_, receive := s.Receive(k.ctx)
	for doing, err := range map[string]error{"publish without a topic": publish, "subscribe without a topic": subscribe,
		"receive of a closed subscription": receive, "a second ack": d.Ack(k.ctx)} {
		var pe *ports.Error
		k.check(errors.As(err, &pe), "%s: %T is no *ports.Error", doing, err)
		k.check(pe.Driver == k.Driver.Name() && pe.Driver != "", "%s: the error names driver %q; the driver's name is %q", doing, pe.Driver, k.Driver.Name())
		k.check(pe.Op != "", "%s: the error names no operation", doing)
	}
}

func brokerAsUnknown(k desk) {
	type unknown struct{ n int }
	target := unknown{n: 1}
	k.check(!k.Driver.As(nil), "As(nil) is true")
	k.check(!k.Driver.As(&target) && target.n == 1, "As of an unknown type is true, or wrote to it")
}

func brokerCutOff(k desk) {
	s := k.subscribe()
	k.publish("a")
	d := k.receiveID(s, "a")
	waiting := k.receiving(k.ctx, s)
	mustWait(k.ctx, k.brokerEnv, "receive with nothing there", waiting)
	k.cut(k.ctx)
	defer k.heal(k.ctx)
	_, err := await(k.brokerEnv, k.caps.TakeoverBound, "a receive that waits when the backend is cut off", waiting)
	isDown(k.brokerEnv, err, "a receive that waits")
	ctx, cancel := context.WithTimeout(k.ctx, k.Timing.Slack)
	defer cancel()
	_, err = k.Driver.Publish(ctx, &ports.Message{ID: "b", Topic: k.topic})
	isDown(k.brokerEnv, err, "publish")
	_, err = k.Driver.Subscribe(ctx, k.options(group("other")))
	isDown(k.brokerEnv, err, "subscribe")
	_, err = s.Receive(ctx)
	isDown(k.brokerEnv, err, "receive")
	isDown(k.brokerEnv, d.Ack(ctx), "ack")
	isDown(k.brokerEnv, d.Extend(ctx), "extend")
}

func brokerBackAgain(k desk) {
	s := k.subscribe(lease(k.shortLease()))
	k.publish("a", "b")
	held := k.receive(s)
	k.cut(k.ctx)
	ctx, cancel := context.WithTimeout(k.ctx, k.Timing.Slack)
	defer cancel()
	isDown(k.brokerEnv, held.Ack(ctx), "ack")
	k.heal(k.ctx)
	left := map[string]bool{"a": true, "b": true, "c": true}
	k.eventually(k.ctx, "publish works again", func() bool {
		_, err := k.Driver.Publish(k.ctx, &ports.Message{ID: "c", Topic: k.topic, Key: "c", Payload: []byte("x")})
		return err == nil
	})
	giveUp := time.Now().Add(k.shortLease() + k.caps.TakeoverBound + k.Timing.Slack)
	for len(left) > 0 {
		ctx, cancel := context.WithDeadline(k.ctx, giveUp)
		d, err := s.Receive(ctx)
		cancel()
		if ports.KindOf(err) == ports.ErrUnavailable && time.Now().Before(giveUp) {
			k.pause(k.ctx, clockSkew) // its connection is on the way back
			continue
		}
		k.noError(err, "receive after the backend is back")
		k.ack(d)
		delete(left, d.Message().ID)
	}
}
