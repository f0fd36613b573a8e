package messaging

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestDecodeKeepsNumbersExact(t *testing.T) {
	v, err := decode[map[string]any]([]byte(`{"n": 12345678901234567890}`))
	if err != nil || v["n"] != json.Number("12345678901234567890") {
		t.Fatalf("%v, %v", v, err)
	}
}

func TestDecodeErrorsHoldNoValues(t *testing.T) {
	type guest struct {
		Born time.Time
		Age  int
	}
	for _, payload := range []string{`{"Age": 4111111111111111.5}`, `{"Age": "4111"}`, `{"Born": "4111"}`, `{"Age": 4111`, `4111`, `"4111`, `{"Age":1} 4111`, ``} {
		_, err := decode[guest]([]byte(payload))
		if err == nil {
			t.Errorf("%q decodes", payload)
			continue
		}
		if strings.Contains(err.Error(), "4111") {
			t.Errorf("%q: error quotes the value: %v", payload, err)
		}
	}
}

func TestBackoffDoublesToItsBound(t *testing.T) {
	o := HandlerOptions{Backoff: time.Second}
	for attempt, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1000: time.Minute} {
		if got := o.backoff(attempt); got != want {
			t.Errorf("after attempt %d: %v; want %v", attempt, got, want)
		}
	}
	o.Backoff = time.Hour
	if got := o.backoff(5); got != time.Hour {
		t.Errorf("a backoff beyond the bound: %v; want it unchanged", got)
	}
}

func FuzzDecode(f *testing.F) {
	type payload struct {
		N int
		T time.Time
		M map[string]any
		P *payload
	}
	for _, seed := range []string{`{"N":1}`, `{`, `null`, `{"M":{"a":[1,2]}}`, `{"P":{"P":{"N":1e400}}}`, "\x00", ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := decode[payload](raw)
		if err != nil {
			return
		}
		again, err := encode(v)
		if err != nil {
			t.Fatalf("%q decodes and does not encode: %v", raw, err)
		}
		if _, err := decode[payload](again); err != nil {
			t.Fatalf("%q is encoded as %q, which does not decode: %v", raw, again, err)
		}
	})
}

func FuzzParseDeadLetter(f *testing.F) {
	f.Add("attempts spent", "3", "2026-06-29T10:24:18.123Z", "text")
	f.Add("", "-1", "x", "\xff")
	f.Fuzz(func(t *testing.T, reason, attempts, at, text string) {
		d, ok := ParseDeadLetter(map[string]string{HeaderDeadReason: reason, HeaderDeadAttempts: attempts, HeaderDeadAt: at, HeaderDeadError: text})
		if !ok || d.Reason != Reason(reason) || d.Err != text {
			t.Fatalf("%+v", d)
		}
	})
}
