package ports_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/breakwater-go/breakwater/ports"
)

func TestToApplicationError(t *testing.T) {
	declined := &ports.ApplicationError{Type: "CardDeclined", Message: "declined", Details: json.RawMessage(`{"code":5}`), NonRetryable: true}
	driverError := &ports.Error{Op: "step charge", Driver: "memory", Kind: ports.ErrFailed, Err: declined}
	for name, c := range map[string]struct {
		err  error
		want ports.ApplicationError
	}{
		"plain":              {errors.New("boom"), ports.ApplicationError{Message: "boom", Kind: ports.ErrFailed}},
		"kind":               {ports.ErrNotFound, ports.ApplicationError{Message: "not found", Kind: ports.ErrNotFound}},
		"deadline":           {fmt.Errorf("ask: %w", context.DeadlineExceeded), ports.ApplicationError{Message: "ask: context deadline exceeded", Kind: ports.ErrTimeout}},
		"driver's":           {ports.Errorf("redis", "get", ports.ErrUnavailable, "refused"), ports.ApplicationError{Message: "redis get: unavailable: refused", Kind: ports.ErrUnavailable}},
		"application":        {declined, ports.ApplicationError{Type: "CardDeclined", Message: "declined", Kind: ports.ErrFailed, Details: declined.Details, NonRetryable: true}},
		"as a driver gives":  {driverError, ports.ApplicationError{Type: "CardDeclined", Message: "declined", Kind: ports.ErrFailed, Details: declined.Details, NonRetryable: true}},
		"wrapped":            {fmt.Errorf("booking 7: %w", declined), ports.ApplicationError{Type: "CardDeclined", Message: "booking 7: CardDeclined: declined", Kind: ports.ErrFailed, Details: declined.Details, NonRetryable: true}},
		"details not JSON":   {&ports.ApplicationError{Message: "m", Details: json.RawMessage("{")}, ports.ApplicationError{Message: "m", Kind: ports.ErrFailed}},
		"kind that was kept": {&ports.ApplicationError{Message: "m", Kind: ports.ErrConflict}, ports.ApplicationError{Message: "m", Kind: ports.ErrConflict}},
	} {
		t.Run(name, func(t *testing.T) {
			got := ports.ToApplicationError(c.err)
			if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("got %+v, want %+v", *got, c.want)
			}
			if again := ports.ToApplicationError(got); fmt.Sprintf("%+v", *again) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("a second crossing gives %+v, want %+v", *again, c.want)
			}
			if !errors.Is(got, c.want.Kind) {
				t.Errorf("%v is not of kind %v", got, c.want.Kind)
			}
		})
	}
	if ports.ToApplicationError(nil) != nil {
		t.Error("nil becomes an error")
	}
}

func TestToApplicationErrorCopies(t *testing.T) {
	err := &ports.ApplicationError{Message: "m", Details: json.RawMessage(`"details"`)}
	crossed := ports.ToApplicationError(err)
	copy(err.Details, `"changed"`)
	if string(crossed.Details) != `"details"` || crossed == err {
		t.Errorf("the copy shares memory: %s", crossed.Details)
	}
}
