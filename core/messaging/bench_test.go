package messaging_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/resilience"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// instant is a broker that takes every message at once, so that what stands around it shows. Like a real one it checks its
// context; like a remote one it may wait for it.
type instant struct {
	ports.Broker
	waits bool
}

func (b *instant) Publish(ctx context.Context, _ *ports.Message) (string, error) {
	if b.waits {
		select {
		case <-ctx.Done():
		default:
		}
	}
	return "1", ctx.Err()
}

// BenchmarkResilience is what a breaker, a timeout and a fallback add to one healthy publish of a message that is made
// already: nothing around it, Sender, and the library's policies as usually composed.
func BenchmarkResilience(b *testing.B) {
	store := memory.NewBroker(nil)
	m := &ports.Message{ID: "id", Topic: "t", Key: "k", Payload: []byte("{}")}
	sender := func(b *testing.B, broker ports.Broker) *resilience.Sender {
		s, err := resilience.New(resilience.Config{Primary: broker, Fallback: store})
		if err == nil {
			err = s.Start(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close(context.WithoutCancel(b.Context())) })
		return s
	}
	b.Run("bare", func(b *testing.B) {
		broker := &instant{}
		b.ReportAllocs()
		for b.Loop() {
			_, _ = broker.Publish(b.Context(), m)
		}
	})
	for name, broker := range map[string]ports.Broker{"sender": &instant{}, "sender/driver-waits-on-context": &instant{waits: true}} {
		b.Run(name, func(b *testing.B) {
			s := sender(b, broker)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Send(b.Context(), m, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("failsafe-composed", func(b *testing.B) {
		broker := &instant{}
		breaker := circuitbreaker.NewBuilder[string]().WithFailureThreshold(5).WithDelay(30 * time.Second).Build()
		retry := retrypolicy.NewBuilder[string]().WithMaxRetries(2).Build()
		spare := fallback.NewWithFunc(func(failsafe.Execution[string]) (string, error) { return "", errors.New("down") })
		b.ReportAllocs()
		for b.Loop() {
			_, err := failsafe.With[string](spare, retry, breaker).WithContext(b.Context()).GetWithExecution(func(e failsafe.Execution[string]) (string, error) {
				return broker.Publish(e.Context(), m)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSmartSend is the whole way of a healthy message into the memory broker, beside a publish of one that is made
// already.
func BenchmarkSmartSend(b *testing.B) {
	type order struct{ ID, Item string }
	payload := order{"1", "tent"}
	client := func(b *testing.B, broker ports.Broker) *messaging.Client {
		c, err := messaging.New(messaging.Config{Primary: broker, Fallback: memory.NewBroker(nil)})
		if err == nil {
			err = c.Start(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close(context.WithoutCancel(b.Context())) })
		return c
	}
	b.Run("publish", func(b *testing.B) {
		broker := memory.NewBroker(nil)
		b.ReportAllocs()
		for b.Loop() {
			m := &ports.Message{ID: "id", Topic: "t", Key: "k", Payload: []byte(`{"ID":"1","Item":"tent"}`)}
			if _, err := broker.Publish(b.Context(), m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("smart-send", func(b *testing.B) {
		c := client(b, memory.NewBroker(nil))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.SmartSend(b.Context(), "t", payload, "k"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("smart-send/bytes-with-id", func(b *testing.B) {
		c := client(b, memory.NewBroker(nil))
		raw := []byte(`{"ID":"1","Item":"tent"}`)
		id := messaging.WithID("id")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.SmartSend(b.Context(), "t", raw, "k", id); err != nil {
				b.Fatal(err)
			}
		}
	})
}
