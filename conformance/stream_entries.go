package conformance

import (
	"context"
	"fmt"

	"github.com/breakwater-go/breakwater/ports"
)

func streamEntryCases() []streamCase {
	return []streamCase{
		{id: "stream/append-is-read-by-every-client", clauses: []string{"ST-001"}, run: appendIsRead},
		{id: "stream/fields-keep-order-and-bytes", clauses: []string{"ST-002"}, run: fieldsKept},
		{id: "stream/append-without-fields", clauses: []string{"ST-003"}, run: appendNoFields},
		{id: "stream/ids-grow", clauses: []string{"ST-004"}, run: idsGrow},
		{id: "stream/concurrent-appends-get-own-ids", clauses: []string{"ST-004"}, run: concurrentIDs},
		{id: "stream/ids-grow-past-removed-entries", clauses: []string{"ST-005"}, run: idsGrowPastRemoved},
		{id: "stream/max-len-drops-the-oldest", clauses: []string{"ST-006"}, run: streamMaxLen},
		{id: "stream/nothing-dropped-by-default", clauses: []string{"ST-007"}, run: nothingDropped},
		{id: "stream/copies-at-the-boundary", clauses: []string{"ST-008"}, run: streamCopies},
	}
}

func appendIsRead(ctx context.Context, e *streamEnv) {
	other := e.peer(ctx)
	for _, v := range []string{"a", "b", "c"} {
		id := appendAll(ctx, e, "s", v)[0]
		got, err := other.Read(ctx, ports.ReadOptions{}, ports.Offset{Stream: "s", ID: ports.StreamStart})
		e.noError(err, "read on the second client")
		e.check(len(got) > 0, "the second client reads nothing after the append")
		last := got[len(got)-1]
		e.check(last.ID == id && last.Stream == "s" && string(last.Fields[0].Value) == v,
			"the second client's last entry has id %q in %q; want %q in \"s\"", last.ID, last.Stream, id)
	}
}

func fieldsKept(ctx context.Context, e *streamEnv) {
	fields := []ports.Field{
		{Name: "z", Value: []byte("last name first")},
		{Name: "a", Value: []byte{0, 0xff, '\r', '\n', 0xc3}},
		{Name: "z", Value: nil},
		{Name: "é", Value: []byte("{\"json\":1}")},
		{Name: "", Value: []byte("no name")},
	}
	_, err := e.Driver.Append(ctx, "s", fields, ports.AppendOptions{})
	e.noError(err, "append")
	got := readAll(ctx, e, ports.StreamStart)
	e.check(len(got) == 1, "read %d entries; want 1", len(got))
	e.check(len(got[0].Fields) == len(fields), "the entry has %d fields; want %d", len(got[0].Fields), len(fields))
	for i, f := range got[0].Fields {
		e.check(f.Name == fields[i].Name && string(f.Value) == string(fields[i].Value),
			"field %d is %q=%q; want %q=%q", i, f.Name, f.Value, fields[i].Name, fields[i].Value)
	}
}

func appendNoFields(ctx context.Context, e *streamEnv) {
	for _, fields := range [][]ports.Field{nil, {}} {
		_, err := e.Driver.Append(ctx, "s", fields, ports.AppendOptions{})
		e.isKind(err, ports.ErrInvalid, "append without fields")
	}
	wantLen(ctx, e, "s", 0)
}

func idsGrow(ctx context.Context, e *streamEnv) {
	ids := appendAll(ctx, e, "s", "a", "b", "c", "d")
	wantEntries(e, "read after the first", readAll(ctx, e, ids[0]), "s:b", "s:c", "s:d")
	wantEntries(e, "read after the third", readAll(ctx, e, ids[2]), "s:d")
	wantEntries(e, "read after the last", readAll(ctx, e, ids[3]))
}

func concurrentIDs(ctx context.Context, e *streamEnv) {
	const writers, each = 4, 10
	works := make([]func() ([]string, error), writers)
	for w := range works {
		d := e.peer(ctx)
		works[w] = func() (ids []string, err error) {
			for i := range each {
				id, err := d.Append(ctx, "s", streamValue(fmt.Sprintf("%d.%d", w, i)), ports.AppendOptions{})
				if err != nil {
					return nil, err
				}
				ids = append(ids, id)
			}
			return ids, nil
		}
	}
	calls, _ := startAll(works...)
	lists := make([][]string, writers)
	for w, c := range calls {
		ids, err := await(e, 0, "append at the same time", c)
		e.noError(err, "append at the same time")
		lists[w] = ids
	}
	place := map[string]int{"": -1} // by id, in the stream
	for i, entry := range readAll(ctx, e, ports.StreamStart) {
		place[entry.ID] = i
	}
	returned := map[string]bool{}
	for _, ids := range lists {
		before := ""
		for _, id := range ids {
			at, found := place[id]
			e.check(found, "no entry has the id %q that Append returned", id)
			e.check(at > place[before], "%q was appended after %q and lies before it", id, before)
			e.check(!returned[id], "two appends returned the id %q", id)
			returned[id], before = true, id
		}
	}
}

func idsGrowPastRemoved(ctx context.Context, e *streamEnv) {
	ids := appendAll(ctx, e, "s", "a", "b")
	_, err := e.Driver.Delete(ctx, "s", ids...)
	e.noError(err, "delete every entry")
	ids = append(ids, appendAll(ctx, e, "s", "c", "d")...)
	wantEntries(e, "read after the deleted entries", readAll(ctx, e, ids[1]), "s:c", "s:d")
	_, err = e.Driver.Trim(ctx, "s", ids[3])
	e.noError(err, "trim")
	_, err = e.Driver.Delete(ctx, "s", ids[3])
	e.noError(err, "delete what trim keeps")
	appendAll(ctx, e, "s", "e")
	wantEntries(e, "read after the trimmed entries", readAll(ctx, e, ids[3]), "s:e")
}

func streamMaxLen(ctx context.Context, e *streamEnv) {
	const keep, more, total = 20, 200, 300
	var newest string
	for i := range total {
		newest = fmt.Sprint(i)
		_, err := e.Driver.Append(ctx, "s", streamValue(newest), ports.AppendOptions{MaxLen: keep})
		e.noError(err, "append with a max len")
	}
	got := readAll(ctx, e, ports.StreamStart)
	e.check(len(got) >= keep && len(got) <= keep+more, "max len %d kept %d entries; want at most %d more", keep, len(got), more)
	for i, entry := range got {
		want := fmt.Sprint(total - len(got) + i)
		e.check(string(entry.Fields[0].Value) == want, "entry %d from the newest is %q; want %q", len(got)-i, entry.Fields[0].Value, want)
	}
}

func nothingDropped(ctx context.Context, e *streamEnv) {
	const total = 300
	for range total {
		appendAll(ctx, e, "s", "x")
	}
	wantLen(ctx, e, "s", total)
}

func streamCopies(ctx context.Context, e *streamEnv) {
	fields := streamValue("mine")
	_, err := e.Driver.Append(ctx, "s", fields, ports.AppendOptions{})
	e.noError(err, "append")
	spoil := func(fields []ports.Field) {
		copy(fields[0].Value, "XXXX")
		fields[0] = ports.Field{Name: "changed", Value: []byte("changed")}
	}
	for _, whose := range []string{"after the writer changed its slices", "after a reader changed its entry"} {
		spoil(fields)
		got := readAll(ctx, e, ports.StreamStart)
		wantEntries(e, whose, got, "s:mine")
		e.check(got[0].Fields[0].Name == "v", "%s: the field's name is %q", whose, got[0].Fields[0].Name)
		fields = got[0].Fields
	}
}
