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
			Kills: ids("nil-means-a-backend-has-it both-down-is-one-error"),
			AlsoFails: ids("receipt-names-the-id critical-is-never-stranded declared-level-only-raises " +
				"breaker-probes-and-closes order-without-the-store"),
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				if errors.Is(err, ports.ErrUnavailable) {
					err = nil
				}
				return r, err
			}),
		},
		{
			Name: "tells-one-cause", Clauses: []string{"RS-002"}, Kills: ids("both-down-is-one-error"),
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				if err != nil {
					err = &ports.Error{Op: "send", Driver: "mutant", Kind: ports.KindOf(err)}
				}
				return r, err
			}),
		},
		{
			Name: "receipt-hides-stranding", Clauses: []string{"RS-003"}, Kills: ids("primary-down-strands"),
			AlsoFails: ids("silent-primary-is-given-up breaker-opens critical-is-never-stranded later-sends-queue-behind " +
				"no-key-is-one-key restart-counts-as-stranded restart-without-the-store " +
				"availability-without-the-store order-without-the-store other-keys-pass one-instance-replays"),
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				r.Stranded = false
				return r, err
			}),
		},
		{
			Name: "strands-answers", Clauses: []string{"RS-004", "RS-011"},
			Kills:     ids("answers-are-returned answers-leave-the-breaker-closed"),
			AlsoFails: ids("refused-holds-up-nothing callers-end-strands-nothing unsent-dead-letter-keeps-the-message"),
			config: primary(brokenBroker{publish: func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				position, err := next.Publish(ctx, m)
				if err != nil && ctx.Err() == nil {
					err = &ports.Error{Op: "publish", Driver: "mutant", Kind: ports.ErrUnavailable, Err: err}
				}
				return position, err
			}}),
		},
		{
			Name: "strands-on-cancel", Clauses: []string{"RS-005"}, Kills: ids("callers-end-strands-nothing"),
			AlsoFails: ids("answers-leave-the-breaker-closed"),
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
			Name: "ignore-cancel", Clauses: []string{"RS-005"}, Kills: ids("callers-end-strands-nothing"),
			AlsoFails: ids("answers-leave-the-breaker-closed"),
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				return sound(context.WithoutCancel(ctx), topic, payload, key, o...)
			}),
		},
		{
			Name: "no-send-timeout", Clauses: []string{"RS-006"}, Kills: ids("silent-primary-is-given-up"),
			config: func(c *messaging.Config) { c.SendTimeout = time.Hour },
		},
		{
			Name: "new-id-each-time", Clauses: []string{"RS-007"}, Kills: ids("receipt-names-the-id"),
			AlsoFails: ids("silent-primary-is-given-up replays-the-same-message repeats-are-dropped event-starts-one-process " +
				"event-outlives-the-orchestrators-outage"),
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				return sound(ctx, topic, payload, key, append(slices.Clone(o), messaging.WithID(rand.Text()))...)
			}),
		},
		{
			Name: "escapes-html", Clauses: []string{"RS-008"}, Kills: ids("payload-forms"),
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
			Name: "drops-bad-headers", Clauses: []string{"RS-009"}, Kills: ids("reserved-headers"),
			send: sends(func(ctx context.Context, _ *client, _ messaging.Config, sound sendFunc, topic string, payload any, key string, o []messaging.SendOption) (messaging.Receipt, error) {
				r, err := sound(ctx, topic, payload, key, o...)
				if errors.Is(err, ports.ErrInvalid) && len(o) > 0 {
					return sound(ctx, topic, payload, key)
				}
				return r, err
			}),
		},
		{
			Name: "breaker-never-opens", Clauses: []string{"RS-010"}, Kills: ids("breaker-opens"),
			AlsoFails: ids("breaker-probes-and-closes"),
			config:    func(c *messaging.Config) { c.Breaker.Failures = 1 << 20 },
		},
		{
			Name: "counts-callers-ends", Clauses: []string{"RS-011"}, Kills: ids("answers-leave-the-breaker-closed"),
			AlsoFails: ids("callers-end-strands-nothing"),
			config: primary(brokenBroker{publish: func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				position, err := next.Publish(ctx, m)
				if errors.Is(err, ports.ErrCanceled) || errors.Is(err, ports.ErrTimeout) {
					err = &ports.Error{Op: "publish", Driver: "mutant", Kind: ports.ErrUnavailable}
				}
				return position, err
			}}),
		},
		{
			Name: "breaker-stays-open", Clauses: []string{"RS-012"}, Kills: ids("breaker-probes-and-closes"),
			config: func(c *messaging.Config) { c.Breaker.OpenFor = time.Hour },
		},
		{
			Name: "strands-critical", Clauses: []string{"RS-013"}, Kills: ids("critical-is-never-stranded"),
			AlsoFails: ids("declared-level-only-raises"),
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
			Name: "declaration-ignored", Clauses: []string{"RS-014"}, Kills: ids("declared-level-only-raises"),
			AlsoFails: ids("receipt-names-the-id silent-primary-is-given-up reserved-headers replays-the-same-message " +
				"repeats-are-dropped dead-letter-is-the-message event-starts-one-process " +
				"event-outlives-the-orchestrators-outage"),
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
			Name: "overtakes-stranded", Clauses: []string{"RS-015"}, Kills: ids("later-sends-queue-behind"),
			AlsoFails: ids("restart-counts-as-stranded restart-without-the-store availability-without-the-store " +
				"order-without-the-store payload-forms breaker-opens breaker-probes-and-closes " +
				"closed-client-sends-nothing"),
			send: overtakes(func(key string) bool { return key != "" }),
		},
		{
			Name: "holds-up-the-topic", Clauses: []string{"RS-016"}, Kills: ids("other-keys-pass"),
			AlsoFails: ids("order-without-the-store breaker-opens availability-without-the-store"),
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
			Name: "keyless-overtakes", Clauses: []string{"RS-017"}, Kills: ids("no-key-is-one-key"),
			AlsoFails: ids("payload-forms closed-client-sends-nothing replays-in-order breaker-probes-and-closes"),
			send:      overtakes(func(key string) bool { return key == "" }),
		},
		{
			Name: "restart-forgets", Clauses: []string{"RS-018"}, Kills: ids("restart-counts-as-stranded"),
			AlsoFails: ids("adopts-what-others-left restart-without-the-store"),
			config: store(brokenStore{topics: func(context.Context, ports.EmergencyStore) ([]string, error) {
				return nil, nil
			}}),
		},
		{
			Name: "order-wins-unasked", Clauses: []string{"RS-019"}, Kills: ids("availability-without-the-store"),
			config: func(c *messaging.Config) { c.Prefer = resilience.PreferOrder },
		},
		{
			Name: "availability-wins-unasked", Clauses: []string{"RS-020"}, Kills: ids("order-without-the-store"),
			config: func(c *messaging.Config) { c.Prefer = resilience.PreferAvailability },
		},
	}
}
