package memory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"
	"unicode/utf8"

	"github.com/breakwater-go/breakwater/ports"
)

const (
	defaultStepTimeout = 300 * time.Second
	defaultBackoff     = time.Second
	// maxBackoffFactor times Backoff is the default of MaxBackoff.
	maxBackoffFactor = 100
)

// normalizeStart checks a request and gives a copy that shares nothing with the caller's.
func normalizeStart(r ports.StartRequest) (ports.StartRequest, *ports.Error) {
	const op = "start"
	switch {
	case !validName(r.Process):
		return r, invalidName(op+": Process", r.Process)
	case !validID(r.ID):
		return r, invalid(op, fmt.Sprintf("ID has %d bytes; valid are 1 to %d bytes of printable ASCII", len(r.ID), maxName))
	case !validName(r.Queue):
		return r, invalidName(op+": Queue", r.Queue)
	case r.RunTimeout < 0:
		return r, invalid(op, fmt.Sprintf("RunTimeout is %v; valid is 0 for none, or more", r.RunTimeout))
	case r.Reuse > ports.ReuseFail:
		return r, invalid(op, fmt.Sprintf("Reuse is %d; valid are ReuseClosed, ReuseNever and ReuseFail", r.Reuse))
	}
	input, ok := takePayload(r.Input)
	if !ok {
		return r, invalid(op, fmt.Sprintf("Input is not JSON (%d bytes); valid is one JSON value, or nothing", len(r.Input)))
	}
	for k, v := range r.Memo {
		if _, ok := takePayload(v); !ok {
			return r, invalid(op, fmt.Sprintf("Memo[%q] is not JSON; valid is one JSON value, or nothing", k))
		}
	}
	r.Input = input
	r.Headers = maps.Clone(r.Headers)
	r.Memo = cloneMemo(r.Memo)
	r.SearchAttributes = maps.Clone(r.SearchAttributes)
	return r, nil
}

// normalizeStep checks a call, fills in the defaults and takes the input over the boundary.
func normalizeStep(s *ports.StepCall) *ports.Error {
	const op = "step"
	switch {
	case !validName(s.Name):
		return invalidName(op+": Name", s.Name)
	case s.Attempts < 0:
		return invalid(op, fmt.Sprintf("Attempts is %d; valid is 0 for one, or more", s.Attempts))
	case min(s.Backoff, s.MaxBackoff, s.Timeout, s.HeartbeatTimeout, s.ScheduleToStart) < 0:
		return invalid(op, "Backoff, MaxBackoff, Timeout, HeartbeatTimeout or ScheduleToStart is negative; valid is 0 for the default, or more")
	case s.Local != nil && s.Queue != "":
		return invalid(op, fmt.Sprintf("Queue is %q for a local step; valid is none, since it runs in the process's worker", s.Queue))
	case s.HeartbeatTimeout != 0:
		return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrUnsupported, Err: fmt.Errorf("HeartbeatTimeout is not enforced by this driver yet; leave it 0")}
	case s.ScheduleToStart != 0:
		return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrUnsupported, Err: fmt.Errorf("ScheduleToStart is not enforced by this driver yet; leave it 0")}
	}
	input, ok := takePayload(s.Input)
	if !ok {
		return invalid(op, fmt.Sprintf("Input is not JSON (%d bytes); valid is one JSON value, or nothing", len(s.Input)))
	}
	s.Input = input
	if s.Attempts == 0 {
		s.Attempts = 1
	}
	if s.Backoff == 0 {
		s.Backoff = defaultBackoff
	}
	if s.MaxBackoff == 0 {
		s.MaxBackoff = maxBackoffFactor * s.Backoff
	}
	if s.Timeout == 0 {
		s.Timeout = defaultStepTimeout
	}
	return nil
}

// maxName bounds ids and names, in bytes: what every backend can carry.
const maxName = 1000

func validName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name)
}

func invalidName(op, name string) *ports.Error {
	return invalid(op, fmt.Sprintf("a name has %d bytes; valid are 1 to %d bytes of UTF-8", len(name), maxName))
}

func validID(id string) bool {
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return false
		}
	}
	return id != "" && len(id) <= maxName
}

func checkFilter(op string, f ports.Filter) error {
	switch f.Status {
	case "", ports.StatusRunning, ports.StatusCompleted, ports.StatusFailed, ports.StatusCancelled, ports.StatusTerminated,
		ports.StatusTimedOut, ports.StatusContinuedAsNew:
	default:
		return invalid(op, fmt.Sprintf("Filter.Status is %q; valid are RUNNING, COMPLETED, FAILED, CANCELLED, TERMINATED, TIMED_OUT and CONTINUED_AS_NEW", f.Status))
	}
	if f.Limit < 0 {
		return invalid(op, fmt.Sprintf("Filter.Limit is %d; valid is 0 for 100, or more", f.Limit))
	}
	return nil
}

func invalid(op, text string) *ports.Error {
	return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrInvalid, Err: fmt.Errorf("%s", text)}
}

func cloneMemo(memo map[string]json.RawMessage) map[string]json.RawMessage {
	if memo == nil {
		return nil
	}
	own := make(map[string]json.RawMessage, len(memo))
	for k, v := range memo {
		own[k] = bytes.Clone(v)
	}
	return own
}
