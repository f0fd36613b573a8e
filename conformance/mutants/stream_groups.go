package mutants

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/breakwater-go/breakwater/ports"
)

func streamGroupMutants() []streamMutant {
	return []streamMutant{
		{Name: "create-group-makes-the-stream", Clauses: []string{"ST-025"}, Kills: streamCase("create-group-needs-the-stream"),
			AlsoFails: streamCase("missing-group"),
			Wrap: brokenCreateGroup(func(ctx context.Context, d ports.Stream, stream, group string, o ports.GroupOptions) error {
				o.MakeStream = true
				return d.CreateGroup(ctx, stream, group, o)
			})},
		{Name: "create-group-resets", Clauses: []string{"ST-026"}, Kills: streamCase("create-group-twice"),
			Wrap: brokenCreateGroup(func(ctx context.Context, d ports.Stream, stream, group string, o ports.GroupOptions) error {
				err := d.CreateGroup(ctx, stream, group, o)
				if !errors.Is(err, ports.ErrAlreadyExists) {
					return err
				}
				return cmp.Or(d.DeleteGroup(ctx, stream, group), d.CreateGroup(ctx, stream, group, o), err)
			})},
		{Name: "group-starts-at-the-start", Clauses: []string{"ST-027"}, Kills: streamCase("group-starts"),
			Wrap: brokenCreateGroup(func(ctx context.Context, d ports.Stream, stream, group string, o ports.GroupOptions) error {
				o.Start = cmp.Or(o.Start, ports.StreamStart)
				return d.CreateGroup(ctx, stream, group, o)
			})},
		{Name: "idle-consumer-gets-others-work", Clauses: []string{"ST-028"}, Kills: streamCase("group-shares-entries"),
			AlsoFails: streamCase("pending-not-read-again"), Wrap: idleGetsOthers},
		{Name: "ack-deletes", Clauses: []string{"ST-029"}, Kills: streamCase("groups-are-independent"), AlsoFails: streamCase("ack-settles"),
			Wrap: breakStream(func(d ports.Stream) ackDeletes { return ackDeletes{d} })},
		{Name: "own-pending-again", Clauses: []string{"ST-030"}, Kills: streamCase("pending-not-read-again"),
			AlsoFails: streamCase("group-shares-entries"), Wrap: brokenReadGroup(ownPendingAgain)},
		{Name: "group-sorts-streams", Clauses: []string{"ST-031"}, Kills: streamCase("group-reads-several-streams"),
			Wrap: brokenReadGroup(func(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
				return d.ReadGroup(ctx, group, consumer, o, slices.Sorted(slices.Values(streams))...)
			})},
		{Name: "group-count-has-no-default", Clauses: []string{"ST-031"}, Kills: streamCase("group-read-count"),
			Wrap: brokenReadGroup(func(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
				o.Count = cmp.Or(o.Count, 1000)
				return d.ReadGroup(ctx, group, consumer, o, streams...)
			})},
		{Name: "empty-on-missing-group", Clauses: []string{"ST-032", "ST-045"}, Kills: streamCase("missing-group", "group-deleted-under-reader"),
			Wrap: brokenReadGroup(func(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
				got, err := d.ReadGroup(ctx, group, consumer, o, streams...)
				if errors.Is(err, ports.ErrNotFound) {
					return nil, nil // whoever reads in a loop now spins
				}
				return got, err
			})},
		{Name: "delete-group-keeps-its-place", Clauses: []string{"ST-040"}, Kills: streamCase("delete-group-forgets"),
			AlsoFails: streamCase("group-deleted-under-reader"),
			Wrap: breakStream(func(d ports.Stream) *keepsGroups {
				return &keepsGroups{Stream: d, deleted: map[string]bool{}}
			})},
		{Name: "nameless-consumer", Clauses: []string{"ST-041"}, Kills: streamCase("bad-group-arguments"),
			Wrap: brokenReadGroup(func(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
				return d.ReadGroup(ctx, group, cmp.Or(consumer, "default"), o, streams...)
			})},
		{Name: "group-waits-for-the-first-stream", Clauses: []string{"ST-042"}, Kills: streamCase("waiting-group-reader-wakes"),
			AlsoFails: streamCase("group-deleted-under-reader"),
			Wrap: brokenReadGroup(func(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
				if o.Block != 0 {
					streams = streams[:1]
				}
				return d.ReadGroup(ctx, group, consumer, o, streams...)
			})},
		{Name: "every-waiting-reader-gets-it", Clauses: []string{"ST-043"}, Kills: streamCase("one-waiting-group-reader-gets-the-entry"),
			AlsoFails: streamCase("waiting-group-reader-wakes", "group-deleted-under-reader"), Wrap: brokenReadGroup(waitsWithoutGroup)},
		{Name: "group-block-ends-early", Clauses: []string{"ST-044"}, Kills: streamCase("group-block-ends"),
			Wrap: brokenReadGroup(func(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
				if o.Block > 0 {
					o.Block /= 2
				}
				return d.ReadGroup(ctx, group, consumer, o, streams...)
			})},
		{Name: "group-deletion-unnoticed", Clauses: []string{"ST-045"}, Kills: streamCase("group-deleted-under-reader"),
			Wrap: brokenReadGroup(func(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
				got, err := d.ReadGroup(ctx, group, consumer, o, streams...)
				if o.Block != 0 && errors.Is(err, ports.ErrNotFound) {
					<-ctx.Done()
					return nil, ports.ContextError(ctx, d.Name(), "read group")
				}
				return got, err
			})},
	}
}

type createGroupFunc func(ctx context.Context, d ports.Stream, stream, group string, o ports.GroupOptions) error

// createGroupBroken has another CreateGroup.
type createGroupBroken struct {
	ports.Stream
	create createGroupFunc
}

func (m createGroupBroken) CreateGroup(ctx context.Context, stream, group string, o ports.GroupOptions) error {
	return m.create(ctx, m.Stream, stream, group, o)
}

func brokenCreateGroup(create createGroupFunc) func(ports.Stream) ports.Stream {
	return func(d ports.Stream) ports.Stream { return createGroupBroken{d, create} }
}

type readGroupFunc func(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error)

// readGroupBroken has another ReadGroup.
type readGroupBroken struct {
	ports.Stream
	readGroup readGroupFunc
}

func (m readGroupBroken) ReadGroup(ctx context.Context, group, consumer string, o ports.ReadOptions, streams ...string) ([]ports.Entry, error) {
	return m.readGroup(ctx, m.Stream, group, consumer, o, streams)
}

func brokenReadGroup(readGroup readGroupFunc) func(ports.Stream) ports.Stream {
	return func(d ports.Stream) ports.Stream { return readGroupBroken{d, readGroup} }
}

// idleGetsOthers gives a consumer for whom nothing is left what another one got last.
func idleGetsOthers(d ports.Stream) ports.Stream {
	var last []ports.Entry
	var whose string
	return readGroupBroken{d, func(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
		got, err := d.ReadGroup(ctx, group, consumer, o, streams...)
		switch {
		case err != nil || o.Block != 0:
		case len(got) > 0:
			last, whose = got, consumer
		case consumer != whose:
			return last, nil
		}
		return got, err
	}}
}

// ownPendingAgain gives a consumer for whom nothing is left its pending entries.
func ownPendingAgain(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
	got, err := d.ReadGroup(ctx, group, consumer, o, streams...)
	if err != nil || len(got) > 0 || o.Block != 0 {
		return got, err
	}
	pending, err := d.Pending(ctx, streams[0], group, ports.PendingOptions{Consumer: consumer})
	if err != nil {
		return nil, err
	}
	all, err := d.Read(ctx, ports.ReadOptions{}, ports.Offset{Stream: streams[0], ID: ports.StreamStart})
	return slices.DeleteFunc(all, func(e ports.Entry) bool {
		return !slices.ContainsFunc(pending, func(p ports.PendingEntry) bool { return p.ID == e.ID })
	}), err
}

// waitsWithoutGroup waits with a plain Read and takes what it gives.
func waitsWithoutGroup(ctx context.Context, d ports.Stream, group, consumer string, o ports.ReadOptions, streams []string) ([]ports.Entry, error) {
	got, err := d.ReadGroup(ctx, group, consumer, ports.ReadOptions{Count: o.Count}, streams...)
	if err != nil || len(got) > 0 || o.Block == 0 {
		return got, err
	}
	after := make([]ports.Offset, len(streams))
	for i, s := range streams {
		after[i] = ports.Offset{Stream: s, ID: ports.StreamEnd}
	}
	return d.Read(ctx, o, after...)
}

type ackDeletes struct{ ports.Stream }

func (m ackDeletes) Ack(ctx context.Context, stream, group string, ids ...string) (int64, error) {
	n, err := m.Stream.Ack(ctx, stream, group, ids...)
	if err != nil || n == 0 {
		return n, err
	}
	_, err = m.Delete(ctx, stream, ids...)
	return n, err
}

// keepsGroups hides a deleted group and shows it again when it is made anew.
type keepsGroups struct {
	ports.Stream
	deleted map[string]bool
}

func (m *keepsGroups) DeleteGroup(ctx context.Context, stream, group string) error {
	if _, err := m.Pending(ctx, stream, group, ports.PendingOptions{}); err != nil {
		return m.Stream.DeleteGroup(ctx, stream, group)
	}
	m.deleted[group] = true
	return nil
}

func (m *keepsGroups) CreateGroup(ctx context.Context, stream, group string, o ports.GroupOptions) error {
	if m.deleted[group] {
		delete(m.deleted, group)
		return nil
	}
	return m.Stream.CreateGroup(ctx, stream, group, o)
}
