package mutants

import (
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func brokerDelayMutants() []brokerMutant {
	return []brokerMutant{
		{Name: "delay-ignored", Clauses: []string{"BR-067"}, Kills: brokerCase("delayed-message-waits"),
			AlsoFails: brokerCase("delayed-message-holds-nothing-back"),
			Wrap: sending(func(_ *brokenBroker, m *ports.Message) {
				if time.Until(m.DeliverAt) > 0 {
					m.DeliverAt = time.Time{}
				}
			})},
		{Name: "delay-in-minutes", Clauses: []string{"BR-068"}, Kills: brokerCase("delayed-message-waits"),
			AlsoFails: brokerCase("delayed-message-holds-nothing-back"),
			Wrap: sending(func(_ *brokenBroker, m *ports.Message) {
				if delay := time.Until(m.DeliverAt); delay > 0 {
					m.DeliverAt = time.Now().Add(60 * delay)
				}
			})},
		{Name: "delay-holds-the-key", Clauses: []string{"BR-069"}, Kills: brokerCase("delayed-message-holds-nothing-back"),
			Wrap: sending(func(b *brokenBroker, m *ports.Message) {
				name := m.Topic + " " + m.Key
				if until, ok := b.recall(name).(time.Time); ok && until.After(m.DeliverAt) {
					m.DeliverAt = until
				}
				b.keep(name, m.DeliverAt)
			})},
		{Name: "past-delay-waits", Clauses: []string{"BR-070"}, Kills: brokerCase("delay-that-has-passed"),
			AlsoFails: brokerCase("deliver-at-arrives"),
			Wrap: sending(func(_ *brokenBroker, m *ports.Message) {
				if !m.DeliverAt.IsZero() && time.Until(m.DeliverAt) < 0 {
					m.DeliverAt = time.Now().Add(time.Hour)
				}
			})},
		{Name: "deliver-at-lost", Clauses: []string{"BR-071"}, Kills: brokerCase("deliver-at-arrives"),
			Wrap: delivering(func(m *ports.Message) { m.DeliverAt = time.Time{} })},
	}
}
