package messaging_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// world is a client on two memory servers: its broker, and the one whose store catches what that cannot take.
type world struct {
	*messaging.Client
	primary, fallback *memory.Server
	broker            ports.Broker
	store             ports.EmergencyStore
}

// newWorld makes a client that is not started; the test's end closes it.
func newWorld(t *testing.T, change func(*messaging.Config)) *world {
	t.Helper()
	w := &world{primary: memory.NewServer(memory.ServerOptions{}), fallback: memory.NewServer(memory.ServerOptions{})}
	w.broker = memory.NewBroker(w.primary)
	spare := memory.NewBroker(w.fallback)
	store, ok := ports.Optional[ports.EmergencyStore](spare)
	if !ok {
		t.Fatal("the memory broker has no emergency store")
	}
	w.store = store
	w.Client = w.newClient(t, change)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		must(t, w.broker.Close(ctx))
		must(t, spare.Close(ctx))
	})
	return w
}

// newClient makes another client on the same backends.
func (w *world) newClient(t *testing.T, change func(*messaging.Config)) *messaging.Client {
	t.Helper()
	c := messaging.Config{Service: "test", Primary: w.broker, Fallback: w.store}
	if change != nil {
		change(&c)
	}
	client, err := messaging.New(c)
	must(t, err)
	t.Cleanup(func() { must(t, client.Close(context.WithoutCancel(t.Context()))) })
	return client
}

func (w *world) cut()  { w.primary.Faults().SetUnavailable(memory.PortBroker, true) }
func (w *world) heal() { w.primary.Faults().SetUnavailable(memory.PortBroker, false) }

func (w *world) send(t *testing.T, topic string, payload any, key string, o ...messaging.SendOption) messaging.Receipt {
	t.Helper()
	r, err := w.SmartSend(t.Context(), topic, payload, key, o...)
	must(t, err)
	return r
}

// inbox collects what a handler gets.
type inbox[T any] struct {
	mu    sync.Mutex
	got   []T
	metas []messaging.Meta
}

func (b *inbox[T]) handle(_ context.Context, v T, m messaging.Meta) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got, b.metas = append(b.got, v), append(b.metas, m)
	return nil
}

func (b *inbox[T]) all() ([]T, []messaging.Meta) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got), slices.Clone(b.metas)
}

// collect registers an inbox.
func collect[T any](t *testing.T, w *world, topic string, o messaging.HandlerOptions) *inbox[T] {
	t.Helper()
	var b inbox[T]
	_, err := messaging.On(w.Client, topic, b.handle, o)
	must(t, err)
	return &b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind ports.Kind) {
	t.Helper()
	if got := ports.KindOf(err); got != kind {
		t.Fatalf("error %v of kind %v; want %v", err, got, kind)
	}
}

func equal[T comparable](t *testing.T, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %v; want %v", got, want)
	}
}

// bubble runs a test on fake time.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func TestSendAndHandle(t *testing.T) {
	bubble(t, "typed", func(t *testing.T) {
		w := newWorld(t, nil)
		type order struct{ Item string }
		b := collect[order](t, w, "orders", messaging.HandlerOptions{})
		must(t, w.Start(t.Context()))
		r := w.send(t, "orders", order{"tent & <rope>"}, "k", messaging.WithHeader("traceparent", "00-1"))
		synctest.Wait()
		got, metas := b.all()
		equal(t, got, order{"tent & <rope>"})
		m := metas[0]
		if r.ID == "" || m.ID != r.ID || m.Key != "k" || m.Topic != "orders" || m.Attempt != 1 || m.Headers["traceparent"] != "00-1" {
			t.Fatalf("meta %+v of receipt %+v", m, r)
		}
		if s := w.Stats(); s.Sent != 1 || s.Handled != 1 || s.FailedRuns != 0 {
			t.Fatalf("stats %+v", s)
		}
	})
	bubble(t, "after start", func(t *testing.T) {
		w := newWorld(t, nil)
		must(t, w.Start(t.Context()))
		b := collect[int](t, w, "n", messaging.HandlerOptions{})
		w.send(t, "n", 7, "")
		synctest.Wait()
		got, _ := b.all()
		equal(t, got, 7)
	})
	bubble(t, "strand and replay", func(t *testing.T) {
		w := newWorld(t, nil)
		b := collect[int](t, w, "n", messaging.HandlerOptions{Strategy: ports.Sticky})
		must(t, w.Start(t.Context()))
		w.cut()
		for i := range 10 {
			if r := w.send(t, "n", i, "k"); !r.Stranded {
				t.Fatalf("message %d was not stranded", i)
			}
		}
		w.heal()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		got, _ := b.all()
		equal(t, got, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
		if r := w.send(t, "n", 10, "k"); r.Stranded {
			t.Fatal("stranded after the recovery")
		}
		if s := w.Stats(); s.Stranded != 10 || s.Replayed != 10 || s.WaitingTopics != 0 {
			t.Fatalf("stats %+v", s)
		}
	})
	bubble(t, "dead letter", func(t *testing.T) {
		w := newWorld(t, nil)
		dead := collect[[]byte](t, w, "n-dlq", messaging.HandlerOptions{})
		runs := 0
		_, err := messaging.On(w.Client, "n", func(context.Context, int, messaging.Meta) error {
			runs++
			return errors.New("no")
		}, messaging.HandlerOptions{})
		must(t, err)
		must(t, w.Start(t.Context()))
		r := w.send(t, "n", 7, "k")
		time.Sleep(time.Minute)
		synctest.Wait()
		got, metas := dead.all()
		if runs != 3 || len(got) != 1 || string(got[0]) != "7" {
			t.Fatalf("%d runs, dead letters %q", runs, got)
		}
		d, ok := messaging.ParseDeadLetter(metas[0].Headers)
		if !ok || d.Reason != messaging.ReasonFailed || d.Attempts != 3 || d.Topic != "n" || d.ID != r.ID || metas[0].ID != r.ID || d.Err != "no" || d.Group != "test" {
			t.Fatalf("dead letter %+v", d)
		}
	})
}
