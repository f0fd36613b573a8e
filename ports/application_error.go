package ports

import "encoding/json"

// ApplicationError is how an application's error crosses an Orchestrator, in either direction, on every driver. Any
// other error that a process or step returns becomes one, with an empty Type, its text and its [Kind].
type ApplicationError struct {
	// Type is the application's word for the failure ("CardDeclined"), for errors that callers tell apart.
	Type    string
	Message string
	// Kind is kept across the wire; 0 = ErrFailed.
	Kind Kind
	// Details is JSON for programs; it is stored with the run, so it must hold no secret.
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
