package redis

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// Stream is [ports.Stream] with groups and blocking reads. A stream is a Redis stream at the key service:stream:name, an
// id is Redis's own.
//
// A blocking call takes a connection of its own, and on a Cluster one for each slot of its streams; [Config.MaxConnections]
// bounds them for each server. Streams of one slot are waited for by Redis itself. Over several slots the driver waits for
// any of them and then reads all; a deleted group is then noticed within about a second. What MaxLen keeps at most is
// as the contract says unless the server's stream-node-max-entries was raised above its 100.
type Stream struct{ port }

var _ ports.Stream = (*Stream)(nil)

// NewStream makes the port on client.
func NewStream(client *Client) *Stream { return &Stream{newPort(client)} }

// StreamCapabilities are all there are.
func (s *Stream) StreamCapabilities() ports.StreamCapabilities {
	return ports.StreamCapabilities{Groups: true, Blocking: true}
}

// Append is [ports.Stream] Append.
func (s *Stream) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	const op = "append"
	key, err := s.enterStream(ctx, op, stream, ports.ValidateAppend(stream, fields, o))
	if err != nil {
		return "", err
	}
	for _, f := range fields {
		if err := fits(op, len(key), len(f.Name), len(f.Value)); err != nil {
			return "", err
		}
	}
	args := make([]string, 0, 4+2*len(fields))
	if o.MaxLen > 0 {
		args = append(args, "MAXLEN", "~", decimal(o.MaxLen))
	}
	args = append(args, "*")
	for _, f := range fields {
		args = append(args, f.Name, string(f.Value))
	}
	id, err := s.streams.do(ctx, s.streams.B().Arbitrary("XADD").Keys(key).Args(args...).Build()).ToString()
	return id, s.broken(ctx, op, err)
}

// Len is [ports.Stream] Len.
func (s *Stream) Len(ctx context.Context, stream string) (int64, error) {
	const op = "len"
	key, err := s.enterStream(ctx, op, stream, nil)
	if err != nil {
		return 0, err
	}
	return s.count(ctx, op, s.streams.B().Xlen().Key(key).Build())
}

// Trim is [ports.Stream] Trim.
func (s *Stream) Trim(ctx context.Context, stream, minID string) (int64, error) {
	const op = "trim"
	id, bad := streamID(minID)
	key, err := s.enterStream(ctx, op, stream, bad)
	if err != nil {
		return 0, err
	}
	return s.count(ctx, op, s.streams.B().Arbitrary("XTRIM").Keys(key).Args("MINID", "=", id).Build())
}

// Delete is [ports.Stream] Delete.
func (s *Stream) Delete(ctx context.Context, stream string, ids ...string) (int64, error) {
	const op = "delete"
	ids, bad := streamIDs(ids)
	key, err := s.enterStream(ctx, op, stream, bad)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return s.count(ctx, op, s.streams.B().Xdel().Key(key).Id(ids...).Build())
}

// count runs a command that answers with a number.
func (s *Stream) count(ctx context.Context, op string, cmd rueidis.Completed) (int64, error) {
	n, err := s.streams.do(ctx, cmd).AsInt64()
	return n, s.broken(ctx, op, err)
}

// enterStream is enter for a call on one stream, whose key it gives; bad says what is wrong with the other arguments.
func (s *Stream) enterStream(ctx context.Context, op, stream string, bad error) (key string, err error) {
	if bad = cmp.Or(bad, ports.ValidateStreamNames("stream", stream)); bad == nil {
		key, bad = s.key(actionStream, stream)
	}
	return key, s.enter(ctx, op, bad)
}

// broken is failed, and ErrClosed for all that a closed port's calls fail with.
func (s *Stream) broken(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	answer, answered := rueidis.IsRedisErr(err)
	if !answered && ctx.Err() == nil {
		if closed := s.alive(op); closed != nil {
			return closed
		}
	}
	if answered && strings.Contains(answer.Error(), unblockedByFailover) {
		return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrUnavailable, Err: answer}
	}
	return s.failed(ctx, op, err)
}

// unblockedByFailover is in what a master says to waiting readers when it becomes a replica, which begins like what it says
// when their stream was deleted.
const unblockedByFailover = "instance state changed"

// streamID checks an id, and gives it in Redis's whole form.
func streamID(text string) (string, error) {
	ms, number, whole := strings.Cut(text, "-")
	first, err := strconv.ParseUint(ms, 10, 64)
	var second uint64
	if err == nil && whole {
		second, err = strconv.ParseUint(number, 10, 64)
	}
	if err != nil {
		return "", fmt.Errorf("id is %.100q; valid is an id that Append returned, such as %q", text, "1719656658123-0")
	}
	return strconv.FormatUint(first, 10) + "-" + strconv.FormatUint(second, 10), nil
}

func streamIDs(texts []string) ([]string, error) {
	ids := make([]string, len(texts))
	for i, text := range texts {
		id, err := streamID(text)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

// streamEntry is an entry of the stream that the caller calls so.
func streamEntry(stream string, x rueidis.XRangeSlice) ports.Entry {
	e := ports.Entry{Stream: stream, ID: x.ID, Fields: make([]ports.Field, len(x.FieldValues))}
	for i, f := range x.FieldValues {
		e.Fields[i] = ports.Field{Name: f.Field, Value: []byte(f.Value)}
	}
	return e
}
