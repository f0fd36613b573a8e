package main

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestParseRequestRefuses(t *testing.T) {
	for line, want := range map[string]string{
		`{"request_id":"secret`: "not JSON: it ends too early",
		`#{}`:                   "not JSON: problem at byte 1",
		`{} {}`:                 "more than one JSON value",
		`{"user":["secret"]}`:   `field "user" is a JSON array; valid is string`,
		`{"amount_cents":1.5}`:  `field "amount_cents" is a JSON number; valid is int64`,
		`{"dates":{"from":7}}`:  `field "dates.from" is a JSON number; valid is string`,
		`secret`:                "not JSON: problem at byte 1",
		``:                      "not JSON: it ends too early",
	} {
		_, err := ParseRequest([]byte(line))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error is %v, want %q and no text of the line", line, err, want)
		}
	}
}

func TestProblems(t *testing.T) {
	good := (&generator{rng: rand.New(rand.NewPCG(1, 1))}).request(0)
	for name, tc := range map[string]struct {
		spoil func(r *Request)
		want  string
	}{
		"good":          {func(*Request) {}, ""},
		"no id":         {func(r *Request) { r.ID = " " }, "request_id is missing"},
		"no user":       {func(r *Request) { r.User = "" }, "user is missing"},
		"no tour":       {func(r *Request) { r.Tour = "" }, "tour is missing"},
		"no card":       {func(r *Request) { r.PaymentCardRef = "" }, "payment_card_ref is missing"},
		"no travellers": {func(r *Request) { r.Travellers = nil }, "travellers is missing, or has an empty name"},
		"an empty name": {func(r *Request) { r.Travellers = []string{"A", " "} }, "travellers is missing, or has an empty name"},
		"no amount":     {func(r *Request) { r.AmountCents = 0 }, "amount_cents is missing; valid is above 0"},
		"no dates":      {func(r *Request) { r.Dates = Dates{} }, "dates is missing; valid are from and to as 2027-03-14"},
		"a bad date":    {func(r *Request) { r.Dates.To = "soon" }, "dates is missing; valid are from and to as 2027-03-14"},
		"turned around": {func(r *Request) { r.Dates = Dates{"2027-03-02", "2027-03-01"} }, "dates: to lies before from"},
		"two at once":   {func(r *Request) { r.User, r.AmountCents = "", -1 }, "user is missing; amount_cents is missing; valid is above 0"},
	} {
		r := good
		tc.spoil(&r)
		if got := joinProblems(r.Problems()); got != tc.want {
			t.Errorf("%s: problems are %q, want %q", name, got, tc.want)
		}
	}
}

func TestSubmissionKeys(t *testing.T) {
	if s := newSubmission("R", 7, Request{ID: "req-1"}); s.Key != "req-1" || s.MessageID() != "R/req-1" {
		t.Errorf("got %+v", s)
	}
	if s := newSubmission("R", 7, Request{}); s.Key != "line-7" || s.MessageID() != "R/line-7" {
		t.Errorf("without an id: got %+v", s)
	}
}

// FuzzParseRequest: no line makes the reader panic, no error tells the line, and what parses survives its journey.
func FuzzParseRequest(f *testing.F) {
	for _, line := range collect(sampleSeed, 40) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := ParseRequest(line)
		if err != nil {
			if len(line) > 40 && strings.Contains(err.Error(), string(line)) {
				t.Errorf("the error tells the line: %v", err)
			}
			return
		}
		s := newSubmission("R", 1, r)
		if s.Key == "" {
			t.Error("a submission without a key")
		}
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Submission
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, s) || joinProblems(back.Request.Problems()) != joinProblems(r.Problems()) {
			t.Errorf("sent     %+v\nreceived %+v", s, back)
		}
	})
}
