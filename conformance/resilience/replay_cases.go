package resilience

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/ports"
)

func replayCases() []testCase {
	return []testCase{
		{id: "resilience/recovers-by-itself", clauses: []string{"RS-021"}, run: recoversByItself},
		{id: "resilience/replays-the-same-message", clauses: []string{"RS-022"}, run: replaysSameMessage},
		{id: "resilience/replays-in-order", clauses: []string{"RS-023"}, run: replaysInOrder},
		{id: "resilience/removes-after-the-confirm", clauses: []string{"RS-024"}, run: removesAfterConfirm},
		{id: "resilience/crash-repeats-with-the-id", clauses: []string{"RS-025"}, run: crashRepeats},
		{id: "resilience/one-instance-replays", clauses: []string{"RS-026"}, run: oneInstanceReplays},
		{id: "resilience/flush-counts", clauses: []string{"RS-027"}, run: flushCounts},
		{id: "resilience/adopts-what-others-left", clauses: []string{"RS-028"}, run: adoptsOthers},
		{id: "resilience/refused-holds-up-nothing", clauses: []string{"RS-029"}, run: refusedHoldsUpNothing},
		{id: "resilience/close-leaves-the-store", clauses: []string{"RS-030"}, run: closeLeavesStore},
	}
}

func recoversByItself(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, nil)
	e.primary.set(down)
	for n := range 20 {
		c.mustSend(ctx, topic, n, "k")
	}
	e.quiet(ctx)
	e.primary.set(nil)
	for n := range 20 {
		got := string(tap.next(ctx, time.Second).Payload)
		e.check(got == strconv.Itoa(n), "replayed %s; want %d", got, n)
	}
	e.eventually(ctx, time.Second, "sends go to the primary again", func() bool {
		return !c.mustSend(ctx, topic, 20, "k").Stranded
	})
}

func replaysSameMessage(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, patient)
	e.primary.set(down)
	payload := `{"a":  "<&>", "n": 12345678901234567890}`
	_, err := c.send(ctx, topic, []byte(payload), "k", messaging.WithID("mine"), messaging.WithHeader("traceparent", "00-1"),
		messaging.WithTenant("acme"), messaging.WithEvent("create"))
	e.noError(err, "send")
	e.primary.set(nil)
	_, err = c.flush(ctx, topic, 0)
	e.noError(err, "flush")
	m := tap.next(ctx, 0)
	e.check(m.ID == "mine" && m.Topic == topic && m.Key == "k" && string(m.Payload) == payload,
		"replayed as id %q, topic %q, key %q, payload %q", m.ID, m.Topic, m.Key, m.Payload)
	e.check(m.Headers["traceparent"] == "00-1" && m.Headers[ports.HeaderTenant] == "acme" && m.Headers[ports.HeaderEvent] == "create",
		"replayed with the headers %v", m.Headers)
}

func replaysInOrder(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, patient)
	e.primary.set(down)
	const each = 40
	keys := []string{"", "a", "b"}
	for n := range each {
		for _, key := range keys {
			c.mustSend(ctx, topic, n, key)
		}
	}
	e.primary.set(nil)
	_, err := c.flush(ctx, topic, 7)
	e.noError(err, "flush")
	next := map[string]int{}
	for range each * len(keys) {
		m := tap.next(ctx, 0)
		e.check(string(m.Payload) == strconv.Itoa(next[m.Key]), "key %q: %s; want %d", m.Key, m.Payload, next[m.Key])
		next[m.Key]++
	}
}

// removesAfterConfirm refuses the replay of one message, and looks whether it is still there.
func removesAfterConfirm(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	e.primary.set(down)
	for n := range 3 {
		c.mustSend(ctx, topic, n, "k")
	}
	_, err := c.flush(ctx, topic, 0)
	e.isKind(err, ports.ErrUnavailable, "flush to a primary that is down")
	got := e.stranded(ctx, topic)
	e.check(slices.Equal(got, []string{"0", "1", "2"}), "stranded after a failed replay are %v; want all three", got)
}

// crashRepeats lets the removal fail, as a crash just before it would, and goes on with a new client.
func crashRepeats(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	first := e.started(ctx, patient)
	e.primary.set(down)
	r := first.mustSend(ctx, topic, 1, "k")
	e.primary.set(nil)
	e.store.set(only("ack", down))
	_, err := first.flush(ctx, topic, 0)
	e.isKind(err, ports.ErrUnavailable, "flush whose removal fails")
	e.check(tap.next(ctx, 0).ID == r.ID, "replayed with another id")
	e.noError(first.close(ctx), "close")

	e.store.set(nil)
	again := e.started(ctx, patient)
	count, err := again.flush(ctx, topic, 0)
	e.noError(err, "flush by the next client")
	e.check(count == 1, "the next client replayed %d messages; want the one that was not removed", count)
	e.check(tap.next(ctx, 0).ID == r.ID, "repeated with another id")
}

func oneInstanceReplays(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, nil)
	reader, err := e.pair.Store.Stranded(ctx, topic)
	e.noError(err, "hold the topic's store")
	strandOne(ctx, c, topic, "k")
	_, err = c.flush(ctx, topic, 0)
	e.isKind(err, ports.ErrConflict, "flush beside another instance")
	tap.nothing(ctx)
	e.noError(reader.Close(ctx), "give the store free")
	e.check(string(tap.next(ctx, time.Second).Payload) == "1", "another message than the stranded one")
}

func flushCounts(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, patient)
	count, err := c.flush(ctx, topic, 0)
	e.noError(err, "flush of an empty store")
	e.check(count == 0, "flushed %d of an empty store", count)
	e.primary.set(down)
	for n := range 25 {
		c.mustSend(ctx, topic, n, fmt.Sprint(n%3))
	}
	e.primary.set(nil)
	count, err = c.flush(ctx, topic, 10)
	e.noError(err, "flush")
	e.check(count == 25, "flush returned %d; want 25", count)
	got := e.stranded(ctx, topic)
	e.check(len(got) == 0, "left in the store: %v", got)
	_, err = c.flush(ctx, topic, -1)
	e.isKind(err, ports.ErrInvalid, "flush with a negative batch")
}

func adoptsOthers(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap := e.tap(ctx, topic)
	c := e.started(ctx, func(c *messaging.Config) { c.Probe = 10 * time.Millisecond })
	c.mustSend(ctx, topic, 1, "k")
	e.noError(e.pair.Store.Strand(ctx, &ports.Message{ID: "left", Topic: topic, Key: "k", Payload: []byte("2")}, time.Now()), "strand")
	order := tap.payloads(ctx, 2, time.Second)
	e.check(slices.Equal(order, []string{"1", "2"}), "arrived as %v; want 1, 2", order)
}

func refusedHoldsUpNothing(ctx context.Context, e *env) {
	topic := e.topic("t")
	tap, dead := e.tap(ctx, topic), e.tap(ctx, topic+messaging.DeadLetterSuffix)
	c := e.started(ctx, patient)
	e.primary.set(down)
	r := c.mustSend(ctx, topic, 1, "k")
	c.mustSend(ctx, topic, 2, "k")
	refused := false
	e.primary.set(onTopic(topic, func(ctx context.Context, op, topic string) error {
		if refused {
			return nil
		}
		refused = true
		return answering(ports.ErrInvalid)(ctx, op, topic)
	}))
	count, err := c.flush(ctx, topic, 0)
	e.noError(err, "flush")
	e.check(count == 1, "flush counted %d; want the one that the primary took", count)
	e.check(string(tap.next(ctx, 0).Payload) == "2", "the message behind the refused one did not come")
	d, ok := messaging.ParseDeadLetter(dead.next(ctx, 0).Headers)
	e.check(ok && d.ID == r.ID && d.Reason == messaging.ReasonRefused, "dead letter %+v", d)
}

func closeLeavesStore(ctx context.Context, e *env) {
	topic := e.topic("t")
	c := e.started(ctx, nil)
	e.primary.set(down)
	c.mustSend(ctx, topic, 1, "k")
	c.mustSend(ctx, topic, 2, "k")
	e.noError(c.close(ctx), "close")
	got := strings.Join(e.stranded(ctx, topic), " ")
	e.check(got == "1 2", "stranded after close are %q; want both", got)
}
