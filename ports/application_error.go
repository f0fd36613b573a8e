package ports

import (
	"bytes"
	"encoding/json"
	"errors"
)

// ApplicationError is how an application's error crosses an Orchestrator, in either direction, on every driver. Any
// other error that a process or step returns becomes one, with an empty Type, its text and its [Kind]: see
// [ToApplicationError].
type ApplicationError struct {
	// Type is the application's word for the failure ("CardDeclined"), for errors that callers tell apart.
	Type    string
	Message string
	// Kind is kept across the wire; 0 = ErrFailed.
	Kind Kind
	// Details is JSON for programs; it is stored with the run, so it must hold no secret. Anything else than JSON is
	// dropped on the way.
	Details json.RawMessage
	// NonRetryable ends a step's retries.
	NonRetryable bool
}

// Types that the engines themselves give.
const (
	// TypePanic: the code panicked; Message holds the panic's text.
	TypePanic = "breakwater.panic"
	// TypeTerminated: the run was terminated; Message holds the reason.
	TypeTerminated = "breakwater.terminated"
)

// Error reads "type: message".
func (e *ApplicationError) Error() string {
	if e.Type == "" {
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// Unwrap exposes the kind.
func (e *ApplicationError) Unwrap() error {
	if e.Kind == 0 {
		return ErrFailed
	}
	return e.Kind
}

// ToApplicationError is what becomes of err when it crosses an Orchestrator: a driver calls it on whatever a process or
// step returned, so that all drivers agree.
//
// An ApplicationError in err's tree keeps its Type, Kind, Details and NonRetryable; text that was put around it joins
// its Message, but for an [*Error]'s own, so that a step's error returned as it is stays as it was. Any other error gives
// its text and its [KindOf], or ErrFailed. It is nil for nil, and never err itself.
func ToApplicationError(err error) *ApplicationError {
	if err == nil {
		return nil
	}
	var a *ApplicationError
	if !errors.As(err, &a) {
		kind := KindOf(err)
		if kind == 0 {
			kind = ErrFailed
		}
		return &ApplicationError{Message: err.Error(), Kind: kind}
	}
	crossed := *a
	if crossed.Kind == 0 {
		crossed.Kind = ErrFailed
	}
	if !json.Valid(crossed.Details) {
		crossed.Details = nil
	}
	crossed.Details = bytes.Clone(crossed.Details)
	if !isBare(err, a) {
		crossed.Message = err.Error()
	}
	return &crossed
}

// isBare says whether nothing but an [*Error] stands around a.
func isBare(err error, a *ApplicationError) bool {
	if e, ok := err.(*Error); ok { //nolint:errorlint // only the outermost counts
		err = e.Err
	}
	bare, ok := err.(*ApplicationError) //nolint:errorlint // as above
	return ok && bare == a
}
