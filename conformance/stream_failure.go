package conformance

import (
	"context"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func streamFailureCases() []streamCase {
	return []streamCase{
		{id: "stream/cut-off-and-back", clauses: []string{"ST-046"}, faults: true, run: streamCutAndBack},
		{id: "stream/cut-off-while-waiting", clauses: []string{"ST-047"}, needs: needsBlocking(), faults: true, run: streamCutWhileWaiting},
		{id: "stream/ended-context", clauses: []string{"ST-048"}, run: streamEndedContext},
		{id: "stream/errors-are-typed", clauses: []string{"ST-049"}, run: streamErrorsTyped},
		{id: "stream/undeclared-is-unsupported", clauses: []string{"ST-052"}, run: streamUndeclared},
	}
}

func streamEndCases() []streamCase {
	return []streamCase{
		{id: "stream/close", clauses: []string{"ST-050"}, run: streamClose},
		{id: "stream/close-unblocks", clauses: []string{"ST-051"}, needs: needsBlocking(), run: streamCloseUnblocks},
		{id: "stream/close-leaves-no-goroutine", clauses: []string{"ST-053"}, run: streamLeavesNoGoroutine},
		{id: "stream/as-unknown-target", clauses: []string{"ST-054"}, run: func(_ context.Context, e *streamEnv) { knowsNoForeignType(e) }},
	}
}

func streamCutAndBack(ctx context.Context, e *streamEnv) {
	f := newStreamFixture(ctx, e)
	e.cut(ctx)
	for _, m := range f.declaredMethods(e.Driver) {
		ended := start(func() (struct{}, error) { return struct{}{}, m.call(ctx, e.Driver) })
		_, err := await(e, e.Timing.Slack, m.name+" while the backend is cut off", ended)
		isUnreachable(e, err, m.name+" while the backend is cut off")
	}
	e.heal(ctx)
	e.eventually(ctx, "the client works again", func() bool {
		_, err := e.Driver.Len(ctx, "s")
		return err == nil
	})
	f.isUntouched(ctx, e)
}

func streamCutWhileWaiting(ctx context.Context, e *streamEnv) {
	waiting := []*call[[]ports.Entry]{
		startRead(ctx, e.Driver, -1, endOf("s")),
		startRead(ctx, e.peer(ctx), tooLong, endOf("s"), endOf("t")),
	}
	if hasGroups(e.Driver) {
		createGroup(ctx, e, ports.StreamEnd)
		waiting = append(waiting, startReadGroup(ctx, e.Driver, "alice", -1))
	}
	mustWait(ctx, e, "read with a block", waiting...)
	e.cut(ctx)
	for _, read := range waiting {
		_, err := await(e, 0, "a waiting read when the backend is cut off", read)
		isUnreachable(e, err, "a waiting read when the backend is cut off")
	}
}

func streamEndedContext(ctx context.Context, e *streamEnv) {
	f := newStreamFixture(ctx, e)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	late, stop := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer stop()
	for _, m := range f.declaredMethods(e.Driver) {
		isContextError(e, m.call(cancelled, e.Driver), context.Canceled, m.name+" with a cancelled context")
		isContextError(e, m.call(late, e.Driver), context.DeadlineExceeded, m.name+" after its deadline")
	}
	f.isUntouched(ctx, e)
}

func streamErrorsTyped(ctx context.Context, e *streamEnv) {
	const secret = "4929-0000-tell-nobody"
	f := newStreamFixture(ctx, e)
	errs := []error{}
	_, err := e.Driver.Append(ctx, "", streamValue(secret), ports.AppendOptions{})
	errs = append(errs, err)
	_, err = e.Driver.Append(ctx, "s", streamValue(secret), ports.AppendOptions{MaxLen: -1})
	errs = append(errs, err)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = e.Driver.Append(cancelled, "s", streamValue(secret), ports.AppendOptions{})
	errs = append(errs, err)
	for _, m := range f.declaredMethods(e.Driver) {
		errs = append(errs, m.call(cancelled, e.Driver))
	}
	if hasGroups(e.Driver) {
		errs = append(errs, e.Driver.CreateGroup(ctx, "s", "g", ports.GroupOptions{}), e.Driver.DeleteGroup(ctx, "s", "none"))
	}
	for _, err := range errs {
		isTyped(e, err)
		e.check(!strings.Contains(err.Error(), secret), "an error's text holds the field's value")
	}
}

func streamUndeclared(ctx context.Context, e *streamEnv) {
	f := newStreamFixture(ctx, e)
	if !hasGroups(e.Driver) {
		for _, m := range f.methods() {
			if m.groups {
				e.isKind(m.call(ctx, e.Driver), ports.ErrUnsupported, m.name+" without groups")
			}
		}
	}
	if !hasBlocking(e.Driver) {
		for _, block := range []time.Duration{time.Millisecond, -1} {
			read := startRead(ctx, e.Driver, block, ports.Offset{Stream: "s", ID: ports.StreamStart})
			_, err := await(e, 0, "read with a block", read)
			e.isKind(err, ports.ErrUnsupported, "read with a block, which is not declared")
			if hasGroups(e.Driver) {
				_, err := await(e, 0, "read group with a block", startReadGroup(ctx, e.Driver, "bob", block))
				e.isKind(err, ports.ErrUnsupported, "read group with a block, which is not declared")
			}
		}
	}
	f.isUntouched(ctx, e)
}

func streamClose(ctx context.Context, e *streamEnv) {
	f := newStreamFixture(ctx, e)
	other := e.peer(ctx)
	for range 2 {
		e.noError(other.Close(ctx), "close the second client")
	}
	for _, m := range f.declaredMethods(e.Driver) {
		e.isKind(m.call(ctx, other), ports.ErrClosed, m.name+" on a closed client")
	}
	f.isUntouched(ctx, e)
}

func streamCloseUnblocks(ctx context.Context, e *streamEnv) {
	other := e.peer(ctx)
	waiting := []*call[[]ports.Entry]{startRead(ctx, other, -1, endOf("s")), startRead(ctx, other, tooLong, endOf("s"))}
	if hasGroups(e.Driver) {
		createGroup(ctx, e, ports.StreamEnd)
		waiting = append(waiting, startReadGroup(ctx, other, "alice", -1))
	}
	mustWait(ctx, e, "read with a block", waiting...)
	closing := start(func() (struct{}, error) { return struct{}{}, other.Close(ctx) })
	for _, read := range waiting {
		_, err := await(e, 0, "a waiting read when its client is closed", read)
		e.isKind(err, ports.ErrClosed, "a waiting read when its client is closed")
	}
	_, err := await(e, 0, "close under waiting reads", closing)
	e.noError(err, "close under waiting reads")
}

func streamLeavesNoGoroutine(ctx context.Context, e *streamEnv) {
	newStreamFixture(ctx, e)
	e.leavesNoGoroutine(ctx, func(ctx context.Context, d ports.Stream) {
		_, err := d.Append(ctx, "s", streamValue("x"), ports.AppendOptions{})
		e.noError(err, "append")
		if hasBlocking(d) {
			_, err = d.Read(ctx, ports.ReadOptions{Block: time.Millisecond}, endOf("s"))
			e.noError(err, "read with a block")
		}
	})
}
