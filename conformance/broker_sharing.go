package conformance

import (
	"slices"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerSharingCases() []testCase[ports.Broker] {
	broadcast, loadBalanced := is("Broadcast", ports.Broadcast), is("LoadBalanced", ports.LoadBalanced)
	return []testCase[ports.Broker]{
		eachDeclared(broadcast, "broadcast-reaches-everyone", broadcastReachesAll, "BR-050"),
		eachDeclared(broadcast, "broadcast-keeps-order", broadcastKeepsOrder, "BR-051"),
		eachDeclared(broadcast, "broadcast-keeps-nothing", broadcastKeepsNothing, "BR-052"),
		eachDeclared(loadBalanced, "load-balanced-gives-to-one", loadBalancedGivesToOne, "BR-053"),
		eachDeclared(loadBalanced, "load-balanced-passes-by-the-busy", loadBalancedPassesBusy, "BR-054"),
	}
}

func broadcastReachesAll(k desk) {
	subs := []ports.Subscription{k.subscribe(), k.subscribe(), k.subscribe(group("")), k.subscribeOn(k.peer(k.ctx), group("other"))}
	ids := number("m", 10)
	k.publish(ids...)
	for _, s := range subs {
		k.take(s, ids...)
	}
	for _, s := range subs {
		k.silentFor(k.Timing.Quiet/4, s, "it has everything")
	}
}

func broadcastKeepsOrder(k desk) {
	s := k.subscribe()
	ids := number("m", 50)
	k.publishKey("k", ids...)
	got := k.take(s, ids...)
	k.check(slices.Equal(got, ids), "messages of one key came in the order %q", got)
}

func broadcastKeepsNothing(k desk) {
	s := k.subscribe()
	k.publish("a")
	k.receiveID(s, "a")
	k.close(s)
	k.publish("b")
	s = k.subscribe()
	k.publish("c")
	k.take(s, "c")
	k.silent(s, "nothing of before is kept")
}

func loadBalancedGivesToOne(k desk) {
	one, two := k.subscribe(), k.subscribeOn(k.peer(k.ctx))
	ids := number("m", 20)
	k.publish(ids...)
	var held []ports.Delivery
	k.gather(len(ids), func(r received) { held = append(held, r.d) }, one, two)
	k.sameIDs(idsOf(held), ids)
	k.silent(one, "every message is one subscriber's")
	k.silent(two, "every message is one subscriber's")
	for _, d := range held {
		k.ack(d)
	}
}

func loadBalancedPassesBusy(k desk) {
	busy := k.subscribe(prefetch(1))
	k.publish("held")
	held := k.receiveID(busy, "held")
	free := k.subscribe()
	ids := number("m", 5)
	k.publish(ids...)
	k.take(free, ids...)
	k.ack(held)
}
