package ports

import (
	"context"
	"time"
)

// Stream is an append-only log with consumer groups. Ids are opaque but for two things: they grow, also past entries
// that were trimmed or deleted, and [StreamStart] and [StreamEnd] stand for the ends.
type Stream interface {
	Driver
	StreamCapabilities() StreamCapabilities

	// Append writes one entry, its fields in order, repeated names kept, and returns its id. No fields is ErrInvalid.
	Append(ctx context.Context, stream string, fields []Field, o AppendOptions) (id string, err error)
	// Read returns entries that lie after the given places, streams in the order of after and each stream's entries by
	// id; nothing and no error when there are none within o.Block. A stream that does not exist is empty.
	Read(ctx context.Context, o ReadOptions, after ...Offset) ([]Entry, error)
	// Len counts the entries; 0 for a stream that does not exist.
	Len(ctx context.Context, stream string) (int64, error)
	// Trim removes the entries with an id lower than minID, unread and pending ones too, and returns how many there were.
	Trim(ctx context.Context, stream, minID string) (int64, error)
	// Delete removes entries and returns how many there were.
	Delete(ctx context.Context, stream string, ids ...string) (int64, error)

	// CreateGroup makes a consumer group. ErrAlreadyExists when it is there, ErrNotFound when the stream is not and
	// o.MakeStream is false. Capability Groups, as for all that follow.
	CreateGroup(ctx context.Context, stream, group string, o GroupOptions) error
	// DeleteGroup forgets a group and its pending entries; ErrNotFound when it is not there. A reader that waits in it
	// gets ErrNotFound at once.
	DeleteGroup(ctx context.Context, stream, group string) error
	// ReadGroup hands out entries that the group has not handed out yet; they are then pending for consumer until Ack.
	// ErrNotFound when a group or stream does not exist.
	ReadGroup(ctx context.Context, group, consumer string, o ReadOptions, streams ...string) ([]Entry, error)
	// Ack settles entries and returns how many were pending in the group.
	Ack(ctx context.Context, stream, group string, ids ...string) (int64, error)
	// Pending lists entries that were handed out and not acknowledged, lowest id first, idle for at least o.MinIdle.
	// Entries that were trimmed or deleted since are not listed.
	Pending(ctx context.Context, stream, group string, o PendingOptions) ([]PendingEntry, error)
	// Claim makes pending entries consumer's own if they have been idle for at least minIdle, counts one more delivery
	// and returns them. Ids that are not pending, or not idle long enough, or whose entry is gone, are left out.
	Claim(ctx context.Context, stream, group, consumer string, minIdle time.Duration, ids ...string) ([]Entry, error)
}

// StreamStart and StreamEnd stand for the place before the first entry and for the place after the newest one.
const (
	StreamStart = "0"
	StreamEnd   = "$"
)

// StreamCapabilities says what a driver has beyond Append, Read, Len, Trim and Delete.
type StreamCapabilities struct {
	Groups bool `json:"groups"`
	// Blocking: Read and ReadGroup can wait; else a Block other than 0 is ErrUnsupported.
	Blocking bool `json:"blocking"`
}

// Field is a named value of an entry.
type Field struct {
	Name  string
	Value []byte
}

// Entry is one record of a stream.
type Entry struct {
	Stream, ID string
	Fields     []Field
}

// Offset is a place in a stream: just after ID.
type Offset struct{ Stream, ID string }

// AppendOptions of the zero value keep everything.
type AppendOptions struct {
	// MaxLen above 0 drops the oldest entries beyond about that many, read or not: it loses messages.
	MaxLen int64
}

// ReadOptions of the zero value mean: at most 100 entries a stream, do not wait.
type ReadOptions struct {
	// Count is the most entries a stream; 0 = 100, negative is ErrInvalid.
	Count int
	// Block is how long to wait when there is nothing: 0 returns at once, negative waits until ctx ends.
	Block time.Duration
}

// GroupOptions of the zero value start at the end of an existing stream.
type GroupOptions struct {
	// Start is StreamStart, StreamEnd (also ""), or an id: the group gets what lies after it.
	Start string
	// MakeStream creates an empty stream where there is none.
	MakeStream bool
}

// PendingOptions of the zero value list up to 100 entries of any consumer.
type PendingOptions struct {
	Consumer string // "" = all
	MinIdle  time.Duration
	Count    int // 0 = 100
}

// PendingEntry is an entry that was handed out and not acknowledged.
type PendingEntry struct {
	ID, Consumer string
	Idle         time.Duration
	Deliveries   int
}
