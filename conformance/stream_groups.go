package conformance

import (
	"context"
	"fmt"

	"github.com/breakwater-go/breakwater/ports"
)

func streamGroupCases() []streamCase {
	groups := needsGroups()
	return []streamCase{
		{id: "stream/create-group-needs-the-stream", clauses: []string{"ST-025"}, needs: groups, run: createGroupMissingStream},
		{id: "stream/create-group-twice", clauses: []string{"ST-026"}, needs: groups, run: createGroupTwice},
		{id: "stream/group-starts", clauses: []string{"ST-027"}, needs: groups, run: groupStarts},
		{id: "stream/group-shares-entries", clauses: []string{"ST-028"}, needs: groups, run: groupShares},
		{id: "stream/groups-are-independent", clauses: []string{"ST-029"}, needs: groups, run: groupsIndependent},
		{id: "stream/pending-not-read-again", clauses: []string{"ST-030"}, needs: groups, run: pendingNotReadAgain},
		{id: "stream/group-reads-several-streams", clauses: []string{"ST-031"}, needs: groups, run: groupReadsSeveral},
		{id: "stream/group-read-count", clauses: []string{"ST-031"}, needs: groups, run: groupReadCount},
		{id: "stream/missing-group", clauses: []string{"ST-032"}, needs: groups, run: missingGroup},
		{id: "stream/delete-group-forgets", clauses: []string{"ST-040"}, needs: groups, run: deleteGroupForgets},
		{id: "stream/bad-group-arguments", clauses: []string{"ST-041"}, needs: groups, run: streamBadGroupArguments},
	}
}

func createGroupMissingStream(ctx context.Context, e *streamEnv) {
	for range 2 {
		err := e.Driver.CreateGroup(ctx, "s", "g", ports.GroupOptions{})
		e.isKind(err, ports.ErrNotFound, "create a group where no stream is")
	}
	e.noError(e.Driver.CreateGroup(ctx, "s", "g", ports.GroupOptions{MakeStream: true}), "create a group with its stream")
	wantLen(ctx, e, "s", 0)
	e.noError(e.Driver.CreateGroup(ctx, "s", "h", ports.GroupOptions{}), "create a group on the empty stream")
	appendAll(ctx, e, "s", "a")
	wantEntries(e, "read group", readGroup(ctx, e, "alice", 0), "s:a")
}

func createGroupTwice(ctx context.Context, e *streamEnv) {
	f := newStreamFixture(ctx, e)
	for _, from := range []string{ports.StreamStart, ports.StreamEnd} {
		err := e.Driver.CreateGroup(ctx, "s", "g", ports.GroupOptions{Start: from, MakeStream: true})
		e.isKind(err, ports.ErrAlreadyExists, "create a group that is there")
	}
	f.isUntouched(ctx, e)
}

func groupStarts(ctx context.Context, e *streamEnv) {
	ids := appendAll(ctx, e, "s", "a", "b", "c")
	starts := []struct {
		from string
		want []string
	}{
		{"", []string{"s:d"}},
		{ports.StreamEnd, []string{"s:d"}},
		{ports.StreamStart, []string{"s:a", "s:b", "s:c", "s:d"}},
		{ids[1], []string{"s:c", "s:d"}},
	}
	for i, s := range starts {
		e.noError(e.Driver.CreateGroup(ctx, "s", fmt.Sprint("g", i), ports.GroupOptions{Start: s.from}), "create group")
	}
	appendAll(ctx, e, "s", "d")
	for i, s := range starts {
		got, err := e.Driver.ReadGroup(ctx, fmt.Sprint("g", i), "alice", ports.ReadOptions{}, "s")
		e.noError(err, "read group")
		wantEntries(e, fmt.Sprintf("a group that starts at %q", s.from), got, s.want...)
	}
}

func groupShares(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	appendAll(ctx, e, "s", "a", "b", "c", "d")
	other := e.peer(ctx)
	wantEntries(e, "the first consumer", readGroup(ctx, e, "alice", 1), "s:a")
	got, err := other.ReadGroup(ctx, "g", "bob", ports.ReadOptions{Count: 2}, "s")
	e.noError(err, "read group on a second client")
	wantEntries(e, "the second consumer", got, "s:b", "s:c")
	wantEntries(e, "the first consumer again", readGroup(ctx, e, "alice", 0), "s:d")
	wantEntries(e, "the second consumer again", readGroup(ctx, e, "bob", 0))
}

func groupsIndependent(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	e.noError(e.Driver.CreateGroup(ctx, "s", "h", ports.GroupOptions{Start: ports.StreamStart}), "create a second group")
	ids := appendAll(ctx, e, "s", "a", "b")
	wantEntries(e, "the first group", readGroup(ctx, e, "alice", 0), "s:a", "s:b")
	_, err := e.Driver.Ack(ctx, "s", "g", ids...)
	e.noError(err, "ack in the first group")
	got, err := e.Driver.ReadGroup(ctx, "h", "alice", ports.ReadOptions{}, "s")
	e.noError(err, "read the second group")
	wantEntries(e, "the second group", got, "s:a", "s:b")
	pending, err := e.Driver.Pending(ctx, "s", "h", ports.PendingOptions{})
	e.noError(err, "pending of the second group")
	wantPending(e, "the second group", pending, ids...)
	wantEntries(e, "a reader without a group", readAll(ctx, e, ports.StreamStart), "s:a", "s:b")
}

func pendingNotReadAgain(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	ids := appendAll(ctx, e, "s", "a", "b", "c")
	wantEntries(e, "read group", readGroup(ctx, e, "alice", 1), "s:a")
	wantEntries(e, "its consumer reads on", readGroup(ctx, e, "alice", 1), "s:b")
	wantEntries(e, "another consumer reads on", readGroup(ctx, e, "bob", 0), "s:c")
	wantEntries(e, "its consumer reads at the end", readGroup(ctx, e, "alice", 0))
	wantPending(e, "afterwards", listPending(ctx, e, ports.PendingOptions{}), ids...)
}

func groupReadsSeveral(ctx context.Context, e *streamEnv) {
	for _, stream := range []string{"s", "t", "u"} {
		appendAll(ctx, e, stream, "a", "b", "c")
		e.noError(e.Driver.CreateGroup(ctx, stream, "g", ports.GroupOptions{Start: ports.StreamStart}), "create group")
	}
	got, err := e.Driver.ReadGroup(ctx, "g", "alice", ports.ReadOptions{Count: 2}, "u", "s", "t")
	e.noError(err, "read group of three streams")
	wantEntries(e, "read group of three streams", got, "u:a", "u:b", "s:a", "s:b", "t:a", "t:b")
	got, err = e.Driver.ReadGroup(ctx, "g", "alice", ports.ReadOptions{Count: 2}, "t", "u")
	e.noError(err, "read group of two streams")
	wantEntries(e, "read group of two streams", got, "t:c", "u:c")
}

func groupReadCount(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	for range ports.DefaultStreamCount + 5 {
		appendAll(ctx, e, "s", "x")
	}
	got := readGroup(ctx, e, "alice", 0)
	e.check(len(got) == ports.DefaultStreamCount, "count 0 gave %d entries; want %d", len(got), ports.DefaultStreamCount)
	pending := listPending(ctx, e, ports.PendingOptions{Count: 1000})
	e.check(len(pending) == ports.DefaultStreamCount, "pending are %d entries; want the %d that were handed out", len(pending), ports.DefaultStreamCount)
	got = readGroup(ctx, e, "alice", 0)
	e.check(len(got) == 5, "the next read gave %d entries; want the 5 that are left", len(got))
}

func missingGroup(ctx context.Context, e *streamEnv) {
	id := appendAll(ctx, e, "s", "a")[0]
	for _, stream := range []string{"s", "none"} {
		missingGroupOf(ctx, e, stream, id)
	}
	e.noError(e.Driver.CreateGroup(ctx, "t", "g", ports.GroupOptions{MakeStream: true}), "create group")
	_, err := e.Driver.ReadGroup(ctx, "g", "alice", ports.ReadOptions{}, "t", "s")
	e.isKind(err, ports.ErrNotFound, "read a group that is missing in one of two streams")
	wantLen(ctx, e, "none", 0)
	err = e.Driver.CreateGroup(ctx, "none", "g", ports.GroupOptions{})
	e.isKind(err, ports.ErrNotFound, "create a group where no stream may have come into being")
}

func missingGroupOf(ctx context.Context, e *streamEnv, stream, id string) {
	read := start(func() ([]ports.Entry, error) {
		return e.Driver.ReadGroup(ctx, "g", "alice", ports.ReadOptions{}, stream)
	})
	_, err := await(e, 0, "read a missing group", read)
	e.isKind(err, ports.ErrNotFound, "read a missing group of "+stream)
	_, err = e.Driver.Pending(ctx, stream, "g", ports.PendingOptions{})
	e.isKind(err, ports.ErrNotFound, "pending of a missing group of "+stream)
	_, err = e.Driver.Claim(ctx, stream, "g", "alice", 0, id)
	e.isKind(err, ports.ErrNotFound, "claim in a missing group of "+stream)
	err = e.Driver.DeleteGroup(ctx, stream, "g")
	e.isKind(err, ports.ErrNotFound, "delete a missing group of "+stream)
	n, err := e.Driver.Ack(ctx, stream, "g", id)
	e.noError(err, "ack in a missing group of "+stream)
	e.check(n == 0, "ack in a missing group of %s settled %d entries", stream, n)
}

func deleteGroupForgets(ctx context.Context, e *streamEnv) {
	f := newStreamFixture(ctx, e)
	e.noError(e.Driver.CreateGroup(ctx, "s", "h", ports.GroupOptions{Start: ports.StreamStart}), "create a second group")
	got, err := e.Driver.ReadGroup(ctx, "h", "alice", ports.ReadOptions{Count: 1}, "s")
	e.noError(err, "read the second group")
	wantEntries(e, "the second group", got, "s:a")
	e.noError(e.Driver.DeleteGroup(ctx, "s", "h"), "delete the second group")
	e.noError(e.Driver.CreateGroup(ctx, "s", "h", ports.GroupOptions{Start: ports.StreamStart}), "create the second group anew")
	pending, err := e.Driver.Pending(ctx, "s", "h", ports.PendingOptions{})
	e.noError(err, "pending of the new group")
	wantPending(e, "the new group", pending)
	got, err = e.Driver.ReadGroup(ctx, "h", "alice", ports.ReadOptions{}, "s")
	e.noError(err, "read the new group")
	wantEntries(e, "the new group", got, "s:a", "s:b")
	f.isUntouched(ctx, e)
}

func streamBadGroupArguments(ctx context.Context, e *streamEnv) {
	f := newStreamFixture(ctx, e)
	d, id := e.Driver, f.ids[0]
	readGroup := func(group, consumer string, count int, streams ...string) error {
		_, err := d.ReadGroup(ctx, group, consumer, ports.ReadOptions{Count: count}, streams...)
		return err
	}
	pending := func(stream, group string, o ports.PendingOptions) error {
		_, err := d.Pending(ctx, stream, group, o)
		return err
	}
	claim := func(stream, group, consumer string, ids ...string) error {
		_, err := d.Claim(ctx, stream, group, consumer, 0, ids...)
		return err
	}
	ack := func(stream, group string, ids ...string) error {
		_, err := d.Ack(ctx, stream, group, ids...)
		return err
	}
	_, negativeIdle := d.Claim(ctx, "s", "g", "bob", -1, id)
	for _, c := range []struct {
		what string
		err  error
	}{
		{"create a group of no stream", d.CreateGroup(ctx, "", "new", ports.GroupOptions{MakeStream: true})},
		{"create a group without a name", d.CreateGroup(ctx, "s", "", ports.GroupOptions{})},
		{"create a group at no id", d.CreateGroup(ctx, "s", "new", ports.GroupOptions{Start: notAStreamID})},
		{"delete a group without a name", d.DeleteGroup(ctx, "s", "")},
		{"read a group without a name", readGroup("", "bob", 0, "s")},
		{"read for no consumer", readGroup("g", "", 0, "s")},
		{"read a group with a negative count", readGroup("g", "bob", -1, "s")},
		{"read a group of no stream", readGroup("g", "bob", 0)},
		{"read a group of a stream twice", readGroup("g", "bob", 0, "s", "s")},
		{"ack without a group", ack("s", "", id)},
		{"ack no id", ack("s", "g", id, notAStreamID)},
		{"pending without a group", pending("s", "", ports.PendingOptions{})},
		{"pending with a negative count", pending("s", "g", ports.PendingOptions{Count: -1})},
		{"pending with a negative idle time", pending("s", "g", ports.PendingOptions{MinIdle: -1})},
		{"claim without a group", claim("s", "", "bob", id)},
		{"claim for no consumer", claim("s", "g", "", id)},
		{"claim no id", claim("s", "g", "bob", id, notAStreamID)},
		{"claim with a negative idle time", negativeIdle},
	} {
		e.isKind(c.err, ports.ErrInvalid, c.what)
	}
	f.isUntouched(ctx, e)
}
