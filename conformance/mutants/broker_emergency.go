package mutants

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerEmergencyMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "stranded-without-key", Clauses: []string{"BR-080"}, Kills: brokerCase("stranded-keeps-the-message"),
			Wrap: stranding(func(ctx context.Context, b *brokenBroker, m *ports.Message, failedAt time.Time) error {
				if m != nil {
					m = m.Clone()
					m.Key = ""
				}
				return b.store.Strand(ctx, m, failedAt)
			})},
		{Name: "newest-first", Clauses: []string{"BR-081"}, Kills: brokerCase("stranded-oldest-first"),
			AlsoFails: brokerCase("stranded-ack-removes", "stranded-cut-off", "stranded-keeps-the-message", "stranded-only-ack-removes",
				"stranded-reader-closes", "stranded-topics"),
			Wrap: brokerBug{next: newestFirst}.broker()},
		{Name: "next-waits", Clauses: []string{"BR-082"}, Kills: brokerCase("stranded-ends-without-waiting"),
			Wrap: brokerBug{next: func(ctx context.Context, r *brokenReader) (ports.Delivery, error) {
				d, err := r.get(ctx)
				if errors.Is(err, ports.ErrNotFound) {
					<-ctx.Done()
				}
				return d, err
			}}.broker()},
		{Name: "stranded-ack-without-effect", Clauses: []string{"BR-083"}, Kills: brokerCase("stranded-ack-removes"),
			AlsoFails: brokerCase("stranded-only-ack-removes", "stranded-reader-closes"),
			Wrap: onStranded(brokerBug{ack: func(ctx context.Context, d *brokenDelivery) error {
				if err := d.Delivery.Extend(ctx); err != nil { // it is held
					return err
				}
				if d.add("acked", 1) > 0 {
					return ports.Errorf(d.broker.Name(), "ack", ports.ErrConflict, "acknowledged already")
				}
				return nil
			}})},
		{Name: "delete-before-confirm", Clauses: []string{"BR-084"}, Kills: brokerCase("stranded-only-ack-removes"),
			AlsoFails: brokerCase("stranded-late-ack", "stranded-nack"),
			Wrap: brokerBug{
				next: func(ctx context.Context, r *brokenReader) (ports.Delivery, error) {
					d, err := r.get(ctx)
					if err == nil {
						_ = d.(*brokenDelivery).Delivery.Ack(ctx)
					}
					return d, err
				},
				strandedDelivery: &brokerBug{ack: func(ctx context.Context, d *brokenDelivery) error {
					if err := d.Delivery.Ack(ctx); !errors.Is(err, ports.ErrConflict) || d.add("acked", 1) > 0 {
						return err
					}
					return nil
				}},
			}.broker()},
		{Name: "two-readers", Clauses: []string{"BR-085"}, Kills: brokerCase("stranded-has-one-reader"),
			Wrap: brokerBug{stranded: func(ctx context.Context, b *brokenBroker, topic string) (ports.StrandedReader, error) {
				r, err := b.store.Stranded(ctx, topic)
				if errors.Is(err, ports.ErrConflict) {
					return b.store.Stranded(ctx, topic+" of the second")
				}
				return r, err
			}}.broker()},
		{Name: "reader-never-ends", Clauses: []string{"BR-086"}, Kills: brokerCase("stranded-reader-closes"),
			AlsoFails: brokerCase("stranded-ack-removes", "stranded-late-ack", "stranded-only-ack-removes"),
			Wrap:      brokerBug{closeRd: func(ctx context.Context, _ *brokenReader) error { return ctx.Err() }}.broker()},
		{Name: "late-ack-accepted", Clauses: []string{"BR-087"}, Kills: brokerCase("stranded-late-ack"),
			Wrap: onStranded(brokerBug{ack: func(ctx context.Context, d *brokenDelivery) error {
				err := d.Delivery.Ack(ctx)
				if errors.Is(err, ports.ErrConflict) && !isOpen(d.Delivery.Lost()) {
					return nil
				}
				return err
			}})},
		{Name: "topics-unsorted", Clauses: []string{"BR-088"}, Kills: brokerCase("stranded-topics"),
			Wrap: brokerBug{topics: func(ctx context.Context, b *brokenBroker) ([]string, error) {
				topics, err := b.store.Topics(ctx)
				slices.Reverse(topics)
				return topics, err
			}}.broker()},
		{Name: "stranded-nack-removes", Clauses: []string{"BR-089"}, Kills: brokerCase("stranded-nack"),
			Wrap: onStranded(brokerBug{nack: func(ctx context.Context, d *brokenDelivery, _ time.Duration) error { return d.Delivery.Ack(ctx) }})},
		{Name: "invalid-message-stranded", Clauses: []string{"BR-090"}, Kills: brokerCase("stranded-invalid-message"),
			Wrap: stranding(swallowStrand(ports.ErrInvalid))},
		{Name: "strand-publishes", Clauses: []string{"BR-091"}, Kills: brokerCase("stranded-is-apart"),
			Wrap: stranding(func(ctx context.Context, b *brokenBroker, m *ports.Message, failedAt time.Time) error {
				if err := b.store.Strand(ctx, m, failedAt); err != nil {
					return err
				}
				_, err := b.Broker.Publish(ctx, m)
				return err
			})},
		{Name: "strand-retains-input", Clauses: []string{"BR-092"}, Kills: brokerCase("strand-copies-the-message"), Wrap: strandRetains()},
		{Name: "strand-swallows-error", Clauses: []string{"BR-093"}, Kills: brokerCase("stranded-cut-off"),
			Wrap: stranding(swallowStrand(ports.ErrUnavailable))},
	}
}

func stranding(strand func(context.Context, *brokenBroker, *ports.Message, time.Time) error) func(ports.Broker) ports.Broker {
	return brokerBug{strand: strand}.broker()
}

// onStranded gives a bug to the deliveries of stranded messages only.
func onStranded(bug brokerBug) func(ports.Broker) ports.Broker {
	return brokerBug{strandedDelivery: &bug}.broker()
}

func swallowStrand(kind ports.Kind) func(context.Context, *brokenBroker, *ports.Message, time.Time) error {
	return func(ctx context.Context, b *brokenBroker, m *ports.Message, failedAt time.Time) error {
		err := b.store.Strand(ctx, m, failedAt)
		if errors.Is(err, kind) {
			return nil
		}
		return err
	}
}

// newestFirst hands out what is there from its end.
func newestFirst(ctx context.Context, r *brokenReader) (ports.Delivery, error) {
	there, _ := r.recall("there").([]ports.Delivery)
	d, err := r.get(ctx)
	for ; err == nil; d, err = r.get(ctx) {
		there = append(there, d)
	}
	last := len(there) - 1
	if last < 0 || !errors.Is(err, ports.ErrNotFound) {
		return nil, err
	}
	r.keep("there", there[:last])
	return there[last], nil
}

func strandRetains() func(ports.Broker) ports.Broker {
	return brokerBug{
		strand: func(ctx context.Context, b *brokenBroker, m *ports.Message, failedAt time.Time) error {
			err := b.store.Strand(ctx, m, failedAt)
			if err == nil {
				b.server.keep(m.Topic+" "+m.ID, m)
			}
			return err
		},
		strandedDelivery: &brokerBug{message: func(d *brokenDelivery) *ports.Message {
			m := d.Delivery.Message()
			given, ok := d.broker.server.recall(m.Topic + " " + m.ID).(*ports.Message)
			if !ok {
				return m
			}
			now := *m
			now.Payload, now.Headers = given.Payload, given.Headers
			return &now
		}},
	}.broker()
}
