package resilience

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type contextKey struct{}

func TestTryContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "v"))
		defer cancel()

		// Without a timer, it passes its deadline all the same.
		ctx, own := newTry(parent, time.Second)
		if ctx.Err() != nil || ctx.Value(contextKey{}) != "v" {
			t.Fatal("not as its parent")
		}
		time.Sleep(time.Second)
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) || !own.timedOut() {
			t.Fatal("not ended after its timeout")
		}
		<-ctx.Done()
		own.end()

		// With one, a child of it ends too, and its parent's end is not its timeout.
		ctx, own = newTry(parent, time.Second)
		child, stop := context.WithCancel(ctx)
		defer stop()
		<-child.Done()
		if !errors.Is(child.Err(), context.DeadlineExceeded) || !own.timedOut() {
			t.Fatalf("child ended with %v", child.Err())
		}
		ctx, own = newTry(parent, time.Second)
		done := ctx.Done()
		cancel()
		<-done
		if !errors.Is(ctx.Err(), context.Canceled) || own.timedOut() {
			t.Fatal("a parent's cancel is not the try's timeout")
		}

		// A shorter deadline of the caller is the caller's.
		short, stopShort := context.WithTimeout(t.Context(), time.Millisecond)
		defer stopShort()
		ctx, own = newTry(short, time.Second)
		if ctx != short || own != nil || own.timedOut() {
			t.Fatal("the caller's shorter deadline was replaced")
		}
	})
}
