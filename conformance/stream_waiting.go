package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func streamWaitingGroupCases() []streamCase {
	both := needsBlockingGroups()
	return []streamCase{
		{id: "stream/waiting-group-reader-wakes", clauses: []string{"ST-042"}, needs: both, run: groupReaderWakes},
		{id: "stream/one-waiting-group-reader-gets-the-entry", clauses: []string{"ST-043"}, needs: both, run: oneGroupReader},
		{id: "stream/group-block-ends", clauses: []string{"ST-044"}, needs: both, run: groupBlockEnds},
		{id: "stream/group-deleted-under-reader", clauses: []string{"ST-045"}, needs: both, run: groupDeleted},
	}
}

func groupReaderWakes(ctx context.Context, e *streamEnv) {
	other := e.peer(ctx)
	for _, stream := range []string{"s", "t"} {
		e.noError(e.Driver.CreateGroup(ctx, stream, "g", ports.GroupOptions{MakeStream: true}), "create group")
	}
	for _, stream := range []string{"t", "s"} {
		read := start(func() ([]ports.Entry, error) {
			return other.ReadGroup(ctx, "g", "alice", ports.ReadOptions{Block: -1}, "s", "t")
		})
		mustWait(ctx, e, "read group with a block", read)
		id := appendAll(ctx, e, stream, "x")[0]
		got, err := await(e, 0, "read group after an append to "+stream, read)
		e.noError(err, "read group after an append to "+stream)
		wantEntries(e, "read group after an append to "+stream, got, stream+":x")
		n, err := e.Driver.Ack(ctx, stream, "g", id)
		e.noError(err, "ack")
		e.check(n == 1, "ack of what a waiting reader got settled %d; want 1", n)
	}
}

func oneGroupReader(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamEnd)
	readers := make([]func() ([]ports.Entry, error), 3)
	for i := range readers {
		d := e.peer(ctx)
		readers[i] = func() ([]ports.Entry, error) {
			return d.ReadGroup(ctx, "g", fmt.Sprint("reader-", i), ports.ReadOptions{Block: -1}, "s")
		}
	}
	waiting, ended := startAll(readers...)
	mustWait(ctx, e, "read group with a block", waiting...)
	for _, v := range []string{"a", "b"} {
		appendAll(ctx, e, "s", v)
		first := awaitAny(e, 0, "one of the waiting readers", ended)
		got, err := first.result()
		e.noError(err, "read group")
		wantEntries(e, "one of the waiting readers", got, "s:"+v)
		waiting = otherThan(waiting, first)
		mustWait(ctx, e, "the other readers", waiting...)
	}
}

func otherThan[T comparable](all []T, one T) []T {
	var rest []T
	for _, v := range all {
		if v != one {
			rest = append(rest, v)
		}
	}
	return rest
}

func groupBlockEnds(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamEnd)
	for _, block := range []time.Duration{0, time.Nanosecond, e.Timing.Quiet} {
		began := time.Now()
		got, err := await(e, block, fmt.Sprintf("read group with a block of %v", block), startReadGroup(ctx, e.Driver, "alice", block))
		e.noError(err, "read group where nothing comes")
		wantEntries(e, "read group where nothing comes", got)
		e.check(time.Since(began) >= block*9/10, "a block of %v ended after %v", block, time.Since(began))
	}
	appendAll(ctx, e, "s", "a")
	wantEntries(e, "read group afterwards", readGroup(ctx, e, "alice", 0), "s:a")
}

func groupDeleted(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamEnd)
	e.noError(e.Driver.CreateGroup(ctx, "t", "g", ports.GroupOptions{MakeStream: true}), "create group")
	readers, _ := startAll(
		func() ([]ports.Entry, error) {
			return e.Driver.ReadGroup(ctx, "g", "alice", ports.ReadOptions{Block: -1}, "s")
		},
		func() ([]ports.Entry, error) {
			return e.Driver.ReadGroup(ctx, "g", "bob", ports.ReadOptions{Block: tooLong}, "t", "s")
		})
	mustWait(ctx, e, "read group with a block", readers...)
	e.noError(e.peer(ctx).DeleteGroup(ctx, "s", "g"), "delete the group")
	for _, read := range readers {
		_, err := await(e, 0, "read group after its group was deleted", read)
		e.isKind(err, ports.ErrNotFound, "read group after its group was deleted")
	}
}
