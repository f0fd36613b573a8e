package ports_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/breakwater-go/breakwater/ports"
)

func TestValidateMessage(t *testing.T) {
	good := []*ports.Message{
		{Topic: "t"},
		{Topic: "заказы / 1", ID: "é", Key: "\x00", Payload: []byte{0xff}, Headers: map[string]string{"a-z_0.9": "é\n", "breakwater-event": "", "traceparent": "x"}},
	}
	for _, m := range good {
		if err := ports.ValidateMessage(m); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
	bad := map[string]*ports.Message{
		"message is nil":    nil,
		"topic is empty":    {},
		"topic is not UTF":  {Topic: "\xff"},
		"id is not UTF":     {Topic: "t", ID: "\xff"},
		"key is not UTF":    {Topic: "t", Key: "\xff"},
		`"id" is reserved`:  {Topic: "t", Headers: map[string]string{"id": ""}},
		`"key" is reserved`: {Topic: "t", Headers: map[string]string{"key": ""}},
		"name is empty":     {Topic: "t", Headers: map[string]string{"": ""}},
		`name "A"`:          {Topic: "t", Headers: map[string]string{"A": ""}},
		`name "a b"`:        {Topic: "t", Headers: map[string]string{"a b": ""}},
		"value is not UTF":  {Topic: "t", Headers: map[string]string{"a": "\xff"}},
	}
	for want, m := range bad {
		if err := ports.ValidateMessage(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A refused message's payload and header values are nobody's business.
func TestValidationTellsNoSecret(t *testing.T) {
	err := ports.ValidateMessage(&ports.Message{Topic: "t", Payload: []byte("secret"), Headers: map[string]string{"token": "secret\xff"}})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestMessageClone(t *testing.T) {
	m := &ports.Message{ID: "i", Topic: "t", Key: "k", Payload: []byte("p"), Headers: map[string]string{"h": "v"}, DeliverAt: time.Unix(1, 0)}
	c := m.Clone()
	m.Payload[0], m.Headers["h"] = 'x', "x"
	if string(c.Payload) != "p" || c.Headers["h"] != "v" || c.ID != "i" || c.Key != "k" || !c.DeliverAt.Equal(time.Unix(1, 0)) {
		t.Errorf("clone is %+v", c)
	}
	if none := (&ports.Message{}).Clone(); none.Payload != nil || none.Headers != nil {
		t.Errorf("clone of nothing is %+v", none)
	}
}

func TestSubscribeOptionsWithDefaults(t *testing.T) {
	o, err := ports.SubscribeOptions{Topic: "t", Group: "g", Strategy: ports.Sticky}.WithDefaults()
	if err != nil || o.Prefetch != ports.DefaultPrefetch || o.Lease != ports.DefaultLease {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := (ports.SubscribeOptions{Topic: "t", Strategy: ports.Broadcast}).WithDefaults(); err != nil {
		t.Errorf("broadcast needs no group: %v", err)
	}
	bad := map[string]ports.SubscribeOptions{
		"topic":    {Group: "g", Strategy: ports.Sticky},
		"strategy": {Topic: "t", Group: "g"},
		"group":    {Topic: "t", Strategy: ports.Exclusive},
		"prefetch": {Topic: "t", Group: "g", Strategy: ports.Sticky, Prefetch: -1},
		"lease":    {Topic: "t", Group: "g", Strategy: ports.Sticky, Lease: -1},
	}
	for field, o := range bad {
		if _, err := o.WithDefaults(); err == nil || !strings.HasPrefix(err.Error(), field+" is") || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%s: %v; want the field, its problem and what is valid", field, err)
		}
	}
}

func TestStrategies(t *testing.T) {
	for _, s := range ports.Strategies {
		got, err := ports.ParseStrategy(s.String())
		if err != nil || got != s {
			t.Errorf("%v: %v, %v", s, got, err)
		}
		if want := s == ports.Sticky || s == ports.Failover || s == ports.Exclusive; s.Ordered() != want {
			t.Errorf("%v: ordered is %v", s, s.Ordered())
		}
	}
	_, err := ports.ParseStrategy("unknown")
	if !errors.Is(err, ports.ErrInvalid) {
		t.Errorf("unknown: %v", err)
	}
	for _, s := range ports.Strategies {
		if !strings.Contains(fmt.Sprint(err), s.String()) {
			t.Errorf("%v does not list %v", err, s)
		}
	}
	if s := ports.Strategy(200).String(); s != "unknown" {
		t.Errorf("strategy 200 is %q", s)
	}
}

func FuzzValidateMessage(f *testing.F) {
	f.Add("id", "topic", "key", "name", "value")
	f.Add("", "", "\xff", "Name", "é")
	f.Add("a", "t", "", "key", "")
	f.Fuzz(func(t *testing.T, id, topic, key, name, value string) {
		m := &ports.Message{ID: id, Topic: topic, Key: key, Payload: []byte(value), Headers: map[string]string{name: value}}
		before := m.Clone()
		err := ports.ValidateMessage(m)
		if m.ID != before.ID || !maps.Equal(m.Headers, before.Headers) {
			t.Fatal("validation changed the message")
		}
		if err != nil {
			return
		}
		for _, text := range []string{id, topic, key, name, value} {
			if !utf8.ValidString(text) {
				t.Fatalf("%q passes, and is not UTF-8", text)
			}
		}
		if topic == "" || name != strings.ToLower(name) || strings.ContainsAny(name, " \t\r\n:=\"") || name == "id" || name == "key" {
			t.Fatalf("topic %q with header %q passes", topic, name)
		}
	})
}

func FuzzParseStrategy(f *testing.F) {
	f.Add("sticky")
	f.Add("")
	f.Fuzz(func(t *testing.T, name string) {
		s, err := ports.ParseStrategy(name)
		if (err == nil) != (s != 0) || err == nil && s.String() != name {
			t.Fatalf("%q: %v, %v", name, s, err)
		}
	})
}
