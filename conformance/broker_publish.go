package conformance

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerPublishCases() []testCase[ports.Broker] {
	return []testCase[ports.Broker]{
		brokerCore("publish-returns-positions", publishReturnsPositions, "BR-001"),
		brokerCore("publish-without-readers", publishWithoutReaders, "BR-011"),
		eachSupported("message-arrives-as-it-was", messageArrives, "BR-002"),
		eachSupported("headers-arrive", headersArrive, "BR-003"),
		brokerCore("names-are-any-text", namesAreAnyText, "BR-004"),
		brokerCore("message-without-id-gets-one", messageGetsID, "BR-005"),
		brokerCore("published-at-is-now", publishedAtIsNow, "BR-006"),
		brokerCore("invalid-message", invalidMessage, "BR-007"),
		brokerCore("publish-copies-the-message", publishCopies, "BR-008"),
		eachSupported("receiver-owns-its-message", receiverOwnsMessage, "BR-009"),
		brokerCore("ended-context", endedContext, "BR-010"),
	}
}

func publishReturnsPositions(k desk) {
	s := k.subscribe()
	seen := map[string]bool{}
	ids := number("m", 20)
	for _, id := range ids {
		position := k.send(&ports.Message{ID: id})
		k.check(position != "", "publish: the position is empty")
		k.check(!seen[position], "publish: position %q a second time", position)
		seen[position] = true
	}
	k.take(s, ids...)
}

func publishWithoutReaders(k desk) {
	k.publish("nobody-reads-it")
	s := k.subscribe()
	k.publish("a")
	k.take(s, "a")
}

func messageArrives(k desk) {
	payloads := map[string][]byte{"json": []byte(`{"n":1}`), "text": []byte("plain <b>text</b>\n"), "bytes": {0, 255, '\n', 128, 0},
		"none": {}, "large": []byte(strings.Repeat("x", 64<<10))}
	s := k.subscribe()
	for id, p := range payloads {
		k.send(&ports.Message{ID: id, Key: "key of " + id, Payload: p})
	}
	for range payloads {
		d := k.receive(s)
		m := d.Message()
		want, ok := payloads[m.ID]
		k.check(ok, "received message %q, which nobody published", m.ID)
		k.check(m.Topic == k.topic, "message %s: topic is %q; want %q", m.ID, m.Topic, k.topic)
		k.check(m.Key == "key of "+m.ID, "message %s: key is %q", m.ID, m.Key)
		k.check(string(m.Payload) == string(want), "message %s: the payload of %d bytes arrives as %d other ones", m.ID, len(want), len(m.Payload))
		k.ack(d)
	}
}

func headersArrive(k desk) {
	headers := map[string]string{"tenant": "acme", "x-1_a.b": "", "text": "é \"quoted\"\nline",
		ports.HeaderTraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ports.HeaderTraceState: "a=1,b=2"}
	s := k.subscribe()
	k.send(&ports.Message{ID: "with", Key: "1", Headers: headers})
	k.send(&ports.Message{ID: "without", Key: "2"})
	for range 2 {
		d := k.receive(s)
		want := map[string]string{}
		if d.Message().ID == "with" {
			want = headers
		}
		k.check(maps.Equal(ownHeaders(d.Message()), want), "message %s: headers are %q; want %q", d.Message().ID, d.Message().Headers, want)
		k.ack(d)
	}
}

// ownHeaders are those that a driver cannot have added.
func ownHeaders(m *ports.Message) map[string]string {
	own := maps.Clone(m.Headers)
	maps.DeleteFunc(own, func(name, _ string) bool { return strings.HasPrefix(name, ports.HeaderPrefix) })
	return own
}

func namesAreAnyText(k desk) {
	names := []string{"orders", "Orders", "orders:eu", "orders/eu", "orders%2Feu", "orders eu", "{orders}", "orders?a=b#c", "..", "*", "заказы", "訂單"}
	subs := make([]ports.Subscription, len(names))
	for i, name := range names {
		subs[i] = k.at(name).subscribe(group("group " + name))
	}
	for _, name := range names {
		k.at(name).send(&ports.Message{ID: "id of " + name, Key: name})
	}
	for i, name := range names {
		d := k.at(name).receiveID(subs[i], "id of "+name)
		k.check(d.Message().Topic == name, "topic %q arrives as %q", name, d.Message().Topic)
		k.check(d.Message().Key == name, "key %q arrives as %q", name, d.Message().Key)
		k.ack(d)
	}
	for i, name := range names {
		k.at(name).publish("last")
		k.at(name).take(subs[i], "last")
	}
}

func messageGetsID(k desk) {
	one, two := k.subscribe(group("one")), k.subscribe(group("two"))
	k.send(&ports.Message{Key: "1", Payload: []byte("first")})
	k.send(&ports.Message{Key: "2", Payload: []byte("second")})
	ids := func(s ports.Subscription) map[string]string {
		byPayload := map[string]string{}
		for _, d := range []ports.Delivery{k.receive(s), k.receive(s)} {
			byPayload[string(d.Message().Payload)] = d.Message().ID
			if k.caps.AtLeastOnce {
				k.nack(d, 0)
			}
		}
		for again := 0; k.caps.AtLeastOnce && again < 2; again++ {
			d := k.receive(s)
			m := d.Message()
			k.check(m.ID == byPayload[string(m.Payload)], "the id given was %q, and is %q when the message comes again", byPayload[string(m.Payload)], m.ID)
			k.ack(d)
		}
		return byPayload
	}
	first, second := ids(one), ids(two)
	k.check(first["first"] != "" && first["second"] != "", "a message that was published without an id has none: %q", first)
	k.check(first["first"] != first["second"], "two messages got the same id %q", first["first"])
	k.check(maps.Equal(first, second), "the ids given are %q for one group and %q for another", first, second)
}

func publishedAtIsNow(k desk) {
	s := k.subscribe()
	before := time.Now()
	k.send(&ports.Message{ID: "a", PublishedAt: before.Add(-24 * time.Hour)})
	after := time.Now()
	d := k.receive(s)
	at := d.Message().PublishedAt
	k.check(!at.Before(before.Add(-k.Timing.Slack)) && !at.After(after.Add(k.Timing.Slack)),
		"PublishedAt is %v; the message was published between %v and %v", at, before, after)
	k.ack(d)
}

func invalidMessage(k desk) {
	s := k.subscribe()
	bad := map[string]*ports.Message{
		"nil":                   nil,
		"no topic":              {},
		"topic not UTF-8":       {Topic: "topic\xff"},
		"id not UTF-8":          {ID: "\xff", Topic: k.topic},
		"key not UTF-8":         {Topic: k.topic, Key: "\xff"},
		"reserved header id":    {Topic: k.topic, Headers: map[string]string{"id": "1"}},
		"reserved header key":   {Topic: k.topic, Headers: map[string]string{"key": "1"}},
		"upper-case header":     {Topic: k.topic, Headers: map[string]string{"Tenant": "1"}},
		"empty header name":     {Topic: k.topic, Headers: map[string]string{"": "1"}},
		"header value no UTF-8": {Topic: k.topic, Headers: map[string]string{"tenant": "\xff"}},
	}
	for what, m := range bad {
		_, err := k.Driver.Publish(k.ctx, m)
		k.isKind(err, ports.ErrInvalid, "publish, "+what)
	}
	k.publish("good")
	k.take(s, "good")
	k.silent(s, "an invalid message was sent")
}

func publishCopies(k desk) {
	s := k.subscribe()
	m := &ports.Message{ID: "a", Key: "k", Payload: []byte(given), Headers: map[string]string{"h": given}}
	k.send(m)
	copy(m.Payload, changed)
	m.Headers["h"], m.Headers["new"], m.ID, m.Key = changed, changed, changed, changed
	d := k.receiveID(s, "a")
	got := d.Message()
	k.check(string(got.Payload) == given && got.Key == "k", "the caller's later change arrived: payload %q, key %q", got.Payload, got.Key)
	k.check(maps.Equal(ownHeaders(got), map[string]string{"h": given}), "the caller's later change arrived: headers %q", got.Headers)
	k.ack(d)
}

func receiverOwnsMessage(k desk) {
	one, two := k.subscribe(group("one")), k.subscribe(group("two"))
	k.send(&ports.Message{ID: "a", Key: "k", Payload: []byte("payload"), Headers: map[string]string{"h": "v"}})
	spoil := func(d ports.Delivery) {
		m := d.Message()
		k.check(string(m.Payload) == "payload" && maps.Equal(ownHeaders(m), map[string]string{"h": "v"}),
			"another receiver's change is seen: payload %q, headers %q", m.Payload, m.Headers)
		copy(m.Payload, "PAYLOAD")
		m.Headers["h"] = "V"
	}
	d := k.receive(one)
	spoil(d)
	if k.caps.AtLeastOnce {
		k.nack(d, 0)
		d = k.receive(one)
		spoil(d)
	}
	k.ack(d)
	d = k.receive(two)
	spoil(d)
	k.ack(d)
}

func endedContext(k desk) {
	s := k.subscribe()
	k.publish("a")
	cancelled, cancel := context.WithCancel(k.ctx)
	cancel()
	late, cancelLate := context.WithDeadline(k.ctx, time.Now().Add(-time.Second))
	defer cancelLate()
	k.refusesEnded(cancelled, s, ports.ErrCanceled)
	k.refusesEnded(late, s, ports.ErrTimeout)
	k.take(s, "a")
	k.publish("b")
	k.take(s, "b")
	k.silent(s, "a publish whose context had ended was sent")
}

// refusesEnded tries every call with a context that has ended.
func (k desk) refusesEnded(ended context.Context, s ports.Subscription, kind ports.Kind) {
	refused := func(err error, doing string) {
		k.isKind(err, kind, doing+" with a context that has ended")
		k.check(errors.Is(err, ended.Err()), "%s: %v does not wrap %v", doing, err, ended.Err())
	}
	_, err := k.Driver.Publish(ended, &ports.Message{ID: "never", Topic: k.topic})
	refused(err, "publish")
	_, err = k.Driver.Subscribe(ended, k.options(group("other")))
	refused(err, "subscribe")
	_, err = s.Receive(ended)
	refused(err, "receive")
}
