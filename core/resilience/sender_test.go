package resilience

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// rig is a sender on two memory servers.
type rig struct {
	*Sender
	primary, fallback *memory.Server
	broker            *memory.Broker
	store             *memory.Broker
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{primary: memory.NewServer(memory.ServerOptions{}), fallback: memory.NewServer(memory.ServerOptions{})}
	r.broker, r.store = memory.NewBroker(r.primary), memory.NewBroker(r.fallback)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(r.broker.Close(ctx), r.store.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	r.Sender = r.sender(t, change)
	return r
}

func (r *rig) sender(t *testing.T, change func(*Config)) *Sender {
	t.Helper()
	c := Config{Primary: r.broker, Fallback: r.store}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (r *rig) cut(down bool) { r.primary.Faults().SetUnavailable(memory.PortBroker, down) }

func message(n int, key string) *ports.Message {
	return &ports.Message{ID: fmt.Sprintf("%s-%d", key, n), Topic: "t", Key: key, Payload: fmt.Appendf(nil, "%d", n)}
}

// TestGateOpensUnderConstantTraffic: senders that strand as fast as recovery empties must not keep the gate shut for ever,
// and no message overtakes another of its key.
func TestGateOpensUnderConstantTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fallback.Faults().SetLatency(memory.PortEmergency, 2*time.Millisecond)
		r.primary.Faults().SetLatency(memory.PortBroker, 2*time.Millisecond)
		sub, err := r.broker.Subscribe(t.Context(), ports.SubscribeOptions{Topic: "t", Group: "g", Strategy: ports.Failover, Prefetch: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		const senders, each = 4, 3000
		var wg sync.WaitGroup
		var direct atomic.Int64
		r.cut(true)
		time.AfterFunc(time.Second, func() { r.cut(false) })
		for g := range senders {
			wg.Go(func() {
				key := fmt.Sprint("k", g)
				for n := range each {
					stranded, err := r.Send(t.Context(), message(n, key), 0)
					if err != nil {
						t.Errorf("send: %v", err)
						return
					}
					if !stranded {
						direct.Add(1)
					}
				}
			})
		}
		wg.Wait()
		time.Sleep(20 * time.Second)
		if s := r.Stats(); s.WaitingTopics != 0 || s.Stranded == 0 || s.Stranded != s.Replayed {
			t.Fatalf("stats %+v", s)
		}
		if direct.Load() == 0 {
			t.Fatal("no send went to the primary again")
		}
		next := map[string]int{}
		for range senders * each {
			d, err := sub.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			m := d.Message()
			if want := fmt.Sprint(next[m.Key]); string(m.Payload) != want {
				t.Fatalf("key %s: %s; want %s", m.Key, m.Payload, want)
			}
			next[m.Key]++
			if err := d.Ack(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestTwoSendersShareAStore: each opens its own gates in the end, though only one replays at a time.
func TestTwoSendersShareAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		other := r.sender(t, nil)
		r.cut(true)
		for n := range 50 {
			for _, s := range []*Sender{r.Sender, other} {
				if _, err := s.Send(t.Context(), message(n, "k"), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.cut(false)
		time.Sleep(5 * time.Second)
		for i, s := range []*Sender{r.Sender, other} {
			if stranded, err := s.Send(t.Context(), message(50, "k"), 0); err != nil || stranded {
				t.Fatalf("sender %d: stranded %v, error %v", i, stranded, err)
			}
		}
		if a, b := r.Stats(), other.Stats(); a.Replayed+b.Replayed != 100 {
			t.Fatalf("replayed %d and %d; want 100 in all", a.Replayed, b.Replayed)
		}
	})
}

// TestTwoBusySenders: each strands all the time until it was once the one to replay.
func TestTwoBusySenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.fallback.Faults().SetLatency(memory.PortEmergency, 2*time.Millisecond)
		r.primary.Faults().SetLatency(memory.PortBroker, 2*time.Millisecond)
		both := []*Sender{r.Sender, r.sender(t, nil)}
		r.cut(true)
		time.AfterFunc(time.Second, func() { r.cut(false) })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for i, s := range both {
			wg.Go(func() {
				for n := 0; ; n++ {
					stranded, err := s.Send(ctx, message(n, fmt.Sprint("k", i)), 0)
					switch {
					case err != nil:
						t.Errorf("sender %d is not back after two minutes: %v", i, err)
						return
					case !stranded && n > 1:
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// TestStoreOutage: recovery does not wait for the store's breaker.
func TestStoreOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.cut(true)
		if _, err := r.Send(t.Context(), message(0, "k"), 0); err != nil {
			t.Fatal(err)
		}
		r.fallback.Faults().SetUnavailable(memory.PortEmergency, true)
		for n := range 10 {
			if _, err := r.Send(t.Context(), message(1, fmt.Sprint(n)), 0); err == nil {
				t.Fatal("no error with both down")
			}
		}
		if s := r.Stats(); s.Fallback != Open || s.Primary != Open {
			t.Fatalf("stats %+v; want both breakers open", s)
		}
		r.cut(false)
		r.fallback.Faults().SetUnavailable(memory.PortEmergency, false)
		time.Sleep(2100 * time.Millisecond)
		if s := r.Stats(); s.Replayed != 1 || s.WaitingTopics != 0 || s.Fallback != Closed || s.Primary != Closed {
			t.Fatalf("stats %+v; want the message replayed two probes after the outage", s)
		}
	})
}

func TestFlushBesideOwnRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.cut(true)
		for n := range 30 {
			if _, err := r.Send(t.Context(), message(n, "k"), 0); err != nil {
				t.Fatal(err)
			}
		}
		r.primary.Faults().SetLatency(memory.PortBroker, 100*time.Millisecond)
		r.cut(false)
		time.Sleep(1100 * time.Millisecond) // recovery is in the middle of it
		if _, err := r.Flush(t.Context(), "t", 0); err != nil {
			t.Fatalf("flush beside the own recovery: %v", err)
		}
		if s := r.Stats(); s.Replayed != 30 || s.WaitingTopics != 0 {
			t.Fatalf("stats %+v", s)
		}
	})
}

// panicking is a broker whose Publish panics.
type panicking struct{ ports.Broker }

func (panicking) Publish(context.Context, *ports.Message) (string, error) { panic("driver") }

func TestRecoveryOutlivesAPanickingDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Primary = panicking{c.Primary} })
		if err := r.store.Strand(t.Context(), message(1, "k"), time.Now()); err != nil {
			t.Fatal(err)
		}
		_, err := r.Flush(t.Context(), "t", 0)
		if err == nil {
			t.Fatal("no error from a driver that panics")
		}
		time.Sleep(time.Minute) // recovery tries too
	})
}

func TestCloseInTheMiddleOfAReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.cut(true)
		for n := range 20 {
			if _, err := r.Send(t.Context(), message(n, "k"), 0); err != nil {
				t.Fatal(err)
			}
		}
		r.primary.Faults().SetLatency(memory.PortBroker, 200*time.Millisecond)
		r.cut(false)
		time.Sleep(1500 * time.Millisecond)
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		replayed := r.Stats().Replayed
		if replayed == 0 || replayed == 20 {
			t.Fatalf("%d replayed; want some", replayed)
		}
		r.primary.Faults().SetLatency(memory.PortBroker, 0)
		next := r.sender(t, nil) // at once: the store was given free
		count, err := next.Flush(t.Context(), "t", 0)
		if err != nil || int64(count)+replayed != 20 {
			t.Fatalf("the next one replayed %d after %d: %v", count, replayed, err)
		}
	})
}

func TestCloseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.SendTimeout = time.Hour })
		r.cut(true)
		if _, err := r.Send(t.Context(), message(1, "k"), 0); err != nil {
			t.Fatal(err)
		}
		r.primary.Faults().SetLatency(memory.PortBroker, 30*time.Minute)
		r.cut(false)
		time.Sleep(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Close(ctx); ports.KindOf(err) != ports.ErrTimeout {
			t.Fatalf("close: %v; want a timeout", err)
		}
		synctest.Wait()
		if err := r.Close(t.Context()); err != nil {
			t.Fatalf("close again: %v", err)
		}
	})
}

func TestConfigNamesTheField(t *testing.T) {
	broker := memory.NewBroker(nil)
	for field, c := range map[string]Config{
		"Primary":          {},
		"SendTimeout":      {Primary: broker, SendTimeout: -1},
		"Probe":            {Primary: broker, Probe: -1},
		"Prefer":           {Primary: broker, Prefer: 7},
		"Breaker.Failures": {Primary: broker, Breaker: BreakerConfig{Failures: -1}},
		"Breaker.OpenFor":  {Primary: broker, Breaker: BreakerConfig{OpenFor: -1}},
	} {
		_, err := New(c)
		if ports.KindOf(err) != ports.ErrInvalid || !contains(err, field+" is") || !contains(err, "valid") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func contains(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}
