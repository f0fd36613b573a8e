package conformance

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func streamPendingCases() []streamCase {
	groups := needsGroups()
	return []streamCase{
		{id: "stream/ack-settles", clauses: []string{"ST-033"}, needs: groups, run: ackSettles},
		{id: "stream/pending-lists", clauses: []string{"ST-034"}, needs: groups, run: pendingLists},
		{id: "stream/pending-filters", clauses: []string{"ST-035"}, needs: groups, run: pendingFilters},
		{id: "stream/claim-takes-over", clauses: []string{"ST-036"}, needs: groups, run: claimTakesOver},
		{id: "stream/claim-leaves-out", clauses: []string{"ST-037"}, needs: groups, run: claimLeavesOut},
		{id: "stream/removed-unread-entries-are-skipped", clauses: []string{"ST-038"}, needs: groups, run: removedUnread},
		{id: "stream/trimmed-pending-entries-vanish", clauses: []string{"ST-039"}, needs: groups, run: trimmedPending},
		{id: "stream/deleted-pending-entries-vanish", clauses: []string{"ST-039"}, needs: groups, run: deletedPending},
	}
}

func ackSettles(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	ids := appendAll(ctx, e, "s", "a", "b", "c", "d")
	wantEntries(e, "read group", readGroup(ctx, e, "alice", 3), "s:a", "s:b", "s:c")
	for _, step := range []struct {
		doing string
		ids   []string
		want  int64
		left  []string
	}{
		{"ack two, one of them named twice", []string{ids[2], ids[0], ids[2]}, 2, ids[1:2]},
		{"ack nothing", nil, 0, ids[1:2]},
		{"ack again", []string{ids[0], ids[2]}, 0, ids[1:2]},
		{"ack what was never handed out", []string{ids[3]}, 0, ids[1:2]},
		{"ack the last with settled ones", ids[:3], 1, nil},
	} {
		n, err := e.Driver.Ack(ctx, "s", "g", step.ids...)
		e.noError(err, step.doing)
		e.check(n == step.want, "%s: settled %d; want %d", step.doing, n, step.want)
		wantPending(e, step.doing, listPending(ctx, e, ports.PendingOptions{}), step.left...)
	}
	wantEntries(e, "what was not handed out", readGroup(ctx, e, "alice", 0), "s:d")
	wantLen(ctx, e, "s", 4)
}

func pendingLists(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	ids := appendAll(ctx, e, "s", "a", "b", "c")
	wantPending(e, "before anything was handed out", listPending(ctx, e, ports.PendingOptions{}))
	began := time.Now()
	readGroup(ctx, e, "alice", 1)
	readGroup(ctx, e, "bob", 1)
	_, err := e.Driver.Claim(ctx, "s", "g", "bob", 0, ids[0])
	e.noError(err, "claim")
	handedOut := time.Now()
	e.pause(ctx, e.Timing.Quiet)
	atLeast := time.Since(handedOut)
	got := listPending(ctx, e, ports.PendingOptions{})
	atMost := time.Since(began)
	wantPending(e, "pending", got, ids[:2]...)
	for i, deliveries := range []int{2, 1} {
		e.check(got[i].Consumer == "bob", "entry %d is %q's; want bob's", i, got[i].Consumer)
		e.check(got[i].Deliveries == deliveries, "entry %d had %d deliveries; want %d", i, got[i].Deliveries, deliveries)
		e.check(got[i].Idle >= atLeast-streamTick && got[i].Idle <= atMost+streamTick,
			"entry %d is idle for %v; want %v to %v", i, got[i].Idle, atLeast, atMost)
	}
}

// streamTick is how much two clocks that tick by milliseconds may differ over one span.
const streamTick = 5 * time.Millisecond

func pendingFilters(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	for range ports.DefaultStreamCount {
		appendAll(ctx, e, "s", "x")
	}
	ids := appendAll(ctx, e, "s", "a", "b", "c")
	readGroup(ctx, e, "alice", ports.DefaultStreamCount+1)
	readGroup(ctx, e, "bob", 1)
	readGroup(ctx, e, "alice", 1)
	got := listPending(ctx, e, ports.PendingOptions{})
	e.check(len(got) == ports.DefaultStreamCount, "count 0 lists %d; want %d", len(got), ports.DefaultStreamCount)
	e.check(got[0].Consumer == "alice", "the first is %q's; want alice's", got[0].Consumer)
	wantPending(e, "count 1", listPending(ctx, e, ports.PendingOptions{Count: 1}), got[0].ID)
	wantPending(e, "bob's", listPending(ctx, e, ports.PendingOptions{Consumer: "bob"}), ids[1])
	wantPending(e, "nobody's", listPending(ctx, e, ports.PendingOptions{Consumer: "carol"}))
	wantPending(e, "idle for an hour", listPending(ctx, e, ports.PendingOptions{MinIdle: time.Hour}))
	e.pause(ctx, e.Timing.Quiet)
	wantPending(e, "bob's idle ones", listPending(ctx, e, ports.PendingOptions{Consumer: "bob", MinIdle: e.Timing.Quiet / 2}), ids[1])
}

func claimTakesOver(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	ids := appendAll(ctx, e, "s", "a", "b", "c")
	readGroup(ctx, e, "alice", 0)
	for i, consumer := range []string{"bob", "bob", "carol"} {
		deliveries := i + 2 // ReadGroup's was the first
		e.pause(ctx, e.Timing.Quiet)
		before := time.Now()
		got, err := e.Driver.Claim(ctx, "s", "g", consumer, e.Timing.Quiet/2, ids[1], ids[0])
		e.noError(err, "claim")
		wantEntries(e, "claim", got, "s:b", "s:a")
		e.check(got[0].ID == ids[1], "claim returned the id %q; want %q", got[0].ID, ids[1])
		for i, p := range listPending(ctx, e, ports.PendingOptions{Count: 2}) {
			e.check(p.ID == ids[i] && p.Consumer == consumer && p.Deliveries == deliveries,
				"pending is %s of %s after %d deliveries; want %s of %s after %d", p.ID, p.Consumer, p.Deliveries, ids[i], consumer, deliveries)
			e.check(p.Idle <= time.Since(before)+streamTick, "%v after the claim the entry is idle for %v", time.Since(before), p.Idle)
		}
	}
	n, err := e.Driver.Ack(ctx, "s", "g", ids[1])
	e.noError(err, "ack a claimed entry")
	e.check(n == 1, "ack of a claimed entry settled %d; want 1", n)
}

func claimLeavesOut(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	ids := appendAll(ctx, e, "s", "settled", "pending", "unread")
	readGroup(ctx, e, "alice", 2)
	_, err := e.Driver.Ack(ctx, "s", "g", ids[0])
	e.noError(err, "ack")
	claim := func(minIdle time.Duration, ids ...string) []ports.Entry {
		got, err := e.Driver.Claim(ctx, "s", "g", "bob", minIdle, ids...)
		e.noError(err, "claim")
		return got
	}
	wantEntries(e, "claim nothing", claim(0))
	wantEntries(e, "claim what is not idle long enough", claim(time.Hour, ids...))
	p := listPending(ctx, e, ports.PendingOptions{})
	wantPending(e, "after a claim of what is not idle", p, ids[1])
	e.check(p[0].Consumer == "alice" && p[0].Deliveries == 1,
		"after a claim of what is not idle: %s's after %d deliveries; want alice's after 1", p[0].Consumer, p[0].Deliveries)
	wantEntries(e, "claim what is settled, pending and unread", claim(0, ids...), "s:pending")
	wantPending(e, "afterwards", listPending(ctx, e, ports.PendingOptions{}), ids[1])
	wantEntries(e, "the unread entry", readGroup(ctx, e, "alice", 0), "s:unread")
}

func removedUnread(ctx context.Context, e *streamEnv) {
	createGroup(ctx, e, ports.StreamStart)
	ids := appendAll(ctx, e, "s", "a", "b", "c", "d", "e")
	wantEntries(e, "read group", readGroup(ctx, e, "alice", 1), "s:a")
	_, err := e.Driver.Trim(ctx, "s", ids[2])
	e.noError(err, "trim")
	_, err = e.Driver.Delete(ctx, "s", ids[3])
	e.noError(err, "delete")
	wantEntries(e, "read group past removed entries", readGroup(ctx, e, "alice", 0), "s:c", "s:e")
	_, err = e.Driver.Delete(ctx, "s", ids[2], ids[4])
	e.noError(err, "delete the rest")
	wantEntries(e, "read group of an emptied stream", readGroup(ctx, e, "alice", 0))
	appendAll(ctx, e, "s", "f")
	wantEntries(e, "read group goes on", readGroup(ctx, e, "alice", 0), "s:f")
}

func trimmedPending(ctx context.Context, e *streamEnv) {
	pendingRemoved(ctx, e, func(ids []string) {
		_, err := e.Driver.Trim(ctx, "s", ids[2])
		e.noError(err, "trim")
	})
}

func deletedPending(ctx context.Context, e *streamEnv) {
	pendingRemoved(ctx, e, func(ids []string) {
		_, err := e.Driver.Delete(ctx, "s", ids[:2]...)
		e.noError(err, "delete")
	})
}

// pendingRemoved takes away the first two of three pending entries.
func pendingRemoved(ctx context.Context, e *streamEnv, remove func(ids []string)) {
	createGroup(ctx, e, ports.StreamStart)
	ids := appendAll(ctx, e, "s", "a", "b", "c")
	readGroup(ctx, e, "alice", 0)
	remove(ids)
	wantPending(e, "after two were removed", listPending(ctx, e, ports.PendingOptions{}), ids[2])
	wantPending(e, "the first, after two were removed", listPending(ctx, e, ports.PendingOptions{Count: 1}), ids[2])
	got, err := e.Driver.Claim(ctx, "s", "g", "bob", 0, ids...)
	e.noError(err, "claim removed entries")
	wantEntries(e, "claim removed entries", got, "s:c")
	appendAll(ctx, e, "s", "d")
	wantEntries(e, "the group goes on", readGroup(ctx, e, "bob", 0), "s:d")
}
