package ports

import (
	"context"
	"time"
)

// Broker carries messages. A producer does not know who listens or how: subscriptions of any strategies may share a
// topic, and one that is added or closed changes nothing for the others.
//
// Close and As of a broker: BR-073 to BR-075, BR-077.
type Broker interface {
	Driver
	// BrokerCapabilities says what the driver promises under a strategy. What is false returns ErrUnsupported. BR-020.
	BrokerCapabilities(Strategy) BrokerCapabilities
	// Publish returns once the backend has the message, with its position there, which no other message of the topic has.
	// ErrInvalid as [ValidateMessage] says. Nil promises delivery to the groups that exist; what a topic without any keeps
	// for later ones is the backend's matter.
	//
	// BR-001 to BR-011, BR-067 to BR-071, BR-072, BR-076, BR-078.
	Publish(ctx context.Context, m *Message) (position string, err error)
	// Subscribe returns a subscription that is live: what is published from then on reaches it or its group. ctx bounds
	// the call, not the subscription. ErrConflict when the group has a subscriber with another strategy, or its one
	// exclusive subscriber; ErrInvalid as [SubscribeOptions.WithDefaults] says.
	//
	// BR-010, BR-012 to BR-022, BR-050 to BR-066, BR-072, BR-078.
	Subscribe(ctx context.Context, o SubscribeOptions) (Subscription, error)
}

// Message is what an application sends.
type Message struct {
	// ID is the application's; core sets a uuid before the first try. It stays the same over retry, fallback, replay and
	// dead letter. A message that comes without one gets a stable one from its position.
	ID    string
	Topic string
	// Key orders: messages of one key, and all those without a key, are one sequence for the ordered strategies.
	Key     string
	Payload []byte
	// Headers have names of lower-case letters, digits and "-", "_", "."; "id" and "key" are reserved.
	Headers map[string]string
	// PublishedAt is set by the driver.
	PublishedAt time.Time
	// DeliverAt holds a message back until then where the strategy declares Delay; zero = now.
	DeliverAt time.Time
}

// Strategy says who of a topic's subscribers gets a message, and in which order.
type Strategy uint8

// The strategies. Order is per key and of first deliveries.
const (
	// Broadcast: each live subscriber gets each message. Not durable, no redelivery.
	Broadcast Strategy = iota + 1
	// LoadBalanced: one of the group, at least once, in no order.
	LoadBalanced
	// Sticky: one of the group per key, in order; nothing of a key is handed out while an earlier message of it is
	// unsettled.
	Sticky
	// Failover: one active subscriber of the group, in order; the next takes over within TakeoverBound.
	Failover
	// Exclusive: the group's only subscriber, in order; a second Subscribe is ErrConflict at once.
	Exclusive
)

// Strategies lists them all.
var Strategies = [...]Strategy{Broadcast, LoadBalanced, Sticky, Failover, Exclusive}

var strategyTexts = [...]string{"unknown", "broadcast", "load_balanced", "sticky", "failover", "exclusive"}

// String is the strategy's name in lower case ("load_balanced").
func (s Strategy) String() string {
	if int(s) >= len(strategyTexts) {
		return strategyTexts[0]
	}
	return strategyTexts[s]
}

// ParseStrategy finds a strategy by its name; the error lists the valid ones.
func ParseStrategy(name string) (Strategy, error) {
	for _, s := range Strategies {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, Errorf("ports", "parse strategy", ErrInvalid,
		"strategy is %q; valid are broadcast, load_balanced, sticky, failover, exclusive", name)
}

// Ordered strategies hand out nothing of a key while an earlier message of it is unsettled. A Nack with a delay therefore
// holds the key back, and after a lost consumer delivery starts again at the oldest unsettled message.
func (s Strategy) Ordered() bool { return s >= Sticky && s <= Exclusive }

// Defaults of [SubscribeOptions].
const (
	DefaultPrefetch = 64
	DefaultLease    = 30 * time.Second
)

// SubscribeOptions say what to subscribe to; Topic and Strategy are required.
type SubscribeOptions struct {
	Topic string
	// Group shares the work among its subscriptions; each group gets every message. Required but for Broadcast, which
	// ignores it.
	Group    string
	Strategy Strategy
	// FromStart: a group that does not exist yet starts at the oldest kept message; else at what comes from now on. What
	// another group has not settled is kept; what else is, the driver says. ErrUnsupported with Broadcast.
	FromStart bool
	// Prefetch is the most unsettled deliveries handed to this subscription; 0 = DefaultPrefetch.
	Prefetch int
	// Lease is how long a delivery may stay unsettled without Extend before it is given to somebody else; 0 =
	// DefaultLease. Ignored where BrokerCapabilities.SessionLease says that a lease lives as long as the session.
	Lease time.Duration
}

// Subscription hands out messages.
type Subscription interface {
	// Receive waits for the next delivery; ErrClosed once the subscription is closed. Safe for concurrent use. When ctx
	// ends in the moment in which a message is handed over, that message is returned or comes to a later Receive: it is
	// never lost.
	//
	// BR-010, BR-023 to BR-028, BR-072, BR-078, BR-079.
	Receive(ctx context.Context) (Delivery, error)
	// Close gives unsettled deliveries back at once: the group's other subscribers get them within TakeoverBound, so stop
	// handling before. What waits for the delay of a Nack may come at once too. Close is idempotent.
	//
	// BR-028 to BR-030, BR-032, BR-033, BR-060.
	Close(ctx context.Context) error
}

// Delivery is one handing-out of a message; it is settled by one Ack or one Nack. Settling it again is ErrConflict.
type Delivery interface {
	// Message is the caller's own copy, the same one each time. BR-002 to BR-006, BR-009, BR-042.
	Message() *Message
	// Attempt counts the deliveries of the message to the group: 1, 2, …; a lower bound unless ExactAttempt is declared,
	// which may begin again at 1 when another subscription gets the message. BR-040, BR-041.
	Attempt() int
	// Ack returns nil once the backend will not deliver the message to this group again, but for what its driver says of
	// crashes of the backend itself. ErrConflict, with no effect, once the message was handed out again because the lease
	// was lost; between the end of the lease and that moment either. BR-031, BR-039, BR-046.
	Ack(ctx context.Context) error
	// Nack hands the message back: it comes again not before delay while this subscription is open, and not later than
	// delay plus NackBound while a subscriber of the group lives. A negative delay is ErrInvalid. ErrUnsupported where
	// AtLeastOnce is not declared. BR-020, BR-034 to BR-039, BR-046, BR-059.
	Nack(ctx context.Context, delay time.Duration) error
	// Extend starts the lease anew; core calls it each third of the lease. ErrConflict when the lease is lost. BR-039,
	// BR-043 to BR-046, BR-049.
	Extend(ctx context.Context) error
	// Lost is closed when the driver knows that the lease is gone without Ack or Nack: stop handling. BR-047, BR-048.
	Lost() <-chan struct{}
}

// BrokerCapabilities of one strategy.
type BrokerCapabilities struct {
	// Supported: else Subscribe is ErrUnsupported.
	Supported bool `json:"supported"`
	// AtLeastOnce: a message comes again until it is acknowledged.
	AtLeastOnce bool `json:"at_least_once"`
	// ExactAttempt: Attempt is the exact count.
	ExactAttempt bool `json:"exact_attempt"`
	// Delay: DeliverAt is honoured.
	Delay bool `json:"delay"`
	// SessionLease: a lease does not expire while the subscriber's connection lives; Extend then always succeeds.
	SessionLease bool `json:"session_lease"`
	// NackBound is how late after its delay a message may come again.
	NackBound time.Duration `json:"nack_bound_ns"`
	// TakeoverBound is how long after a subscriber was closed or its process died, or after the end of a lease, its
	// messages may wait before another gets them, and how long a change of members takes to be known. Where leases are
	// the session's, a subscriber that is frozen or cut off may keep its messages longer: the driver says how long.
	TakeoverBound time.Duration `json:"takeover_bound_ns"`
}
