package conformance

import (
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerDelayCases() []testCase[ports.Broker] {
	return []testCase[ports.Broker]{
		eachDeclared(delaying(), "delayed-message-waits", delayedWaits, "BR-067", "BR-068"),
		eachDeclared(delaying(), "delayed-message-holds-nothing-back", delayedHoldsNothing, "BR-069"),
		eachDeclared(delaying(), "delay-that-has-passed", delayPassed, "BR-070"),
		eachSupported("deliver-at-arrives", deliverAtArrives, "BR-071"),
	}
}

// sendDelayed publishes to the key "k".
func (k desk) sendDelayed(id string, delay time.Duration) time.Time {
	at := time.Now().Add(delay)
	k.send(&ports.Message{ID: id, Key: "k", DeliverAt: at})
	return at
}

func delayedWaits(k desk) {
	s := k.subscribe()
	delay := 2 * k.Timing.Quiet
	at := k.sendDelayed("a", delay)
	k.silentFor(k.Timing.Quiet, s, "its DeliverAt has not come")
	d := k.within(delay+k.caps.NackBound, s)
	k.isMessage(d, "a")
	if now := time.Now(); now.Before(at.Add(-clockSkew)) {
		k.failf("delivered %v before its DeliverAt", at.Sub(now))
	}
	k.ack(d)
}

func delayedHoldsNothing(k desk) {
	s := k.subscribe()
	delay := 5 * k.Timing.Quiet
	k.sendDelayed("late", delay)
	k.publishKey("k", "a", "b")
	k.ack(k.receiveID(s, "a"))
	k.ack(k.receiveID(s, "b"))
	d := k.within(delay+k.caps.NackBound, s)
	k.isMessage(d, "late")
	k.ack(d)
}

func delayPassed(k desk) {
	s := k.subscribe()
	k.sendDelayed("a", -time.Hour)
	k.take(s, "a")
}

func deliverAtArrives(k desk) {
	s := k.subscribe()
	at := k.sendDelayed("a", -time.Hour)
	k.send(&ports.Message{ID: "b", Key: "l"})
	for range 2 {
		d := k.receive(s)
		got := d.Message().DeliverAt
		if d.Message().ID == "b" {
			k.check(got.IsZero(), "published without a DeliverAt, it arrived with %v", got)
		} else {
			sameMilli(k.brokerEnv, "DeliverAt", got, at)
		}
		k.ack(d)
	}
}

// sameMilli allows for rounding either way.
func sameMilli(e *brokerEnv, field string, got, want time.Time) {
	if diff := got.Sub(want).Abs(); diff > time.Millisecond {
		e.failf("%s is %v; want %v", field, got, want)
	}
}
