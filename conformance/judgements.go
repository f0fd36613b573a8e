package conformance

import (
	"context"
	"errors"

	"github.com/breakwater-go/breakwater/ports"
)

// isContextError fails the case unless err is what a method owes whose context ended with cause.
func isContextError[D ports.Driver](e *env[D], err, cause error, doing string) {
	kind := ports.ErrCanceled
	if errors.Is(cause, context.DeadlineExceeded) {
		kind = ports.ErrTimeout
	}
	e.isKind(err, kind, doing)
	e.check(errors.Is(err, cause), "%s: error %v does not wrap the context's %v", doing, err, cause)
}

// isUnreachable fails the case unless err is what a method owes while nobody reaches the backend.
func isUnreachable[D ports.Driver](e *env[D], err error, doing string) {
	if ports.KindOf(err) != ports.ErrTimeout {
		e.isKind(err, ports.ErrUnavailable, doing)
	}
}

// isTyped fails the case unless err is an *ports.Error that names the driver, the operation and the kind.
func isTyped[D ports.Driver](e *env[D], err error) {
	var typed *ports.Error
	e.check(errors.As(err, &typed), "the error %v is no *ports.Error", err)
	e.check(typed.Driver == e.Driver.Name(), "the error %v names the driver %q; want %q", err, typed.Driver, e.Driver.Name())
	e.check(typed.Op != "", "the error %v names no operation", err)
	e.check(typed.Kind != 0, "the error %v has no kind", err)
}

// knowsNoForeignType fails the case unless As turns down what it does not know and leaves it alone.
func knowsNoForeignType[D ports.Driver](e *env[D]) {
	type foreign struct{ untouched bool }
	target := foreign{untouched: true}
	e.check(!e.Driver.As(nil), "As(nil) is true")
	e.check(!e.Driver.As(&target), "As is true for a type that no driver knows")
	e.check(!e.Driver.As(target), "As is true for a target that is no pointer")
	e.check(target.untouched, "As changed a target of a type that it does not know")
}
