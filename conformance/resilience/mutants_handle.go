package resilience

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/ports"
)

// delivers is a mutant whose broker hands out other deliveries.
func delivers(change func(ports.Delivery) ports.Delivery) func(*messaging.Config) {
	return primary(brokenBroker{delivery: change})
}

// cases that need a handler's failure to be seen.
var failureCases = ids("failed-runs-are-repeated panic-is-a-failed-run timeout-is-a-failed-run " +
	"late-return-counts-for-nothing backoff-doubles key-waits-for-its-retry " +
	"others-go-on-during-a-retry failures-are-not-remembered spent-runs-make-a-dead-letter " +
	"dead-letter-is-the-message dead-letter-hides-the-payload unsent-dead-letter-keeps-the-message " +
	"close-hands-back-the-rest event-outlives-the-orchestrators-outage lost-lease-ends-the-handler " +
	"acknowledges-after-success close-cut-short-ends-handlers")

// except leaves one case out.
func except(all []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(id string) bool { return id == port+"/"+name })
}

func handlerMutants() []Mutant {
	nothing := func(context.Context, ports.Delivery) error { return nil }
	nackNothing := func(context.Context, ports.Delivery, time.Duration) error { return nil }
	return []Mutant{
		{
			Name: "ack-before-handling", Clauses: []string{"RS-031"}, Kills: ids("acknowledges-after-success"),
			AlsoFails: append(except(failureCases, "acknowledges-after-success"), ids("undecodable-goes-at-once")...),
			config: primary(brokenBroker{receive: func(ctx context.Context, next ports.Subscription) (ports.Delivery, error) {
				d, err := next.Receive(ctx)
				if err != nil {
					return nil, err
				}
				if err := d.Ack(ctx); err != nil {
					return nil, err
				}
				return &brokenDelivery{Delivery: d, ack: nothing, nack: nackNothing, extend: nothing}, nil
			}}),
		},
		{
			Name: "ack-on-handler-error", Clauses: []string{"RS-032"}, Kills: ids("failed-runs-are-repeated"),
			AlsoFails: except(failureCases, "failed-runs-are-repeated"),
			config: delivers(func(d ports.Delivery) ports.Delivery {
				return &brokenDelivery{Delivery: d, nack: func(ctx context.Context, next ports.Delivery, _ time.Duration) error { return next.Ack(ctx) }}
			}),
		},
		{
			Name: "swallow-error", Clauses: []string{"RS-032"}, Kills: ids("failed-runs-are-repeated"),
			AlsoFails: except(failureCases, "failed-runs-are-repeated"),
			handle: func(h handler, _ messaging.HandlerOptions) handler {
				return func(ctx context.Context, n int, m messaging.Meta) error {
					_ = h(ctx, n, m) // the mutant
					return nil
				}
			},
		},
		{
			Name: "swallow-panic", Clauses: []string{"RS-033"}, Kills: ids("panic-is-a-failed-run"),
			AlsoFails: ids("spent-runs-make-a-dead-letter"),
			handle: func(h handler, _ messaging.HandlerOptions) handler {
				return func(ctx context.Context, n int, m messaging.Meta) error {
					defer func() { _ = recover() }()
					return h(ctx, n, m)
				}
			},
		},
		{
			Name: "timeout-ignored", Clauses: []string{"RS-034", "RS-035"},
			Kills:     ids("timeout-is-a-failed-run hung-handler-holds-up-nothing"),
			AlsoFails: ids("late-return-counts-for-nothing spent-runs-make-a-dead-letter"),
			options:   func(o *messaging.HandlerOptions) { o.Timeout = time.Hour },
		},
		{
			Name: "late-return-counts", Clauses: []string{"RS-036"}, Kills: ids("late-return-counts-for-nothing"),
			AlsoFails: ids("timeout-is-a-failed-run spent-runs-make-a-dead-letter hung-handler-holds-up-nothing"),
			options:   func(o *messaging.HandlerOptions) { o.Timeout = time.Hour },
			handle: func(h handler, asked messaging.HandlerOptions) handler {
				return func(ctx context.Context, n int, m messaging.Meta) error {
					if asked.Timeout > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, asked.Timeout)
						defer cancel()
					}
					return h(ctx, n, m)
				}
			},
		},
		{
			Name: "retries-at-once", Clauses: []string{"RS-037"}, Kills: ids("backoff-doubles"),
			AlsoFails: ids("others-go-on-during-a-retry close-hands-back-the-rest late-return-counts-for-nothing"),
			options:   func(o *messaging.HandlerOptions) { o.Backoff = 1 },
		},
		{
			Name: "sticky-as-shared", Clauses: []string{"RS-038"}, Kills: ids("key-waits-for-its-retry"),
			AlsoFails: ids("close-hands-back-the-rest"),
			options: func(o *messaging.HandlerOptions) {
				if o.Strategy.Ordered() {
					o.Strategy = ports.LoadBalanced
				}
			},
		},
		{
			Name: "retry-holds-up-others", Clauses: []string{"RS-039"}, Kills: ids("others-go-on-during-a-retry"),
			AlsoFails: ids("concurrency-is-a-bound acknowledges-after-success lease-outlives-a-slow-handler " +
				"lost-lease-ends-the-handler hung-handler-holds-up-nothing"),
			options: func(o *messaging.HandlerOptions) {
				if o.Strategy == 0 {
					o.Strategy = ports.Failover
				}
			},
		},
		{
			Name: "no-heartbeat", Clauses: []string{"RS-040"}, Kills: ids("lease-outlives-a-slow-handler"),
			config: delivers(func(d ports.Delivery) ports.Delivery { return &brokenDelivery{Delivery: d, extend: nothing} }),
		},
		{
			Name: "lost-lease-unnoticed", Clauses: []string{"RS-041"}, Kills: ids("lost-lease-ends-the-handler"),
			AlsoFails: ids("lease-outlives-a-slow-handler"),
			config: delivers(func(d ports.Delivery) ports.Delivery {
				return &brokenDelivery{Delivery: d, extend: nothing, lost: make(chan struct{})}
			}),
		},
		{
			Name: "concurrency-ignored", Clauses: []string{"RS-042"}, Kills: ids("concurrency-is-a-bound"),
			options: func(o *messaging.HandlerOptions) { o.Concurrency = 8 },
		},
		{
			Name: "repeats-not-dropped", Clauses: []string{"RS-043"}, Kills: ids("repeats-are-dropped"),
			options: func(o *messaging.HandlerOptions) { o.DropRepeats = 0 },
		},
		{
			Name: "remembers-before-success", Clauses: []string{"RS-044"}, Kills: ids("failures-are-not-remembered"),
			config: func(c *messaging.Config) {
				if c.KeyValue != nil {
					c.KeyValue = &eagerMemory{c.KeyValue}
				}
			},
		},
	}
}

// eagerMemory records what it is asked for.
type eagerMemory struct{ ports.KeyValue }

func (kv *eagerMemory) Exists(ctx context.Context, keys ...string) (int64, error) {
	n, err := kv.KeyValue.Exists(ctx, keys...)
	for _, key := range keys {
		err = errors.Join(err, kv.Set(ctx, key, nil, ports.SetOptions{TTL: time.Minute}))
	}
	return n, err
}

// deadLetters is a mutant that publishes dead letters in another way.
func deadLetters(how func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error)) func(*messaging.Config) {
	return primary(brokenBroker{publish: func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
		if !strings.HasSuffix(m.Topic, messaging.DeadLetterSuffix) {
			return next.Publish(ctx, m)
		}
		return how(ctx, m.Clone(), next)
	}})
}

func deadLetterMutants() []Mutant {
	return []Mutant{
		{
			Name: "dead-letters-dropped", Clauses: []string{"RS-045"}, Kills: ids("spent-runs-make-a-dead-letter"),
			AlsoFails: ids("dead-letter-is-the-message dead-letter-hides-the-payload unsent-dead-letter-keeps-the-message " +
				"undecodable-goes-at-once dead-letter-by-hand refused-holds-up-nothing"),
			config: deadLetters(func(context.Context, *ports.Message, ports.Broker) (string, error) { return "1", nil }),
		},
		{
			Name: "dead-letter-loses-headers", Clauses: []string{"RS-046"}, Kills: ids("dead-letter-is-the-message"),
			config: deadLetters(func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				for name := range m.Headers {
					if !strings.HasPrefix(name, "breakwater-dead-") {
						delete(m.Headers, name)
					}
				}
				return next.Publish(ctx, m)
			}),
		},
		{
			Name: "dead-letter-quotes-the-payload", Clauses: []string{"RS-047"}, Kills: ids("dead-letter-hides-the-payload"),
			AlsoFails: ids("dead-letter-by-hand"),
			config: deadLetters(func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				m.Headers[messaging.HeaderDeadError] += fmt.Sprintf(" while handling %s", m.Payload)
				return next.Publish(ctx, m)
			}),
		},
		{
			Name: "ack-without-dead-letter", Clauses: []string{"RS-048"}, Kills: ids("unsent-dead-letter-keeps-the-message"),
			config: deadLetters(func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				_, _ = next.Publish(ctx, m) // the mutant
				return "1", nil
			}),
		},
		{
			Name: "stop-on-bad-payload", Clauses: []string{"RS-049"}, Kills: ids("undecodable-goes-at-once"),
			AlsoFails: ids("dead-letter-hides-the-payload"),
			config: func(c *messaging.Config) {
				var stopped atomic.Bool
				primary(brokenBroker{receive: func(ctx context.Context, next ports.Subscription) (ports.Delivery, error) {
					d, err := next.Receive(ctx)
					if stopped.Load() { // the loops that waited when another met the bad payload end too
						<-ctx.Done()
						return nil, ports.ContextError(ctx, "mutant", "receive")
					}
					var n int
					if err == nil && json.Unmarshal(d.Message().Payload, &n) != nil {
						stopped.Store(true)
					}
					return d, err
				}})(c)
			},
		},
		{
			Name: "dead-letter-by-hand-dropped", Clauses: []string{"RS-050"}, Kills: ids("dead-letter-by-hand"),
			AlsoFails: ids("refused-holds-up-nothing dead-letter-hides-the-payload"),
			config: deadLetters(func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				if m.Headers[messaging.HeaderDeadGroup] == "" {
					return "1", nil
				}
				return next.Publish(ctx, m)
			}),
		},
	}
}

// brokenOrchestrator starts processes in another way.
type brokenOrchestrator struct {
	ports.Orchestrator
	start func(ctx context.Context, r ports.StartRequest, next ports.Orchestrator) (ports.Run, error)
}

func (o *brokenOrchestrator) Start(ctx context.Context, r ports.StartRequest) (ports.Run, error) {
	return o.start(ctx, r, o.Orchestrator)
}

func starts(how func(ctx context.Context, r ports.StartRequest, next ports.Orchestrator) (ports.Run, error)) func(*messaging.Config) {
	return func(c *messaging.Config) {
		if c.Orchestrator != nil {
			c.Orchestrator = &brokenOrchestrator{c.Orchestrator, how}
		}
	}
}

func eventMutants() []Mutant {
	return []Mutant{
		{
			Name: "restarts-closed-id", Clauses: []string{"RS-051"}, Kills: ids("event-starts-one-process"),
			config: starts(func(ctx context.Context, r ports.StartRequest, next ports.Orchestrator) (ports.Run, error) {
				r.Reuse = ports.ReuseClosed
				return next.Start(ctx, r)
			}),
		},
		{
			Name: "ack-without-start", Clauses: []string{"RS-052"}, Kills: ids("event-outlives-the-orchestrators-outage"),
			config: starts(func(ctx context.Context, r ports.StartRequest, next ports.Orchestrator) (ports.Run, error) {
				if run, err := next.Start(ctx, r); err == nil {
					return run, nil
				}
				return ports.Run{ID: r.ID}, nil
			}),
		},
		{
			Name: "outage-makes-dead-letters", Clauses: []string{"RS-052"}, Kills: ids("event-outlives-the-orchestrators-outage"),
			config: starts(func(ctx context.Context, r ports.StartRequest, next ports.Orchestrator) (ports.Run, error) {
				run, err := next.Start(ctx, r)
				if err != nil {
					err = errors.New("not started")
				}
				return run, err
			}),
		},
	}
}

func closeMutants() []Mutant {
	return []Mutant{
		{
			Name: "close-does-not-wait", Clauses: []string{"RS-053"}, Kills: ids("close-waits-for-handlers"),
			AlsoFails: ids("close-cut-short-ends-handlers close-hands-back-the-rest crash-repeats-with-the-id " +
				"restart-counts-as-stranded"),
			close: func(c *client, _ messaging.Config) closeFunc {
				sound := c.close
				return func(ctx context.Context) error {
					ctx, cancel := context.WithCancel(ctx)
					cancel()
					_ = sound(ctx) // the mutant
					return nil
				}
			},
		},
		{
			Name: "keeps-the-rest", Clauses: []string{"RS-054"}, Kills: ids("close-hands-back-the-rest"),
			AlsoFails: ids("acknowledges-after-success close-waits-for-handlers"),
			config: primary(brokenBroker{
				delivery: func(d ports.Delivery) ports.Delivery {
					return &brokenDelivery{Delivery: d, nack: func(ctx context.Context, next ports.Delivery, delay time.Duration) error {
						if delay == 0 {
							return nil
						}
						return next.Nack(ctx, delay)
					}}
				},
				closing: func(context.Context, ports.Subscription) error { return nil },
			}),
		},
		{
			Name: "close-ignores-its-context", Clauses: []string{"RS-055"}, Kills: ids("close-cut-short-ends-handlers"),
			AlsoFails: ids("acknowledges-after-success"),
			close: func(c *client, _ messaging.Config) closeFunc {
				sound := c.close
				return func(ctx context.Context) error { return sound(context.WithoutCancel(ctx)) }
			},
		},
		{
			Name: "sends-after-close", Clauses: []string{"RS-056"}, Kills: ids("closed-client-sends-nothing"),
			send: sends(func(ctx context.Context, _ *client, config messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				if errors.Is(err, ports.ErrClosed) {
					_, err = config.Primary.Publish(ctx, &ports.Message{ID: rand.Text(), Topic: topic, Key: key, Payload: []byte("1")})
				}
				return r, err
			}),
		},
	}
}
