package resilience

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func fail(b *Breaker, n int) {
	for range n {
		if p, ok := b.Allow(); ok {
			b.Failure(p)
		}
	}
}

func TestBreakerOpensProbesAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []State
		b := NewBreaker(BreakerConfig{OnChange: func(_, to State) { changes = append(changes, to) }})
		fail(b, 4)
		p, ok := b.Allow()
		if !ok || b.State() != Closed {
			t.Fatal("open after four failures")
		}
		b.Success(p) // the row is broken
		fail(b, 4)
		if b.State() != Closed {
			t.Fatal("open though no five failures were in a row")
		}
		fail(b, 1)
		if _, ok := b.Allow(); ok || b.State() != Open {
			t.Fatal("closed after five failures in a row")
		}
		time.Sleep(30*time.Second - time.Nanosecond)
		if _, ok := b.Allow(); ok {
			t.Fatal("lets a call through before 30 s")
		}
		time.Sleep(time.Nanosecond)
		probe, ok := b.Allow()
		if !ok {
			t.Fatal("no probe after 30 s")
		}
		if _, ok := b.Allow(); ok {
			t.Fatal("two probes at once")
		}
		b.Failure(probe)
		if _, ok := b.Allow(); ok {
			t.Fatal("closed by a probe that failed")
		}
		probe, ok = b.Probe() // recovery does not wait
		if !ok {
			t.Fatal("no probe for recovery")
		}
		if _, ok := b.Probe(); ok {
			t.Fatal("two probes at once")
		}
		b.Success(probe)
		if _, ok := b.Allow(); !ok || b.State() != Closed {
			t.Fatal("open after a probe that succeeded")
		}
		if want := []State{Open, HalfOpen, Open, HalfOpen, Closed}; !slices.Equal(changes, want) {
			t.Fatalf("changes %v; want %v", changes, want)
		}
	})
}

func TestBreakerReleaseKeepsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{Failures: 1})
		fail(b, 1)
		p, _ := b.Probe()
		b.Release(p)
		if b.State() != HalfOpen {
			t.Fatalf("state %v after a probe that showed nothing", b.State())
		}
		p, ok := b.Allow()
		if !ok {
			t.Fatal("a probe that showed nothing used the permit up")
		}
		b.Success(p)
		if b.State() != Closed {
			t.Fatal("not closed")
		}
	})
}

func TestBreakerIgnoresLateResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{Failures: 1})
		early, _ := b.Allow()
		late, _ := b.Allow()
		fail(b, 1)
		probe, _ := b.Probe()
		b.Failure(early) // began while closed: says nothing of now
		b.Success(late)
		if b.State() != HalfOpen {
			t.Fatalf("state %v after late results; want half-open", b.State())
		}
		if _, ok := b.Allow(); ok {
			t.Fatal("a late result gave a second probe")
		}
		b.Success(probe)
		if b.State() != Closed {
			t.Fatal("not closed")
		}
	})
}

func TestBreakerUnderLoad(t *testing.T) {
	b := NewBreaker(BreakerConfig{Failures: 3, OpenFor: time.Microsecond})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				p, ok := b.Allow()
				if !ok {
					p, ok = b.Probe()
				}
				switch {
				case !ok:
				case (i+g)%3 == 0:
					b.Release(p)
				case (i/100)%2 == 0:
					b.Failure(p)
				default:
					b.Success(p)
				}
			}
		})
	}
	wg.Wait()
	for range 10 {
		if p, ok := b.Probe(); ok {
			b.Success(p)
		}
	}
	if b.State() != Closed {
		t.Fatalf("state %v after successes only", b.State())
	}
}

func TestStateText(t *testing.T) {
	for s, want := range map[State]string{Closed: "closed", Open: "open", HalfOpen: "half-open", 9: "unknown"} {
		if s.String() != want {
			t.Errorf("%d is %q; want %q", s, s, want)
		}
	}
}

func BenchmarkBreakerHealthy(b *testing.B) {
	breaker := NewBreaker(BreakerConfig{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, _ := breaker.Allow()
			breaker.Success(p)
		}
	})
}
