package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/breakwater-go/breakwater/ports"
)

func oneField(v string) []ports.Field { return []ports.Field{{Name: "v", Value: []byte(v)}} }

// mustAppend appends to a stream and returns the id.
func mustAppend(t *testing.T, c *Stream, stream, v string) string {
	t.Helper()
	id, err := c.Append(t.Context(), stream, oneField(v), ports.AppendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func mustCreateGroup(t *testing.T, c *Stream, stream, group string) {
	t.Helper()
	if err := c.CreateGroup(t.Context(), stream, group, ports.GroupOptions{MakeStream: true}); err != nil {
		t.Fatal(err)
	}
}

func TestStreamMaxLenIsExact(t *testing.T) {
	c := NewStream(nil)
	for i := range 50 {
		if _, err := c.Append(t.Context(), "s", oneField("x"), ports.AppendOptions{MaxLen: 7}); err != nil {
			t.Fatal(err)
		}
		if n, _ := c.Len(t.Context(), "s"); n != int64(min(i+1, 7)) {
			t.Fatalf("after %d appends with max len 7 the stream has %d entries", i+1, n)
		}
	}
}

// What a reader waits for wakes it in the very moment: on a bubble's clock no time passes, as it would if anybody polled.
func TestStreamReadersWakeAtOnce(t *testing.T) {
	wakes := map[string]struct {
		by   func(t *testing.T, c *Stream, cancel func())
		want ports.Kind
	}{
		"append": {func(t *testing.T, c *Stream, _ func()) { mustAppend(t, NewStream(c.srv), "s", "x") }, 0},
		"cancel": {func(_ *testing.T, _ *Stream, cancel func()) { cancel() }, ports.ErrCanceled},
		"close":  {func(t *testing.T, c *Stream, _ func()) { _ = c.Close(t.Context()) }, ports.ErrClosed},
		"cut": {func(_ *testing.T, c *Stream, _ func()) { c.srv.Faults().SetUnavailable(PortStream, true) },
			ports.ErrUnavailable},
		"group deleted": {func(t *testing.T, c *Stream, _ func()) { _ = NewStream(c.srv).DeleteGroup(t.Context(), "s", "g") },
			ports.ErrNotFound},
	}
	for name, wake := range wakes {
		for _, block := range []time.Duration{-1, time.Hour} {
			t.Run(fmt.Sprint(name, block), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := NewStream(NewServer(ServerOptions{}))
					mustCreateGroup(t, c, "s", "g")
					mustCreateGroup(t, c, "other", "g")
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					began := time.Now()
					go func() {
						time.Sleep(time.Minute)
						wake.by(t, c, cancel)
					}()
					got, err := c.ReadGroup(ctx, "g", "alice", ports.ReadOptions{Block: block}, "other", "s")
					if waited := time.Since(began); waited != time.Minute {
						t.Errorf("woke after %v; want at once after a minute", waited)
					}
					if ports.KindOf(err) != wake.want || wake.want == 0 && len(got) != 1 {
						t.Errorf("woke with %v, %v; want kind %v", got, err, wake.want)
					}
					if len(c.srv.streams.waiting) != 0 {
						t.Errorf("%d streams still have waiting readers", len(c.srv.streams.waiting))
					}
				})
			})
		}
	}
}

func TestStreamServesTheLongestWaitingReaderFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewStream(nil)
		mustCreateGroup(t, c, "s", "g")
		var order []string
		for i := range 5 {
			go func() {
				got, err := c.ReadGroup(t.Context(), "g", fmt.Sprint(i), ports.ReadOptions{Block: -1}, "s")
				order = append(order, fmt.Sprint(i, len(got), err))
			}()
			synctest.Wait()
		}
		for i := range 5 {
			mustAppend(t, c, "s", "x")
			synctest.Wait()
			if want := fmt.Sprint(i, 1, nil); len(order) != i+1 || order[i] != want {
				t.Fatalf("after %d entries: %v; want %q last", i+1, order, want)
			}
		}
	})
}

func TestStreamLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewStream(nil)
		st := c.srv.streams
		mustCreateGroup(t, c, "s", "g")
		var last string
		for range 10_000 {
			last = mustAppend(t, c, "s", "x")
		}
		if got, err := c.ReadGroup(t.Context(), "g", "alice", ports.ReadOptions{Count: 10_000}, "s"); err != nil || len(got) != 10_000 {
			t.Fatal(len(got), err)
		}
		for range 100 { // readers of streams that never come into being
			if _, err := c.Read(t.Context(), ports.ReadOptions{Block: time.Second}, ports.Offset{Stream: "a", ID: "0"}, ports.Offset{Stream: "b", ID: "$"}); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := c.Trim(t.Context(), "s", last); err != nil || n != 9_999 {
			t.Fatal(n, err)
		}
		s := st.streams["s"]
		if n := s.groups["g"].pending.len(); n != 1 {
			t.Errorf("%d entries are pending; want the one that is kept", n)
		}
		if room := cap(s.entries.items) + cap(s.groups["g"].pending.items); room > 200 {
			t.Errorf("2 items of 20,000 hold room for %d", room)
		}
		if err := c.DeleteGroup(t.Context(), "s", "g"); err != nil {
			t.Fatal(err)
		}
		if len(s.groups) != 0 || len(st.waiting) != 0 || len(st.streams) != 1 {
			t.Errorf("left are %d groups, %d waited-for and %d streams; want 0, 0, 1", len(s.groups), len(st.waiting), len(st.streams))
		}
	})
}

func TestStreamFaultsHaveNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewStream(nil)
		c.srv.Faults().FailEvery(PortStream, 2)
		confirmed := 0
		for range 10 {
			_, err := c.Append(t.Context(), "s", oneField("x"), ports.AppendOptions{})
			switch {
			case err == nil:
				confirmed++
			case !errors.Is(err, ports.ErrUnavailable):
				t.Fatal(err)
			}
		}
		c.srv.Faults().FailEvery(PortStream, 0)
		if n, err := c.Len(t.Context(), "s"); confirmed != 5 || n != 5 || err != nil {
			t.Errorf("%d of 10 appends were confirmed and %d entries are there (%v); want 5 and 5", confirmed, n, err)
		}
		c.srv.Faults().SetLatency(PortStream, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Append(ctx, "s", oneField("x"), ports.AppendOptions{})
		if took := time.Since(began); took != time.Second || !errors.Is(err, ports.ErrTimeout) {
			t.Errorf("a slow append with a deadline of 1 s ended after %v with %v", took, err)
		}
		c.srv.Faults().SetLatency(PortStream, 0)
		if n, _ := c.Len(t.Context(), "s"); n != 5 {
			t.Errorf("an append that timed out before it reached the server left %d entries; want 5", n)
		}
	})
}

// Writers, group readers that are cancelled now and then, and plain readers at the same time: every entry reaches exactly
// one reader of the group, also one whose cancel came in the same moment, and every plain reader sees all in order.
func TestStreamUnderLoad(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	const writers, each, readers = 4, 500, 6
	c := NewStream(nil)
	mustCreateGroup(t, c, "s", "g")
	mustCreateGroup(t, c, "t", "g")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()

	var mu sync.Mutex
	got := map[string]int{}
	all := make(chan struct{})
	complete := sync.OnceFunc(func() { close(all) })
	var group, writing, plain sync.WaitGroup
	for r := range readers {
		group.Go(func() {
			for ctx.Err() == nil {
				short, cancel := context.WithTimeout(ctx, time.Duration(r)*100*time.Microsecond+50*time.Microsecond)
				entries, err := c.ReadGroup(short, "g", fmt.Sprint(r), ports.ReadOptions{Block: -1, Count: 3}, "s", "t")
				cancel()
				if err != nil && short.Err() == nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, e := range entries {
					got[e.Stream+e.ID]++
				}
				if len(got) == 2*writers*each {
					complete()
				}
				mu.Unlock()
				for _, e := range entries {
					if n, err := c.Ack(t.Context(), e.Stream, "g", e.ID); n != 1 || err != nil {
						t.Errorf("ack of %s settled %d, %v", e.ID, n, err)
					}
				}
			}
		})
	}
	for range 2 {
		plain.Go(func() {
			at := ports.Offset{Stream: "s", ID: ports.StreamStart}
			for n := 0; n < writers*each; {
				entries, err := c.Read(ctx, ports.ReadOptions{Block: -1}, at)
				if err != nil {
					t.Errorf("a plain reader after %d entries: %v", n, err)
					return
				}
				n += len(entries)
				at.ID = entries[len(entries)-1].ID
			}
		})
	}
	for range writers {
		writing.Go(func() {
			for range each {
				mustAppend(t, c, "s", "x")
				mustAppend(t, c, "t", "x")
			}
		})
	}
	writing.Wait()
	plain.Wait()
	select {
	case <-all:
	case <-time.After(30 * time.Second):
		t.Error("not every entry was handed out")
	}
	stop()
	group.Wait()
	for id, n := range got {
		if n != 1 {
			t.Errorf("entry %s was handed out %d times", id, n)
		}
	}
	for _, stream := range []string{"s", "t"} {
		if p, err := c.Pending(t.Context(), stream, "g", ports.PendingOptions{}); len(p) != 0 || err != nil {
			t.Errorf("%s has pending entries %v, %v; every one was acknowledged", stream, p, err)
		}
	}
}

func BenchmarkStreamAppendReadAck(b *testing.B) {
	c := NewStream(nil)
	if err := c.CreateGroup(b.Context(), "s", "g", ports.GroupOptions{MakeStream: true}); err != nil {
		b.Fatal(err)
	}
	fields := oneField("a payload of some bytes, as an event has it")
	b.ReportAllocs()
	for b.Loop() {
		id, err := c.Append(b.Context(), "s", fields, ports.AppendOptions{MaxLen: 1000})
		if err != nil {
			b.Fatal(err)
		}
		if got, err := c.ReadGroup(b.Context(), "g", "alice", ports.ReadOptions{}, "s"); len(got) != 1 || err != nil {
			b.Fatal(len(got), err)
		}
		if n, err := c.Ack(b.Context(), "s", "g", id); n != 1 || err != nil {
			b.Fatal(n, err)
		}
	}
}
