package conformance

import (
	"maps"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerSettleCases() []testCase[ports.Broker] {
	return []testCase[ports.Broker]{
		eachDeclared(atLeastOnce(), "settled-does-not-come-again", settledIsGone, "BR-031"),
		eachDeclared(atLeastOnce(), "unsettled-comes-again-after-close", unsettledComesAgain, "BR-032"),
		eachDeclared(atLeastOnce(), "unsettled-comes-again-after-client-close", unsettledComesAgainAfterClient, "BR-033"),
		eachDeclared(atLeastOnce(), "nacked-comes-again", nackedComesAgain, "BR-034"),
		eachDeclared(atLeastOnce(), "nack-not-before-its-delay", nackNotBefore, "BR-035"),
		eachDeclared(atLeastOnce(), "nack-lets-others-pass", nackLetsOthersPass, "BR-036"),
		eachDeclared(leased(), "nack-delay-beyond-the-lease", nackBeyondLease, "BR-037"),
		eachDeclared(atLeastOnce(), "nack-with-a-negative-delay", nackNegative, "BR-038"),
		eachSupported("settling-twice-is-a-conflict", settlingTwice, "BR-039"),
		eachDeclared(atLeastOnce(), "attempt-counts-from-one", attemptCounts, "BR-040"),
		eachDeclared(exactAttempt(), "attempt-is-exact", attemptIsExact, "BR-041"),
		eachDeclared(atLeastOnce(), "what-comes-again-is-the-same", redeliveredIsTheSame, "BR-042"),
	}
}

func settledIsGone(k desk) {
	s := k.subscribe()
	ids := number("m", 5)
	k.publish(ids...)
	k.take(s, ids...)
	k.silent(s, "everything is settled")
	k.close(s)
	s = k.subscribe()
	k.publish("last")
	k.take(s, "last")
	k.silent(s, "everything is settled")
}

func unsettledComesAgain(k desk) {
	s := k.subscribe()
	k.publish("a", "b", "c")
	for range 3 {
		if d := k.receive(s); d.Message().ID == "b" {
			k.ack(d)
		}
	}
	k.close(s)
	s = k.subscribe()
	k.take(s, "a", "c")
	k.silent(s, "everything is settled")
}

func unsettledComesAgainAfterClient(k desk) {
	doomed := k.peer(k.ctx)
	s := k.subscribeOn(doomed)
	k.publish("a", "b")
	k.receive(s)
	k.receive(s)
	k.noError(doomed.Close(k.ctx), "close the client")
	k.take(k.subscribe(), "a", "b")
}

func nackedComesAgain(k desk) {
	s := k.subscribe()
	k.publish("a")
	for _, delay := range []time.Duration{0, k.Timing.Quiet, 0} {
		k.nack(k.receiveID(s, "a"), delay)
		d := k.within(delay+k.caps.NackBound, s)
		k.isMessage(d, "a")
		k.nack(d, 0)
	}
	k.take(s, "a")
	k.silent(s, "everything is settled")
}

func nackNotBefore(k desk) {
	s := k.subscribe()
	k.publish("a")
	delay := 2 * k.Timing.Quiet
	d := k.receiveID(s, "a")
	nacked := time.Now()
	k.nack(d, delay)
	k.silentFor(k.Timing.Quiet, s, "the delay of its nack is not over")
	d = k.within(delay+k.caps.NackBound, s)
	k.isMessage(d, "a")
	if after := time.Since(nacked); after < delay-clockSkew {
		k.failf("nacked for %v, and there again after %v", delay, after)
	}
	k.ack(d)
}

// clockSkew is how far two clocks of one machine may differ in rounding; a backend's own clock may be another one.
const clockSkew = 5 * time.Millisecond

func nackLetsOthersPass(k desk) {
	s := k.subscribe()
	k.publish("a", "b", "c")
	first := k.receive(s)
	delay := 5 * k.Timing.Quiet
	nacked := time.Now()
	k.nack(first, delay)
	k.publish("d")
	others := remove([]string{"a", "b", "c", "d"}, first.Message().ID)
	k.take(s, others...)
	k.check(time.Since(nacked) < delay, "nothing else came for %v, until the delay of a nack was over", time.Since(nacked))
	d := k.within(delay+k.caps.NackBound, s)
	k.isMessage(d, first.Message().ID)
	k.check(time.Since(nacked) >= delay-clockSkew, "nacked for %v, and there again after %v", delay, time.Since(nacked))
	k.ack(d)
}

func remove(ids []string, id string) []string {
	var rest []string
	for _, other := range ids {
		if other != id {
			rest = append(rest, other)
		}
	}
	return rest
}

func nackBeyondLease(k desk) {
	s := k.subscribe(lease(k.Timing.Quiet))
	k.publish("a")
	delay := 4 * k.Timing.Quiet
	k.nack(k.receiveID(s, "a"), delay)
	k.silentFor(2*k.Timing.Quiet, s, "the lease is over, and the delay of the nack is not")
	d := k.within(delay+k.caps.NackBound, s)
	k.isMessage(d, "a")
	k.ack(d)
}

func nackNegative(k desk) {
	s := k.subscribe(prefetch(1))
	k.publish("a")
	d := k.receiveID(s, "a")
	k.isKind(d.Nack(k.ctx, -time.Second), ports.ErrInvalid, "nack with a negative delay")
	k.silent(s, "the delivery is unsettled still")
	k.ack(d)
	k.silent(s, "everything is settled")
}

func settlingTwice(k desk) {
	s := k.subscribe()
	k.publish("a")
	d := k.receiveID(s, "a")
	k.ack(d)
	k.isKind(d.Ack(k.ctx), ports.ErrConflict, "a second ack")
	k.isKind(d.Extend(k.ctx), ports.ErrConflict, "extend after an ack")
	if k.caps.AtLeastOnce {
		k.isKind(d.Nack(k.ctx, 0), ports.ErrConflict, "nack after an ack")
	}
	k.publish("b")
	k.take(s, "b")
	k.silent(s, "everything is settled")
	if k.caps.AtLeastOnce {
		nackedIsSettled(k.at(k.topic + "-nack"))
	}
}

func nackedIsSettled(k desk) {
	s := k.subscribe()
	k.publish("a")
	first := k.receiveID(s, "a")
	k.nack(first, 0)
	second := k.receiveID(s, "a")
	k.isKind(first.Ack(k.ctx), ports.ErrConflict, "ack after a nack")
	k.isKind(first.Nack(k.ctx, 0), ports.ErrConflict, "a second nack")
	k.isKind(first.Extend(k.ctx), ports.ErrConflict, "extend after a nack")
	k.silent(s, "the second delivery is unsettled")
	k.ack(second)
}

func attemptCounts(k desk) {
	s := k.subscribe()
	k.publish("a")
	for delivery := 1; delivery <= 4; delivery++ {
		d := k.receiveID(s, "a")
		k.check(d.Attempt() >= 1 && d.Attempt() <= delivery, "attempt is %d on delivery %d", d.Attempt(), delivery)
		switch delivery {
		case 2:
			k.close(s)
			s = k.subscribe()
		case 4:
			k.ack(d)
		default:
			k.nack(d, 0)
		}
	}
}

func attemptIsExact(k desk) {
	s := k.subscribe()
	k.publish("a")
	if !k.caps.AtLeastOnce {
		d := k.receiveID(s, "a")
		k.check(d.Attempt() == 1, "attempt is %d; nothing comes again", d.Attempt())
		k.ack(d)
		return
	}
	for want := 1; want <= 4; want++ {
		d := k.receiveID(s, "a")
		k.check(d.Attempt() == want, "attempt is %d on delivery %d", d.Attempt(), want)
		switch {
		case want == 4:
			k.ack(d)
		case want%2 == 0:
			k.close(s)
			s = k.subscribe()
		default:
			k.nack(d, 0)
		}
	}
}

func redeliveredIsTheSame(k desk) {
	s := k.subscribe()
	k.send(&ports.Message{ID: "a", Key: "k", Payload: []byte{0, 1, 255}, Headers: map[string]string{"h": "v"}})
	first := k.receiveID(s, "a")
	k.nack(first, 0)
	second := k.receiveID(s, "a")
	k.close(s)
	s = k.subscribe()
	third := k.receiveID(s, "a")
	k.ack(third)
	one := first.Message()
	for _, d := range []ports.Delivery{second, third} {
		m := d.Message()
		k.check(m.Key == one.Key && m.Topic == one.Topic && string(m.Payload) == string(one.Payload),
			"first delivered with key %q, topic %q, payload %q, and then %q, %q, %q", one.Key, one.Topic, one.Payload, m.Key, m.Topic, m.Payload)
		k.check(maps.Equal(ownHeaders(m), ownHeaders(one)), "first delivered with headers %q, and then %q", one.Headers, m.Headers)
		k.check(m.PublishedAt.Equal(one.PublishedAt), "first delivered with PublishedAt %v, and then %v", one.PublishedAt, m.PublishedAt)
	}
}
