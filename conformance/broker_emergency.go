package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerEmergencyCases() []testCase[ports.Broker] {
	cutOff := emergency("stranded-cut-off", strandedCutOff, "BR-093")
	cutOff.faults = true
	return []testCase[ports.Broker]{
		emergency("stranded-keeps-the-message", strandedKeeps, "BR-080"),
		emergency("stranded-oldest-first", strandedOldestFirst, "BR-081"),
		emergency("stranded-ends-without-waiting", strandedEnds, "BR-082"),
		emergency("stranded-ack-removes", strandedAckRemoves, "BR-083"),
		emergency("stranded-only-ack-removes", strandedOnlyAckRemoves, "BR-084"),
		emergency("stranded-has-one-reader", strandedOneReader, "BR-085"),
		emergency("stranded-reader-closes", strandedReaderCloses, "BR-086"),
		emergency("stranded-late-ack", strandedLateAck, "BR-087"),
		emergency("stranded-topics", strandedTopics, "BR-088"),
		emergency("stranded-nack", strandedNack, "BR-089"),
		emergency("stranded-invalid-message", strandedInvalid, "BR-090"),
		emergency("stranded-is-apart", strandedIsApart, "BR-091"),
		emergency("strand-copies-the-message", strandCopies, "BR-092"),
		cutOff,
	}
}

// emergency is a case of an EmergencyStore.
func emergency(id string, run func(counter), clauses ...string) testCase[ports.Broker] {
	return testCase[ports.Broker]{id: "broker/" + id, clauses: clauses,
		needs: capability[ports.Broker]{name: "EmergencyStore", declared: func(d ports.Broker) bool {
			_, ok := ports.Optional[ports.EmergencyStore](d)
			return ok
		}},
		run: func(ctx context.Context, e *brokerEnv) {
			store, _ := ports.Optional[ports.EmergencyStore](e.Driver)
			run(counter{e, ctx, store})
		}}
}

// counter is the emergency store as a case uses it.
type counter struct {
	*brokerEnv
	ctx   context.Context
	store ports.EmergencyStore
}

func (c counter) strand(topic string, ids ...string) {
	for _, id := range ids {
		m := &ports.Message{ID: id, Topic: topic, Key: "k", Payload: fmt.Appendf(nil, `{"id":%q}`, id)}
		c.noError(c.store.Strand(c.ctx, m, time.Now()), "strand "+id)
	}
}

func (c counter) open(topic string) ports.StrandedReader { return c.openOn(c.store, topic) }

func (c counter) openOn(store ports.EmergencyStore, topic string) ports.StrandedReader {
	r, err := store.Stranded(c.ctx, topic)
	c.noError(err, "open the stranded messages of "+topic)
	return r
}

// peerStore is a second client's store.
func (c counter) peerStore() (ports.Broker, ports.EmergencyStore) {
	d := c.peer(c.ctx)
	store, ok := ports.Optional[ports.EmergencyStore](d)
	c.check(ok, "one client has an emergency store and another has none")
	return d, store
}

func (c counter) next(r ports.StrandedReader, id string) ports.Delivery {
	d, err := r.Next(c.ctx)
	c.noError(err, "next")
	c.check(d.Message().ID == id, "next is %q; want %q", d.Message().ID, id)
	return d
}

func (c counter) end(r ports.StrandedReader) {
	_, err := r.Next(c.ctx)
	c.isKind(err, ports.ErrNotFound, "next, with nothing more there")
}

func (c counter) ack(d ports.Delivery) { c.noError(d.Ack(c.ctx), "ack "+d.Message().ID) }

func (c counter) close(r ports.StrandedReader) { c.noError(r.Close(c.ctx), "close the reader") }

func strandedKeeps(c counter) {
	failedAt := time.Now().Add(-time.Hour)
	want := &ports.Message{ID: "a", Topic: "orders: eu/1", Key: "ключ", Payload: []byte{0, 255, '"'},
		Headers: map[string]string{"tenant": "acme", "empty": ""}, DeliverAt: time.Now().Add(time.Hour), PublishedAt: time.Now()}
	c.noError(c.store.Strand(c.ctx, want, failedAt), "strand")
	plain := &ports.Message{ID: "b", Topic: want.Topic, Payload: []byte(`{"n":1}`)}
	c.noError(c.store.Strand(c.ctx, plain, failedAt), "strand")
	r := c.open(want.Topic)
	for _, want := range []*ports.Message{want, plain} {
		d := c.next(r, want.ID)
		m := d.Message()
		c.check(m.Topic == want.Topic && m.Key == want.Key && string(m.Payload) == string(want.Payload),
			"%s was stranded with topic %q, key %q, payload %q; it is %q, %q, %q", want.ID, want.Topic, want.Key, want.Payload, m.Topic, m.Key, m.Payload)
		c.check(maps.Equal(ownHeaders(m), want.Headers), "%s was stranded with headers %q; they are %q", want.ID, want.Headers, m.Headers)
		sameMilli(c.brokerEnv, "PublishedAt, which is failedAt,", m.PublishedAt, failedAt)
		sameMilli(c.brokerEnv, "DeliverAt", m.DeliverAt, want.DeliverAt)
		c.ack(d)
	}
}

func strandedOldestFirst(c counter) {
	ids := number("m", 20)
	c.strand("orders", ids...)
	c.strand("other", "x")
	r := c.open("orders")
	for _, id := range ids {
		d := c.next(r, id)
		if id > ids[9] {
			c.ack(d) // whether it is acknowledged makes no difference
		}
	}
	c.end(r)
}

func strandedEnds(c counter) {
	r := c.open("orders")
	c.end(r)
	c.strand("orders", "a")
	d := c.next(r, "a")
	c.end(r)
	c.ack(d)
	c.end(r)
	c.strand("orders", "b")
	c.ack(c.next(r, "b"))
	c.end(r)
}

func strandedAckRemoves(c counter) {
	c.strand("orders", "a", "b")
	r := c.open("orders")
	a := c.next(r, "a")
	c.ack(a)
	c.isKind(a.Ack(c.ctx), ports.ErrConflict, "a second ack")
	c.ack(c.next(r, "b"))
	c.close(r)
	c.end(c.open("orders"))
}

func strandedOnlyAckRemoves(c counter) {
	c.strand("orders", "a", "b", "c")
	r := c.open("orders")
	c.next(r, "a")
	c.ack(c.next(r, "b"))
	c.close(r)
	_, store := c.peerStore()
	r = c.openOn(store, "orders")
	c.ack(c.next(r, "a"))
	c.ack(c.next(r, "c"))
	c.end(r)
}

func strandedOneReader(c counter) {
	c.strand("orders", "a")
	r := c.open("orders")
	_, store := c.peerStore()
	for which, s := range map[string]ports.EmergencyStore{"the same client": c.store, "another client": store} {
		_, err := s.Stranded(c.ctx, "orders")
		c.isKind(err, ports.ErrConflict, "a second reader on "+which)
	}
	c.close(c.openOn(store, "other topic"))
	c.ack(c.next(r, "a"))
}

func strandedReaderCloses(c counter) {
	c.strand("orders", "a", "b")
	r := c.open("orders")
	c.close(r)
	c.close(r)
	_, err := r.Next(c.ctx)
	c.isKind(err, ports.ErrClosed, "next of a closed reader")
	client, store := c.peerStore()
	r = c.openOn(store, "orders")
	c.ack(c.next(r, "a"))
	c.noError(client.Close(c.ctx), "close the client")
	_, err = r.Next(c.ctx)
	c.isKind(err, ports.ErrClosed, "next of a closed client's reader")
	c.ack(c.next(c.open("orders"), "b"))
}

func strandedLateAck(c counter) {
	c.strand("orders", "a")
	r := c.open("orders")
	d := c.next(r, "a")
	c.close(r)
	c.isKind(d.Ack(c.ctx), ports.ErrConflict, "ack after the reader was closed")
	r = c.open("orders")
	again := c.next(r, "a")
	c.isKind(d.Ack(c.ctx), ports.ErrConflict, "ack while another reader has the message")
	c.ack(again)
}

func strandedTopics(c counter) {
	want := []string{"Orders", "a", "orders", "orders/eu: 1", "заказы"}
	for _, topic := range slices.Backward(want) {
		c.strand(topic, "m1", "m2")
	}
	got, err := c.store.Topics(c.ctx)
	c.noError(err, "topics")
	c.check(slices.Equal(got, want), "topics are %q; want %q", got, want)
	r := c.open("a")
	c.ack(c.next(r, "m1"))
	got, err = c.store.Topics(c.ctx)
	c.noError(err, "topics")
	c.check(slices.Equal(got, want), "after one of a's two messages was acknowledged, topics are %q; want %q", got, want)
}

func strandedNack(c counter) {
	c.strand("orders", "a")
	r := c.open("orders")
	d := c.next(r, "a")
	c.isKind(d.Nack(c.ctx, 0), ports.ErrUnsupported, "nack of a stranded message")
	c.noError(d.Extend(c.ctx), "extend")
	c.ack(d)
}

func strandedInvalid(c counter) {
	bad := map[string]*ports.Message{"nil": nil, "no topic": {},
		"reserved header": {Topic: "orders", Headers: map[string]string{"id": "1"}},
		"id not UTF-8":    {ID: "\xff", Topic: "orders"}}
	for what, m := range bad {
		c.isKind(c.store.Strand(c.ctx, m, time.Now()), ports.ErrInvalid, "strand, "+what)
	}
	_, err := c.store.Stranded(c.ctx, "")
	c.isKind(err, ports.ErrInvalid, "stranded without a topic")
	c.end(c.open("orders"))
}

func strandedIsApart(c counter) {
	k := plainDesk(c.ctx, c.brokerEnv).at("orders")
	s := k.subscribe()
	c.strand("orders", "stranded")
	k.publish("published")
	k.take(s, "published")
	k.silent(s, "a stranded message waits for its replay")
	r := c.open("orders")
	c.ack(c.next(r, "stranded"))
	c.end(r)
}

func strandCopies(c counter) {
	m := &ports.Message{ID: "a", Topic: "orders", Payload: []byte(given), Headers: map[string]string{"h": given}}
	c.noError(c.store.Strand(c.ctx, m, time.Now()), "strand")
	copy(m.Payload, changed)
	m.Headers["h"] = changed
	d := c.next(c.open("orders"), "a")
	got := d.Message()
	c.check(string(got.Payload) == given && got.Headers["h"] == given, "the caller's later change is seen: payload %q, headers %q", got.Payload, got.Headers)
	c.ack(d)
}

func strandedCutOff(c counter) {
	closed, store := c.peerStore()
	c.noError(closed.Close(c.ctx), "close")
	try := func(ctx context.Context, store ports.EmergencyStore) map[string]error {
		_, stranded := store.Stranded(ctx, "other")
		_, topics := store.Topics(ctx)
		return map[string]error{"stranded": stranded, "topics": topics,
			"strand": store.Strand(ctx, &ports.Message{ID: "x", Topic: "other", Payload: []byte("x")}, time.Now())}
	}
	for doing, err := range try(c.ctx, store) {
		c.isKind(err, ports.ErrClosed, doing+" on a closed client")
	}
	c.strand("orders", "a", "b")
	r := c.open("orders")
	d := c.next(r, "a")
	c.cut(c.ctx)
	defer c.heal(c.ctx)
	ctx, cancel := context.WithTimeout(c.ctx, c.Timing.Slack)
	defer cancel()
	for doing, err := range try(ctx, c.store) {
		isDown(c.brokerEnv, err, doing)
	}
	_, err := r.Next(ctx)
	isDown(c.brokerEnv, err, "next")
	isDown(c.brokerEnv, d.Ack(ctx), "ack of a stranded message")
}
