package conformance

import (
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerStickyCases() []testCase[ports.Broker] {
	sticky := is("Sticky", ports.Sticky)
	return []testCase[ports.Broker]{
		eachDeclared(sticky, "sticky-key-stays", stickyKeyStays, "BR-061"),
		eachDeclared(sticky, "sticky-spreads-keys", stickySpreads, "BR-062"),
		eachDeclared(is("Ordered", ports.Sticky), "sticky-holds-a-key-when-members-change", stickyHoldsKey, "BR-056"),
	}
}

const stickyKeys = 64

// publishRounds publishes to many keys, a message each round.
func (k desk) publishRounds(rounds int) (messages int) {
	for r := range rounds {
		for i := range stickyKeys {
			k.publishKey(fmt.Sprintf("key-%d", i), fmt.Sprintf("m%d-%d", i, r))
		}
	}
	return rounds * stickyKeys
}

func stickyKeyStays(k desk) {
	subs := []ports.Subscription{k.subscribe(), k.subscribeOn(k.peer(k.ctx)), k.subscribe()}
	k.settle()
	const rounds = 3
	publishing := start(func() (int, error) {
		k.pause(k.ctx, time.Millisecond) // so that all are waiting
		return k.publishRounds(rounds), nil
	})
	owner := map[string]int{}
	k.gather(rounds*stickyKeys, func(r received) {
		key := r.d.Message().Key
		if before, known := owner[key]; known && before != r.from {
			k.failf("key %s moved from one subscriber to another, and nobody joined or left", key)
		}
		owner[key] = r.from
		k.ack(r.d)
	}, subs...)
	_, _ = publishing.wait()
}

func stickySpreads(k desk) {
	subs := []ports.Subscription{k.subscribe(), k.subscribeOn(k.peer(k.ctx))}
	k.settle()
	n := k.publishRounds(1)
	got := map[int]int{}
	k.gather(n, func(r received) {
		got[r.from]++
		k.ack(r.d)
	}, subs...)
	k.check(got[0] > 0 && got[1] > 0, "of %d keys one subscriber got %d and the other %d", stickyKeys, got[0], got[1])
}

// stickyHoldsKey lets subscribers join while messages are unsettled: keys that move wait for them.
func stickyHoldsKey(k desk) {
	first := k.subscribe(prefetch(stickyKeys))
	n := k.publishRounds(2)
	var held []ports.Delivery
	for range stickyKeys {
		held = append(held, k.receive(first))
	}
	second, third := k.subscribe(), k.subscribeOn(k.peer(k.ctx))
	k.settle()
	k.silent(second, "the first message of every key is unsettled")
	k.silent(third, "the first message of every key is unsettled")
	for _, d := range held {
		k.ack(d)
	}
	seen := map[string]bool{}
	k.gather(n-stickyKeys, func(r received) {
		m := r.d.Message()
		k.check(!seen[m.Key], "key %s: %s came while an earlier one was unsettled", m.Key, m.ID)
		seen[m.Key] = true
		k.ack(r.d)
	}, first, second, third)
}
