package conformance

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerSubscribeCases() []testCase[ports.Broker] {
	return []testCase[ports.Broker]{
		eachSupported("subscription-is-live", subscriptionIsLive, "BR-012"),
		eachSupported("new-group-starts-now", newGroupStartsNow, "BR-013"),
		eachDeclared(atLeastOnce(), "from-start-gets-what-is-kept", fromStartGetsKept, "BR-014"),
		eachDeclared(atLeastOnce(), "from-start-leaves-a-group-alone", fromStartLeavesGroup, "BR-015"),
		eachDeclared(atLeastOnce(), "group-keeps-its-place", groupKeepsPlace, "BR-016"),
		eachSupported("each-group-gets-every-message", eachGroupGetsAll, "BR-017"),
		brokerCore("strategies-share-a-topic", strategiesShareTopic, "BR-018"),
		brokerCore("invalid-options", invalidOptions, "BR-019"),
		brokerCore("undeclared-is-unsupported", brokerUndeclared, "BR-020"),
		eachDeclared(atLeastOnce(), "group-has-one-strategy", groupHasOneStrategy, "BR-021"),
		eachSupported("subscription-outlives-its-context", subscriptionOutlivesContext, "BR-022"),
	}
}

func subscriptionIsLive(k desk) {
	other := k.peer(k.ctx)
	for i, id := range number("m", 10) {
		s := k.subscribe(group(id))
		m := &ports.Message{ID: id, Topic: k.topic, Payload: []byte("x")}
		var err error
		if _, err = other.Publish(k.ctx, m); err != nil {
			k.failf("publish %d by another client: %v", i, err)
		}
		k.take(s, id)
		k.close(s)
	}
}

func newGroupStartsNow(k desk) {
	old := k.subscribe(group("old")) // so that the backend has a reason to keep what comes
	k.publish("before")
	s := k.subscribe(group("new"))
	k.publish("after")
	k.take(s, "after")
	k.silent(s, "it was published before the group was made")
	k.take(old, "before", "after")
}

func fromStartGetsKept(k desk) {
	old := k.subscribe(group("old"), prefetch(1))
	k.publish("a", "b", "c")
	held := k.receive(old)
	late := k.subscribe(group("late"), fromStart())
	k.publish("d")
	k.take(late, "a", "b", "c", "d")
	k.ack(held)
}

func fromStartLeavesGroup(k desk) {
	keeper := k.subscribe(group("keeper")) // it settles nothing, so that everything is kept
	s := k.subscribe()
	k.publish("a", "b")
	k.take(s, "a", "b")
	k.close(s)
	k.publish("c")
	s = k.subscribe(fromStart())
	k.take(s, "c")
	k.silent(s, "FromStart is for new groups")
	k.close(keeper)
}

func groupKeepsPlace(k desk) {
	s := k.subscribe()
	k.publish("a")
	k.take(s, "a")
	k.close(s)
	k.publish("b", "c")
	s = k.subscribe()
	k.publish("d")
	k.take(s, "b", "c", "d")
	k.silent(s, "the group has everything")
}

func eachGroupGetsAll(k desk) {
	ids := number("m", 5)
	one, two := k.subscribe(group("one")), k.subscribe(group("two"))
	k.publish(ids...)
	k.take(one, ids...)
	k.take(two, ids...)
	k.silent(one, "the group has everything")
}

func strategiesShareTopic(k desk) {
	subs := map[ports.Strategy]ports.Subscription{}
	inTurn(supported, func(k desk) {
		subs[k.strategy] = k.at("shared").subscribe(group("group-of-" + k.strategy.String()))
	})(k.ctx, k.brokerEnv)
	ids := number("m", 10)
	k.at("shared").publish(ids...)
	forEach(supported, func(k desk) {
		s := subs[k.strategy]
		k.take(s, ids...)
		k.silent(s, "it has everything")
	})(k.ctx, k.brokerEnv)
}

func invalidOptions(k desk) {
	bad := map[string]ports.SubscribeOptions{
		"no topic":          {Group: "g", Strategy: k.strategy},
		"topic not UTF-8":   {Topic: "\xff", Group: "g", Strategy: k.strategy},
		"no strategy":       {Topic: k.topic, Group: "g"},
		"unknown strategy":  {Topic: k.topic, Group: "g", Strategy: ports.Exclusive + 1},
		"negative prefetch": {Topic: k.topic, Group: "g", Strategy: k.strategy, Prefetch: -1},
		"negative lease":    {Topic: k.topic, Group: "g", Strategy: k.strategy, Lease: -time.Second},
	}
	if k.strategy != ports.Broadcast {
		bad["no group"] = ports.SubscribeOptions{Topic: k.topic, Strategy: k.strategy}
		bad["group not UTF-8"] = ports.SubscribeOptions{Topic: k.topic, Group: "\xff", Strategy: k.strategy}
	}
	for what, o := range bad {
		s, err := k.Driver.Subscribe(k.ctx, o)
		k.isKind(err, ports.ErrInvalid, "subscribe, "+what)
		k.check(s == nil, "subscribe, %s: a subscription beside the error", what)
	}
}

func brokerUndeclared(k desk) {
	all := func(ports.Strategy, ports.BrokerCapabilities) bool { return true }
	inTurn(all, func(k desk) {
		if !k.caps.Supported || k.strategy == ports.Broadcast {
			_, err := k.Driver.Subscribe(k.ctx, k.options(fromStart()))
			k.isKind(err, ports.ErrUnsupported, "subscribe from start")
		}
		if !k.caps.Supported {
			_, err := k.Driver.Subscribe(k.ctx, k.options())
			k.isKind(err, ports.ErrUnsupported, "subscribe")
		} else if !k.caps.AtLeastOnce {
			nackUnsupported(k)
		}
	})(k.ctx, k.brokerEnv)
}

func nackUnsupported(k desk) {
	s := k.subscribe(prefetch(1))
	k.publish("a", "b")
	d := k.receive(s)
	k.isKind(d.Nack(k.ctx, 0), ports.ErrUnsupported, "nack")
	k.silent(s, "the first delivery is unsettled still")
	k.ack(d)
	k.ack(k.receive(s))
	k.close(s)
}

func groupHasOneStrategy(k desk) {
	s := k.subscribe()
	for _, other := range ports.Strategies {
		if other == k.strategy || !k.Driver.BrokerCapabilities(other).AtLeastOnce {
			continue
		}
		_, err := k.peer(k.ctx).Subscribe(k.ctx, ports.SubscribeOptions{Topic: k.topic, Group: "group", Strategy: other})
		k.isKind(err, ports.ErrConflict, "subscribe with "+other.String())
	}
	k.publish("a")
	k.take(s, "a")
}

func subscriptionOutlivesContext(k desk) {
	ctx, cancel := context.WithCancel(k.ctx)
	s, err := k.Driver.Subscribe(ctx, k.options())
	k.noError(err, "subscribe")
	cancel()
	k.pause(k.ctx, k.Timing.Quiet)
	k.publish("a")
	k.take(s, "a")
}
