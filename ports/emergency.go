package ports

import (
	"context"
	"time"
)

// EmergencyStore is optional beside a Broker: where another broker's messages wait while that broker is down. The driver
// owns the wire form. Messages keep id, topic, key, payload, headers and DeliverAt; their PublishedAt is when the send
// failed. The store is apart from the broker's own topics.
type EmergencyStore interface {
	// Strand keeps m until its replay is acknowledged. Nil = the backend has it, and keeps it without any reader. failedAt
	// is kept to the millisecond. ErrInvalid as [ValidateMessage] says. BR-080, BR-090 to BR-093.
	Strand(ctx context.Context, m *Message, failedAt time.Time) error
	// Stranded opens the waiting messages of one topic for one instance at a time; ErrConflict: another has it. The hold
	// on the topic is a lease: it ends with Close or with the holder, within the broker's TakeoverBound under Exclusive.
	// BR-085, BR-086, BR-093.
	Stranded(ctx context.Context, topic string) (StrandedReader, error)
	// Topics lists, sorted, the topics that have waiting messages; a driver may list some that were emptied. BR-088,
	// BR-093.
	Topics(ctx context.Context) ([]string, error)
}

// StrandedReader hands out the stranded messages of one topic.
type StrandedReader interface {
	// Next returns the oldest message that this reader has not handed out yet, without waiting for new ones; ErrNotFound
	// when there is none, ErrConflict when another instance took the topic over. Ack removes the message, and only Ack:
	// what is not acknowledged when the reader closes, the next reader gets again. A Nack is ErrUnsupported. BR-080 to
	// BR-084, BR-087, BR-089.
	Next(ctx context.Context) (Delivery, error)
	// Close gives the topic free for another instance, and is idempotent. BR-086, BR-087.
	Close(ctx context.Context) error
}
