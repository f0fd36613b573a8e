package messaging_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// userClient is a client with one handler on "t" and one that collects its dead letters.
func userClient(t *testing.T, h func(context.Context, int, messaging.Meta) error) (*messaging.Client, <-chan messaging.DeadLetter) {
	t.Helper()
	client, err := messaging.New(messaging.Config{Service: "s", Primary: memory.NewBroker(nil)})
	if err != nil {
		t.Fatal(err)
	}
	dead := make(chan messaging.DeadLetter, 10)
	_, err = messaging.On(client, "t"+messaging.DeadLetterSuffix, func(_ context.Context, _ int, m messaging.Meta) error {
		d, _ := messaging.ParseDeadLetter(m.Headers)
		dead <- d
		return nil
	}, messaging.HandlerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := messaging.On(client, "t", h, messaging.HandlerOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client, dead
}

func closeClient(t *testing.T, c *messaging.Client) {
	t.Helper()
	if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestATypedNilErrorIsAPanicOfTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, dead := userClient(t, func(context.Context, int, messaging.Meta) error {
			var err *nilError
			return err
		})
		defer closeClient(t, client)
		if _, err := client.SmartSend(t.Context(), "t", 1, ""); err != nil {
			t.Fatal(err)
		}
		if d := <-dead; d.Reason != messaging.ReasonPanic || d.Attempts != 3 {
			t.Errorf("%+v", d)
		}
	})
}

func TestANonRetryableErrorIsDeadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, dead := userClient(t, func(context.Context, int, messaging.Meta) error {
			return process.NonRetryable(errors.New("card 1 of 10 is unknown"))
		})
		defer closeClient(t, client)
		begin := time.Now()
		if _, err := client.SmartSend(t.Context(), "t", 1, ""); err != nil {
			t.Fatal(err)
		}
		d := <-dead
		if d.Attempts != 1 || time.Since(begin) > 0 || !strings.Contains(d.Err, "card [payload] of 10") {
			t.Errorf("%+v after %v", d, time.Since(begin))
		}
	})
}

func TestEveryCloseWaitsForTheHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		client, _ := userClient(t, func(context.Context, int, messaging.Meta) error { <-release; return nil })
		if _, err := client.SmartSend(t.Context(), "t", 1, ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := client.Close(ctx); ports.KindOf(err) != ports.ErrTimeout {
				t.Errorf("close beside a handler that runs: %v", err)
			}
			cancel()
		}
		close(release)
		closeClient(t, client)
	})
}

func TestOnEventTakesAnyID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.WithoutCancel(t.Context())
		o := memory.NewOrchestrator(nil)
		started := make(chan string, 1)
		p := process.New("p", func(c *process.Context, _ int) (int, error) { started <- c.Info().ID; return 0, nil }, process.Options{})
		workers, err := process.NewWorkers(process.WorkersConfig{Orchestrator: o, Definitions: []process.Definition{p}})
		if err != nil {
			t.Fatal(err)
		}
		if err := workers.Start(ctx); err != nil {
			t.Fatal(err)
		}
		client, err := messaging.New(messaging.Config{Service: "s", Primary: memory.NewBroker(nil), Orchestrator: o})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := messaging.OnEvent(client, "ev ü", p, messaging.EventOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := client.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := client.SmartSend(ctx, "ev ü", 1, "", messaging.WithID("jürgen")); err != nil {
			t.Fatal(err)
		}
		if id := <-started; id != "ev %C3%BC/j%C3%BCrgen" {
			t.Errorf("id %q", id)
		}
		if err := errors.Join(workers.Drain(ctx), client.Close(ctx), o.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
}
