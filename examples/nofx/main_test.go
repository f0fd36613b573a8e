package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/breakwater-go/breakwater/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		if err := run(t.Context(), []string{"etosha", "bwindi-gorillas"}, &out); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != "etosha costs 600.00\nbwindi-gorillas costs 1500.00\n" {
			t.Errorf("it prints %q", got)
		}
	})
}

// TestAskingTwice is one question, whose answer the cache knows.
func TestAskingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewService()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Ask(t.Context(), "etosha"); err != nil {
				t.Fatal(err)
			}
		}
		want := Quote{Tour: "etosha", Cents: 60_000}
		if q := <-s.Quotes; q != want {
			t.Errorf("quote is %+v, want %+v", q, want)
		}
		synctest.Wait()
		if len(s.Quotes) > 0 {
			t.Error("the same question was answered twice")
		}
		if q, err := s.Cached(t.Context(), "etosha"); q != want || err != nil {
			t.Errorf("the cache has %+v, %v; want %+v", q, err, want)
		}
		if _, err := s.Cached(t.Context(), "okavango"); !errors.Is(err, ports.ErrNotFound) {
			t.Errorf("what was never asked gives %v, want ErrNotFound", err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Ask(t.Context(), "etosha"); !errors.Is(err, ports.ErrClosed) {
			t.Errorf("after Close, Ask gives %v, want ErrClosed", err)
		}
	})
}

func TestACancelEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := run(ctx, []string{"etosha"}, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v, want the cancel", err)
		}
	})
}
