package redis

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// enterGroup is enterStream for a call on a group.
func (s *Stream) enterGroup(ctx context.Context, op, stream, group string, bad error) (key string, err error) {
	return s.enterStream(ctx, op, stream, cmp.Or(ports.ValidateStreamNames("group", group), bad))
}

func noGroup(op, stream, group string) error {
	return ports.Errorf(driverName, op, ports.ErrNotFound, "group %.100q of stream %.100q", group, stream)
}

// inGroup is broken, and for what is not there it names the group as the caller does.
func (s *Stream) inGroup(ctx context.Context, op, stream, group string, err error) error {
	if err = s.broken(ctx, op, err); ports.KindOf(err) == ports.ErrNotFound {
		return noGroup(op, stream, group)
	}
	return err
}

// CreateGroup is [ports.Stream] CreateGroup.
func (s *Stream) CreateGroup(ctx context.Context, stream, group string, o ports.GroupOptions) error {
	const op = "create group"
	start, bad := cmp.Or(o.Start, ports.StreamEnd), error(nil)
	if start != ports.StreamEnd {
		start, bad = streamID(start)
	}
	key, err := s.enterGroup(ctx, op, stream, group, bad)
	if err != nil {
		return err
	}
	create := s.streams.B().XgroupCreate().Key(key).Group(group).Id(start)
	cmd := create.Build()
	if o.MakeStream {
		cmd = s.streams.B().XgroupCreate().Key(key).Group(group).Id(start).Mkstream().Build()
	}
	err = s.broken(ctx, op, s.streams.do(ctx, cmd).Error())
	switch kind := ports.KindOf(err); kind {
	case ports.ErrAlreadyExists:
		return ports.Errorf(driverName, op, kind, "group %.100q of stream %.100q", group, stream)
	case ports.ErrNotFound:
		return ports.Errorf(driverName, op, kind, "stream %.100q", stream)
	default:
		return err
	}
}

// DeleteGroup is [ports.Stream] DeleteGroup.
func (s *Stream) DeleteGroup(ctx context.Context, stream, group string) error {
	const op = "delete group"
	key, err := s.enterGroup(ctx, op, stream, group, nil)
	if err != nil {
		return err
	}
	n, err := s.streams.do(ctx, s.streams.B().XgroupDestroy().Key(key).Group(group).Build()).AsInt64()
	if err == nil && n == 0 {
		return noGroup(op, stream, group)
	}
	return s.inGroup(ctx, op, stream, group, err)
}

// ReadGroup is [ports.Stream] ReadGroup. What Redis hands out in the moment in which ctx ends, or the connection breaks,
// may be pending for consumer without having been returned: Pending lists it and Claim fetches it.
func (s *Stream) ReadGroup(ctx context.Context, group, consumer string, o ports.ReadOptions, streams ...string) ([]ports.Entry, error) {
	const op = "read group"
	o, bad := o.WithDefaults()
	bad = cmp.Or(bad, ports.ValidateStreamNames("group", group), ports.ValidateStreamNames("consumer", consumer))
	r, err := s.newReading(ctx, op, o, streams, bad)
	if err != nil {
		return nil, err
	}
	r.verb = []string{"XREADGROUP", "GROUP", group, consumer}
	news := slices.Repeat([]string{">"}, len(streams))
	if o.Block == 0 {
		return r.now(ctx, news)
	}
	return r.wait(ctx, func(context.Context) (*source, error) {
		return &source{
			block: func(ctx context.Context, block time.Duration) ([]ports.Entry, error) {
				return r.block(ctx, block, r.groups[0], news)
			},
			fetch: func(ctx context.Context) ([]ports.Entry, error) { return r.fetch(ctx, news) },
			// What another consumer gets moves the place: an entry wakes this one once at most.
			places: func(ctx context.Context) ([]string, error) { return r.groupPlaces(ctx, group) },
		}, nil
	})
}

// Ack is [ports.Stream] Ack.
func (s *Stream) Ack(ctx context.Context, stream, group string, ids ...string) (int64, error) {
	const op = "ack"
	ids, bad := streamIDs(ids)
	key, err := s.enterGroup(ctx, op, stream, group, bad)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return s.count(ctx, op, s.streams.B().Xack().Key(key).Group(group).Id(ids...).Build())
}

// Claim is [ports.Stream] Claim.
func (s *Stream) Claim(ctx context.Context, stream, group, consumer string, minIdle time.Duration, ids ...string) ([]ports.Entry, error) {
	const op = "claim"
	ids, bad := streamIDs(ids)
	bad = cmp.Or(ports.ValidateStreamNames("consumer", consumer), ports.ValidateMinIdle(minIdle), bad)
	key, err := s.enterGroup(ctx, op, stream, group, bad)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	idle := decimal(milliseconds(minIdle))
	claim := s.streams.B().Xclaim().Key(key).Group(group).Consumer(consumer).MinIdleTime(idle).Id(unique(ids)...).Build()
	claimed, err := s.streams.do(ctx, claim).ToArray()
	if err != nil {
		return nil, s.inGroup(ctx, op, stream, group, err)
	}
	return claimedEntries(stream, claimed)
}

// claimedEntries leaves out what is gone, for which servers before Redis 7 answer nil.
func claimedEntries(stream string, claimed []rueidis.RedisMessage) ([]ports.Entry, error) {
	var all []ports.Entry
	for _, m := range claimed {
		if m.IsNil() {
			continue
		}
		x, err := m.AsXRangeSlice()
		if err != nil {
			return nil, ports.Errorf(driverName, "claim", ports.ErrCorrupt, "an answer that is no entry: %w", err)
		}
		all = append(all, streamEntry(stream, x))
	}
	return all, nil
}

// unique keeps the first of equal texts: an id that is named twice is claimed once.
func unique(texts []string) []string {
	seen := make(map[string]bool, len(texts))
	return slices.DeleteFunc(texts, func(text string) bool {
		defer func() { seen[text] = true }()
		return seen[text]
	})
}
