package ports

import "context"

// Driver is common to all ports.
type Driver interface {
	// Name is the technology, lower case and short ("redis"); it stands in errors, reports and metrics.
	Name() string
	// As is the escape hatch to the client library's own value: when target is a non-nil pointer to a type that the
	// driver documents, As stores the value there and returns true. Code that uses it is bound to that driver.
	As(target any) bool
	// Close releases what the driver owns, never a client that its caller handed in. It is idempotent, and it waits for
	// every goroutine of the driver until ctx ends.
	Close(ctx context.Context) error
}

// Unwrapper is what a decorator around a driver implements, so that [Optional] finds what stands behind it.
type Unwrapper interface{ Unwrap() Driver }

// Optional finds an optional interface T on a driver or, where decorators stand before it, on the nearest driver behind
// them that has it.
func Optional[T any](d Driver) (T, bool) {
	for d != nil {
		if t, ok := d.(T); ok {
			return t, true
		}
		var t T
		if o, ok := d.(offering); ok && o.offer(&t) {
			return t, true
		}
		u, ok := d.(Unwrapper)
		if !ok {
			break
		}
		d = u.Unwrap()
	}
	var none T
	return none, false
}
