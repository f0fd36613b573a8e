package mutants

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func streamEndMutants() []streamMutant {
	return []streamMutant{
		{Name: "swallow-error", Clauses: []string{"ST-046"}, Kills: streamCase("cut-off-and-back"),
			Wrap: breakStream(func(d ports.Stream) streamSwallows { return streamSwallows{d} })},
		{Name: "never-comes-back", Clauses: []string{"ST-046"}, Kills: streamCase("cut-off-and-back"),
			Wrap: breakStream(func(d ports.Stream) *streamNeverBack { return &streamNeverBack{Stream: d} })},
		{Name: "writes-after-cancel", Clauses: []string{"ST-048"}, Kills: streamCase("ended-context"), AlsoFails: streamCase("errors-are-typed"),
			Wrap: breakStream(func(d ports.Stream) appendsAfterCancel { return appendsAfterCancel{d} })},
		{Name: "payload-in-error", Clauses: []string{"ST-049"}, Kills: streamCase("errors-are-typed"),
			Wrap: breakStream(func(d ports.Stream) appendTellsPayload { return appendTellsPayload{d} })},
		{Name: "bare-error", Clauses: []string{"ST-049"}, Kills: streamCase("errors-are-typed"),
			Wrap: breakStream(func(d ports.Stream) trimBareError { return trimBareError{d} })},
		{Name: "close-shared-client", Clauses: []string{"ST-050"}, Kills: streamCase("close"), Wrap: closesAllStreams()},
		{Name: "close-does-nothing", Clauses: []string{"ST-050", "ST-051"}, Kills: streamCase("close", "close-unblocks"),
			Wrap: breakStream(func(d ports.Stream) streamNeverCloses { return streamNeverCloses{d} })},
		{Name: "unsupported-returns-nil", Clauses: []string{"ST-052"}, Kills: streamCase("undeclared-is-unsupported"),
			Wrap: breakStream(func(d ports.Stream) streamDeclaresNothing { return streamDeclaresNothing{d} })},
		{Name: "leaks-goroutine", Clauses: []string{"ST-053"}, Kills: streamCase("close-leaves-no-goroutine"),
			Wrap: brokenRead(func(ctx context.Context, d ports.Stream, o ports.ReadOptions, after []ports.Offset) ([]ports.Entry, error) {
				if o.Block != 0 {
					go Deaf()
				}
				return d.Read(ctx, o, after...)
			})},
		{Name: "as-says-yes", Clauses: []string{"ST-054"}, Kills: streamCase("as-unknown-target"),
			Wrap: breakStream(func(d ports.Stream) streamAsSaysYes { return streamAsSaysYes{d} })},
	}
}

type streamSwallows struct{ ports.Stream }

func (m streamSwallows) Len(ctx context.Context, stream string) (int64, error) {
	n, err := m.Stream.Len(ctx, stream)
	if errors.Is(err, ports.ErrUnavailable) {
		return 0, nil
	}
	return n, err
}

type streamNeverBack struct {
	ports.Stream
	broken error
}

func (m *streamNeverBack) Len(ctx context.Context, stream string) (int64, error) {
	if m.broken != nil {
		return 0, m.broken
	}
	n, err := m.Stream.Len(ctx, stream)
	if errors.Is(err, ports.ErrUnavailable) {
		m.broken = err
	}
	return n, err
}

type appendsAfterCancel struct{ ports.Stream }

func (m appendsAfterCancel) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	return m.Stream.Append(context.WithoutCancel(ctx), stream, fields, o)
}

type appendTellsPayload struct{ ports.Stream }

func (m appendTellsPayload) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	id, err := m.Stream.Append(ctx, stream, fields, o)
	if err != nil && len(fields) > 0 {
		err = ports.Errorf(m.Name(), "append", ports.KindOf(err), "%s: %w", fields[0].Value, err)
	}
	return id, err
}

type trimBareError struct{ ports.Stream }

func (m trimBareError) Trim(ctx context.Context, stream, minID string) (int64, error) {
	n, err := m.Stream.Trim(ctx, stream, minID)
	if ctx.Err() != nil {
		return n, errors.Join(ports.KindOf(err), ctx.Err())
	}
	return n, err
}

// closesAllStreams closes every client that was made when one is closed.
func closesAllStreams() func(ports.Stream) ports.Stream {
	shared := &streamsTogether{}
	return func(d ports.Stream) ports.Stream {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		shared.all = append(shared.all, d)
		return closesTogether{d, shared}
	}
}

type streamsTogether struct {
	mu  sync.Mutex
	all []ports.Stream
}

type closesTogether struct {
	ports.Stream
	shared *streamsTogether
}

func (m closesTogether) Close(ctx context.Context) error {
	m.shared.mu.Lock()
	defer m.shared.mu.Unlock()
	var errs []error
	for _, d := range m.shared.all {
		errs = append(errs, d.Close(ctx))
	}
	m.shared.all = nil
	return errors.Join(errs...)
}

type streamNeverCloses struct{ ports.Stream }

func (m streamNeverCloses) Close(context.Context) error { return nil }

// streamDeclaresNothing declares neither groups nor blocking, and does nothing without saying so.
type streamDeclaresNothing struct{ ports.Stream }

func (m streamDeclaresNothing) StreamCapabilities() ports.StreamCapabilities {
	return ports.StreamCapabilities{}
}

func (m streamDeclaresNothing) ReadGroup(context.Context, string, string, ports.ReadOptions, ...string) ([]ports.Entry, error) {
	return nil, nil
}

func (m streamDeclaresNothing) Claim(context.Context, string, string, string, time.Duration, ...string) ([]ports.Entry, error) {
	return nil, nil
}

type streamAsSaysYes struct{ ports.Stream }

func (m streamAsSaysYes) As(any) bool { return true }
