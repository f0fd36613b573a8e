package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
)

// Summary of a run; the five results and lost add up to Requests. Its JSON is the last line of -json.
type Summary struct {
	Requests      int     `json:"requests"`
	Reserved      int     `json:"reserved"`
	PaymentFailed int     `json:"payment_failed"`
	Compensated   int     `json:"compensated"`
	Rejected      int     `json:"rejected"`
	Duplicates    int     `json:"duplicates"`
	Lost          int     `json:"lost"`
	Seconds       float64 `json:"seconds"`
	// Stranded and Replayed are there when a fault was injected: messages that went to the emergency store, and those that
	// the primary broker had later.
	Stranded *int64 `json:"stranded,omitempty"`
	Replayed *int64 `json:"replayed,omitempty"`

	// Unread requests were left in the input when the run was interrupted; -1 = some, of a number not known.
	Unread int `json:"-"`
	// Missing names a few of the lost requests, with their lines.
	Missing string `json:"-"`
}

func summarize(t *Tracker, took time.Duration) Summary {
	c := t.Counts()
	return Summary{Requests: c.Requests, Reserved: c.Reserved, PaymentFailed: c.PaymentFailed, Compensated: c.Compensated,
		Rejected: c.Rejected, Duplicates: c.Duplicates, Lost: c.Waiting + c.Unsent,
		Seconds: float64(took.Milliseconds()) / 1000, Missing: t.Missing()}
}

func (s *Summary) addFault(st messaging.Stats) { s.Stranded, s.Replayed = &st.Stranded, &st.Replayed }

// Sound says whether every request is accounted for.
func (s Summary) Sound() bool {
	accounted := s.Reserved + s.PaymentFailed + s.Compensated + s.Rejected + s.Duplicates
	return s.Lost == 0 && accounted == s.Requests && (s.Stranded == nil || *s.Stranded == *s.Replayed)
}

// Write prints the table, and the JSON line if asked for.
func (s Summary) Write(w io.Writer, withJSON bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, value any) { say(t, "%s\t%v\t\n", name, value) }
	row("requests", s.Requests)
	row("reserved", s.Reserved)
	row("payment failed", s.PaymentFailed)
	row("compensated", s.Compensated)
	row("rejected", s.Rejected)
	row("duplicates", s.Duplicates)
	row("lost", s.Lost)
	if s.Stranded != nil {
		row("stranded", *s.Stranded)
		row("replayed", *s.Replayed)
	}
	row("seconds", fmt.Sprintf("%.3f", s.Seconds))
	if err := t.Flush(); err != nil {
		return err
	}
	say(w, "%s", s.left())
	if !withJSON {
		return nil
	}
	line, err := json.Marshal(s)
	if err == nil {
		_, err = fmt.Fprintf(w, "%s\n", line)
	}
	return err
}

// left says what has no outcome, and what was never sent.
func (s Summary) left() string {
	var b strings.Builder
	switch {
	case s.Unread > 0:
		fmt.Fprintf(&b, "left: %d requests were not sent\n", s.Unread)
	case s.Unread < 0:
		fmt.Fprintln(&b, "left: the input was not read to its end")
	}
	if s.Lost > 0 {
		fmt.Fprintf(&b, "left: %d requests have no outcome, such as %s\n", s.Lost, s.Missing)
	}
	return b.String()
}
