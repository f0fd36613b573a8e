package conformance

import (
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerLeaseCases() []testCase[ports.Broker] {
	return []testCase[ports.Broker]{
		eachDeclared(leased(), "lease-ends", leaseEnds, "BR-043"),
		eachDeclared(leased(), "lease-ends-for-a-hanging-subscriber", leaseEndsForAnother, "BR-043"),
		eachDeclared(leased(), "lease-holds", leaseHolds, "BR-044"),
		eachDeclared(leased(), "extend-starts-the-lease-anew", extendKeeps, "BR-045"),
		eachDeclared(leased(), "lost-lease-is-a-conflict", lostLeaseIsConflict, "BR-046"),
		eachDeclared(leased(), "lost-is-told", lostIsTold, "BR-047"),
		eachSupported("settling-does-not-close-lost", settlingLeavesLost, "BR-048"),
		eachDeclared(sessionLeased(), "session-lease-lasts", sessionLeaseLasts, "BR-049"),
	}
}

// shortLease is long enough for what a case does within it.
func (k desk) shortLease() time.Duration { return 3 * k.Timing.Quiet }

// expired receives a message and lets its lease end; it returns that delivery and the next one.
func (k desk) expired(s ports.Subscription) (first, second ports.Delivery) {
	k.publish("a")
	first = k.receiveID(s, "a")
	second = k.within(k.shortLease()+k.caps.TakeoverBound, s)
	k.isMessage(second, "a")
	return first, second
}

func leaseEnds(k desk) {
	s := k.subscribe(lease(k.shortLease()))
	_, again := k.expired(s)
	k.ack(again)
	k.silent(s, "everything is settled")
}

func leaseEndsForAnother(k desk) {
	hanging := k.subscribe(lease(k.shortLease()), prefetch(1))
	k.publish("a")
	k.receiveID(hanging, "a")
	if k.strategy == ports.Exclusive {
		return // there is no other
	}
	other := k.subscribe(lease(k.shortLease()))
	d := k.within(k.shortLease()+k.caps.TakeoverBound, other)
	k.isMessage(d, "a")
	k.ack(d)
}

func leaseHolds(k desk) {
	s := k.subscribe(lease(k.shortLease()))
	k.publish("a")
	before := time.Now()
	d := k.receiveID(s, "a")
	k.silentFor(k.shortLease()/2, s, "its lease has not ended")
	again := k.within(k.shortLease()+k.caps.TakeoverBound, s)
	if after := time.Since(before); after < k.shortLease()-clockSkew {
		k.failf("%s came again after %v; its lease is %v", d.Message().ID, after, k.shortLease())
	}
	k.ack(again)
}

func extendKeeps(k desk) {
	s := k.subscribe(lease(k.shortLease()))
	k.publish("a")
	d := k.receiveID(s, "a")
	for range 6 { // six thirds: twice the lease
		k.silentFor(k.shortLease()/3, s, "its lease is extended each third")
		k.noError(d.Extend(k.ctx), "extend")
	}
	k.check(isOpen(d.Lost()), "Lost is closed, and the lease was extended each third")
	k.ack(d)
	k.silent(s, "everything is settled")
}

func lostLeaseIsConflict(k desk) {
	s := k.subscribe(lease(k.shortLease()))
	first, second := k.expired(s)
	k.isKind(first.Ack(k.ctx), ports.ErrConflict, "ack after the lease was lost")
	k.isKind(first.Nack(k.ctx, 0), ports.ErrConflict, "nack after the lease was lost")
	k.isKind(first.Extend(k.ctx), ports.ErrConflict, "extend after the lease was lost")
	k.nack(second, 0) // nothing of that has settled it
	third := k.receiveID(s, "a")
	k.isKind(second.Ack(k.ctx), ports.ErrConflict, "ack after a nack")
	k.ack(third)
	k.silent(s, "everything is settled")
}

func lostIsTold(k desk) {
	s := k.subscribe(lease(k.shortLease()))
	k.publish("a")
	first := k.receiveID(s, "a")
	lost := first.Lost()
	k.check(isOpen(lost), "Lost is closed as soon as the message is received")
	second := k.within(k.shortLease()+k.caps.TakeoverBound, s)
	k.isKind(first.Extend(k.ctx), ports.ErrConflict, "extend after the lease was lost")
	k.check(!isOpen(lost), "Lost is open, and the lease is gone")
	k.check(!isOpen(first.Lost()), "Lost is open when it is asked for after the lease is gone")
	k.check(isOpen(second.Lost()), "Lost of the later delivery is closed")
	k.ack(second)
}

func settlingLeavesLost(k desk) {
	s := k.subscribe()
	k.publish("a")
	d := k.receiveID(s, "a")
	lost := d.Lost()
	k.check(isOpen(lost), "Lost is closed while the lease is held")
	if k.caps.AtLeastOnce {
		k.nack(d, 0)
		k.check(isOpen(lost), "a nack closed Lost")
		d = k.receiveID(s, "a")
		lost = d.Lost()
	}
	k.ack(d)
	k.pause(k.ctx, k.Timing.Quiet)
	k.check(isOpen(lost), "an ack closed Lost")
}

func sessionLeaseLasts(k desk) {
	short := k.Timing.Quiet
	s := k.subscribe(lease(short))
	k.publish("a")
	d := k.receiveID(s, "a")
	k.silentFor(3*short, s, "a lease of the session does not end before the session")
	k.noError(d.Extend(k.ctx), "extend")
	k.check(isOpen(d.Lost()), "Lost is closed, and the session lives")
	k.ack(d)
}
