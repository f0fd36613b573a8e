package resilience

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/ports"
)

// reads is a mutant whose store hands out other deliveries.
func reads(change func(ctx context.Context, d ports.Delivery) (ports.Delivery, error)) func(*messaging.Config) {
	return store(brokenStore{next: func(ctx context.Context, next ports.StrandedReader) (ports.Delivery, error) {
		d, err := next.Next(ctx)
		if err != nil {
			return nil, err
		}
		return change(ctx, d)
	}})
}

func replayMutants() []Mutant {
	nothing := func(context.Context, ports.Delivery) error { return nil }
	return []Mutant{
		{
			Name: "recovery-does-nothing", Clauses: []string{"RS-021", "RS-028"},
			Kills:     []string{"resilience/recovers-by-itself", "resilience/adopts-what-others-left"},
			AlsoFails: []string{"resilience/nil-means-a-backend-has-it", "resilience/restart-without-the-store", "resilience/one-instance-replays"},
			config:    func(c *messaging.Config) { c.Probe = time.Hour },
		},
		{
			Name: "adopts-nothing", Clauses: []string{"RS-028"}, Kills: []string{"resilience/adopts-what-others-left"},
			AlsoFails: []string{"resilience/restart-counts-as-stranded", "resilience/restart-without-the-store"},
			config: store(brokenStore{topics: func(context.Context, ports.EmergencyStore) ([]string, error) {
				return nil, nil
			}}),
		},
		{
			Name: "replay-drops-headers", Clauses: []string{"RS-022"}, Kills: []string{"resilience/replays-the-same-message"},
			config: reads(func(_ context.Context, d ports.Delivery) (ports.Delivery, error) {
				m := d.Message().Clone()
				m.Headers = nil
				return &brokenDelivery{Delivery: d, message: m}, nil
			}),
		},
		{
			Name: "replay-newest-first", Clauses: []string{"RS-023"}, Kills: []string{"resilience/replays-in-order"},
			AlsoFails: []string{"resilience/recovers-by-itself", "resilience/later-sends-queue-behind", "resilience/restart-counts-as-stranded", "resilience/refused-holds-up-nothing",
				"resilience/nil-means-a-backend-has-it"},
			config: store(brokenStore{stranded: func(ctx context.Context, topic string, next ports.EmergencyStore) (ports.StrandedReader, error) {
				r, err := next.Stranded(ctx, topic)
				if err != nil {
					return nil, err
				}
				return &backwards{StrandedReader: r}, nil
			}}),
		},
		{
			Name: "delete-before-confirm", Clauses: []string{"RS-024"}, Kills: []string{"resilience/removes-after-the-confirm"},
			AlsoFails: []string{"resilience/nil-means-a-backend-has-it", "resilience/recovers-by-itself", "resilience/close-leaves-the-store", "resilience/crash-repeats-with-the-id",
				"resilience/refused-holds-up-nothing", "resilience/one-instance-replays"},
			config: reads(func(ctx context.Context, d ports.Delivery) (ports.Delivery, error) {
				if err := d.Ack(ctx); err != nil {
					return nil, err
				}
				return &brokenDelivery{Delivery: d, ack: nothing}, nil
			}),
		},
		{
			Name: "new-id-on-replay", Clauses: []string{"RS-022", "RS-025"},
			Kills:     []string{"resilience/replays-the-same-message", "resilience/crash-repeats-with-the-id"},
			AlsoFails: []string{"resilience/nil-means-a-backend-has-it", "resilience/refused-holds-up-nothing"},
			config: reads(func(_ context.Context, d ports.Delivery) (ports.Delivery, error) {
				m := d.Message().Clone()
				m.ID = rand.Text()
				return &brokenDelivery{Delivery: d, message: m}, nil
			}),
		},
		{
			Name: "two-replay-at-once", Clauses: []string{"RS-026"}, Kills: []string{"resilience/one-instance-replays"},
			config: store(brokenStore{stranded: func(ctx context.Context, topic string, next ports.EmergencyStore) (ports.StrandedReader, error) {
				r, err := next.Stranded(ctx, topic)
				if errors.Is(err, ports.ErrConflict) {
					return emptyReader{}, nil
				}
				return r, err
			}}),
		},
		{
			Name: "flush-reads-another-key", Clauses: []string{"RS-027"}, Kills: []string{"resilience/flush-counts"},
			AlsoFails: []string{"resilience/later-sends-queue-behind", "resilience/restart-counts-as-stranded", "resilience/replays-the-same-message", "resilience/replays-in-order",
				"resilience/removes-after-the-confirm", "resilience/crash-repeats-with-the-id", "resilience/one-instance-replays", "resilience/refused-holds-up-nothing"},
			flush: func(c *client) flushFunc {
				sound := c.flush
				return func(ctx context.Context, topic string, batch int) (int, error) { return sound(ctx, topic+":x", batch) }
			},
		},
		{
			Name: "refused-blocks", Clauses: []string{"RS-029"}, Kills: []string{"resilience/refused-holds-up-nothing"},
			AlsoFails: []string{"resilience/spent-runs-make-a-dead-letter", "resilience/dead-letter-is-the-message", "resilience/dead-letter-hides-the-payload",
				"resilience/unsent-dead-letter-keeps-the-message", "resilience/undecodable-goes-at-once", "resilience/dead-letter-by-hand", "resilience/failed-runs-are-repeated"},
			config: primary(brokenBroker{publish: func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				if strings.HasSuffix(m.Topic, messaging.DeadLetterSuffix) {
					return "", &ports.Error{Op: "publish", Driver: "mutant", Kind: ports.ErrDenied}
				}
				return next.Publish(ctx, m)
			}}),
		},
		{
			Name: "close-drops-stranded", Clauses: []string{"RS-030"}, Kills: []string{"resilience/close-leaves-the-store"},
			AlsoFails: []string{"resilience/restart-counts-as-stranded", "resilience/crash-repeats-with-the-id"},
			close: func(c *client, config messaging.Config) closeFunc {
				sound := c.close
				return func(ctx context.Context) error {
					if err := sound(ctx); err != nil || config.Fallback == nil {
						return err
					}
					topics, err := config.Fallback.Topics(ctx)
					for _, topic := range topics {
						err = errors.Join(err, dropAll(ctx, config.Fallback, topic))
					}
					return err
				}
			},
		},
	}
}

func dropAll(ctx context.Context, s ports.EmergencyStore, topic string) error {
	r, err := s.Stranded(ctx, topic)
	if err != nil {
		return err
	}
	for {
		d, err := r.Next(ctx)
		if err != nil {
			return r.Close(ctx)
		}
		_ = d.Ack(ctx) // a mutant: what it leaves behind is no matter
	}
}

// emptyReader has nothing to hand out.
type emptyReader struct{}

func (emptyReader) Next(context.Context) (ports.Delivery, error) {
	return nil, &ports.Error{Op: "next", Driver: "mutant", Kind: ports.ErrNotFound}
}
func (emptyReader) Close(context.Context) error { return nil }

// backwards hands out the newest first, as a stack would.
type backwards struct {
	ports.StrandedReader
	rest []ports.Delivery
}

func (r *backwards) Next(ctx context.Context) (ports.Delivery, error) {
	for {
		d, err := r.StrandedReader.Next(ctx)
		if errors.Is(err, ports.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		r.rest = append(r.rest, d)
	}
	if len(r.rest) == 0 {
		return emptyReader{}.Next(ctx)
	}
	last := len(r.rest) - 1
	d := r.rest[last]
	r.rest = slices.Delete(r.rest, last, last+1)
	return d, nil
}
