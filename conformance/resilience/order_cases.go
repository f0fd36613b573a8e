package resilience

import (
	"context"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/resilience"
	"github.com/breakwater-go/breakwater/ports"
)

func orderCases() []testCase {
	return []testCase{
		{id: "resilience/later-sends-queue-behind", clauses: []string{"RS-015"}, run: laterQueueBehind},
		{id: "resilience/other-keys-pass", clauses: []string{"RS-016"}, run: otherKeysPass},
		{id: "resilience/no-key-is-one-key", clauses: []string{"RS-017"}, run: noKeyIsOneKey},
		{id: "resilience/restart-counts-as-stranded", clauses: []string{"RS-018"}, run: restartCountsAsStranded},
		{id: "resilience/restart-without-the-store", clauses: []string{"RS-018"}, run: restartWithoutStore},
		{id: "resilience/availability-without-the-store", clauses: []string{"RS-019"}, run: availabilityWithoutStore},
		{id: "resilience/order-without-the-store", clauses: []string{"RS-020"}, run: orderWithoutStore},
	}
}

// strandOne leaves message 1 of key in the store, with the primary back.
func strandOne(ctx context.Context, c *client, topic, key string) {
	c.e.primary.set(down)
	r := c.mustSend(ctx, topic, 1, key)
	c.e.check(r.Stranded, "a message was not stranded while the primary was down")
	c.e.primary.set(nil)
}

func laterQueueBehind(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, patient)
	strandOne(ctx, c, topic, "k")
	r := c.mustSend(ctx, topic, 2, "k")
	e.check(r.Stranded, "a later send of the key overtook the stranded one")
	got := e.stranded(ctx, topic)
	e.check(slices.Equal(got, []string{"1", "2"}), "stranded are %v; want 1 and 2", got)
	_, err := c.flush(ctx, topic, 0)
	e.noError(err, "flush")
	r = c.mustSend(ctx, topic, 3, "k")
	e.check(!r.Stranded, "the key is stranded though the store is empty")
	order := tap.payloads(ctx, 3, 0)
	e.check(slices.Equal(order, []string{"1", "2", "3"}), "arrived as %v; want 1, 2, 3", order)
}

func otherKeysPass(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	strandOne(ctx, c, topic, "k")
	r := c.mustSend(ctx, topic, 2, "other")
	e.check(!r.Stranded, "another key queued behind the stranded one")
	r = c.mustSend(ctx, e.topic("other"), 3, "k")
	e.check(!r.Stranded, "the same key of another topic queued behind the stranded one")
}

func noKeyIsOneKey(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	strandOne(ctx, c, topic, "")
	r := c.mustSend(ctx, topic, 2, "")
	e.check(r.Stranded, "a message without a key overtook a stranded one without a key")
}

func restartCountsAsStranded(ctx context.Context, e *env) {
	topic := e.topic("t")
	first := e.started(ctx, patient)
	strandOne(ctx, first, topic, "k")
	e.noError(first.close(ctx), "close")
	tap := e.tap(ctx, topic)
	again := e.started(ctx, patient)
	r := again.mustSend(ctx, topic, 2, "k")
	e.check(r.Stranded, "after a restart a send overtook what was stranded before it")
	_, err := again.flush(ctx, topic, 0)
	e.noError(err, "flush")
	order := tap.payloads(ctx, 2, 0)
	e.check(slices.Equal(order, []string{"1", "2"}), "arrived as %v; want 1, 2", order)
}

// restartWithoutStore starts while nobody can see what is stranded.
func restartWithoutStore(ctx context.Context, e *env) {
	topic := e.topic("t")
	e.store.set(only("topics", down))
	c := e.started(ctx, nil)
	r := c.mustSend(ctx, topic, 1, "k")
	e.check(r.Stranded, "sent directly, though the store was not seen since the start")
	e.store.set(nil)
	e.eventually(ctx, time.Second, "a send goes to the primary again", func() bool {
		return !c.mustSend(ctx, topic, 2, "k").Stranded
	})
}

func availabilityWithoutStore(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	strandOne(ctx, c, topic, "k")
	e.store.set(down)
	before := c.Stats().Unordered
	r, err := c.send(ctx, topic, 2, "k")
	e.noError(err, "send behind a stranded message with the store down")
	e.check(!r.Stranded, "stranded in a store that is down")
	e.check(c.Stats().Unordered == before+1, "the send was not counted as unordered")
}

func orderWithoutStore(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, func(c *messaging.Config) { patient(c); c.Prefer = resilience.PreferOrder })
	strandOne(ctx, c, topic, "k")
	e.store.set(down)
	asked := e.primary.count("publish")
	_, err := c.send(ctx, topic, 2, "k")
	e.isKind(err, ports.ErrUnavailable, "send behind a stranded message with the store down")
	e.check(e.primary.count("publish") == asked, "the primary was asked, past the stranded message")
	c.mustSend(ctx, topic, 3, "other")
}
