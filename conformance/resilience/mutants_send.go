package resilience

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/resilience"
	"github.com/breakwater-go/breakwater/ports"
)

func allMutants() []Mutant {
	return slices.Concat(sendMutants(), orderMutants(), replayMutants(), handlerMutants(), deadLetterMutants(), eventMutants(), closeMutants())
}

// sends is a mutant whose client sends in another way.
func sends(how func(ctx context.Context, c *client, config messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error)) func(*client, messaging.Config) sendFunc {
	return func(c *client, config messaging.Config) sendFunc {
		sound := c.send
		return func(ctx context.Context, topic string, payload any, key string, o ...messaging.SendOption) (messaging.Receipt, error) {
			return how(ctx, c, config, sound, topic, payload, key, o)
		}
	}
}

// strandAnyway puts into the store what a sound client would not.
func strandAnyway(ctx context.Context, config messaging.Config, id, topic string, payload any, key string) (messaging.Receipt, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return messaging.Receipt{}, err
	}
	if raw, ok := payload.([]byte); ok {
		body = raw
	}
	err = config.Fallback.Strand(ctx, &ports.Message{ID: id, Topic: topic, Key: key, Payload: body}, time.Now())
	return messaging.Receipt{ID: id, Stranded: err == nil}, err
}

func sendMutants() []Mutant {
	return []Mutant{
		{
			Name: "swallow-send-error", Clauses: []string{"RS-001", "RS-002"},
			Kills:     []string{"resilience/nil-means-a-backend-has-it", "resilience/both-down-is-one-error"},
			AlsoFails: []string{"resilience/receipt-names-the-id", "resilience/critical-is-never-stranded", "resilience/declared-level-only-raises", "resilience/breaker-probes-and-closes", "resilience/order-without-the-store"},
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				if errors.Is(err, ports.ErrUnavailable) {
					err = nil
				}
				return r, err
			}),
		},
		{
			Name: "tells-one-cause", Clauses: []string{"RS-002"}, Kills: []string{"resilience/both-down-is-one-error"},
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				if err != nil {
					err = &ports.Error{Op: "send", Driver: "mutant", Kind: ports.KindOf(err)}
				}
				return r, err
			}),
		},
		{
			Name: "receipt-hides-stranding", Clauses: []string{"RS-003"}, Kills: []string{"resilience/primary-down-strands"},
			AlsoFails: []string{"resilience/silent-primary-is-given-up", "resilience/breaker-opens", "resilience/critical-is-never-stranded", "resilience/later-sends-queue-behind",
				"resilience/no-key-is-one-key", "resilience/restart-counts-as-stranded", "resilience/restart-without-the-store", "resilience/availability-without-the-store",
				"resilience/order-without-the-store", "resilience/other-keys-pass", "resilience/one-instance-replays"},
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				r.Stranded = false
				return r, err
			}),
		},
		{
			Name: "strands-answers", Clauses: []string{"RS-004", "RS-011"},
			Kills:     []string{"resilience/answers-are-returned", "resilience/answers-leave-the-breaker-closed"},
			AlsoFails: []string{"resilience/refused-holds-up-nothing", "resilience/callers-end-strands-nothing", "resilience/unsent-dead-letter-keeps-the-message"},
			config: primary(brokenBroker{publish: func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				position, err := next.Publish(ctx, m)
				if err != nil && ctx.Err() == nil {
					err = &ports.Error{Op: "publish", Driver: "mutant", Kind: ports.ErrUnavailable, Err: err}
				}
				return position, err
			}}),
		},
		{
			Name: "strands-on-cancel", Clauses: []string{"RS-005"}, Kills: []string{"resilience/callers-end-strands-nothing"},
			AlsoFails: []string{"resilience/answers-leave-the-breaker-closed"},
			send: sends(func(ctx context.Context, _ *client, config messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				if ctx.Err() != nil && config.Fallback != nil {
					if _, stranded := strandAnyway(context.WithoutCancel(ctx), config, r.ID, topic, payload, key); stranded != nil {
						return r, stranded
					}
				}
				return r, err
			}),
		},
		{
			Name: "ignore-cancel", Clauses: []string{"RS-005"}, Kills: []string{"resilience/callers-end-strands-nothing"},
			AlsoFails: []string{"resilience/answers-leave-the-breaker-closed"},
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				return sound(context.WithoutCancel(ctx), topic, payload, key, o...)
			}),
		},
		{
			Name: "no-send-timeout", Clauses: []string{"RS-006"}, Kills: []string{"resilience/silent-primary-is-given-up"},
			config: func(c *messaging.Config) { c.SendTimeout = time.Hour },
		},
		{
			Name: "new-id-each-time", Clauses: []string{"RS-007"}, Kills: []string{"resilience/receipt-names-the-id"},
			AlsoFails: []string{"resilience/silent-primary-is-given-up", "resilience/replays-the-same-message", "resilience/repeats-are-dropped",
				"resilience/event-starts-one-process", "resilience/event-outlives-the-orchestrators-outage"},
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				return sound(ctx, topic, payload, key, append(slices.Clone(o), messaging.WithID(rand.Text()))...)
			}),
		},
		{
			Name: "escapes-html", Clauses: []string{"RS-008"}, Kills: []string{"resilience/payload-forms"},
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				if raw, ok := payload.([]byte); ok {
					return sound(ctx, topic, raw, key, o...)
				}
				escaped, err := json.Marshal(payload)
				if err != nil {
					return messaging.Receipt{}, err
				}
				return sound(ctx, topic, escaped, key, o...)
			}),
		},
		{
			Name: "drops-bad-headers", Clauses: []string{"RS-009"}, Kills: []string{"resilience/reserved-headers"},
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				if errors.Is(err, ports.ErrInvalid) && len(o) > 0 {
					return sound(ctx, topic, payload, key)
				}
				return r, err
			}),
		},
		{
			Name: "breaker-never-opens", Clauses: []string{"RS-010"}, Kills: []string{"resilience/breaker-opens"},
			AlsoFails: []string{"resilience/breaker-probes-and-closes"},
			config:    func(c *messaging.Config) { c.Breaker.Failures = 1 << 20 },
		},
		{
			Name: "counts-callers-ends", Clauses: []string{"RS-011"}, Kills: []string{"resilience/answers-leave-the-breaker-closed"},
			AlsoFails: []string{"resilience/callers-end-strands-nothing"},
			config: primary(brokenBroker{publish: func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				position, err := next.Publish(ctx, m)
				if errors.Is(err, ports.ErrCanceled) || errors.Is(err, ports.ErrTimeout) {
					err = &ports.Error{Op: "publish", Driver: "mutant", Kind: ports.ErrUnavailable}
				}
				return position, err
			}}),
		},
		{
			Name: "breaker-stays-open", Clauses: []string{"RS-012"}, Kills: []string{"resilience/breaker-probes-and-closes"},
			config: func(c *messaging.Config) { c.Breaker.OpenFor = time.Hour },
		},
		{
			Name: "strands-critical", Clauses: []string{"RS-013"}, Kills: []string{"resilience/critical-is-never-stranded"},
			AlsoFails: []string{"resilience/declared-level-only-raises"},
			send: sends(func(ctx context.Context, _ *client, config messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				if errors.Is(err, ports.ErrUnavailable) && config.Fallback != nil {
					if again, err := strandAnyway(ctx, config, r.ID, topic, payload, key); err == nil {
						return again, nil
					}
				}
				return r, err
			}),
		},
		{
			Name: "declaration-ignored", Clauses: []string{"RS-014"}, Kills: []string{"resilience/declared-level-only-raises"},
			AlsoFails: []string{"resilience/receipt-names-the-id", "resilience/silent-primary-is-given-up", "resilience/reserved-headers", "resilience/replays-the-same-message",
				"resilience/repeats-are-dropped", "resilience/dead-letter-is-the-message", "resilience/event-starts-one-process", "resilience/event-outlives-the-orchestrators-outage"},
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, _ []messaging.SendOption) (messaging.Receipt, error) {
				return sound(ctx, topic, payload, key)
			}),
		},
	}
}

func orderMutants() []Mutant {
	// overtakes sends to the primary first, whatever is stranded.
	overtakes := func(applies func(key string) bool) func(*client, messaging.Config) sendFunc {
		return sends(func(ctx context.Context, _ *client, config messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
			if _, raw := payload.([]byte); applies(key) && len(o) == 0 && !raw {
				if body, err := json.Marshal(payload); err == nil {
					id := rand.Text()
					if _, err := config.Primary.Publish(ctx, &ports.Message{ID: id, Topic: topic, Key: key, Payload: body}); err == nil {
						return messaging.Receipt{ID: id}, nil
					}
				}
			}
			return sound(ctx, topic, payload, key, o...)
		})
	}
	return []Mutant{
		{
			Name: "overtakes-stranded", Clauses: []string{"RS-015"}, Kills: []string{"resilience/later-sends-queue-behind"},
			AlsoFails: []string{"resilience/restart-counts-as-stranded", "resilience/restart-without-the-store", "resilience/availability-without-the-store",
				"resilience/order-without-the-store", "resilience/payload-forms", "resilience/breaker-opens", "resilience/breaker-probes-and-closes", "resilience/closed-client-sends-nothing"},
			send: overtakes(func(key string) bool { return key != "" }),
		},
		{
			Name: "holds-up-the-topic", Clauses: []string{"RS-016"}, Kills: []string{"resilience/other-keys-pass"},
			AlsoFails: []string{"resilience/order-without-the-store", "resilience/breaker-opens", "resilience/availability-without-the-store"},
			send: func(c *client, config messaging.Config) sendFunc {
				var mu sync.Mutex
				seen := map[string]bool{}
				return sends(func(ctx context.Context, _ *client, config messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
					mu.Lock()
					before := seen[topic]
					mu.Unlock()
					if before && len(o) == 0 && c.Stats().WaitingTopics > 0 {
						return strandAnyway(ctx, config, rand.Text(), topic, payload, key)
					}
					r, err := sound(ctx, topic, payload, key, o...)
					mu.Lock()
					defer mu.Unlock()
					seen[topic] = before || r.Stranded
					return r, err
				})(c, config)
			},
		},
		{
			Name: "keyless-overtakes", Clauses: []string{"RS-017"}, Kills: []string{"resilience/no-key-is-one-key"},
			AlsoFails: []string{"resilience/payload-forms", "resilience/closed-client-sends-nothing", "resilience/replays-in-order", "resilience/breaker-probes-and-closes"},
			send:      overtakes(func(key string) bool { return key == "" }),
		},
		{
			Name: "restart-forgets", Clauses: []string{"RS-018"}, Kills: []string{"resilience/restart-counts-as-stranded"},
			AlsoFails: []string{"resilience/adopts-what-others-left", "resilience/restart-without-the-store"},
			config: store(brokenStore{topics: func(context.Context, ports.EmergencyStore) ([]string, error) {
				return nil, nil
			}}),
		},
		{
			Name: "order-wins-unasked", Clauses: []string{"RS-019"}, Kills: []string{"resilience/availability-without-the-store"},
			config: func(c *messaging.Config) { c.Prefer = resilience.PreferOrder },
		},
		{
			Name: "availability-wins-unasked", Clauses: []string{"RS-020"}, Kills: []string{"resilience/order-without-the-store"},
			config: func(c *messaging.Config) { c.Prefer = resilience.PreferAvailability },
		},
	}
}
