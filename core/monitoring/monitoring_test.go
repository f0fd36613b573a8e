package monitoring_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/breakwater-go/breakwater/core/monitoring"
	"github.com/breakwater-go/breakwater/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// monitor answers as it is told; by default it is healthy and has one figure.
type monitor struct {
	ports.Monitor
	name   string
	health func(context.Context) ports.Health
	stats  func(context.Context) (ports.Stats, error)
	asked  atomic.Int32
}

func (m *monitor) Name() string { return m.name }

func (m *monitor) Health(ctx context.Context) ports.Health {
	m.asked.Add(1)
	if m.health != nil {
		return m.health(ctx)
	}
	return ports.Health{Technology: m.name, Healthy: true, Details: ports.HealthDetails{Since: time.Now()}}
}

func (m *monitor) Stats(ctx context.Context) (ports.Stats, error) {
	if m.stats != nil {
		return m.stats(ctx)
	}
	return ports.Stats{Technology: m.name, Metrics: []ports.Sample{{Name: "keys", Unit: "keys", Value: 3}},
		Summary: map[string]float64{"keys": 3}}, nil
}

// down is a backend that is known to be down since a moment.
func down(name string, since time.Time) *monitor {
	return &monitor{name: name, health: func(context.Context) ports.Health {
		return ports.Health{Technology: name, Details: ports.HealthDetails{Reason: name + " ping: unavailable", Since: since}}
	}, stats: func(context.Context) (ports.Stats, error) {
		return ports.Stats{}, &ports.Error{Op: "stats", Driver: name, Kind: ports.ErrUnavailable, Err: errors.New("dial topsecret")}
	}}
}

// hanging heeds nothing but release.
func hanging(name string) (m *monitor, release chan struct{}) {
	release = make(chan struct{})
	m = &monitor{name: name, health: func(context.Context) ports.Health {
		<-release
		return ports.Health{Technology: name, Healthy: true}
	}, stats: func(context.Context) (ports.Stats, error) {
		<-release
		return ports.Stats{}, nil
	}}
	return m, release
}

func newGroup(t *testing.T, c monitoring.Config) *monitoring.Group {
	t.Helper()
	g, err := monitoring.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func of(monitors ...*monitor) (all []monitoring.Backend) {
	for _, m := range monitors {
		all = append(all, monitoring.Backend{Monitor: m})
	}
	return all
}

func TestAHangingMonitorBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, release := hanging("hung")
		defer close(release)
		g := newGroup(t, monitoring.Config{Backends: of(&monitor{name: "cache"}, hung), Timeout: time.Second, Repeat: -1})
		begin := time.Now()
		h := g.Health(t.Context())
		if took := time.Since(begin); took != 1100*time.Millisecond {
			t.Errorf("took %v; want the timeout and the grace of 100 ms", took)
		}
		if !h["cache"].Healthy {
			t.Errorf("cache: %+v", h["cache"])
		}
		got := h["hung"]
		if got.Healthy || got.Technology != "hung" || got.Details.Reason != "no answer within 1.1s" || !got.Details.Since.Equal(time.Now()) {
			t.Errorf("hung: %+v", got)
		}
		since := got.Details.Since

		// While it hangs it is not asked again, and what is known is said at once.
		begin = time.Now()
		time.Sleep(time.Minute)
		h = g.Health(t.Context())
		if took := time.Since(begin) - time.Minute; took != 0 {
			t.Errorf("the second answer took %v", took)
		}
		if n := hung.asked.Load(); n != 1 || h["hung"].Healthy || !h["hung"].Details.Since.Equal(since) {
			t.Errorf("asked %d times: %+v", n, h["hung"])
		}

		release <- struct{}{}
		synctest.Wait()
		go func() { release <- struct{}{} }()
		if h = g.Health(t.Context()); !h["hung"].Healthy || !h["hung"].Details.Since.Equal(time.Now()) {
			t.Errorf("after it returned: %+v", h["hung"])
		}
	})
}

// A driver that heeds its context explains itself better than a timeout can.
func TestAMonitorsOwnReasonIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &monitor{name: "slow", health: func(ctx context.Context) ports.Health {
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond)
			return ports.Health{Technology: "slow", Details: ports.HealthDetails{Reason: "dial: i/o timeout"}}
		}}
		g := newGroup(t, monitoring.Config{Backends: []monitoring.Backend{{Monitor: slow, Timeout: time.Minute}}})
		begin := time.Now()
		if h := g.Health(t.Context())["slow"]; h.Healthy || h.Details.Reason != "dial: i/o timeout" {
			t.Errorf("got %+v", h)
		}
		if took := time.Since(begin); took != time.Minute+50*time.Millisecond {
			t.Errorf("took %v; the backend's own timeout is a minute", took)
		}
	})
}

func TestAPanicIsUnhealthyAndTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		bad := &monitor{name: "bad",
			health: func(context.Context) ports.Health { panic("topsecret") },
			stats:  func(context.Context) (ports.Stats, error) { panic("topsecret") }}
		g := newGroup(t, monitoring.Config{Backends: of(&monitor{name: "cache"}, bad), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		s := g.Status(t.Context())
		if h := s.Backends["bad"].Health; h.Healthy || h.Details.Reason != "the monitor panicked" || h.Details.Since.IsZero() {
			t.Errorf("bad: %+v", h)
		}
		if b := s.Backends["bad"]; b.Stats != nil || b.Error != "unavailable" {
			t.Errorf("stats of bad: %+v", b)
		}
		if !s.Backends["cache"].Health.Healthy {
			t.Errorf("cache: %+v", s.Backends["cache"])
		}
		text := log.String()
		if strings.Count(text, "a monitor panicked") != 2 || strings.Contains(text, "topsecret") || !strings.Contains(text, "monitoring_test.go") {
			t.Errorf("the log wants both panics with their stacks and without their text:\n%s", text)
		}
	})
}

func TestTheCallersContextEndsOnlyItsOwnWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &monitor{name: "slow", health: func(ctx context.Context) ports.Health {
			select {
			case <-time.After(500 * time.Millisecond):
				return ports.Health{Technology: "slow", Healthy: true}
			case <-ctx.Done():
				return ports.Health{Technology: "slow", Details: ports.HealthDetails{Reason: ctx.Err().Error()}}
			}
		}}
		g := newGroup(t, monitoring.Config{Backends: of(slow)})
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan ports.Health, 1)
		go func() { first <- g.Health(ctx)["slow"] }()
		synctest.Wait()
		second := make(chan ports.Health, 1)
		go func() { second <- g.Health(t.Context())["slow"] }()
		synctest.Wait()
		begin := time.Now()
		cancel()
		if h := <-first; h.Healthy || h.Details.Reason != "no answer before the caller left" || !time.Now().Equal(begin) {
			t.Errorf("the caller that left: %+v after %v", h, time.Since(begin))
		}
		if h := <-second; !h.Healthy {
			t.Errorf("the caller that stayed: %+v", h)
		}
		if n := slow.asked.Load(); n != 1 {
			t.Errorf("asked %d times; want 1", n)
		}
	})
}

func TestAStormOfProbesAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		m := &monitor{name: "cache", health: func(context.Context) ports.Health {
			<-release
			return ports.Health{Technology: "cache", Healthy: true}
		}}
		g := newGroup(t, monitoring.Config{Backends: of(m)})
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if h := g.Health(t.Context()); !h["cache"].Healthy {
					t.Errorf("got %+v", h)
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		time.Sleep(monitoring.DefaultRepeat - time.Nanosecond)
		g.Health(t.Context())
		if n := m.asked.Load(); n != 1 {
			t.Errorf("asked %d times within %v; want 1", n, monitoring.DefaultRepeat)
		}
		time.Sleep(time.Nanosecond)
		g.Health(t.Context())
		if n := m.asked.Load(); n != 2 {
			t.Errorf("asked %d times after %v; want 2", n, monitoring.DefaultRepeat)
		}
	})
}

// On the real clock: an answer must count as given from the moment on in which somebody has it.
func TestWithoutRepeatEachCallerAsks(t *testing.T) {
	m := &monitor{name: "cache"}
	g := newGroup(t, monitoring.Config{Backends: of(m), Repeat: -1})
	for n := range int32(1000) {
		g.Health(t.Context())
		if asked := m.asked.Load(); asked != n+1 {
			t.Fatalf("asked %d times by %d callers, one after the other", asked, n+1)
		}
	}
	if err := g.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestChangesAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		healthy := true
		m := &monitor{name: "cache", health: func(context.Context) ports.Health {
			return ports.Health{Healthy: healthy, Details: ports.HealthDetails{Reason: "why"}}
		}}
		g := newGroup(t, monitoring.Config{Backends: of(m), Repeat: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		var sinces []time.Time
		for _, healthy = range []bool{true, true, false, false, true} {
			sinces = append(sinces, g.Health(t.Context())["cache"].Details.Since)
			time.Sleep(time.Second)
		}
		begin := sinces[0]
		for i, want := range []time.Duration{0, 0, 2 * time.Second, 2 * time.Second, 4 * time.Second} {
			if got := sinces[i].Sub(begin); got != want {
				t.Errorf("answer %d is since %v; want %v", i, got, want)
			}
		}
		if text := log.String(); strings.Count(text, "\n") != 2 || strings.Count(text, "reason=why") != 1 || !strings.Contains(text, "healthy again") {
			t.Errorf("want one line down and one up:\n%s", text)
		}
	})
}

func TestCloseEndsWhatIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heeding := &monitor{name: "heeding", health: func(ctx context.Context) ports.Health {
			<-ctx.Done()
			return ports.Health{Details: ports.HealthDetails{Reason: "canceled"}}
		}}
		hung, release := hanging("hung")
		g := newGroup(t, monitoring.Config{Backends: of(heeding, hung), Timeout: time.Hour})
		go g.Health(t.Context())
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := g.Close(ctx)
		if ports.KindOf(err) != ports.ErrTimeout || !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "health of hung") || strings.Contains(err.Error(), "heeding") {
			t.Errorf("close with a monitor that hangs: %v", err)
		}
		for name, h := range g.Health(t.Context()) {
			if h.Healthy || h.Details.Reason != "monitoring is closed" {
				t.Errorf("%s after Close: %+v", name, h)
			}
		}
		close(release)
		if err := g.Close(t.Context()); err != nil {
			t.Errorf("a second close, with nothing left: %v", err)
		}
		if n := heeding.asked.Load(); n != 1 {
			t.Errorf("asked %d times; want once, before Close", n)
		}
	})
}

func TestAnswersAreTheCallersOwn(t *testing.T) {
	m := &monitor{name: "cache",
		health: func(context.Context) ports.Health {
			return ports.Health{Healthy: true, Details: ports.HealthDetails{Facts: map[string]string{"role": "master"}}}
		},
		stats: func(context.Context) (ports.Stats, error) {
			return ports.Stats{Metrics: []ports.Sample{{Name: "n", Labels: map[string]string{"a": "b"}}}, Summary: map[string]float64{"n": 1}}, nil
		}}
	g := newGroup(t, monitoring.Config{Backends: of(m), Repeat: time.Hour})
	first := g.Status(t.Context()).Backends["cache"]
	first.Health.Details.Facts["role"] = "x"
	first.Stats.Metrics[0].Labels["a"] = "x"
	first.Stats.Summary["n"] = 2
	again := g.Status(t.Context()).Backends["cache"]
	if again.Health.Details.Facts["role"] != "master" || again.Stats.Metrics[0].Labels["a"] != "b" || again.Stats.Summary["n"] != 1 {
		t.Errorf("a change of one answer is in the next: %+v %+v", again.Health, again.Stats)
	}
	if n := m.asked.Load(); n != 1 {
		t.Fatalf("asked %d times; the test needs the repeated answer", n)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	stats := func(context.Context) (ports.Stats, error) { return ports.Stats{}, nil }
	_, err := monitoring.New(monitoring.Config{
		Backends: []monitoring.Backend{{Monitor: &monitor{name: "redis"}}, {Monitor: &monitor{name: "redis"}, Timeout: -1}, {}},
		Sources:  []monitoring.Source{{Name: "redis", Stats: stats}, {Stats: stats}, {Name: "messaging"}},
		Timeout:  -time.Second,
	})
	if !errors.Is(err, ports.ErrInvalid) {
		t.Fatalf("got %v; want %v", err, ports.ErrInvalid)
	}
	for _, want := range []string{`Backends[1].Name is "redis", as another's`, "Backends[1].Timeout is -1ns", "Backends[2].Monitor is nil",
		`Sources[0].Name is "redis", as another's`, `Sources[1].Name is ""`, "Sources[2].Stats is nil", "Timeout is -1s; valid is above 0"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
}
