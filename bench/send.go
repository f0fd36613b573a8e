package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// sendBenchmarks show what resilience adds to a publish while all is well: SmartSend, with its breaker, per-try timeout,
// order per key and emergency store, beside the usual composition of failsafe-go's fallback, retry and breaker around the
// same Broker.Publish of the same message. One goroutine; the topic has no reader. SmartSend also makes the message's id,
// a uuid, unless it is given one: the second benchmark gives it, as the other side has it.
func sendBenchmarks() []benchmark {
	const n, peer = 300_000, "failsafe-go v0.9.8"
	figures := []figure{nsPerOp, allocsPerOp}
	return []benchmark{
		{name: "send-added", n: n, peerName: peer, base: barePublish, ours: smartSend(), peer: failsafePublish, figures: figures},
		{name: "send-added-id-given", n: n, peerName: peer, base: barePublish, ours: smartSend(messaging.WithID(sendID)), peer: failsafePublish, figures: figures},
	}
}

const sendID = "0190e0b4-7b1e-7c62-8a3f-0d0e8f7f9a11"

// sendPayload is JSON of payloadSize bytes.
func sendPayload() json.RawMessage {
	return fmt.Appendf(nil, "%q", bytes.Repeat([]byte("x"), payloadSize-2))
}

// sendServer keeps nothing that no group wants, so that a publish is measured and not a growing backlog.
func sendServer() *memory.Server {
	return memory.NewServer(memory.ServerOptions{RetainUnclaimed: -1})
}

func sendMessage() *ports.Message {
	return &ports.Message{ID: sendID, Topic: topic, Key: "user-8848", Payload: sendPayload()}
}

// repeat calls send n times.
func repeat(send func() error) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		for range n {
			if err := send(); err != nil {
				return err
			}
		}
		return nil
	}
}

func barePublish(ctx context.Context) (workload, error) {
	broker, m := memory.NewBroker(sendServer()), sendMessage()
	return workload{stop: broker.Close, run: repeat(func() error {
		_, err := broker.Publish(ctx, m)
		return err
	})}, nil
}

func failsafePublish(ctx context.Context) (workload, error) {
	broker, m := memory.NewBroker(sendServer()), sendMessage()
	breaker := circuitbreaker.NewBuilder[any]().WithFailureThreshold(5).WithDelay(30 * time.Second).Build()
	retry := retrypolicy.NewBuilder[any]().WithMaxRetries(2).WithBackoff(100*time.Millisecond, time.Second).Build()
	other := fallback.NewWithFunc(func(failsafe.Execution[any]) (any, error) {
		return nil, errors.New("the fallback was asked while all is well")
	})
	executor := failsafe.With[any](other, retry, breaker)
	return workload{stop: broker.Close, run: repeat(func() error {
		return executor.WithContext(ctx).Run(func() error {
			_, err := broker.Publish(ctx, m)
			return err
		})
	})}, nil
}

func smartSend(options ...messaging.SendOption) setup {
	return func(ctx context.Context) (workload, error) {
		broker, store := memory.NewBroker(sendServer()), memory.NewBroker(nil)
		client, err := messaging.New(messaging.Config{Service: "bench", Primary: broker, Fallback: store})
		if err != nil {
			return workload{}, err
		}
		if err := client.Start(ctx); err != nil {
			return workload{}, err
		}
		payload := sendPayload()
		run := repeat(func() error {
			receipt, err := client.SmartSend(ctx, topic, payload, "user-8848", options...)
			if err == nil && receipt.Stranded {
				err = errors.New("a message was stranded while all is well")
			}
			return err
		})
		check := func(_ context.Context, n int) error {
			if sent := client.Stats().Sent; sent != int64(n) {
				return fmt.Errorf("%d messages were sent; want %d", sent, n)
			}
			return nil
		}
		stop := func(ctx context.Context) error {
			return errors.Join(client.Close(ctx), broker.Close(ctx), store.Close(ctx))
		}
		return workload{run: run, check: check, stop: stop}, nil
	}
}
