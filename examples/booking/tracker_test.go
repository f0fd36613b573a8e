package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

func isDone(t *Tracker) bool {
	select {
	case <-t.Done():
		return true
	default:
		return false
	}
}

func TestTrackerAccounts(t *testing.T) {
	tr, ctx := NewTracker(), t.Context()
	for line, key := range []string{"a", "b", "a", "c", "d"} {
		if err := tr.Expect(ctx, key, line+1); err != nil {
			t.Fatal(err)
		}
	}
	tr.RejectLine()
	tr.Settle("a", Reserved)
	tr.Settle("a", Reserved) // delivered again
	tr.Settle("b", Compensated)
	tr.SendFailed("c")
	tr.Seal()
	if isDone(tr) {
		t.Error("done while d waits")
	}
	if tr.Settle("x", Reserved) {
		t.Error("an outcome of what was never sent counts")
	}
	if missing := tr.Missing(); missing != "c (line 4), d (line 5)" {
		t.Errorf("missing are %q", missing)
	}
	tr.Settle("d", PaymentFailed)
	if !isDone(tr) {
		t.Error("not done, though nothing waits")
	}
	want := Counts{Requests: 6, Reserved: 1, PaymentFailed: 1, Compensated: 1, Rejected: 1, Duplicates: 1, Unsent: 1}
	if got := tr.Counts(); got != want {
		t.Errorf("counts are\n  %+v\nwant\n  %+v", got, want)
	}
	tr.Settle("c", Refused) // its send failed, and the message had left all the same
	if got := tr.Counts(); got.Unsent != 0 || got.Rejected != 2 || got.Settled() != got.Requests {
		t.Errorf("counts are %+v", got)
	}
}

func TestTrackerBoundsWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracker()
		for i := range maxInFlight {
			if err := tr.Expect(t.Context(), fmt.Sprint(i), i); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- tr.Expect(ctx, "given up", 0) }()
		synctest.Wait()
		if len(ended) > 0 {
			t.Fatal("one more than the bound is in flight")
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
		go func() { ended <- tr.Expect(t.Context(), "waits", 0) }()
		synctest.Wait()
		tr.Settle("0", Reserved)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
