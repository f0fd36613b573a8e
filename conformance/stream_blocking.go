package conformance

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func streamBlockingCases() []streamCase {
	blocking := needsBlocking()
	return []streamCase{
		{id: "stream/block-ends", clauses: []string{"ST-016"}, needs: blocking, run: blockEnds},
		{id: "stream/block-below-a-millisecond", clauses: []string{"ST-016"}, needs: blocking, run: shortBlockEnds},
		{id: "stream/block-does-not-wait-for-more", clauses: []string{"ST-017"}, needs: blocking, run: blockWithEntries},
		{id: "stream/waiting-read-wakes", clauses: []string{"ST-018"}, needs: blocking, run: waitingReadWakes},
		{id: "stream/every-waiting-read-wakes", clauses: []string{"ST-019"}, needs: blocking, run: everyReadWakes},
		{id: "stream/negative-block-ends-with-the-context", clauses: []string{"ST-020"}, needs: blocking, run: negativeBlock},
		{id: "stream/cancel-unblocks", clauses: []string{"ST-021"}, needs: blocking, run: streamCancelUnblocks},
	}
}

// startRead reads on a goroutine of its own.
func startRead(ctx context.Context, d ports.Stream, block time.Duration, after ...ports.Offset) *call[[]ports.Entry] {
	return start(func() ([]ports.Entry, error) { return d.Read(ctx, ports.ReadOptions{Block: block}, after...) })
}

// endOf is the place after the newest entry.
func endOf(stream string) ports.Offset { return ports.Offset{Stream: stream, ID: ports.StreamEnd} }

func blockEnds(ctx context.Context, e *streamEnv) {
	appendAll(ctx, e, "s", "old")
	block := e.Timing.Quiet
	began := time.Now()
	got, err := await(e, block, "read with a block", startRead(ctx, e.Driver, block, endOf("s"), endOf("none")))
	e.noError(err, "read with a block where nothing comes")
	wantEntries(e, "read with a block where nothing comes", got)
	// A backend's clock may streamTick coarsely, so that its block ends a little early on ours.
	e.check(time.Since(began) >= block*9/10, "a block of %v ended after %v", block, time.Since(began))
}

func shortBlockEnds(ctx context.Context, e *streamEnv) {
	got, err := await(e, 0, "read with a block of 1 ns", startRead(ctx, e.Driver, time.Nanosecond, endOf("s")))
	e.noError(err, "read with a block of 1 ns")
	wantEntries(e, "read with a block of 1 ns", got)
}

func blockWithEntries(ctx context.Context, e *streamEnv) {
	appendAll(ctx, e, "s", "a", "b")
	for _, block := range []time.Duration{tooLong, -1} {
		read := startRead(ctx, e.Driver, block, endOf("none"), ports.Offset{Stream: "s", ID: ports.StreamStart})
		got, err := await(e, 0, "read with a block where entries are", read)
		e.noError(err, "read with a block where entries are")
		wantEntries(e, "read with a block where entries are", got, "s:a", "s:b")
	}
}

func waitingReadWakes(ctx context.Context, e *streamEnv) {
	appendAll(ctx, e, "s", "old")
	other := e.peer(ctx)
	for _, stream := range []string{"s", "new"} { // the second does not exist before
		read := startRead(ctx, other, tooLong, endOf("s"), endOf("new"))
		mustWait(ctx, e, "read with a block", read)
		appendAll(ctx, e, stream, "x")
		got, err := await(e, 0, "the read after an append to "+stream, read)
		e.noError(err, "the read after an append to "+stream)
		wantEntries(e, "the read after an append to "+stream, got, stream+":x")
	}
}

func everyReadWakes(ctx context.Context, e *streamEnv) {
	var reads []*call[[]ports.Entry]
	for _, d := range []ports.Stream{e.Driver, e.Driver, e.peer(ctx)} {
		reads = append(reads, startRead(ctx, d, tooLong, endOf("s")))
	}
	mustWait(ctx, e, "read with a block", reads...)
	appendAll(ctx, e, "s", "x")
	for _, read := range reads {
		got, err := await(e, 0, "each of three reads", read)
		e.noError(err, "each of three reads")
		wantEntries(e, "each of three reads", got, "s:x")
	}
}

func negativeBlock(ctx context.Context, e *streamEnv) {
	short, cancel := context.WithTimeout(ctx, 2*e.Timing.Quiet)
	defer cancel()
	read := startRead(short, e.Driver, -1, endOf("s"))
	mustWait(ctx, e, "read with a negative block", read)
	_, err := await(e, 2*e.Timing.Quiet+cancelBound, "read with a negative block, after the deadline", read)
	isContextError(e, err, context.DeadlineExceeded, "read with a negative block, after the deadline")
}

func streamCancelUnblocks(ctx context.Context, e *streamEnv) {
	if hasGroups(e.Driver) {
		createGroup(ctx, e, ports.StreamEnd)
	}
	for _, block := range []time.Duration{-1, tooLong} {
		free, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the suite's own has a deadline
		streamCancelUnblocksRead(free, e, cancel, block, "without a deadline")
		limited, cancel := context.WithTimeout(ctx, tooLong)
		streamCancelUnblocksRead(limited, e, cancel, block, "with a deadline")
	}
}

// streamCancelUnblocksRead waits with ctx and calls cancel, which ends it.
func streamCancelUnblocksRead(ctx context.Context, e *streamEnv, cancel func(), block time.Duration, what string) {
	defer cancel()
	reads := []*call[[]ports.Entry]{startRead(ctx, e.Driver, block, endOf("s"))}
	if hasGroups(e.Driver) {
		reads = append(reads, startReadGroup(ctx, e.Driver, "alice", block))
	}
	mustWait(ctx, e, "read with a block", reads...)
	cancel()
	for _, read := range reads {
		_, err := await(e, cancelBound, "a read after a cancel, "+what, read)
		isContextError(e, err, context.Canceled, "a read after a cancel, "+what)
	}
}

// startReadGroup reads the group "g" of stream "s" on a goroutine of its own.
func startReadGroup(ctx context.Context, d ports.Stream, consumer string, block time.Duration) *call[[]ports.Entry] {
	return start(func() ([]ports.Entry, error) {
		return d.ReadGroup(ctx, "g", consumer, ports.ReadOptions{Block: block}, "s")
	})
}
