package conformance

import (
	"fmt"
	"slices"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerOrderCases() []testCase[ports.Broker] {
	return []testCase[ports.Broker]{
		eachDeclared(ordered(), "key-keeps-order", keyKeepsOrder, "BR-055"),
		eachDeclared(ordered(), "key-is-held-while-unsettled", keyIsHeld, "BR-056"),
		eachDeclared(ordered(), "no-key-is-one-key", noKeyIsOneKey, "BR-057"),
		eachDeclared(ordered(), "held-key-holds-no-other", heldKeyHoldsNoOther, "BR-058"),
		eachDeclared(ordered(), "nack-holds-its-key", nackHoldsKey, "BR-059"),
		eachDeclared(ordered(), "key-goes-on-with-the-next-subscriber", keyGoesOn, "BR-060"),
	}
}

func keyKeepsOrder(k desk) {
	s := k.subscribe()
	want := map[string][]string{}
	for i := range 60 {
		key := fmt.Sprintf("k%d", i%3)
		id := fmt.Sprintf("m%03d", i)
		want[key] = append(want[key], id)
		k.publishKey(key, id)
	}
	got := map[string][]string{}
	for range 60 {
		d := k.receive(s)
		got[d.Message().Key] = append(got[d.Message().Key], d.Message().ID)
		k.ack(d)
	}
	for key, ids := range want {
		k.check(slices.Equal(got[key], ids), "messages of key %s came in the order %q; want %q", key, got[key], ids)
	}
}

func keyIsHeld(k desk) {
	s := k.subscribe()
	k.publishKey("k", "a", "b", "c")
	a := k.receiveID(s, "a")
	k.silent(s, "an earlier message of its key is unsettled")
	k.ack(a)
	b := k.receiveID(s, "b")
	waiting := k.receiving(k.ctx, s)
	mustWait(k.ctx, k.brokerEnv, "receive with an earlier message of the key unsettled", waiting)
	k.ack(b)
	c, err := await(k.brokerEnv, k.caps.TakeoverBound, "receive after the earlier message was settled", waiting)
	k.noError(err, "receive after the earlier message was settled")
	k.isMessage(c, "c")
	k.ack(c)
}

func noKeyIsOneKey(k desk) {
	s := k.subscribe()
	ids := number("m", 5)
	k.publishKey("", ids...)
	d := k.receiveID(s, ids[0])
	k.silent(s, "messages without a key are one key, and its first is unsettled")
	k.ack(d)
	got := k.take(s, ids[1:]...)
	k.check(slices.Equal(got, ids[1:]), "messages without a key came in the order %q", got)
}

func heldKeyHoldsNoOther(k desk) {
	s := k.subscribe()
	k.publishKey("held", "a", "b")
	held := k.receiveID(s, "a")
	k.publishKey("other", "x", "y", "z")
	got := k.take(s, "x", "y", "z")
	k.check(slices.Equal(got, []string{"x", "y", "z"}), "messages of another key came in the order %q", got)
	k.ack(held)
	k.take(s, "b")
}

func nackHoldsKey(k desk) {
	s := k.subscribe()
	k.publishKey("k", "a", "b")
	delay := 2 * k.Timing.Quiet
	k.nack(k.receiveID(s, "a"), delay)
	k.publishKey("k", "c")
	d := k.within(delay+k.caps.NackBound, s)
	k.isMessage(d, "a")
	k.nack(d, 0)
	for _, id := range []string{"a", "b", "c"} {
		k.ack(k.receiveID(s, id))
	}
}

func keyGoesOn(k desk) {
	first := k.subscribe()
	k.publishKey("k", "a", "b", "c")
	k.publishKey("l", "x", "y")
	for range 2 { // the heads of both keys
		if d := k.receive(first); d.Message().ID == "x" {
			k.ack(d)
		}
	}
	k.close(first)
	second := k.subscribeOn(k.peer(k.ctx))
	got := map[string][]string{}
	for range 4 {
		d := k.receive(second)
		got[d.Message().Key] = append(got[d.Message().Key], d.Message().ID)
		k.ack(d)
	}
	k.check(slices.Equal(got["k"], []string{"a", "b", "c"}), "after a subscriber had left with a unsettled, its key went on with %q", got["k"])
	k.check(slices.Equal(got["l"], []string{"y"}), "after a subscriber had left with x settled, its key went on with %q", got["l"])
}
