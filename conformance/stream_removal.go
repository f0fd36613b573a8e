package conformance

import (
	"context"

	"github.com/breakwater-go/breakwater/ports"
)

func streamRemovalCases() []streamCase {
	return []streamCase{
		{id: "stream/len", clauses: []string{"ST-022"}, run: streamLenCounts},
		{id: "stream/trim-below-an-id", clauses: []string{"ST-023"}, run: trimBelow},
		{id: "stream/delete-by-id", clauses: []string{"ST-024"}, run: deleteByID},
	}
}

func streamLenCounts(ctx context.Context, e *streamEnv) {
	ids := appendAll(ctx, e, "s", "a", "b", "c", "d")
	wantLen(ctx, e, "s", 4)
	_, err := e.Driver.Delete(ctx, "s", ids[2])
	e.noError(err, "delete")
	wantLen(ctx, e, "s", 3)
	_, err = e.Driver.Trim(ctx, "s", ids[1])
	e.noError(err, "trim")
	wantLen(ctx, e, "s", 2)
}

func trimBelow(ctx context.Context, e *streamEnv) {
	ids := appendAll(ctx, e, "s", "a", "b", "c", "d")
	for _, step := range []struct {
		minID string
		want  int64
	}{{ids[2], 2}, {ids[2], 0}, {ids[0], 0}} {
		n, err := e.Driver.Trim(ctx, "s", step.minID)
		e.noError(err, "trim")
		e.check(n == step.want, "trim removed %d; want %d", n, step.want)
		wantEntries(e, "after the trim", readAll(ctx, e, ports.StreamStart), "s:c", "s:d")
	}
}

func deleteByID(ctx context.Context, e *streamEnv) {
	ids := appendAll(ctx, e, "s", "a", "b", "c", "d")
	for _, step := range []struct {
		ids  []string
		want int64
	}{{[]string{ids[1], ids[2]}, 2}, {[]string{ids[1]}, 0}, {nil, 0}} {
		n, err := e.Driver.Delete(ctx, "s", step.ids...)
		e.noError(err, "delete")
		e.check(n == step.want, "delete of %d ids removed %d; want %d", len(step.ids), n, step.want)
		wantEntries(e, "after the delete", readAll(ctx, e, ports.StreamStart), "s:a", "s:d")
	}
	n, err := e.Driver.Delete(ctx, "s", ids...)
	e.noError(err, "delete")
	e.check(n == 2, "delete of two kept and two deleted entries removed %d; want 2", n)
	wantLen(ctx, e, "s", 0)
}
