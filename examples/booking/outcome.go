package main

// Result is how a request ended. The results are exclusive; a repeated request has none of its own.
type Result string

// The results that a process publishes. Lines that are no request are rejected by the reader.
const (
	Reserved      Result = "reserved"
	PaymentFailed Result = "payment_failed"
	Compensated   Result = "compensated"
	Refused       Result = "rejected"
)

// Outcome is what a process publishes on booking-outcomes.
type Outcome struct {
	Run    string `json:"run"`
	Line   int    `json:"line"`
	Key    string `json:"key"`
	Result Result `json:"result"`
	// Reason is set for all but reserved.
	Reason string `json:"reason,omitempty"`
	Room   string `json:"room,omitempty"`
	Tour   string `json:"tour,omitempty"`
	// Cached: the record was written to the cache.
	Cached bool `json:"cached,omitempty"`
}

func (s Submission) outcome(r Result, reason string) Outcome {
	return Outcome{Run: s.Run, Line: s.Line, Key: s.Key, Result: r, Reason: reason}
}
