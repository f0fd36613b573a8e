package messaging_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// TestRandomOutages sends while both backends come and go at random, and then counts: what was confirmed was received, and
// in the order of each key.
func TestRandomOutages(t *testing.T) {
	for seed := range uint64(8) {
		bubble(t, fmt.Sprintf("seed %d", seed), func(t *testing.T) { randomOutage(t, seed) })
	}
}

func randomOutage(t *testing.T, seed uint64) {
	w := newWorld(t, func(c *messaging.Config) { c.Prefer = 1 }) // order: the store goes down too
	var mu sync.Mutex
	received := map[string][]int{}
	_, err := messaging.On(w.Client, "t", func(_ context.Context, n int, m messaging.Meta) error {
		mu.Lock()
		defer mu.Unlock()
		received[m.Key] = append(received[m.Key], n)
		return nil
	}, messaging.HandlerOptions{Strategy: ports.Sticky})
	must(t, err)
	must(t, w.Start(t.Context()))

	var over atomic.Bool
	var chaos, senders sync.WaitGroup
	chaos.Go(func() {
		r := rand.New(rand.NewPCG(seed, 1))
		for !over.Load() {
			w.primary.Faults().SetUnavailable(memory.PortBroker, r.IntN(3) > 0)
			w.fallback.Faults().SetUnavailable(memory.PortEmergency, r.IntN(4) == 0)
			w.primary.Faults().SetLatency(memory.PortBroker, time.Duration(r.IntN(2))*3*time.Second) // over the timeout, at times
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
		}
		w.primary.Faults().SetUnavailable(memory.PortBroker, false)
		w.primary.Faults().SetLatency(memory.PortBroker, 0)
		w.fallback.Faults().SetUnavailable(memory.PortEmergency, false)
	})
	const keys, each = 4, 60
	for k := range keys {
		senders.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(k+2)))
			key := fmt.Sprint("k", k)
			for n := range each {
				id := fmt.Sprintf("%s-%d", key, n)
				for { // a send that failed is repeated with its id, as its caller would
					_, err := w.SmartSend(t.Context(), "t", n, key, messaging.WithID(id))
					if err == nil {
						break
					}
					time.Sleep(time.Duration(r.IntN(500)) * time.Millisecond)
				}
				time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
			}
		})
	}
	senders.Wait()
	over.Store(true)
	chaos.Wait()
	time.Sleep(5 * time.Minute) // replay, retries and leases come to their end

	mu.Lock()
	defer mu.Unlock()
	for k := range keys {
		key := fmt.Sprint("k", k)
		if first := firsts(received[key]); len(first) != each || !ascending(first) {
			t.Errorf("key %s: first receptions %v", key, first)
		}
	}
	s := w.Stats()
	if s.WaitingTopics != 0 || s.Unordered != 0 || s.Stranded == 0 {
		t.Errorf("stats %+v", s)
	}
}

// firsts keeps the first of each number: a timeout may hide a success, so that a message comes twice.
func firsts(all []int) (first []int) {
	seen := map[int]bool{}
	for _, n := range all {
		if !seen[n] {
			seen[n] = true
			first = append(first, n)
		}
	}
	return first
}

func ascending(all []int) bool {
	for i := range all {
		if all[i] != i {
			return false
		}
	}
	return true
}

// TestCrashBetweenPublishAndAck drops a client in the middle of a replay, again and again: nothing is lost, and repeats
// carry the same id.
func TestCrashBetweenPublishAndAck(t *testing.T) {
	bubble(t, "crash", func(t *testing.T) {
		w := newWorld(t, nil)
		b := collect[int](t, w, "t", messaging.HandlerOptions{Strategy: ports.Sticky})
		must(t, w.Start(t.Context()))
		w.cut()
		ids := map[string]bool{}
		for n := range 30 {
			ids[w.send(t, "t", n, "k").ID] = true
		}
		must(t, w.Close(t.Context()))
		w.heal()
		receiver := w.newClient(t, nil)
		_, err := messaging.On(receiver, "t", b.handle, messaging.HandlerOptions{Strategy: ports.Sticky})
		must(t, err)
		for range 10 {
			crashing := w.newClient(t, func(c *messaging.Config) { c.Fallback = &ackless{c.Fallback} })
			must(t, crashing.Start(t.Context()))
			_, err := crashing.FlushEmergencyFallbacks(t.Context(), "t", 3)
			wantKind(t, err, ports.ErrUnavailable)
			must(t, crashing.Close(t.Context()))
		}
		must(t, receiver.Start(t.Context()))
		time.Sleep(time.Minute)
		synctest.Wait()
		got, metas := b.all()
		if first := firsts(got); len(first) != 30 || !ascending(first) {
			t.Fatalf("received %v", got)
		}
		if len(got) == 30 {
			t.Fatal("no crash repeated anything: the test shows nothing")
		}
		for _, m := range metas {
			if !ids[m.ID] {
				t.Fatalf("received the id %q, which was never sent", m.ID)
			}
		}
	})
}

// ackless is a store whose removals get lost, as in a crash just before them.
type ackless struct{ ports.EmergencyStore }

func (s *ackless) Stranded(ctx context.Context, topic string) (ports.StrandedReader, error) {
	r, err := s.EmergencyStore.Stranded(ctx, topic)
	if err != nil {
		return nil, err
	}
	return &acklessReader{r}, nil
}

type acklessReader struct{ ports.StrandedReader }

func (r *acklessReader) Next(ctx context.Context) (ports.Delivery, error) {
	d, err := r.StrandedReader.Next(ctx)
	if err != nil {
		return nil, err
	}
	return acklessDelivery{d}, nil
}

type acklessDelivery struct{ ports.Delivery }

func (acklessDelivery) Ack(context.Context) error {
	return &ports.Error{Op: "ack", Driver: "test", Kind: ports.ErrUnavailable}
}
