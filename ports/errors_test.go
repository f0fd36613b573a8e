package ports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestKindsHaveDistinctTexts(t *testing.T) {
	seen := map[string]Kind{}
	for k := ErrNotFound; k <= ErrFailed; k++ {
		text := k.Error()
		if other, twice := seen[text]; twice || text == "unknown" {
			t.Errorf("kinds %d and %d are both %q", k, other, text)
		}
		seen[text] = k
		if got, ok := ParseKind(text); !ok || got != k {
			t.Errorf("ParseKind(%q) is %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"unknown", "", "Not Found"} {
		if k, ok := ParseKind(text); ok {
			t.Errorf("ParseKind(%q) is %v", text, k)
		}
	}
	if got := Kind(200).Error(); got != "unknown" {
		t.Errorf("a kind that does not exist is %q", got)
	}
}

func TestErrorHasKindAndCause(t *testing.T) {
	err := fmt.Errorf("booking: %w", Errorf("redis", "get", ErrUnavailable, "read: %w", io.ErrUnexpectedEOF))
	if want := "booking: redis get: unavailable: read: unexpected EOF"; err.Error() != want {
		t.Errorf("the text is %q; want %q", err, want)
	}
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrTimeout) {
		t.Errorf("%v: not unavailable by an unexpected end alone", err)
	}
	bare := &Error{Op: "get", Driver: "redis", Kind: ErrClosed}
	if bare.Error() != "redis get: closed" || !errors.Is(bare, ErrClosed) {
		t.Errorf("an error without a cause is %q", bare)
	}
}

func TestKindOf(t *testing.T) {
	inner := Errorf("redis", "get", ErrUnavailable, "dial")
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{nil, 0}, {io.EOF, 0}, {ErrConflict, ErrConflict}, {fmt.Errorf("x: %w", ErrConflict), ErrConflict},
		{inner, ErrUnavailable}, {Errorf("messaging", "send", ErrTimeout, "try: %w", inner), ErrTimeout},
		{context.Canceled, ErrCanceled}, {fmt.Errorf("x: %w", context.DeadlineExceeded), ErrTimeout},
		{errors.Join(io.EOF, inner), ErrUnavailable},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) is %v; want %v", c.err, got, c.want)
		}
	}
}

func TestContextError(t *testing.T) {
	live, cancel := context.WithCancel(t.Context())
	if err := ContextError(live, "redis", "get"); err != nil {
		t.Errorf("a live context gave %v", err)
	}
	cancel()
	if err := ContextError(live, "redis", "get"); KindOf(err) != ErrCanceled || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context gave %v", err)
	}
	late, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	if err := ContextError(late, "redis", "get"); KindOf(err) != ErrTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context past its deadline gave %v", err)
	}
}

// FuzzParseKind: only the texts that Error gives are kinds.
func FuzzParseKind(f *testing.F) {
	for k := ErrNotFound; k <= ErrFailed; k++ {
		f.Add(k.Error())
	}
	f.Add("unknown")
	f.Fuzz(func(t *testing.T, text string) {
		if k, ok := ParseKind(text); ok != (k != 0) || ok && k.Error() != text {
			t.Fatalf("ParseKind(%q) is %v, %v", text, k, ok)
		}
	})
}
