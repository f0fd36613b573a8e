package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// CreateGroup implements ports.Stream.
func (c *Stream) CreateGroup(ctx context.Context, stream, group string, o ports.GroupOptions) error {
	const op = "create group"
	if err := c.begin(ctx, op, groupNames(group, stream)); err != nil {
		return err
	}
	if o.Start == "" {
		o.Start = ports.StreamEnd
	}
	st := c.srv.streams
	st.mu.Lock()
	defer st.mu.Unlock()
	start, err := st.place(stream, o.Start)
	switch {
	case err != nil:
		return invalidError(op, err)
	case st.group(stream, group) != nil:
		return ports.Errorf(driverName, op, ports.ErrAlreadyExists, "group %q of stream %q", group, stream)
	case st.streams[stream] == nil && !o.MakeStream:
		return ports.Errorf(driverName, op, ports.ErrNotFound, "stream %q", stream)
	}
	st.makeStream(stream).groups[group] = &streamGroup{last: start}
	return nil
}

// DeleteGroup implements ports.Stream.
func (c *Stream) DeleteGroup(ctx context.Context, stream, group string) error {
	const op = "delete group"
	return c.inGroup(ctx, op, stream, group, groupNames(group, stream), func(*streamGroup) {
		delete(c.srv.streams.streams[stream].groups, group)
		c.srv.streams.serve(stream)
	})
}

// ReadGroup implements ports.Stream.
func (c *Stream) ReadGroup(ctx context.Context, group, consumer string, o ports.ReadOptions, streams ...string) ([]ports.Entry, error) {
	const op = "read group"
	o, invalid := o.WithDefaults()
	invalid = cmp.Or(invalid, groupNames(group), consumerName(consumer), ports.ValidateReadStreams(streams...))
	if err := c.begin(ctx, op, invalid); err != nil {
		return nil, err
	}
	streams = slices.Clone(streams)
	st := c.srv.streams
	st.mu.Lock()
	defer st.mu.Unlock()
	return c.readOrWait(ctx, op, o.Block, streams, func() ([]ports.Entry, error) {
		for _, name := range streams { // all of them first: what is handed out must also be returned
			if st.group(name, group) == nil {
				return nil, noGroup(op, name, group)
			}
		}
		var all []ports.Entry
		for _, name := range streams {
			s := st.streams[name]
			all = appendEntries(all, name, s.handOut(s.groups[group], consumer, o.Count))
		}
		return all, nil
	})
}

// Ack implements ports.Stream.
func (c *Stream) Ack(ctx context.Context, stream, group string, ids ...string) (int64, error) {
	parsed, invalid := parseStreamIDs(ids)
	if err := c.begin(ctx, "ack", cmp.Or(groupNames(group, stream), invalid)); err != nil {
		return 0, err
	}
	st := c.srv.streams
	st.mu.Lock()
	defer st.mu.Unlock()
	g := st.group(stream, group)
	if g == nil {
		return 0, nil
	}
	var n int64
	for _, id := range parsed {
		if g.pending.remove(id) {
			n++
		}
	}
	return n, nil
}

// Pending implements ports.Stream.
func (c *Stream) Pending(ctx context.Context, stream, group string, o ports.PendingOptions) (all []ports.PendingEntry, err error) {
	o, invalid := o.WithDefaults()
	invalid = cmp.Or(groupNames(group, stream), invalid)
	err = c.inGroup(ctx, "pending", stream, group, invalid, func(g *streamGroup) { all = g.list(o) })
	return all, err
}

// Claim implements ports.Stream.
func (c *Stream) Claim(ctx context.Context, stream, group, consumer string, minIdle time.Duration, ids ...string) ([]ports.Entry, error) {
	const op = "claim"
	parsed, invalid := parseStreamIDs(ids)
	invalid = cmp.Or(groupNames(group, stream), consumerName(consumer), ports.ValidateMinIdle(minIdle), invalid)
	var all []ports.Entry
	err := c.inGroup(ctx, op, stream, group, invalid, func(g *streamGroup) {
		s := c.srv.streams.streams[stream]
		for _, id := range parsed {
			if g.claim(id, consumer, minIdle) {
				fields, _ := s.entries.get(id) // what is pending is kept
				all = append(all, entryOf(stream, logItem[[]ports.Field]{id, fields}))
			}
		}
	})
	return all, err
}

// inGroup runs do with the group under the store's lock; ErrNotFound when there is none.
func (c *Stream) inGroup(ctx context.Context, op, stream, group string, invalid error, do func(*streamGroup)) error {
	if err := c.begin(ctx, op, invalid); err != nil {
		return err
	}
	st := c.srv.streams
	st.mu.Lock()
	defer st.mu.Unlock()
	g := st.group(stream, group)
	if g == nil {
		return noGroup(op, stream, group)
	}
	do(g)
	return nil
}

func groupNames(group string, streams ...string) error {
	if err := ports.ValidateStreamNames("stream", streams...); err != nil {
		return err
	}
	return ports.ValidateStreamNames("group", group)
}

func consumerName(consumer string) error { return ports.ValidateStreamNames("consumer", consumer) }

func noGroup(op, stream, group string) error {
	return ports.Errorf(driverName, op, ports.ErrNotFound, "group %q of stream %q", group, stream)
}
