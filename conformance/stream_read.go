package conformance

import (
	"context"
	"fmt"

	"github.com/breakwater-go/breakwater/ports"
)

// notAStreamID is no id on any driver.
const notAStreamID = "not an id"

func streamReadCases() []streamCase {
	return []streamCase{
		{id: "stream/read-several-streams", clauses: []string{"ST-009"}, run: readSeveral},
		{id: "stream/missing-stream-is-empty", clauses: []string{"ST-010"}, run: missingStream},
		{id: "stream/read-count", clauses: []string{"ST-011"}, run: readCount},
		{id: "stream/read-from-the-ends", clauses: []string{"ST-012"}, run: readFromEnds},
		{id: "stream/read-without-block-returns-at-once", clauses: []string{"ST-013"}, run: readNothing},
		{id: "stream/bad-arguments", clauses: []string{"ST-014"}, run: streamBadArguments},
		{id: "stream/bad-ids", clauses: []string{"ST-015"}, run: streamBadIDs},
	}
}

func readSeveral(ctx context.Context, e *streamEnv) {
	appendAll(ctx, e, "one", "a")
	ids := appendAll(ctx, e, "two", "b", "c", "d")
	appendAll(ctx, e, "one", "e")
	appendAll(ctx, e, "three", "f")
	got, err := e.Driver.Read(ctx, ports.ReadOptions{}, ports.Offset{Stream: "two", ID: ids[0]},
		ports.Offset{Stream: "none", ID: ports.StreamStart}, ports.Offset{Stream: "three", ID: ports.StreamStart},
		ports.Offset{Stream: "one", ID: ports.StreamStart})
	e.noError(err, "read several streams")
	wantEntries(e, "read several streams", got, "two:c", "two:d", "three:f", "one:a", "one:e")
}

func missingStream(ctx context.Context, e *streamEnv) {
	id := appendAll(ctx, e, "other", "a")[0]
	wantEntries(e, "read a stream that does not exist", readAll(ctx, e, ports.StreamStart))
	wantEntries(e, "read a stream that does not exist", readAll(ctx, e, id))
	wantLen(ctx, e, "s", 0)
	n, err := e.Driver.Trim(ctx, "s", id)
	e.noError(err, "trim a stream that does not exist")
	e.check(n == 0, "trim of a stream that does not exist removed %d", n)
	n, err = e.Driver.Delete(ctx, "s", id)
	e.noError(err, "delete in a stream that does not exist")
	e.check(n == 0, "delete in a stream that does not exist removed %d", n)
}

func readCount(ctx context.Context, e *streamEnv) {
	var want []string
	for i := range ports.DefaultStreamCount + 5 {
		v := fmt.Sprint(i)
		appendAll(ctx, e, "s", v)
		want = append(want, "s:"+v)
	}
	appendAll(ctx, e, "t", "x", "y", "z")
	both := []ports.Offset{{Stream: "s", ID: ports.StreamStart}, {Stream: "t", ID: ports.StreamStart}}
	got, err := e.Driver.Read(ctx, ports.ReadOptions{Count: 2}, both...)
	e.noError(err, "read")
	wantEntries(e, "read with count 2", got, "s:0", "s:1", "t:x", "t:y")
	got, err = e.Driver.Read(ctx, ports.ReadOptions{}, both...)
	e.noError(err, "read")
	wantEntries(e, "read with count 0", got, append(want[:ports.DefaultStreamCount:ports.DefaultStreamCount], "t:x", "t:y", "t:z")...)
}

func readFromEnds(ctx context.Context, e *streamEnv) {
	ids := appendAll(ctx, e, "s", "a", "b", "c")
	wantEntries(e, "read from the start", readAll(ctx, e, ports.StreamStart), "s:a", "s:b", "s:c")
	wantEntries(e, "read from the end", readAll(ctx, e, ports.StreamEnd))
	_, err := e.Driver.Trim(ctx, "s", ids[1])
	e.noError(err, "trim")
	wantEntries(e, "read from the start of a trimmed stream", readAll(ctx, e, ports.StreamStart), "s:b", "s:c")
}

func readNothing(ctx context.Context, e *streamEnv) {
	id := appendAll(ctx, e, "s", "a")[0]
	read := start(func() ([]ports.Entry, error) {
		return e.Driver.Read(ctx, ports.ReadOptions{}, ports.Offset{Stream: "s", ID: id}, ports.Offset{Stream: "none", ID: ports.StreamStart})
	})
	got, err := await(e, 0, "read with block 0", read)
	e.noError(err, "read with block 0 where nothing is")
	wantEntries(e, "read with block 0 where nothing is", got)
}

func streamBadArguments(ctx context.Context, e *streamEnv) {
	f := newStreamFixture(ctx, e)
	d, at := e.Driver, ports.Offset{Stream: "s", ID: ports.StreamStart}
	read := func(o ports.ReadOptions, after ...ports.Offset) error {
		_, err := d.Read(ctx, o, after...)
		return err
	}
	_, err := d.Append(ctx, "s", streamValue("x"), ports.AppendOptions{MaxLen: -1})
	e.isKind(err, ports.ErrInvalid, "append with a negative max len")
	_, err = d.Append(ctx, "", streamValue("x"), ports.AppendOptions{})
	e.isKind(err, ports.ErrInvalid, "append to no name")
	e.isKind(read(ports.ReadOptions{}), ports.ErrInvalid, "read no stream")
	e.isKind(read(ports.ReadOptions{}, at, ports.Offset{ID: at.ID}), ports.ErrInvalid, "read no name")
	e.isKind(read(ports.ReadOptions{}, at, at), ports.ErrInvalid, "read a stream twice")
	e.isKind(read(ports.ReadOptions{Count: -1}, at), ports.ErrInvalid, "read with a negative count")
	_, err = d.Len(ctx, "")
	e.isKind(err, ports.ErrInvalid, "len of no name")
	_, err = d.Trim(ctx, "", f.ids[1])
	e.isKind(err, ports.ErrInvalid, "trim no name")
	_, err = d.Delete(ctx, "", f.ids[0])
	e.isKind(err, ports.ErrInvalid, "delete in no name")
	f.isUntouched(ctx, e)
}

func streamBadIDs(ctx context.Context, e *streamEnv) {
	f := newStreamFixture(ctx, e)
	for _, id := range []string{notAStreamID, ""} {
		_, err := e.Driver.Read(ctx, ports.ReadOptions{}, ports.Offset{Stream: "s", ID: id})
		e.isKind(err, ports.ErrInvalid, fmt.Sprintf("read after %q", id))
		_, err = e.Driver.Trim(ctx, "s", id)
		e.isKind(err, ports.ErrInvalid, fmt.Sprintf("trim to %q", id))
		_, err = e.Driver.Delete(ctx, "s", f.ids[0], id)
		e.isKind(err, ports.ErrInvalid, fmt.Sprintf("delete %q", id))
	}
	f.isUntouched(ctx, e)
}
