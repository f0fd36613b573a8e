package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

const (
	publishers  = 8
	consumers   = 8
	payloadSize = 1024
	topic       = "bench"
)

// brokerBenchmarks time a message from its publish to the consumer's ack, 8 publishers and 8 consumers that share the
// work. Both sides publish the same ids and payloads and return from a publish before the message is handled. Watermill's
// gochannel has no groups: its consumers share one subscription's channel. It hands the publisher's payload to the
// consumer, where our contract copies it twice.
func brokerBenchmarks() []benchmark {
	return []benchmark{{
		name: "broker-publish-to-ack", n: 40_000, peerName: "watermill v1.5.1 gochannel",
		ours: ourBroker, peer: watermillBroker, figures: []figure{nsPerOp},
	}}
}

// tally counts acked messages, and adds up their numbers to see that each came once.
type tally struct {
	want      int64
	acked     atomic.Int64
	sum       atomic.Int64
	failed    atomic.Pointer[error]
	completed chan struct{}
	end       sync.Once
}

func newTally(n int) *tally { return &tally{want: int64(n), completed: make(chan struct{})} }

func (t *tally) ack(payload []byte) {
	t.sum.Add(int64(binary.LittleEndian.Uint64(payload)))
	if t.acked.Add(1) == t.want {
		t.end.Do(func() { close(t.completed) })
	}
}

func (t *tally) fail(err error) {
	t.failed.CompareAndSwap(nil, &err)
	t.end.Do(func() { close(t.completed) })
}

// wait returns when all messages were acked.
func (t *tally) wait(ctx context.Context) error {
	select {
	case <-t.completed:
	case <-ctx.Done():
		return fmt.Errorf("%d of %d messages were acked: %w", t.acked.Load(), t.want, ctx.Err())
	}
	if err := t.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (t *tally) check() error {
	if acked, sum := t.acked.Load(), t.sum.Load(); acked != t.want || sum != t.want*(t.want-1)/2 {
		return fmt.Errorf("%d messages were acked, their numbers add up to %d; want each of %d once", acked, sum, t.want)
	}
	return nil
}

// publishAll lets the publishers share n messages, numbered in their payloads.
func publishAll(n int, publish func(id string, payload []byte) error) error {
	errs := make([]error, publishers)
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := p; i < n && errs[p] == nil; i += publishers {
				payload := make([]byte, payloadSize)
				binary.LittleEndian.PutUint64(payload, uint64(i))
				errs[p] = publish(strconv.Itoa(i), payload)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func ourBroker(ctx context.Context) (workload, error) {
	broker := memory.NewBroker(nil)
	var subs []ports.Subscription
	for range consumers {
		s, err := broker.Subscribe(ctx, ports.SubscribeOptions{Topic: topic, Group: "g", Strategy: ports.LoadBalanced})
		if err != nil {
			return workload{}, err
		}
		subs = append(subs, s)
	}
	var t *tally
	var consuming sync.WaitGroup
	run := func(ctx context.Context, n int) error {
		t = newTally(n)
		for _, s := range subs {
			consuming.Go(func() { consumeOurs(ctx, s, t) })
		}
		err := publishAll(n, func(id string, payload []byte) error {
			_, err := broker.Publish(ctx, &ports.Message{ID: id, Topic: topic, Payload: payload})
			return err
		})
		if err != nil {
			return err
		}
		return t.wait(ctx)
	}
	return workload{run: run, check: func(context.Context, int) error { return t.check() }, stop: func(ctx context.Context) error {
		err := broker.Close(ctx)
		consuming.Wait()
		return err
	}}, nil
}

func consumeOurs(ctx context.Context, s ports.Subscription, t *tally) {
	for {
		d, err := s.Receive(ctx)
		if errors.Is(err, ports.ErrClosed) {
			return
		}
		if err == nil {
			err = d.Ack(ctx)
		}
		if err != nil {
			t.fail(err)
			return
		}
		t.ack(d.Message().Payload)
	}
}

func watermillBroker(ctx context.Context) (workload, error) {
	broker := gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: ports.DefaultPrefetch}, watermill.NopLogger{})
	messages, err := broker.Subscribe(ctx, topic)
	if err != nil {
		return workload{}, err
	}
	var t *tally
	var consuming sync.WaitGroup
	run := func(ctx context.Context, n int) error {
		t = newTally(n)
		for range consumers {
			consuming.Go(func() {
				for m := range messages {
					if !m.Ack() {
						t.fail(errors.New("a message was nacked"))
						return
					}
					t.ack(m.Payload)
				}
			})
		}
		err := publishAll(n, func(id string, payload []byte) error {
			return broker.Publish(topic, message.NewMessage(id, payload))
		})
		if err != nil {
			return err
		}
		return t.wait(ctx)
	}
	return workload{run: run, check: func(context.Context, int) error { return t.check() }, stop: func(context.Context) error {
		err := broker.Close()
		consuming.Wait()
		return err
	}}, nil
}
