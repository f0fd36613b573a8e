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
			Kills:     ids("recovers-by-itself adopts-what-others-left"),
			AlsoFails: ids("nil-means-a-backend-has-it restart-without-the-store one-instance-replays"),
			config:    func(c *messaging.Config) { c.Probe = time.Hour },
		},
		{
			Name: "adopts-nothing", Clauses: []string{"RS-028"}, Kills: ids("adopts-what-others-left"),
			AlsoFails: ids("restart-counts-as-stranded restart-without-the-store"),
			config: store(brokenStore{topics: func(context.Context, ports.EmergencyStore) ([]string, error) {
				return nil, nil
			}}),
		},
		{
			Name: "replay-drops-headers", Clauses: []string{"RS-022"}, Kills: ids("replays-the-same-message"),
			config: reads(func(_ context.Context, d ports.Delivery) (ports.Delivery, error) {
				m := d.Message().Clone()
				m.Headers = nil
				return &brokenDelivery{Delivery: d, message: m}, nil
			}),
		},
		{
			Name: "replay-newest-first", Clauses: []string{"RS-023"}, Kills: ids("replays-in-order"),
			AlsoFails: ids("recovers-by-itself later-sends-queue-behind restart-counts-as-stranded refused-holds-up-nothing " +
				"nil-means-a-backend-has-it"),
			config: store(brokenStore{stranded: func(ctx context.Context, topic string, next ports.EmergencyStore) (ports.StrandedReader, error) {
				r, err := next.Stranded(ctx, topic)
				if err != nil {
					return nil, err
				}
				return &backwards{StrandedReader: r}, nil
			}}),
		},
		{
			Name: "delete-before-confirm", Clauses: []string{"RS-024"}, Kills: ids("removes-after-the-confirm"),
			AlsoFails: ids("nil-means-a-backend-has-it recovers-by-itself close-leaves-the-store crash-repeats-with-the-id " +
				"refused-holds-up-nothing one-instance-replays"),
			config: reads(func(ctx context.Context, d ports.Delivery) (ports.Delivery, error) {
				if err := d.Ack(ctx); err != nil {
					return nil, err
				}
				return &brokenDelivery{Delivery: d, ack: nothing}, nil
			}),
		},
		{
			Name: "new-id-on-replay", Clauses: []string{"RS-022", "RS-025"},
			Kills:     ids("replays-the-same-message crash-repeats-with-the-id"),
			AlsoFails: ids("nil-means-a-backend-has-it refused-holds-up-nothing"),
			config: reads(func(_ context.Context, d ports.Delivery) (ports.Delivery, error) {
				m := d.Message().Clone()
				m.ID = rand.Text()
				return &brokenDelivery{Delivery: d, message: m}, nil
			}),
		},
		{
			Name: "two-replay-at-once", Clauses: []string{"RS-026"}, Kills: ids("one-instance-replays"),
			config: store(brokenStore{stranded: func(ctx context.Context, topic string, next ports.EmergencyStore) (ports.StrandedReader, error) {
				r, err := next.Stranded(ctx, topic)
				if errors.Is(err, ports.ErrConflict) {
					return emptyReader{}, nil
				}
				return r, err
			}}),
		},
		{
			Name: "flush-reads-another-key", Clauses: []string{"RS-027"}, Kills: ids("flush-counts"),
			AlsoFails: ids("later-sends-queue-behind restart-counts-as-stranded replays-the-same-message replays-in-order " +
				"removes-after-the-confirm crash-repeats-with-the-id one-instance-replays " +
				"refused-holds-up-nothing"),
			flush: func(c *client) flushFunc {
				sound := c.flush
				return func(ctx context.Context, topic string, batch int) (int, error) { return sound(ctx, topic+":x", batch) }
			},
		},
		{
			Name: "refused-blocks", Clauses: []string{"RS-029"}, Kills: ids("refused-holds-up-nothing"),
			AlsoFails: ids("spent-runs-make-a-dead-letter dead-letter-is-the-message dead-letter-hides-the-payload " +
				"unsent-dead-letter-keeps-the-message undecodable-goes-at-once dead-letter-by-hand " +
				"failed-runs-are-repeated"),
			config: primary(brokenBroker{publish: func(ctx context.Context, m *ports.Message, next ports.Broker) (string, error) {
				if strings.HasSuffix(m.Topic, messaging.DeadLetterSuffix) {
					return "", &ports.Error{Op: "publish", Driver: "mutant", Kind: ports.ErrDenied}
				}
				return next.Publish(ctx, m)
			}}),
		},
		{
			Name: "close-drops-stranded", Clauses: []string{"RS-030"}, Kills: ids("close-leaves-the-store"),
			AlsoFails: ids("restart-counts-as-stranded crash-repeats-with-the-id"),
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
