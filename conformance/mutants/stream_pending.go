package mutants

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func streamPendingMutants() []streamMutant {
	return []streamMutant{
		{Name: "ack-counts-asked", Clauses: []string{"ST-033"}, Kills: streamCase("ack-settles"), AlsoFails: streamCase("missing-group"),
			Wrap: breakStream(func(d ports.Stream) ackCountsAsked { return ackCountsAsked{d} })},
		{Name: "ack-settles-nothing", Clauses: []string{"ST-033"}, Kills: streamCase("ack-settles"), AlsoFails: streamCase("claim-leaves-out"),
			Wrap: breakStream(func(d ports.Stream) ackSettlesNothing { return ackSettlesNothing{d} })},
		{Name: "no-delivery-count", Clauses: []string{"ST-034", "ST-036"}, Kills: streamCase("pending-lists", "claim-takes-over"),
			Wrap: brokenPending(func(_ ports.PendingOptions, p *ports.PendingEntry) { p.Deliveries = 1 })},
		{Name: "idle-since-ever", Clauses: []string{"ST-034", "ST-036"}, Kills: streamCase("pending-lists", "claim-takes-over"),
			Wrap: brokenPending(func(_ ports.PendingOptions, p *ports.PendingEntry) { p.Idle += time.Hour })},
		{Name: "pending-of-all-consumers", Clauses: []string{"ST-035"}, Kills: streamCase("pending-filters"),
			Wrap: breakStream(func(d ports.Stream) pendingFilterLost {
				return pendingFilterLost{d, func(o *ports.PendingOptions) { o.Consumer = "" }}
			})},
		{Name: "pending-of-any-age", Clauses: []string{"ST-035"}, Kills: streamCase("pending-filters"),
			Wrap: breakStream(func(d ports.Stream) pendingFilterLost {
				return pendingFilterLost{d, func(o *ports.PendingOptions) { o.MinIdle = min(o.MinIdle, 0) }}
			})},
		{Name: "pending-without-a-limit", Clauses: []string{"ST-035"}, Kills: streamCase("pending-filters"),
			Wrap: breakStream(func(d ports.Stream) pendingFilterLost {
				return pendingFilterLost{d, func(o *ports.PendingOptions) { o.Count = cmp.Or(o.Count, 1000) }}
			})},
		{Name: "claim-keeps-the-consumer", Clauses: []string{"ST-036"}, Kills: streamCase("claim-takes-over"), AlsoFails: streamCase("pending-lists"),
			Wrap: breakStream(func(d ports.Stream) claimKeepsConsumer { return claimKeepsConsumer{d} })},
		{Name: "claim-ignores-min-idle", Clauses: []string{"ST-037"}, Kills: streamCase("claim-leaves-out"),
			Wrap: breakStream(func(d ports.Stream) claimIgnoresMinIdle { return claimIgnoresMinIdle{d} })},
		{Name: "stuck-after-trim", Clauses: []string{"ST-038", "ST-039"},
			Kills: streamCase("removed-unread-entries-are-skipped", "trimmed-pending-entries-vanish"),
			Wrap:  breakStream(func(d ports.Stream) *stuckAfterTrim { return &stuckAfterTrim{Stream: d} })},
		{Name: "pending-lists-removed", Clauses: []string{"ST-039"}, Kills: streamCase("trimmed-pending-entries-vanish", "deleted-pending-entries-vanish"),
			Wrap: breakStream(func(d ports.Stream) *listsRemoved { return &listsRemoved{Stream: d} })},
	}
}

type ackCountsAsked struct{ ports.Stream }

func (m ackCountsAsked) Ack(ctx context.Context, stream, group string, ids ...string) (int64, error) {
	_, err := m.Stream.Ack(ctx, stream, group, ids...)
	return int64(len(ids)), err
}

// ackSettlesNothing counts right and writes nothing.
type ackSettlesNothing struct{ ports.Stream }

func (m ackSettlesNothing) Ack(ctx context.Context, stream, group string, ids ...string) (int64, error) {
	pending, err := m.Pending(ctx, stream, group, ports.PendingOptions{Count: 1000})
	if err != nil || len(pending) == 0 || slices.Contains(ids, "not an id") {
		return m.Stream.Ack(ctx, stream, group, ids...)
	}
	var n int64
	for _, p := range pending {
		if slices.Contains(ids, p.ID) {
			n++
		}
	}
	return n, nil
}

// pendingBroken tells something else of each pending entry.
type pendingBroken struct {
	ports.Stream
	spoil func(ports.PendingOptions, *ports.PendingEntry)
}

func (m pendingBroken) Pending(ctx context.Context, stream, group string, o ports.PendingOptions) ([]ports.PendingEntry, error) {
	all, err := m.Stream.Pending(ctx, stream, group, o)
	for i := range all {
		m.spoil(o, &all[i])
	}
	return all, err
}

func brokenPending(spoil func(ports.PendingOptions, *ports.PendingEntry)) func(ports.Stream) ports.Stream {
	return func(d ports.Stream) ports.Stream { return pendingBroken{d, spoil} }
}

// pendingFilterLost lists by other options.
type pendingFilterLost struct {
	ports.Stream
	change func(*ports.PendingOptions)
}

func (m pendingFilterLost) Pending(ctx context.Context, stream, group string, o ports.PendingOptions) ([]ports.PendingEntry, error) {
	m.change(&o)
	return m.Stream.Pending(ctx, stream, group, o)
}

// claimKeepsConsumer claims for who has the entry already.
type claimKeepsConsumer struct{ ports.Stream }

func (m claimKeepsConsumer) Claim(ctx context.Context, stream, group, consumer string, minIdle time.Duration, ids ...string) ([]ports.Entry, error) {
	pending, err := m.Pending(ctx, stream, group, ports.PendingOptions{})
	if err == nil && consumer != "" && len(pending) > 0 {
		consumer = pending[0].Consumer
	}
	return m.Stream.Claim(ctx, stream, group, consumer, minIdle, ids...)
}

type claimIgnoresMinIdle struct{ ports.Stream }

func (m claimIgnoresMinIdle) Claim(ctx context.Context, stream, group, consumer string, minIdle time.Duration, ids ...string) ([]ports.Entry, error) {
	return m.Stream.Claim(ctx, stream, group, consumer, min(minIdle, 0), ids...)
}

// stuckAfterTrim waits for the trimmed entries for ever.
type stuckAfterTrim struct {
	ports.Stream
	trimmed bool
}

func (m *stuckAfterTrim) Trim(ctx context.Context, stream, minID string) (int64, error) {
	n, err := m.Stream.Trim(ctx, stream, minID)
	m.trimmed = m.trimmed || n > 0
	return n, err
}

func (m *stuckAfterTrim) ReadGroup(ctx context.Context, group, consumer string, o ports.ReadOptions, streams ...string) ([]ports.Entry, error) {
	if m.trimmed {
		return nil, nil
	}
	return m.Stream.ReadGroup(ctx, group, consumer, o, streams...)
}

// listsRemoved lists what was handed out and then removed, as Redis's own listing does.
type listsRemoved struct {
	ports.Stream
	mu        sync.Mutex
	handedOut []ports.PendingEntry // of the group "g" of stream "s"
	removed   bool
}

func (m *listsRemoved) ReadGroup(ctx context.Context, group, consumer string, o ports.ReadOptions, streams ...string) ([]ports.Entry, error) {
	got, err := m.Stream.ReadGroup(ctx, group, consumer, o, streams...)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range got {
		m.handedOut = append(m.handedOut, ports.PendingEntry{ID: e.ID, Consumer: consumer, Deliveries: 1})
	}
	return got, err
}

func (m *listsRemoved) Trim(ctx context.Context, stream, minID string) (int64, error) {
	n, err := m.Stream.Trim(ctx, stream, minID)
	m.removed = m.removed || n > 0
	return n, err
}

func (m *listsRemoved) Delete(ctx context.Context, stream string, ids ...string) (int64, error) {
	n, err := m.Stream.Delete(ctx, stream, ids...)
	m.removed = m.removed || n > 0
	return n, err
}

func (m *listsRemoved) Pending(ctx context.Context, stream, group string, o ports.PendingOptions) ([]ports.PendingEntry, error) {
	all, err := m.Stream.Pending(ctx, stream, group, o)
	if err != nil || !m.removed {
		return all, err
	}
	return m.handedOut[:min(len(m.handedOut), cmp.Or(o.Count, ports.DefaultStreamCount))], nil
}
