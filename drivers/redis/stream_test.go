package redis_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/ports"
)

func field(v string) []ports.Field { return []ports.Field{{Name: "v", Value: []byte(v)}} }

func appendTo(t *testing.T, s ports.Stream, stream string, n int) (ids []string) {
	t.Helper()
	for i := range n {
		id, err := s.Append(t.Context(), stream, field(fmt.Sprint(i)), ports.AppendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func makeGroup(t *testing.T, s ports.Stream, stream string) {
	t.Helper()
	if err := s.CreateGroup(t.Context(), stream, "g", ports.GroupOptions{MakeStream: true}); err != nil {
		t.Fatal(err)
	}
}

func TestBlockingReadOutlivesSocketTimeoutAndStallsNobody(t *testing.T) {
	for _, name := range []string{standalone, cluster} {
		t.Run(name, func(t *testing.T) {
			client := openClient(t, use(t, name))
			s := redis.NewStream(client)
			const block = 1300 * time.Millisecond // more than SocketTimeout, and more than one command waits
			ended := make(chan error, 1)
			began := time.Now()
			go func() {
				got, err := s.Read(t.Context(), ports.ReadOptions{Block: block}, ports.Offset{Stream: "s", ID: ports.StreamEnd})
				if len(got) > 0 {
					err = errors.Join(err, errors.New("something was read"))
				}
				ended <- err
			}()
			for i := 0; time.Since(began) < block/2; i++ {
				call := time.Now()
				if _, err := s.Len(t.Context(), "s"); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(call); took > 400*time.Millisecond {
					t.Fatalf("Len took %v beside a waiting read", took)
				}
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took < block || took > block+time.Second {
				t.Errorf("a block of %v took %v", block, took)
			}
		})
	}
}

func TestBlockingReadOfAFrozenServerTimesOut(t *testing.T) {
	for name, streams := range map[string][]string{standalone: {"s"}, cluster: {"s", "t", "u"}} {
		t.Run(name, func(t *testing.T) {
			top := use(t, name)
			s := redis.NewStream(openClient(t, top))
			var after []ports.Offset
			for _, stream := range streams {
				makeGroup(t, s, stream)
				after = append(after, ports.Offset{Stream: stream, ID: ports.StreamStart})
			}
			ends := make(chan error, 2)
			go func() {
				_, err := s.Read(t.Context(), ports.ReadOptions{Block: -1}, after...)
				ends <- err
			}()
			go func() {
				_, err := s.ReadGroup(t.Context(), "g", "alice", ports.ReadOptions{Block: time.Hour}, streams...)
				ends <- err
			}()
			awaitBlocked(t, s, 2*len(streams))
			frozen := time.Now()
			thaw := freezeUntilWell(t, top)
			for range 2 {
				if err := <-ends; ports.KindOf(err) != ports.ErrTimeout && ports.KindOf(err) != ports.ErrUnavailable {
					t.Errorf("a waiting read of a frozen server: %v", err)
				}
			}
			if took := time.Since(frozen); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
			thaw()
		})
	}
}

// awaitBlocked waits until the servers count n waiting connections, or more.
func awaitBlocked(t *testing.T, s *redis.Stream, n int) {
	t.Helper()
	var client *redis.Client
	s.As(&client)
	m := redis.NewMonitor(client)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) { // nobody announces it
		stats, err := m.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		blocked := 0.0
		for _, sample := range stats.Metrics {
			if sample.Name == "redis_blocked_clients" {
				blocked += sample.Value
			}
		}
		if blocked >= float64(n) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v connections wait; want %d", blocked, n)
		}
	}
}

func TestSeveralSlotsWakeOneAnother(t *testing.T) {
	s := redis.NewStream(openClient(t, use(t, cluster)))
	streams := []string{"a", "b", "c", "d"}
	for _, stream := range streams {
		makeGroup(t, s, stream)
	}
	for _, stream := range streams {
		got := make(chan []ports.Entry, 1)
		go func() {
			entries, err := s.ReadGroup(t.Context(), "g", "alice", ports.ReadOptions{Block: -1}, streams...)
			if err != nil {
				t.Error(err)
			}
			got <- entries
		}()
		awaitBlocked(t, s, len(streams))
		began := time.Now()
		appendTo(t, s, stream, 1)
		if entries := <-got; len(entries) != 1 || entries[0].Stream != stream {
			t.Errorf("got %v; want the entry of %s", entries, stream)
		}
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("it took %v to wake", took)
		}
	}
}

// TestCancelledGroupReadsLoseNothing: an entry that is handed out in the moment of a cancel was returned or is pending.
func TestCancelledGroupReadsLoseNothing(t *testing.T) {
	for _, name := range []string{standalone, cluster} {
		t.Run(name, func(t *testing.T) {
			s := redis.NewStream(openClient(t, use(t, name)))
			makeGroup(t, s, "s")
			const rounds = 60
			seen := map[string]bool{}
			for i := range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				var both sync.WaitGroup
				both.Go(func() {
					got, err := s.ReadGroup(ctx, "g", "alice", ports.ReadOptions{Block: -1}, "s")
					if err != nil && ports.KindOf(err) != ports.ErrCanceled {
						t.Error(err)
					}
					for _, e := range got {
						seen[e.ID] = true
					}
				})
				timer := time.AfterFunc(time.Duration(i%5)*300*time.Microsecond, cancel)
				appendTo(t, s, "s", 1)
				both.Wait()
				timer.Stop()
				cancel()
			}
			returned := len(seen)
			pending, err := s.Pending(t.Context(), "s", "g", ports.PendingOptions{Count: 2 * rounds})
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, p := range pending {
				ids = append(ids, p.ID)
			}
			claimed, err := s.Claim(t.Context(), "s", "g", "alice", 0, ids...)
			if err != nil || len(claimed) != len(ids) {
				t.Fatalf("claimed %d of %d: %v", len(claimed), len(ids), err)
			}
			fresh, err := s.ReadGroup(t.Context(), "g", "alice", ports.ReadOptions{}, "s")
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range append(claimed, fresh...) {
				seen[e.ID] = true
			}
			if len(seen) != rounds {
				t.Errorf("%d of %d entries are accounted for", len(seen), rounds)
			}
			t.Logf("returned %d, pending %d, new %d", returned, len(pending), len(fresh))
		})
	}
}

// TestPendingPagesPastWhatIsGone: more trimmed and deleted entries than one page stand before those that are kept.
func TestPendingPagesPastWhatIsGone(t *testing.T) {
	s := redis.NewStream(openClient(t, use(t, standalone)))
	makeGroup(t, s, "s")
	const gone = 2500
	appendTo(t, s, "s", gone)
	kept := appendTo(t, s, "s", 3)
	if _, err := s.ReadGroup(t.Context(), "g", "alice", ports.ReadOptions{Count: 2 * gone}, "s"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Trim(t.Context(), "s", kept[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), "s", kept[1]); err != nil {
		t.Fatal(err)
	}
	for _, count := range []int{1, 2, 0} {
		pending, err := s.Pending(t.Context(), "s", "g", ports.PendingOptions{Count: count, Consumer: "alice"})
		want := []string{kept[0], kept[2]}
		if count == 1 {
			want = want[:1]
		}
		var ids []string
		for _, p := range pending {
			ids = append(ids, p.ID)
		}
		if err != nil || fmt.Sprint(ids) != fmt.Sprint(want) {
			t.Errorf("count %d: pending are %v, %v; want %v", count, ids, err, want)
		}
	}
}

func TestClosingAStreamEndsItsWaitsOnly(t *testing.T) {
	client := openClient(t, use(t, standalone))
	s, other := redis.NewStream(client), redis.NewStream(client)
	ended := make(chan error, 1)
	go func() {
		_, err := s.Read(t.Context(), ports.ReadOptions{Block: -1}, ports.Offset{Stream: "s", ID: ports.StreamEnd})
		ended <- err
	}()
	awaitBlocked(t, other, 1)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; ports.KindOf(err) != ports.ErrClosed {
		t.Errorf("a waiting read of a closed stream: %v", err)
	}
	if _, err := other.Len(t.Context(), "s"); err != nil {
		t.Errorf("another stream on the same client: %v", err)
	}
}

func TestStreamNamesUnderSlottings(t *testing.T) {
	s := redis.NewStream(openClient(t, use(t, cluster), func(c *redis.Config) { c.Slotting = redis.EntityTagged }))
	at := func(stream string) ports.Offset { return ports.Offset{Stream: stream, ID: ports.StreamStart} }
	appendTo(t, s, "{hotel:987}:bookings", 1)
	got, err := s.Read(t.Context(), ports.ReadOptions{}, at("hotel:987:bookings"))
	if err != nil || len(got) != 1 || got[0].Stream != "hotel:987:bookings" {
		t.Errorf("got %v, %v; want the entry, under the reader's own name of the stream", got, err)
	}
	_, err = s.Read(t.Context(), ports.ReadOptions{}, at("hotel:987:bookings"), at("{hotel:987}:bookings"))
	if ports.KindOf(err) != ports.ErrInvalid {
		t.Errorf("two spellings of one stream: %v; want invalid", err)
	}
}

// TestWaitingReadersOfAMasterThatStepsDown: what the server says then begins like what it says of a deleted stream.
func TestWaitingReadersOfAMasterThatStepsDown(t *testing.T) {
	client := openClient(t, use(t, standalone))
	s := redis.NewStream(client)
	makeGroup(t, s, "s")
	ended := make(chan error, 1)
	go func() {
		_, err := s.ReadGroup(t.Context(), "g", "alice", ports.ReadOptions{Block: -1}, "s")
		ended <- err
	}()
	awaitBlocked(t, s, 1)
	var raw rueidis.Client
	client.As(&raw)
	defer func() {
		if err := raw.Do(t.Context(), raw.B().Replicaof().No().One().Build()).Error(); err != nil {
			t.Error(err)
		}
	}()
	if err := raw.Do(t.Context(), raw.B().Replicaof().Host("127.0.0.1").Port(1).Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; ports.KindOf(err) != ports.ErrUnavailable {
		t.Errorf("a reader that waited: %v; want unavailable", err)
	}
}
