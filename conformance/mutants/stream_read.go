package mutants

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func streamReadMutants() []streamMutant {
	return []streamMutant{
		{Name: "read-sorts-streams", Clauses: []string{"ST-009"}, Kills: streamCase("read-several-streams"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				got, err := d.Read(ctx, o, after...)
				slices.SortStableFunc(got, func(a, b ports.Entry) int { return cmp.Compare(a.Stream, b.Stream) })
				return got, err
			})},
		{Name: "trim-of-missing-stream-fails", Clauses: []string{"ST-010"}, Kills: streamCase("missing-stream-is-empty"),
			Wrap: breakStream(func(d ports.Stream) trimNeedsStream { return trimNeedsStream{d} })},
		{Name: "count-is-total", Clauses: []string{"ST-011"}, Kills: streamCase("read-count"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				got, err := d.Read(ctx, o, after...)
				return got[:min(len(got), cmp.Or(max(o.Count, 0), ports.DefaultStreamCount))], err
			})},
		{Name: "end-sees-the-newest", Clauses: []string{"ST-012"}, Kills: streamCase("read-from-the-ends"), Wrap: brokenRead(endSeesNewest)},
		{Name: "zero-block-waits", Clauses: []string{"ST-013"}, Kills: streamCase("read-without-block-returns-at-once"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				if o.Block == 0 {
					o.Block = 10 * time.Second
				}
				return d.Read(ctx, o, after...)
			})},
		{Name: "negative-count-means-default", Clauses: []string{"ST-014"}, Kills: streamCase("bad-arguments"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				o.Count = max(o.Count, 0)
				return d.Read(ctx, o, after...)
			})},
		{Name: "delete-half-done", Clauses: []string{"ST-015"}, Kills: streamCase("bad-ids"),
			Wrap: breakStream(func(d ports.Stream) deleteHalfDone { return deleteHalfDone{d} })},
		{Name: "block-ends-early", Clauses: []string{"ST-016"}, Kills: streamCase("block-ends"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				if o.Block > 0 {
					o.Block /= 2
				}
				return d.Read(ctx, o, after...)
			})},
		{Name: "short-block-is-forever", Clauses: []string{"ST-016"}, Kills: streamCase("block-below-a-millisecond"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				if o.Block > 0 && o.Block.Milliseconds() == 0 { // 0 is "for ever" to some backends
					o.Block = -1
				}
				return d.Read(ctx, o, after...)
			})},
		{Name: "block-waits-for-more", Clauses: []string{"ST-017"}, Kills: streamCase("block-does-not-wait-for-more"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				after = slices.Clone(after)
				for i := range after {
					if o.Block != 0 && after[i].ID == ports.StreamStart {
						after[i].ID = ports.StreamEnd
					}
				}
				return d.Read(ctx, o, after...)
			})},
		{Name: "waits-for-the-first-stream", Clauses: []string{"ST-018"}, Kills: streamCase("waiting-read-wakes"),
			AlsoFails: streamCase("block-does-not-wait-for-more"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				if o.Block != 0 {
					after = after[:1]
				}
				return d.Read(ctx, o, after...)
			})},
		{Name: "one-blocking-connection", Clauses: []string{"ST-019"}, Kills: streamCase("every-waiting-read-wakes"), Wrap: oneBlockingConnection},
		{Name: "deadline-swallowed", Clauses: []string{"ST-020"}, Kills: streamCase("negative-block-ends-with-the-context"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				got, err := d.Read(ctx, o, after...)
				if o.Block < 0 && errors.Is(err, context.DeadlineExceeded) {
					return nil, nil
				}
				return got, err
			})},
		{Name: "ignore-cancel", Clauses: []string{"ST-021"}, Kills: streamCase("cancel-unblocks"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				deadline, ok := ctx.Deadline()
				if !ok || o.Block == 0 {
					return d.Read(ctx, o, after...)
				}
				deaf, stop := context.WithDeadline(context.WithoutCancel(ctx), deadline)
				defer stop()
				return d.Read(deaf, o, after...)
			})},
		{Name: "waits-out-the-cut", Clauses: []string{"ST-047"}, Kills: streamCase("cut-off-while-waiting"), Wrap: brokenRead(waitsOutCut)},
	}
}

type readFunc func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error)

// readBroken has another Read.
type readBroken struct {
	ports.Stream
	read readFunc
}

func (m readBroken) Read(ctx context.Context, o ports.ReadOptions, after ...ports.Offset) ([]ports.Entry, error) {
	return m.read(ctx, m.Stream, o, after)
}

func brokenRead(read readFunc) func(ports.Stream) ports.Stream {
	return func(d ports.Stream) ports.Stream { return readBroken{d, read} }
}

func endSeesNewest(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
	got, err := d.Read(ctx, o, after...)
	if err != nil || o.Block != 0 || after[0].ID != ports.StreamEnd {
		return got, err
	}
	all, err := d.Read(ctx, o, ports.Offset{Stream: after[0].Stream, ID: ports.StreamStart})
	return all[max(len(all)-1, 0):], err
}

// oneBlockingConnection lets one blocking Read of a client wait at a time; the next begins when it has ended.
func oneBlockingConnection(d ports.Stream) ports.Stream {
	turn := make(chan struct{}, 1)
	return readBroken{d, func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
		if o.Block == 0 {
			return d.Read(ctx, o, after...)
		}
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
			return d.Read(ctx, o, after...)
		case <-ctx.Done():
			return nil, ports.ContextError(ctx, d.Name(), "read")
		}
	}}
}

// waitsOutCut tries again while the backend is away.
func waitsOutCut(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
	for {
		got, err := d.Read(ctx, o, after...)
		if o.Block == 0 || !errors.Is(err, ports.ErrUnavailable) {
			return got, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

type trimNeedsStream struct{ ports.Stream }

func (m trimNeedsStream) Trim(ctx context.Context, stream, minID string) (int64, error) {
	if n, err := m.Len(ctx, stream); err == nil && n == 0 && stream != "" {
		return 0, ports.Errorf(m.Name(), "trim", ports.ErrNotFound, "stream %q", stream)
	}
	return m.Stream.Trim(ctx, stream, minID)
}

// deleteHalfDone finds a bad id when it comes to it.
type deleteHalfDone struct{ ports.Stream }

func (m deleteHalfDone) Delete(ctx context.Context, stream string, ids ...string) (int64, error) {
	var all int64
	for _, id := range ids {
		n, err := m.Stream.Delete(ctx, stream, id)
		if err != nil {
			return all, err
		}
		all += n
	}
	if len(ids) == 0 {
		return m.Stream.Delete(ctx, stream)
	}
	return all, nil
}
