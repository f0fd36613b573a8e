package memory_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// BenchmarkPublishToAck is the time a message takes from 8 publishers, through one topic, to the ack of 8 consumers.
func BenchmarkPublishToAck(b *testing.B) {
	for _, s := range ports.Strategies {
		b.Run(s.String(), func(b *testing.B) { publishToAck(b, s, 8, 8) })
	}
	b.Run("one-to-one", func(b *testing.B) { publishToAck(b, ports.LoadBalanced, 1, 1) })
}

func publishToAck(b *testing.B, strategy ports.Strategy, publishers, consumers int) {
	ctx := b.Context()
	broker := memory.NewBroker(nil)
	total, copies := b.N, 1
	if strategy == ports.Broadcast {
		copies = consumers
	}
	subscriptions := consumers
	if strategy == ports.Exclusive {
		subscriptions = 1
	}
	var subs []ports.Subscription
	for range subscriptions {
		s, err := broker.Subscribe(ctx, ports.SubscribeOptions{Topic: "bench", Group: "g", Strategy: strategy})
		if err != nil {
			b.Fatal(err)
		}
		subs = append(subs, s)
	}
	payload := make([]byte, 256)
	keys := make([]string, 64)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	var acked, consuming, publishing sync.WaitGroup
	acked.Add(total * copies)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range consumers {
		consuming.Go(func() { consume(ctx, b, subs[i%len(subs)], &acked) })
	}
	for p := range publishers {
		publishing.Go(func() {
			for i := p; i < total; i += publishers {
				m := ports.Message{ID: "id", Topic: "bench", Key: keys[i%len(keys)], Payload: payload}
				if _, err := broker.Publish(ctx, &m); err != nil {
					b.Error(err)
				}
			}
		})
	}
	publishing.Wait()
	acked.Wait()
	b.StopTimer()
	_ = broker.Close(ctx)
	consuming.Wait()
}

func consume(ctx context.Context, b *testing.B, s ports.Subscription, acked *sync.WaitGroup) {
	for {
		d, err := s.Receive(ctx)
		if errors.Is(err, ports.ErrClosed) {
			return
		}
		if err == nil {
			err = d.Ack(ctx)
		}
		if err != nil {
			b.Error(err)
			return
		}
		acked.Done()
	}
}

// BenchmarkPublish is the cost of a publish that nobody waits for, by the number of groups on the topic.
func BenchmarkPublish(b *testing.B) {
	for _, groups := range []int{0, 1, 4} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			ctx := b.Context()
			broker := memory.NewBroker(nil)
			for g := range groups {
				if _, err := broker.Subscribe(ctx, ports.SubscribeOptions{
					Topic: "bench", Group: strconv.Itoa(g), Strategy: ports.LoadBalanced}); err != nil {
					b.Fatal(err)
				}
			}
			m := &ports.Message{ID: "id", Topic: "bench", Payload: make([]byte, 256)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := broker.Publish(ctx, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
