package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Request is one line of the input: what a traveller asks for.
type Request struct {
	ID   string `json:"request_id"`
	User string `json:"user"`
	Tour string `json:"tour"`
	// Travellers by name.
	Travellers []string `json:"travellers"`
	// AmountCents is the price in hundredths of the currency's unit.
	AmountCents int64 `json:"amount_cents"`
	// PaymentCardRef is the payment provider's token for a card. Its name makes the whole request highly sensitive: what
	// holds it stays in the cache for 300 s at most, and out of every log.
	PaymentCardRef string `json:"payment_card_ref"`
	Dates          Dates  `json:"dates"`
}

// Dates of a tour, as 2027-03-14, the last day included.
type Dates struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// ParseRequest decodes one line; the error names what is wrong, without the line's text.
func ParseRequest(line []byte) (Request, error) {
	var r Request
	d := json.NewDecoder(strings.NewReader(string(line)))
	if err := d.Decode(&r); err != nil {
		return Request{}, describe(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Request{}, fmt.Errorf("more than one JSON value: the second begins at byte %d", d.InputOffset())
	}
	return r, nil
}

func describe(err error) error {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return fmt.Errorf("field %q is a JSON %s; valid is %v", wrongType.Field, jsonWord(wrongType.Value), wrongType.Type)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: problem at byte %d", syntax.Offset)
	}
	return errors.New("not JSON: it ends too early")
}

// jsonWord drops the value that the decoder adds to "number 12".
func jsonWord(value string) string {
	word, _, _ := strings.Cut(value, " ")
	return word
}

// Problems lists what is missing or wrong in a request that could be decoded, by the names of its fields; none: the
// request can be booked.
func (r Request) Problems() []string {
	var problems []string
	for _, f := range []struct{ name, value string }{
		{"request_id", r.ID}, {"user", r.User}, {"tour", r.Tour}, {"payment_card_ref", r.PaymentCardRef},
	} {
		if strings.TrimSpace(f.value) == "" {
			problems = append(problems, f.name+" is missing")
		}
	}
	if len(r.Travellers) == 0 || slices.ContainsFunc(r.Travellers, func(name string) bool { return strings.TrimSpace(name) == "" }) {
		problems = append(problems, "travellers is missing, or has an empty name")
	}
	if r.AmountCents <= 0 {
		problems = append(problems, "amount_cents is missing; valid is above 0")
	}
	return append(problems, r.Dates.problems()...)
}

func (d Dates) problems() []string {
	from, err1 := time.Parse(time.DateOnly, d.From)
	to, err2 := time.Parse(time.DateOnly, d.To)
	switch {
	case err1 != nil || err2 != nil:
		return []string{"dates is missing; valid are from and to as 2027-03-14"}
	case to.Before(from):
		return []string{"dates: to lies before from"}
	}
	return nil
}

// Submission is what travels on booking-requests: a request, and where it came from.
type Submission struct {
	Run  string `json:"run"`
	Line int    `json:"line"`
	// Key names the request within its run: its id, or its line where it has none.
	Key     string  `json:"key"`
	Request Request `json:"request"`
}

// MessageID is the id of the submission's message and of its process. Two submissions of one request have the same.
func (s Submission) MessageID() string { return s.Run + "/" + s.Key }

func newSubmission(run string, line int, r Request) Submission {
	key := r.ID
	if strings.TrimSpace(key) == "" {
		key = fmt.Sprintf("line-%d", line)
	}
	return Submission{Run: run, Line: line, Key: key, Request: r}
}

// Rejected is what stands on booking-requests-dlq for a request that cannot be booked.
type Rejected struct {
	Run    string `json:"run"`
	Line   int    `json:"line"`
	Reason string `json:"reason"`
	// Text is the line itself where it is no request, cut to maxRejectedText.
	Text string `json:"text,omitempty"`
	// Request is there where the line was one, with fields missing.
	Request *Request `json:"request,omitempty"`
}

const maxRejectedText = 4096

// id of the dead letter: one a line.
func (r Rejected) id() string { return fmt.Sprintf("%s/line-%d", r.Run, r.Line) }

func rejectedText(line []byte) string {
	return strings.ToValidUTF8(string(line[:min(len(line), maxRejectedText)]), "\uFFFD")
}
