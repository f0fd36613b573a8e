package messaging_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

func TestConfigNamesTheField(t *testing.T) {
	broker := memory.NewBroker(nil)
	for field, c := range map[string]messaging.Config{
		"Primary":      {},
		"SendTimeout":  {Primary: broker, SendTimeout: -1},
		"Probe":        {Primary: broker, Probe: -1},
		"DrainTimeout": {Primary: broker, DrainTimeout: -1},
	} {
		_, err := messaging.New(c)
		wantKind(t, err, ports.ErrInvalid)
		if !strings.Contains(err.Error(), field+" is") || !strings.Contains(err.Error(), "valid") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestHandlerOptionsNameTheField(t *testing.T) {
	c, err := messaging.New(messaging.Config{Primary: memory.NewBroker(nil)})
	must(t, err)
	h := func(context.Context, int, messaging.Meta) error { return nil }
	for field, o := range map[string]messaging.HandlerOptions{
		"Group":                   {},
		"Attempts":                {Group: "g", Attempts: -1},
		"Backoff":                 {Group: "g", Backoff: -1},
		"Timeout":                 {Group: "g", Timeout: -1},
		"Concurrency":             {Group: "g", Concurrency: -1},
		"DropRepeats":             {Group: "g", DropRepeats: -1},
		"KeyValue":                {Group: "g", DropRepeats: time.Hour},
		"DropRepeats is 1h0m0s w": {Strategy: ports.Broadcast, DropRepeats: time.Hour},
		"strategy":                {Group: "g", Strategy: 99},
		"prefetch":                {Group: "g", Prefetch: -1},
		"lease":                   {Group: "g", Lease: -1},
	} {
		_, err := messaging.On(c, "t", h, o)
		wantKind(t, err, ports.ErrInvalid)
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err = messaging.On(c, "", h, messaging.HandlerOptions{Group: "g"})
	wantKind(t, err, ports.ErrInvalid)
	_, err = messaging.On[int](c, "t", nil, messaging.HandlerOptions{Group: "g"})
	wantKind(t, err, ports.ErrInvalid)
	_, err = messaging.OnEvent[int, int](c, "t", nil, messaging.EventOptions{})
	wantKind(t, err, ports.ErrInvalid)
	p := process.New("p", func(*process.Context, int) (int, error) { return 0, nil }, process.Options{Queue: "q"})
	_, err = messaging.OnEvent(c, "t", p, messaging.EventOptions{})
	wantKind(t, err, ports.ErrInvalid)
	must(t, c.Close(t.Context()))
	_, err = messaging.On(c, "t", h, messaging.HandlerOptions{Group: "g"})
	wantKind(t, err, ports.ErrClosed)
}

func TestStartWaitsForTheBroker(t *testing.T) {
	bubble(t, "until it is back", func(t *testing.T) {
		w := newWorld(t, nil)
		b := collect[int](t, w, "t", messaging.HandlerOptions{})
		w.cut()
		time.AfterFunc(10*time.Second, w.heal)
		must(t, w.Start(t.Context()))
		w.send(t, "t", 1, "")
		synctest.Wait()
		got, _ := b.all()
		equal(t, got, 1)
		wantKind(t, w.Start(t.Context()), ports.ErrInvalid)
	})
	bubble(t, "until its context ends, and can be repeated", func(t *testing.T) {
		w := newWorld(t, nil)
		b := collect[int](t, w, "t", messaging.HandlerOptions{})
		w.cut()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Start(ctx); err == nil {
			t.Fatal("started without a broker")
		}
		w.heal()
		must(t, w.Start(t.Context()))
		w.send(t, "t", 1, "")
		synctest.Wait()
		got, _ := b.all()
		equal(t, got, 1)
	})
	bubble(t, "another error ends it, and what was begun", func(t *testing.T) {
		w, other := newWorld(t, nil), newWorld(t, nil)
		other.broker = w.broker
		o := messaging.HandlerOptions{Strategy: ports.Exclusive}
		collect[int](t, w, "b", o)
		must(t, w.Start(t.Context()))
		second := w.newClient(t, nil)
		h := func(context.Context, int, messaging.Meta) error { return nil }
		_, err := messaging.On(second, "a", h, o)
		must(t, err)
		_, err = messaging.On(second, "b", h, o)
		must(t, err)
		wantKind(t, second.Start(t.Context()), ports.ErrConflict)
		collect[int](t, w, "a", o) // "a" is free again
	})
}

func TestRunDrains(t *testing.T) {
	bubble(t, "run", func(t *testing.T) {
		w := newWorld(t, nil)
		done := false
		_, err := messaging.On(w.Client, "t", func(context.Context, int, messaging.Meta) error {
			time.Sleep(10 * time.Second)
			done = true
			return nil
		}, messaging.HandlerOptions{})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- w.Run(ctx) }()
		synctest.Wait()
		w.send(t, "t", 1, "")
		synctest.Wait()
		cancel()
		must(t, <-ran)
		if !done {
			t.Fatal("did not wait for the handler")
		}
	})
}

func TestCloseBeforeStart(t *testing.T) {
	bubble(t, "close", func(t *testing.T) {
		w := newWorld(t, nil)
		collect[int](t, w, "t", messaging.HandlerOptions{})
		must(t, w.Close(t.Context()))
		must(t, w.Close(t.Context()))
		wantKind(t, w.Start(t.Context()), ports.ErrClosed)
	})
}

func TestListenerClose(t *testing.T) {
	bubble(t, "one of two", func(t *testing.T) {
		w := newWorld(t, nil)
		var a, b, c inbox[int]
		early, err := messaging.On(w.Client, "t", a.handle, messaging.HandlerOptions{Group: "a"})
		must(t, err)
		second, err := messaging.On(w.Client, "t", b.handle, messaging.HandlerOptions{Group: "b"})
		must(t, err)
		_, err = messaging.On(w.Client, "t", c.handle, messaging.HandlerOptions{Group: "c"})
		must(t, err)
		must(t, early.Close(t.Context())) // before it began
		must(t, w.Start(t.Context()))
		w.send(t, "t", 1, "")
		synctest.Wait()
		must(t, second.Close(t.Context()))
		must(t, second.Close(t.Context()))
		w.send(t, "t", 2, "")
		synctest.Wait()
		gotA, _ := a.all()
		gotB, _ := b.all()
		gotC, _ := c.all()
		equal(t, gotA)
		equal(t, gotB, 1)
		equal(t, gotC, 1, 2)
	})
}

// TestReceiverOutage cuts the broker under handlers at work.
func TestReceiverOutage(t *testing.T) {
	bubble(t, "acks are repeated", func(t *testing.T) {
		w := newWorld(t, nil)
		var b inbox[int]
		_, err := messaging.On(w.Client, "t", func(ctx context.Context, n int, m messaging.Meta) error {
			time.Sleep(2 * time.Second)
			return b.handle(ctx, n, m)
		}, messaging.HandlerOptions{Strategy: ports.Sticky})
		must(t, err)
		must(t, w.Start(t.Context()))
		w.send(t, "t", 1, "k")
		w.send(t, "t", 2, "k")
		time.Sleep(time.Second)
		w.cut()
		time.Sleep(10 * time.Second)
		w.heal()
		time.Sleep(time.Minute)
		synctest.Wait()
		got, _ := b.all()
		equal(t, got, 1, 2) // the lease outlived the outage, so nothing is repeated
	})
	bubble(t, "a closed subscription is made again", func(t *testing.T) {
		w := newWorld(t, nil)
		fragile := &fragileBroker{Broker: w.broker}
		c := w.newClient(t, func(c *messaging.Config) { c.Primary = fragile })
		var b inbox[int]
		_, err := messaging.On(c, "t", b.handle, messaging.HandlerOptions{})
		must(t, err)
		must(t, c.Start(t.Context()))
		must(t, fragile.last.Close(t.Context()))
		time.Sleep(time.Second)
		_, err = c.SmartSend(t.Context(), "t", 1, "")
		must(t, err)
		time.Sleep(time.Second)
		synctest.Wait()
		got, _ := b.all()
		equal(t, got, 1)
	})
}

type fragileBroker struct {
	ports.Broker
	last ports.Subscription
}

func (b *fragileBroker) Subscribe(ctx context.Context, o ports.SubscribeOptions) (ports.Subscription, error) {
	s, err := b.Broker.Subscribe(ctx, o)
	b.last = s
	return s, err
}

func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	bubble(t, "goexit", func(t *testing.T) {
		w := newWorld(t, nil)
		dead := collect[int](t, w, "t-dlq", messaging.HandlerOptions{})
		_, err := messaging.On(w.Client, "t", func(context.Context, int, messaging.Meta) error {
			runtime.Goexit()
			return nil
		}, messaging.HandlerOptions{})
		must(t, err)
		must(t, w.Start(t.Context()))
		w.send(t, "t", 1, "")
		time.Sleep(time.Minute)
		synctest.Wait()
		got, _ := dead.all()
		equal(t, got, 1)
	})
}

func TestHandlerMayChangeItsPayload(t *testing.T) {
	bubble(t, "each run and the dead letter get the original", func(t *testing.T) {
		w := newWorld(t, nil)
		dead := collect[[]byte](t, w, "t-dlq", messaging.HandlerOptions{})
		var seen []string
		_, err := messaging.On(w.Client, "t", func(_ context.Context, payload []byte, _ messaging.Meta) error {
			seen = append(seen, string(payload))
			clear(payload)
			return errors.New("no")
		}, messaging.HandlerOptions{Strategy: ports.Failover})
		must(t, err)
		must(t, w.Start(t.Context()))
		w.send(t, "t", []byte("raw"), "")
		time.Sleep(time.Minute)
		synctest.Wait()
		equal(t, seen, "raw", "raw", "raw")
		got, _ := dead.all()
		if len(got) != 1 || string(got[0]) != "raw" {
			t.Fatalf("dead letters %q", got)
		}
	})
}

func TestOnEventTakesTheProcessQueue(t *testing.T) {
	bubble(t, "event", func(t *testing.T) {
		o := memory.NewOrchestrator(nil)
		defer func() { must(t, o.Close(context.WithoutCancel(t.Context()))) }()
		w := newWorld(t, func(c *messaging.Config) { c.Orchestrator = o })
		p := process.New("p", func(_ *process.Context, n int) (int, error) { return n + 1, nil }, process.Options{Queue: "q"})
		_, err := messaging.OnEvent(w.Client, "t", p, messaging.EventOptions{})
		must(t, err)
		must(t, w.Start(t.Context()))
		r := w.send(t, "t", 1, "", messaging.WithHeader("traceparent", "00-1"))
		synctest.Wait()
		d, err := o.Describe(t.Context(), ports.Run{ID: "t/" + r.ID})
		must(t, err)
		if d.Process != "p" || d.Queue != "q" {
			t.Fatalf("started %+v", d)
		}
	})
}
