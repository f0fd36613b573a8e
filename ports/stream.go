package ports

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"
)

// Stream is an append-only log with consumer groups. Ids are opaque but for two things: they grow, also past entries
// that were trimmed or deleted, and [StreamStart] and [StreamEnd] stand for the ends.
//
// Names of streams, groups and consumers are any UTF-8 text but the empty one, and ids are such as Append returned; else
// ErrInvalid. A method that takes ids takes none as well: no work. ST-014, ST-015, ST-041, ST-046 to ST-054 hold for
// every method.
type Stream interface {
	Driver
	// StreamCapabilities says what the driver has; what it has not returns ErrUnsupported. ST-052.
	StreamCapabilities() StreamCapabilities

	// Append writes one entry, its fields in order, repeated names kept, and returns its id. No fields is ErrInvalid.
	// ST-001 to ST-008.
	Append(ctx context.Context, stream string, fields []Field, o AppendOptions) (id string, err error)
	// Read returns entries that lie after the given places, streams in the order of after and each stream's entries by
	// id; nothing and no error when there are none within o.Block. A stream that does not exist is empty. No place, and
	// two in one stream, are ErrInvalid. ST-001, ST-004, ST-005, ST-009 to ST-021.
	Read(ctx context.Context, o ReadOptions, after ...Offset) ([]Entry, error)
	// Len counts the entries; 0 for a stream that does not exist. ST-010, ST-022.
	Len(ctx context.Context, stream string) (int64, error)
	// Trim removes the entries with an id lower than minID, unread and pending ones too, and returns how many there
	// were. ST-005, ST-010, ST-015, ST-023, ST-038, ST-039.
	Trim(ctx context.Context, stream, minID string) (int64, error)
	// Delete removes entries and returns how many there were. ST-005, ST-010, ST-015, ST-024, ST-038, ST-039.
	Delete(ctx context.Context, stream string, ids ...string) (int64, error)

	// CreateGroup makes a consumer group. ErrAlreadyExists when it is there, ErrNotFound when the stream is not and
	// o.MakeStream is false. Capability Groups, as for all that follow. ST-025 to ST-027.
	CreateGroup(ctx context.Context, stream, group string, o GroupOptions) error
	// DeleteGroup forgets a group and its pending entries; ErrNotFound when it is not there. A reader that waits in it
	// gets ErrNotFound at once. ST-032, ST-040, ST-045.
	DeleteGroup(ctx context.Context, stream, group string) error
	// ReadGroup hands out entries that the group has not handed out yet; they are then pending for consumer until Ack.
	// What is pending is not handed out again: find it with Pending, take it over with Claim, be it a crashed consumer's
	// or, after a call that was cancelled or failed, what was handed out to consumer and nobody saw. ErrNotFound when one
	// of the groups or streams does not exist; entries of the others may then be pending. ST-021, ST-028 to ST-032, ST-038, ST-042 to ST-045.
	ReadGroup(ctx context.Context, group, consumer string, o ReadOptions, streams ...string) ([]Entry, error)
	// Ack settles entries and returns how many were pending in the group: 0 for a group or stream that does not exist.
	// An entry that was trimmed or deleted while it was pending may count or not. ST-032, ST-033.
	Ack(ctx context.Context, stream, group string, ids ...string) (int64, error)
	// Pending lists entries that were handed out and not acknowledged, lowest id first, idle for at least o.MinIdle.
	// Entries that were trimmed or deleted since are not listed. ErrNotFound when the group does not exist. ST-032,
	// ST-034, ST-035, ST-039.
	Pending(ctx context.Context, stream, group string, o PendingOptions) ([]PendingEntry, error)
	// Claim makes pending entries consumer's own if they have been idle for at least minIdle, counts one more delivery
	// and returns them in the order of ids. Ids that are not pending, or not idle long enough, or whose entry is gone,
	// are left out. ErrNotFound when the group does not exist. ST-032, ST-036, ST-037, ST-039.
	Claim(ctx context.Context, stream, group, consumer string, minIdle time.Duration, ids ...string) ([]Entry, error)
}

// StreamStart and StreamEnd stand for the place before the first entry and for the place after the newest one.
const (
	StreamStart = "0"
	StreamEnd   = "$"
)

// StreamCapabilities says what a driver has beyond Append, Read, Len, Trim and Delete.
type StreamCapabilities struct {
	// Groups: CreateGroup, DeleteGroup, ReadGroup, Ack, Pending and Claim.
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

// Offset is a place in a stream: just after ID, which may be StreamStart or StreamEnd.
type Offset struct{ Stream, ID string }

// AppendOptions of the zero value keep everything.
type AppendOptions struct {
	// MaxLen above 0 drops the oldest entries beyond about that many, at most 200 more, read or not: it loses messages.
	// Negative is ErrInvalid.
	MaxLen int64
}

// DefaultStreamCount is what a Count of 0 means in [ReadOptions] and [PendingOptions].
const DefaultStreamCount = 100

// ReadOptions of the zero value mean: at most 100 entries a stream, do not wait.
type ReadOptions struct {
	// Count is the most entries a stream; 0 = DefaultStreamCount, negative is ErrInvalid.
	Count int
	// Block is how long to wait when there is nothing: 0 returns at once, negative waits until ctx ends. It is kept to
	// the millisecond, rounded up.
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
	// Consumer lists only this one's; "" = all.
	Consumer string
	// MinIdle lists only what was not delivered for that long; negative is ErrInvalid.
	MinIdle time.Duration
	// Count is the most entries; 0 = DefaultStreamCount, negative is ErrInvalid.
	Count int
}

// PendingEntry is an entry that was handed out and not acknowledged.
type PendingEntry struct {
	// Consumer is who got the entry last.
	ID, Consumer string
	// Idle is the time since the last delivery.
	Idle time.Duration
	// Deliveries counts ReadGroup's and each Claim's.
	Deliveries int
}

// ValidateStreamNames says why one of the names of streams, groups or consumers cannot be one, or nil; what says in the
// error which of these they are.
func ValidateStreamNames(what string, names ...string) error {
	for _, name := range names {
		if name == "" || !utf8.ValidString(name) {
			return fmt.Errorf("%s is %q; valid is any UTF-8 text but the empty one", what, name)
		}
	}
	return nil
}

// ValidateAppend says why Append cannot take its arguments, or nil. The error holds no value.
func ValidateAppend(stream string, fields []Field, o AppendOptions) error {
	switch {
	case len(fields) == 0:
		return fmt.Errorf("entry has no fields; valid is one or more")
	case o.MaxLen < 0:
		return fmt.Errorf("max len is %d; valid is 1 or more, or 0 to keep everything", o.MaxLen)
	}
	return ValidateStreamNames("stream", stream)
}

// ValidateReadStreams says why Read or ReadGroup cannot read these streams together, or nil.
func ValidateReadStreams(streams ...string) error {
	if len(streams) == 0 {
		return fmt.Errorf("no stream to read; valid is one or more")
	}
	seen := make(map[string]bool, len(streams))
	for _, s := range streams {
		if seen[s] {
			return fmt.Errorf("stream %q is named twice; valid is once", s)
		}
		seen[s] = true
	}
	return ValidateStreamNames("stream", streams...)
}

// WithDefaults checks the options and fills in the documented defaults.
func (o ReadOptions) WithDefaults() (ReadOptions, error) {
	count, err := streamCount(o.Count)
	o.Count = count
	return o, err
}

// WithDefaults checks the options and fills in the documented defaults.
func (o PendingOptions) WithDefaults() (PendingOptions, error) {
	if err := ValidateMinIdle(o.MinIdle); err != nil {
		return o, err
	}
	count, err := streamCount(o.Count)
	o.Count = count
	return o, err
}

// ValidateMinIdle says why d cannot be a least idle time, or nil.
func ValidateMinIdle(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("min idle is %v; valid is 0 or more", d)
	}
	return nil
}

func streamCount(n int) (int, error) {
	switch {
	case n < 0:
		return n, fmt.Errorf("count is %d; valid is 1 or more, or 0 for %d", n, DefaultStreamCount)
	case n == 0:
		return DefaultStreamCount, nil
	}
	return n, nil
}
