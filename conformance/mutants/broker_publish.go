package mutants

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerPublishMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "no-position", Clauses: []string{"BR-001"}, Kills: brokerCase("publish-returns-positions"),
			Wrap: publishing(func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
				_, err := b.Broker.Publish(ctx, m)
				return "", err
			})},
		{Name: "nobody-reads-is-an-error", Clauses: []string{"BR-011"}, Kills: brokerCase("publish-without-readers"),
			AlsoFails: brokerCase("broadcast-keeps-nothing", "close-leaves-no-goroutine", "subscription-is-live",
				"unsettled-comes-again-after-client-close"),
			Wrap: needsReaders()},
		{Name: "payload-made-text", Clauses: []string{"BR-002"}, Kills: brokerCase("message-arrives-as-it-was"),
			Wrap: sending(func(_ *brokenBroker, m *ports.Message) {
				m.Payload = []byte(strings.ToValidUTF8(string(m.Payload), "?"))
			})},
		{Name: "headers-lost", Clauses: []string{"BR-003"}, Kills: brokerCase("headers-arrive"),
			AlsoFails: brokerCase("publish-copies-the-message", "receiver-owns-its-message"),
			Wrap:      sending(func(_ *brokenBroker, m *ports.Message) { m.Headers = nil })},
		{Name: "topics-folded", Clauses: []string{"BR-004"}, Kills: brokerCase("names-are-any-text"), Wrap: foldsTopics()},
		{Name: "id-anew-in-each-delivery", Clauses: []string{"BR-005"}, Kills: brokerCase("message-without-id-gets-one"),
			Wrap: delivering(func(m *ports.Message) {
				if strings.HasPrefix(m.ID, m.Topic+"/") {
					m.ID = rand.Text()
				}
			})},
		{Name: "no-published-at", Clauses: []string{"BR-006"}, Kills: brokerCase("published-at-is-now"),
			Wrap: delivering(func(m *ports.Message) { m.PublishedAt = time.Time{} })},
		{Name: "invalid-message-accepted", Clauses: []string{"BR-007"}, Kills: brokerCase("invalid-message"),
			AlsoFails: brokerCase("errors-name-driver-and-operation"),
			Wrap:      publishing(swallow(ports.ErrInvalid))},
		{Name: "retains-input", Clauses: []string{"BR-008"}, Kills: brokerCase("publish-copies-the-message"), Wrap: brokerRetains()},
		{Name: "receivers-share-a-message", Clauses: []string{"BR-009"}, Kills: brokerCase("receiver-owns-its-message"),
			Wrap: brokerBug{message: func(d *brokenDelivery) *ports.Message {
				m := d.Delivery.Message()
				if first, ok := d.broker.recall(m.Topic + " " + m.ID).(*ports.Message); ok {
					return first
				}
				d.broker.keep(m.Topic+" "+m.ID, m)
				return m
			}}.broker()},
		{Name: "ended-context-ignored", Clauses: []string{"BR-010"}, Kills: brokerCase("ended-context"),
			Wrap: publishing(func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
				return b.Broker.Publish(context.WithoutCancel(ctx), m)
			})},
	}
}

func publishing(publish func(context.Context, *brokenBroker, *ports.Message) (string, error)) func(ports.Broker) ports.Broker {
	return brokerBug{publish: publish}.broker()
}

// sending changes what is sent.
func sending(change func(*brokenBroker, *ports.Message)) func(ports.Broker) ports.Broker {
	return publishing(func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
		if ports.ValidateMessage(m) != nil {
			return b.Broker.Publish(ctx, m)
		}
		m = m.Clone()
		change(b, m)
		return b.Broker.Publish(ctx, m)
	})
}

// delivering changes what is received.
func delivering(change func(*ports.Message)) func(ports.Broker) ports.Broker {
	return brokerBug{message: func(d *brokenDelivery) *ports.Message {
		m := d.Delivery.Message().Clone()
		change(m)
		return m
	}}.broker()
}

// swallow makes a success of one kind of failure.
func swallow(kind ports.Kind) func(context.Context, *brokenBroker, *ports.Message) (string, error) {
	return func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
		position, err := b.Broker.Publish(ctx, m)
		if errors.Is(err, kind) {
			return "1", nil
		}
		return position, err
	}
}

func needsReaders() func(ports.Broker) ports.Broker {
	return brokerBug{
		subscribe: func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
			b.add("readers of "+o.Topic, 1)
			return b.open(ctx, o)
		},
		publish: func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
			position, err := b.Broker.Publish(ctx, m)
			if err == nil && b.add("readers of "+m.Topic, 0) == 0 {
				return "", ports.Errorf(b.Name(), "publish", ports.ErrNotFound, "nobody reads the topic")
			}
			return position, err
		},
	}.broker()
}

func foldsTopics() func(ports.Broker) ports.Broker {
	return brokerBug{
		publish: func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
			if ports.ValidateMessage(m) == nil {
				m = m.Clone()
				m.Topic = strings.ToLower(m.Topic)
			}
			return b.Broker.Publish(ctx, m)
		},
		subscribe: func(ctx context.Context, b *brokenBroker, o ports.SubscribeOptions) (ports.Subscription, error) {
			if _, err := o.WithDefaults(); err == nil {
				o.Topic = strings.ToLower(o.Topic)
			}
			return b.open(ctx, o)
		},
	}.broker()
}

// brokerRetains delivers what the caller's message has become.
func brokerRetains() func(ports.Broker) ports.Broker {
	return brokerBug{
		publish: func(ctx context.Context, b *brokenBroker, m *ports.Message) (string, error) {
			position, err := b.Broker.Publish(ctx, m)
			if err == nil && m.ID != "" {
				b.server.keep(m.Topic+" "+m.ID, m)
			}
			return position, err
		},
		message: func(d *brokenDelivery) *ports.Message {
			m := d.Delivery.Message()
			given, ok := d.broker.server.recall(m.Topic + " " + m.ID).(*ports.Message)
			if !ok {
				return m
			}
			now := *m
			now.Payload, now.Headers = slices.Clone(given.Payload), given.Clone().Headers
			return &now
		},
	}.broker()
}
