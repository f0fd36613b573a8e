package wire_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

var update = flag.Bool("update", false, "rewrite the goldens; their change is a change of public API")

var at = time.Date(2026, 6, 29, 10, 24, 18, 123456000, time.UTC)

// golden compares with the bytes that other languages rely on.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != strings.TrimSuffix(string(want), "\n") {
		t.Errorf("%s:\n got %s\nwant %s", name, got, want)
	}
}

func fieldsText(fields []ports.Field) []byte {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.Name + "=" + string(f.Value))
	}
	return []byte(b.String())
}

func message() *ports.Message {
	return &ports.Message{ID: "r-1", Topic: "booking-requests", Key: "user-7", Payload: []byte(`{"tour":"<A&B>","amount":12345678901234567890}`),
		Headers:   map[string]string{"traceparent": "00-1-2-01", "breakwater-event": "created", "breakwater-tenant": "acme"},
		DeliverAt: at.Truncate(time.Millisecond).Add(time.Hour)}
}

func TestEnvelopeGoldens(t *testing.T) {
	tenant := "acme"
	for name, e := range map[string]wire.Envelope{
		"envelope-cache.json": {RequestID: "9b2e", Event: wire.EventUpdate, Type: wire.TypeCache, Service: "safari_pro",
			Payload: json.RawMessage(`{"name":"<A&B>","n":12345678901234567890}`), Timestamp: wire.Timestamp{Time: at}},
		"envelope-tenant.json": {RequestID: "9b2e", Event: wire.EventInvalidate, Type: wire.TypeQueue, Service: "safari_pro",
			TenantName: &tenant, Payload: json.RawMessage(`null`), Timestamp: wire.Timestamp{Time: at}},
		"envelope-binary.json": {RequestID: "9b2e", Event: wire.EventUpdate, Type: wire.TypePubSub, Service: "safari_pro",
			Payload: []byte{0xff, 0x00}, Timestamp: wire.Timestamp{Time: at}},
	} {
		got, err := wire.EncodeEnvelope(e)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, got)
		payload, back, err := wire.DecodeEnvelope(got)
		if err != nil || string(payload) != string(e.Payload) || back.RequestID != e.RequestID || !back.Timestamp.Equal(at) {
			t.Errorf("%s comes back as %s, %+v, %v", name, payload, back, err)
		}
	}
}

func TestDecodeEnvelopeOfOthers(t *testing.T) {
	for data, want := range map[string]string{
		`{"payload":1,"service":"s"}`:                                                            `1`,
		` {"service":"s","payload":{"a":[1]},"x":true}`:                                          `{"a":[1]}`,
		`{"payload":1,"service":"s","timestamp":"2026-06-29 10:24:18+03:00","tenant_name":null}`: `1`,
		`{"payload":null,"service":"s"}`:                                                         `null`,
		`{"payload":1}`:                                                                          `{"payload":1}`, // no envelope: bare JSON
		`[1,2]`:                                                                                  `[1,2]`,
		`"text"`:                                                                                 `"text"`,
		`12`:                                                                                     `12`,
	} {
		payload, _, err := wire.DecodeEnvelope([]byte(data))
		if err != nil || string(payload) != want {
			t.Errorf("%s: %s, %v; want %s", data, payload, err, want)
		}
	}
	for _, data := range []string{``, `secret-text`, `{"payload":1,"service":2}`, `{"payload":1,"service":"s","timestamp":"secret"}`} {
		if _, _, err := wire.DecodeEnvelope([]byte(data)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: error %v; want one that does not show the value", data, err)
		}
	}
}

func TestStreamGolden(t *testing.T) {
	m := message()
	fields, err := wire.EncodeStream(m, "safari_pro", at)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "stream-entry.txt", fieldsText(fields))
	back, err := wire.DecodeStream(m.Topic, ports.Entry{ID: "1-0", Fields: fields})
	if err != nil {
		t.Fatal(err)
	}
	want := message()
	want.PublishedAt = at
	want.Headers["breakwater-service"] = "safari_pro"
	if !reflect.DeepEqual(back, want) {
		t.Errorf("comes back as %+v; want %+v", back, want)
	}
	plain, err := wire.EncodeStream(&ports.Message{ID: "r-2", Payload: []byte("not JSON")}, "safari_pro", at)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "stream-entry-plain.txt", fieldsText(plain))
}

func TestDeliverAtIsRoundedUp(t *testing.T) {
	fields, err := wire.EncodeStream(&ports.Message{ID: "r-1", DeliverAt: at}, "s", at)
	if err != nil {
		t.Fatal(err)
	}
	back, err := wire.DecodeStream("t", ports.Entry{Fields: fields})
	if err != nil || back.DeliverAt.Before(at) || back.DeliverAt.Sub(at) > time.Millisecond {
		t.Errorf("%v comes back as %v, %v", at, back.DeliverAt, err)
	}
}

func TestDecodeStreamTakesAnySubset(t *testing.T) {
	m, err := wire.DecodeStream("t", ports.Entry{ID: "5-1", Fields: []ports.Field{{Name: "payload", Value: []byte("{}")}, {Name: "other", Value: []byte("x")}}})
	if err != nil || m.ID != "5-1" || string(m.Payload) != "{}" || m.Headers != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestStrandedGoldens(t *testing.T) {
	m := message()
	fields, err := wire.EncodeStrandedFields(m, at)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "stranded-fields.txt", fieldsText(fields))
	back, failedAt, err := wire.DecodeStrandedFields(ports.Entry{ID: "1-0", Fields: fields})
	if err != nil || !failedAt.Equal(at) || !reflect.DeepEqual(back, message()) {
		t.Errorf("comes back as %+v, %v, %v", back, failedAt, err)
	}
	body, err := wire.EncodeStrandedBody(m, at)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "stranded-body.json", body)
	topic, payload, failedAt, err := wire.DecodeStrandedBody(body)
	if err != nil || topic != m.Topic || string(payload) != string(m.Payload) || !failedAt.Equal(at) {
		t.Errorf("comes back as %s %s %v %v", topic, payload, failedAt, err)
	}
}

func TestTopicNamesAreReversible(t *testing.T) {
	for topic, stream := range map[string]string{
		"booking-requests":              "emergency-fallback:booking-requests",
		"persistent://public/default/a": "emergency-fallback:persistent%3A%2F%2Fpublic%2Fdefault%2Fa",
		"persistent%3A":                 "emergency-fallback:persistent%253A",
		"größe {x}":                     "emergency-fallback:gr%C3%B6%C3%9Fe%20%7Bx%7D",
	} {
		if got := wire.StrandedStream(topic); got != stream {
			t.Errorf("StrandedStream(%q) = %q; want %q", topic, got, stream)
		}
		if back, ok := wire.TopicOfStrandedStream(stream); !ok || back != topic {
			t.Errorf("%q comes back as %q, %v", stream, back, ok)
		}
		if back, ok := wire.TopicOfStrandedTopic(wire.StrandedTopic(topic)); !ok || back != topic {
			t.Errorf("%q comes back as %q, %v", topic, back, ok)
		}
	}
}

func TestParseTimestampTakesISO8601(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-06-29T10:24:18.123456":       at,
		"2026-06-29T10:24:18.123456Z":      at,
		"2026-06-29T13:24:18.123456+03:00": at,
		"2026-06-29 13:24:18,123456+0300":  at,
		"2026-06-29t13:24:18.123456+03":    at,
		"20260629T102418.123456Z":          at,
		"2026-06-29T10:24":                 at.Truncate(time.Minute),
		"2026-06-29":                       at.Truncate(24 * time.Hour),
		"":                                 {},
	} {
		if got, err := wire.ParseTimestamp(text); err != nil || !got.Equal(want) {
			t.Errorf("ParseTimestamp(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	if _, err := wire.ParseTimestamp("yesterday"); err == nil {
		t.Error("yesterday is taken")
	}
}

func TestEmbeddedPayloadsComeBack(t *testing.T) {
	for _, p := range []string{`{"a":1}`, "", "text", "\xff\x00", `{"breakwater_base64":"eA=="}`, `{"breakwater_base64":1}`, "null"} {
		got, err := wire.ExtractPayload(wire.EmbedPayload([]byte(p)))
		if err != nil || string(got) != p {
			t.Errorf("%q comes back as %q, %v", p, got, err)
		}
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	f.Add([]byte(`{"payload":1,"service":"s","timestamp":"2026-06-29T10:24:18.123456"}`))
	f.Add([]byte(`{"payload":{"breakwater_base64":"_w=="},"service":"s"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		payload, e, err := wire.DecodeEnvelope(data)
		if err != nil || e == nil {
			return
		}
		e.Payload = payload
		again, err := wire.EncodeEnvelope(*e)
		if err != nil {
			t.Skip("a time beyond year 9999 has no JSON form")
		}
		back, _, err := wire.DecodeEnvelope(again)
		if err != nil || !sameJSON(back, payload) {
			t.Fatalf("%q comes back as %q, %v", payload, back, err)
		}
	})
}

func FuzzDecodeStream(f *testing.F) {
	f.Add("id", "key", []byte(`{"a":"b"}`), "2026-06-29T10:24:18", []byte("{}"))
	f.Fuzz(func(t *testing.T, id, key string, headers []byte, timestamp string, payload []byte) {
		m, err := wire.DecodeStream("t", ports.Entry{ID: "1-0", Fields: []ports.Field{{Name: "request_id", Value: []byte(id)},
			{Name: "key", Value: []byte(key)}, {Name: "headers", Value: headers}, {Name: "timestamp", Value: []byte(timestamp)}, {Name: "payload", Value: payload}}})
		if err != nil {
			return
		}
		fields, err := wire.EncodeStream(m, "s", m.PublishedAt)
		if err != nil {
			t.Fatal(err)
		}
		back, err := wire.DecodeStream("t", ports.Entry{ID: "1-0", Fields: fields})
		if err != nil || back.ID != m.ID || back.Key != m.Key || string(back.Payload) != string(m.Payload) {
			t.Fatalf("%+v comes back as %+v, %v", m, back, err)
		}
		for name, value := range m.Headers {
			if value != "" && back.Headers[name] != value && json.Valid(headers) {
				t.Fatalf("header %q: %q comes back as %q", name, value, back.Headers[name])
			}
		}
	})
}

func FuzzDecodeStranded(f *testing.F) {
	f.Add([]byte(`{"origin":"booking-requests","time":1782728658.452,"data":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		topic, payload, failedAt, err := wire.DecodeStrandedBody(body)
		if err != nil {
			return
		}
		again, err := wire.EncodeStrandedBody(&ports.Message{Topic: topic, Payload: payload}, failedAt)
		if err != nil {
			t.Fatal(err)
		}
		topic2, payload2, _, err := wire.DecodeStrandedBody(again)
		if err != nil || topic2 != topic || !sameJSON(payload2, payload) {
			t.Fatalf("%s %q comes back as %s %q, %v", topic, payload, topic2, payload2, err)
		}
	})
}

// sameJSON compares as JSON where both are, else as bytes.
func sameJSON(a, b []byte) bool {
	var x, y any
	if wire.Unmarshal(a, &x) != nil || wire.Unmarshal(b, &y) != nil {
		return string(a) == string(b)
	}
	return reflect.DeepEqual(x, y)
}

func TestUnmarshalKeepsNumbersAndHidesValues(t *testing.T) {
	var v map[string]any
	if err := wire.Unmarshal([]byte(`{"n":12345678901234567890}`), &v); err != nil || v["n"] != json.Number("12345678901234567890") {
		t.Errorf("%v, %v", v, err)
	}
	var typed struct{ N int8 }
	for _, data := range []string{`{"N":98765}`, `{"N":"98765"}`, `{"N":98765`, `98765x`, `{} 98765`} {
		if err := wire.Unmarshal([]byte(data), &typed); err == nil || strings.Contains(err.Error(), "98765") {
			t.Errorf("%s: error %v; want one that does not show the value", data, err)
		}
	}
}
