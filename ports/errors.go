package ports

import (
	"context"
	"errors"
	"fmt"
)

// Kind classifies a failure by what the caller can do about it. It is itself an error, so that
// errors.Is(err, ports.ErrNotFound) works on whatever a driver returns.
type Kind uint8 //nolint:errname // a kind is what errors are sorted by, and an error only for errors.Is

// The kinds. Only ErrUnavailable and ErrTimeout speak of the backend's health; all others are answers.
const (
	// ErrNotFound: the key, group, run or schedule does not exist.
	ErrNotFound Kind = iota + 1
	// ErrAlreadyExists: the caller asked for "only if absent".
	ErrAlreadyExists
	// ErrConflict: a race was lost: compare-and-set, a lease that is gone, an exclusive subscription that is taken.
	ErrConflict
	// ErrInvalid: the caller's argument; nothing was sent. The text names the field, its problem and what is valid.
	ErrInvalid
	// ErrWrongType: the key holds another type, or text that is no number where one is needed.
	ErrWrongType
	// ErrUnsupported: the capability is not declared; no effect.
	ErrUnsupported
	// ErrUnavailable: the backend cannot be reached or refuses all work.
	ErrUnavailable
	// ErrTimeout: a deadline passed; a write may have happened.
	ErrTimeout
	// ErrCanceled: the caller cancelled, or a process or step was cancelled.
	ErrCanceled
	// ErrDenied: authentication, access list or TLS identity.
	ErrDenied
	// ErrExhausted: too large, over a quota or pushed back: the same call at once cannot succeed.
	ErrExhausted
	// ErrClosed: this client, subscription or worker was closed.
	ErrClosed
	// ErrCorrupt: stored data that cannot be decoded.
	ErrCorrupt
	// ErrFailed: a process or step ended with the application's own error; errors.As finds the [*ApplicationError].
	ErrFailed
)

var kindTexts = [...]string{"unknown", "not found", "already exists", "conflict", "invalid", "wrong type", "unsupported",
	"unavailable", "timeout", "canceled", "denied", "exhausted", "closed", "corrupt", "failed"}

// Error is the kind in words.
func (k Kind) Error() string {
	if int(k) >= len(kindTexts) {
		return kindTexts[0]
	}
	return kindTexts[k]
}

// ParseKind finds the kind of a text that [Kind.Error] gave, for errors that travel as text.
func ParseKind(text string) (Kind, bool) {
	for i, t := range kindTexts[1:] {
		if t == text {
			return Kind(i + 1), true
		}
	}
	return 0, false
}

// Error is the only error type that leaves a driver.
type Error struct {
	// Op is the operation ("get"), with the key or topic where it helps, never with a payload.
	Op string
	// Driver is the driver's name ("redis"), or the core package's ("messaging").
	Driver string
	Kind   Kind
	// Err is the cause, such as the client library's own error; it may be nil.
	Err error
}

// Error reads "redis get: not found: cause".
func (e *Error) Error() string {
	s := e.Driver + " " + e.Op + ": " + e.Kind.Error()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap exposes both the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Errorf makes an [*Error] whose cause is the formatted text; %w keeps a cause visible to errors.Is.
func Errorf(driver, op string, kind Kind, format string, args ...any) error {
	return &Error{Op: op, Driver: driver, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// ContextError is what a method returns once ctx has ended: ErrTimeout for a deadline, ErrCanceled for a cancel, with
// ctx.Err() as the cause. It is nil while ctx lives.
func ContextError(ctx context.Context, driver, op string) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	kind := ErrCanceled
	if errors.Is(err, context.DeadlineExceeded) {
		kind = ErrTimeout
	}
	return &Error{Op: op, Driver: driver, Kind: kind, Err: err}
}

// KindOf is the kind of err: of the outermost [*Error] or Kind in its tree; the context package's errors count as
// ErrTimeout and ErrCanceled. It is 0 for nil and for an error that carries none.
func KindOf(err error) Kind {
	var e *Error
	var k Kind
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.As(err, &k):
		return k
	case errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout
	case errors.Is(err, context.Canceled):
		return ErrCanceled
	}
	return 0
}
