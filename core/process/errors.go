package process

import (
	"errors"

	"github.com/breakwater-go/breakwater/ports"
)

// NonRetryable marks err so that its step is not tried again; kind, type and details stay. Nil stays nil.
func NonRetryable(err error) error {
	if err == nil {
		return nil
	}
	app := ports.ApplicationError{Message: err.Error(), Kind: ports.KindOf(err)}
	var inner *ports.ApplicationError
	if errors.As(err, &inner) {
		app = *inner
	}
	app.NonRetryable = true
	return &app
}
