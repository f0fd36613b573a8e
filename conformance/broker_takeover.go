package conformance

import (
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerTakeoverCases() []testCase[ports.Broker] {
	failover, exclusive := is("Failover", ports.Failover), is("Exclusive", ports.Exclusive)
	return []testCase[ports.Broker]{
		eachDeclared(failover, "failover-has-one-active", failoverHasOneActive, "BR-063"),
		eachDeclared(failover, "failover-takes-over", failoverTakesOver, "BR-064"),
		eachDeclared(exclusive, "exclusive-refuses-a-second", exclusiveRefuses, "BR-065"),
		eachDeclared(exclusive, "exclusive-is-free-after-close", exclusiveIsFree, "BR-066"),
	}
}

func failoverHasOneActive(k desk) {
	subs := []ports.Subscription{k.subscribe(), k.subscribeOn(k.peer(k.ctx))}
	k.settle()
	active := -1
	one := func(r received) {
		k.check(active < 0 || active == r.from, "%s came to another subscriber than the messages before", r.d.Message().ID)
		active = r.from
		k.ack(r.d)
	}
	k.publish(number("first", 10)...)
	k.gather(10, one, subs...)
	subs = append(subs, k.subscribe(), k.subscribe())
	k.settle()
	k.publish(number("second", 10)...)
	k.gather(10, one, subs...)
}

func failoverTakesOver(k desk) {
	subs := []ports.Subscription{k.subscribe(), k.subscribeOn(k.peer(k.ctx))}
	k.settle()
	ids := number("m", 6)
	k.publishKey("k", ids...)
	var active received
	k.gather(1, func(r received) { active = r }, subs...)
	k.isMessage(active.d, ids[0])
	standby := subs[1-active.from]
	k.silent(standby, "another subscriber is active")
	k.close(subs[active.from])
	got := k.take(standby, ids...)
	k.check(slices.Equal(got, ids), "after the active subscriber had left, the next got %q", got)
}

func exclusiveRefuses(k desk) {
	s := k.subscribe()
	_, err := k.Driver.Subscribe(k.ctx, k.options())
	k.isKind(err, ports.ErrConflict, "a second subscribe on the same client")
	_, err = k.peer(k.ctx).Subscribe(k.ctx, k.options())
	k.isKind(err, ports.ErrConflict, "a second subscribe on another client")
	other := k.subscribe(group("other"))
	k.publish("a", "b")
	k.take(s, "a", "b")
	k.take(other, "a", "b")
}

func exclusiveIsFree(k desk) {
	s := k.subscribe()
	k.publishKey("k", "a", "b")
	k.receiveID(s, "a")
	k.close(s)
	next := k.peer(k.ctx)
	var err error
	free := time.Now().Add(k.caps.TakeoverBound + k.Timing.Slack)
	for {
		s, err = next.Subscribe(k.ctx, k.options())
		if ports.KindOf(err) != ports.ErrConflict || time.Now().After(free) {
			break
		}
		k.pause(k.ctx, clockSkew)
	}
	k.noError(err, "subscribe after the only subscriber was closed")
	k.take(s, "a", "b")
}
