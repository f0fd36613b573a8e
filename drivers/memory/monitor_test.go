package memory

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func TestMonitorSeesEveryPort(t *testing.T) {
	srv := NewServer(ServerOptions{})
	m := NewMonitor(srv)
	for p := PortKeyValue; p <= PortMonitor; p++ {
		t.Run(p.String(), func(t *testing.T) {
			srv.Faults().SetUnavailable(p, true)
			h := m.Health(t.Context())
			if h.Healthy || p != PortMonitor && !strings.Contains(h.Details.Reason, p.String()) {
				t.Errorf("with %v down: healthy is %v, the reason %q", p, h.Healthy, h.Details.Reason)
			}
			_, err := m.Stats(t.Context())
			if down := err != nil; down != (p == PortMonitor) {
				t.Errorf("with %v down: stats give %v", p, err)
			}
			srv.Faults().SetUnavailable(p, false)
			if h := m.Health(t.Context()); !h.Healthy || len(h.Details.Facts) != 0 {
				t.Errorf("with %v back: %+v", p, h)
			}
		})
	}
}

// A server that hangs is down since the first probe that ran into its deadline, not since the last.
func TestMonitorOfAHangingServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(NewServer(ServerOptions{}))
		m.Health(t.Context())
		m.srv.Faults().SetLatency(PortMonitor, time.Hour)
		var since time.Time
		for i := range 3 {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			h := m.Health(ctx)
			cancel()
			if took := time.Since(began); took != 2*time.Second || h.Healthy || h.Details.LatencyMS != 2000 {
				t.Errorf("probe %d took %v: %+v", i, took, h)
			}
			if i == 0 {
				since = h.Details.Since
			}
			if h.Details.Since != since || since.IsZero() {
				t.Errorf("probe %d says since %v; the first said %v", i, h.Details.Since, since)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestMonitorFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := NewServer(ServerOptions{})
		ctx, stop := context.WithCancel(t.Context())
		if err := NewKeyValue(srv).Set(ctx, "k", nil, ports.SetOptions{}); err != nil {
			t.Fatal(err)
		}
		s := NewStream(srv)
		mustCreateGroup(t, s, "s", "g")
		mustCreateGroup(t, s, "empty", "g")
		for range 3 {
			mustAppend(t, s, "s", "x")
		}
		if _, err := s.ReadGroup(ctx, "g", "alice", ports.ReadOptions{Count: 2}, "s"); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := s.Read(ctx, ports.ReadOptions{Block: -1}, ports.Offset{Stream: "s", ID: "$"}, ports.Offset{Stream: "empty", ID: "$"})
			ended <- err
		}()
		b := NewBroker(srv)
		if _, err := b.Subscribe(ctx, ports.SubscribeOptions{Topic: "t", Group: "g", Strategy: ports.LoadBalanced}); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if _, err := b.Publish(ctx, &ports.Message{Topic: "t"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Strand(ctx, &ports.Message{Topic: "other"}, time.Now()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stats, err := NewMonitor(srv).Stats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, m := range stats.Metrics {
			got[m.Name+m.Labels["state"]] = m.Value
		}
		for name, want := range map[string]float64{
			"memory_keyvalue_keys": 1, "memory_stream_streams": 2, "memory_stream_entries": 3, "memory_stream_groups": 2,
			"memory_stream_pending_entries": 2, "memory_stream_waiting_readers": 1, "memory_broker_topics": 1,
			"memory_broker_messages": 4, "memory_emergency_messages": 1, "memory_orchestrator_runsrunning": 0,
			"memory_orchestrator_runsended": 0,
		} {
			if v, ok := got[name]; !ok || v != want {
				t.Errorf("%s is %v; want %v", name, v, want)
			}
		}
		stop()
		<-ended
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
