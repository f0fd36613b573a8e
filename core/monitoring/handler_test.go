package monitoring_test

import (
	"context"
	"flag"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/core/monitoring"
	"github.com/breakwater-go/breakwater/ports"
)

var update = flag.Bool("update", false, "write the golden files anew")

func get(g *monitoring.Group, path string) (status int, body string) {
	w := httptest.NewRecorder()
	g.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadinessIsThatOfTheRequired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, release := hanging("hung")
		defer close(release)
		fallback := monitoring.Backend{Name: "fallback", Monitor: down("redis", time.Now()), Optional: true}
		stuck := monitoring.Backend{Name: "stuck", Monitor: hung, Optional: true}
		for name, tc := range map[string]struct {
			backends []monitoring.Backend
			status   int
			body     string
		}{
			"no backend":              {nil, 200, "ready\n"},
			"all healthy":             {of(&monitor{name: "a"}, &monitor{name: "b"}), 200, "ready\n"},
			"an optional one is down": {append(of(&monitor{name: "a"}), fallback), 200, "ready\n"},
			"an optional one hangs":   {append(of(&monitor{name: "a"}), stuck), 200, "ready\n"},
			"required ones are down":  {of(&monitor{name: "a"}, down("z", time.Now()), down("b", time.Now())), 503, "not ready\nb: b ping: unavailable\nz: z ping: unavailable\n"},
			"a required one hangs":    {of(hung), 503, "not ready\nhung: no answer within 900ms\n"},
			"a reason with several lines": {of(&monitor{name: "a", health: func(context.Context) ports.Health {
				return ports.Health{Details: ports.HealthDetails{Reason: "one\nready"}}
			}}), 503, "not ready\na: one ready\n"},
		} {
			begin := time.Now()
			g := newGroup(t, monitoring.Config{Backends: tc.backends})
			status, body := get(g, "/readyz")
			if status != tc.status || body != tc.body {
				t.Errorf("%s: %d %q; want %d %q", name, status, body, tc.status, tc.body)
			}
			if took := time.Since(begin); took >= time.Second {
				t.Errorf("%s: took %v; a probe waits for a second", name, took)
			}
		}
	})
}

func TestLivenessAsksNobody(t *testing.T) {
	m := down("redis", time.Now())
	g := newGroup(t, monitoring.Config{Backends: of(m)})
	status, body := get(g, "/livez")
	if status != http.StatusOK || body != "alive\n" || m.asked.Load() != 0 {
		t.Errorf("%d %q, asked %d times", status, body, m.asked.Load())
	}
}

func TestMethodsAndHeaders(t *testing.T) {
	srv := httptest.NewServer(newGroup(t, monitoring.Config{Backends: of(&monitor{name: "redis"})}).Handler())
	defer srv.Close()
	defer srv.Client().CloseIdleConnections()
	types := map[string]string{"/livez": "text/plain; charset=utf-8", "/readyz": "text/plain; charset=utf-8", "/status.json": "application/json"}
	for path, contentType := range types {
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405} {
			req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			res, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != want || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d, Cache-Control %q; want %d, no-store", method, path, res.StatusCode, res.Header.Get("Cache-Control"), want)
			}
			switch {
			case want == 405 && res.Header.Get("Allow") != "GET, HEAD":
				t.Errorf("%s %s: Allow is %q", method, path, res.Header.Get("Allow"))
			case want == 200 && res.Header.Get("Content-Type") != contentType:
				t.Errorf("%s %s: Content-Type is %q", method, path, res.Header.Get("Content-Type"))
			case method == "HEAD" && len(body) > 0, method == "GET" && len(body) == 0:
				t.Errorf("%s %s: %d bytes", method, path, len(body))
			}
		}
	}
	if status, _ := get(newGroup(t, monitoring.Config{}), "/metrics"); status != http.StatusNotFound {
		t.Errorf("/metrics is the application's: %d", status)
	}
}

// everyAnswer has a backend of each sort.
func everyAnswer(t *testing.T) *monitoring.Group {
	t.Helper()
	full := &monitor{name: "redis",
		health: func(context.Context) ports.Health {
			return ports.Health{Technology: "redis", Healthy: true, Details: ports.HealthDetails{Since: time.Now(), LatencyMS: 0.25,
				Facts: map[string]string{"version": "7.0.15", "role": "<master>"}}}
		},
		stats: func(context.Context) (ports.Stats, error) {
			return ports.Stats{Technology: "redis", Metrics: []ports.Sample{
				{Name: "redis_memory_used", Unit: "bytes", Value: 1048576},
				{Name: "redis_commands_total", Value: 12, Labels: map[string]string{"command": "get"}},
				{Name: "redis_broken", Value: math.NaN()},
			}, Summary: map[string]float64{"hit_ratio": 0.5, "broken": math.Inf(1)}}, nil
		}}
	hung, release := hanging("temporal")
	t.Cleanup(func() { close(release) })
	return newGroup(t, monitoring.Config{
		Backends: []monitoring.Backend{{Name: "cache", Monitor: full}, {Name: "broker", Monitor: down("pulsar", time.Now())},
			{Name: "fallback", Monitor: down("redis", time.Now()), Optional: true}, {Monitor: hung}},
		Sources: []monitoring.Source{
			{Name: "messaging", Stats: func(context.Context) (ports.Stats, error) {
				return ports.Stats{Technology: "messaging", Summary: map[string]float64{"stranded": 2}}, nil
			}},
			{Name: "bad", Stats: func(context.Context) (ports.Stats, error) { return ports.Stats{}, io.ErrUnexpectedEOF }},
		},
	})
}

func TestStatusPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, body := get(everyAnswer(t), "/status.json")
		golden := filepath.Join("testdata", "status.json")
		if *update {
			if err := os.WriteFile(golden, []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if body != string(want) {
			t.Errorf("got\n%s\nwant\n%s", body, want)
		}
		if strings.Contains(body, "topsecret") {
			t.Error("the page tells an error's text")
		}
	})
}

func TestStatusIsReadyWithoutTheOptional(t *testing.T) {
	odd := &monitor{name: "redis", health: func(context.Context) ports.Health {
		since := time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("", 3600))
		return ports.Health{Technology: "redis", Healthy: true, Details: ports.HealthDetails{Since: since, LatencyMS: math.NaN()}}
	}}
	g := newGroup(t, monitoring.Config{Backends: append(of(odd),
		monitoring.Backend{Name: "fallback", Monitor: down("pulsar", time.Now()), Optional: true})})
	if s := g.Status(t.Context()); !s.Ready || s.Backends["fallback"].Health.Healthy {
		t.Errorf("got %+v", s)
	}
	status, body := get(g, "/status.json")
	if status != http.StatusOK || !strings.Contains(body, `"since": "2026-11-22T11:00:00Z"`) {
		t.Errorf("want a page whose times are UTC: %d %s", status, body)
	}
}
