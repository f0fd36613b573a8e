package conformance

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

type (
	streamEnv  = env[ports.Stream]
	streamCase = testCase[ports.Stream]
)

func streamCases() []streamCase {
	return slices.Concat(streamEntryCases(), streamReadCases(), streamBlockingCases(), streamRemovalCases(),
		streamGroupCases(), streamPendingCases(), streamWaitingGroupCases(), streamFailureCases(), streamEndCases())
}

func hasGroups(d ports.Stream) bool   { return d.StreamCapabilities().Groups }
func hasBlocking(d ports.Stream) bool { return d.StreamCapabilities().Blocking }

func needsGroups() capability[ports.Stream] {
	return capability[ports.Stream]{name: "Groups", declared: hasGroups}
}

func needsBlocking() capability[ports.Stream] {
	return capability[ports.Stream]{name: "Blocking", declared: hasBlocking}
}

// needsBlockingGroups is for the waiting of ReadGroup, which is Blocking's.
func needsBlockingGroups() capability[ports.Stream] {
	return capability[ports.Stream]{name: "Blocking", declared: func(d ports.Stream) bool { return hasGroups(d) && hasBlocking(d) }}
}

// tooLong is a Block that outlasts every bound of the suite, for waits that must end by something else.
const tooLong = time.Hour

// cancelBound is the contract's for every port.
const cancelBound = 100 * time.Millisecond

// streamValue is the usual content of an entry: one field.
func streamValue(v string) []ports.Field { return []ports.Field{{Name: "v", Value: []byte(v)}} }

// appendAll appends an entry for each value and returns their ids.
func appendAll(ctx context.Context, e *streamEnv, stream string, values ...string) []string {
	ids := make([]string, len(values))
	for i, v := range values {
		id, err := e.Driver.Append(ctx, stream, streamValue(v), ports.AppendOptions{})
		e.noError(err, "append to "+stream)
		ids[i] = id
	}
	return ids
}

// readAll reads the stream "s" after a place without waiting.
func readAll(ctx context.Context, e *streamEnv, after string) []ports.Entry {
	got, err := e.Driver.Read(ctx, ports.ReadOptions{Count: 1000}, ports.Offset{Stream: "s", ID: after})
	e.noError(err, "read")
	return got
}

// readGroup reads the group "g" of stream "s" for a consumer without waiting.
func readGroup(ctx context.Context, e *streamEnv, consumer string, count int) []ports.Entry {
	got, err := e.Driver.ReadGroup(ctx, "g", consumer, ports.ReadOptions{Count: count}, "s")
	e.noError(err, "read group")
	return got
}

// createGroup makes the group "g" of stream "s", which it makes too.
func createGroup(ctx context.Context, e *streamEnv, from string) {
	err := e.Driver.CreateGroup(ctx, "s", "g", ports.GroupOptions{Start: from, MakeStream: true})
	e.noError(err, "create group")
}

func listPending(ctx context.Context, e *streamEnv, o ports.PendingOptions) []ports.PendingEntry {
	got, err := e.Driver.Pending(ctx, "s", "g", o)
	e.noError(err, "list pending entries")
	return got
}

// wantEntries compares entries, written "stream:value", in their order.
func wantEntries(e *streamEnv, doing string, got []ports.Entry, want ...string) {
	texts := make([]string, len(got))
	for i, entry := range got {
		texts[i] = entry.Stream + ":"
		for _, f := range entry.Fields {
			texts[i] += string(f.Value)
		}
	}
	e.check(slices.Equal(texts, want), "%s: got [%s]; want [%s]", doing, strings.Join(texts, " "), strings.Join(want, " "))
}

// wantPending compares the ids of pending entries, in their order.
func wantPending(e *streamEnv, doing string, got []ports.PendingEntry, ids ...string) {
	texts := make([]string, len(got))
	for i, p := range got {
		texts[i] = p.ID
	}
	e.check(slices.Equal(texts, ids), "%s: pending are %v; want %v", doing, texts, ids)
}

func wantLen(ctx context.Context, e *streamEnv, stream string, want int64) {
	n, err := e.Driver.Len(ctx, stream)
	e.noError(err, "len of "+stream)
	e.check(n == want, "len of %s is %d; want %d", stream, n, want)
}

// streamMethod is one method called with sound arguments on a streamFixture.
type streamMethod struct {
	name   string
	groups bool
	call   func(ctx context.Context, d ports.Stream) error
}

// streamFixture is a stream with two entries and, where groups are declared, a group with the first of them pending.
type streamFixture struct{ ids []string }

func newStreamFixture(ctx context.Context, e *streamEnv) streamFixture {
	f := streamFixture{ids: appendAll(ctx, e, "s", "a", "b")}
	if hasGroups(e.Driver) {
		createGroup(ctx, e, ports.StreamStart)
		wantEntries(e, "read group", readGroup(ctx, e, "alice", 1), "s:a")
	}
	return f
}

// methods would, if they had an effect, change what isUntouched looks at.
func (f streamFixture) methods() []streamMethod {
	return []streamMethod{
		{"Append", false, func(ctx context.Context, d ports.Stream) error {
			_, err := d.Append(ctx, "s", streamValue("c"), ports.AppendOptions{})
			return err
		}},
		{"Read", false, func(ctx context.Context, d ports.Stream) error {
			_, err := d.Read(ctx, ports.ReadOptions{}, ports.Offset{Stream: "s", ID: ports.StreamStart})
			return err
		}},
		{"Len", false, func(ctx context.Context, d ports.Stream) error {
			_, err := d.Len(ctx, "s")
			return err
		}},
		{"Trim", false, func(ctx context.Context, d ports.Stream) error {
			_, err := d.Trim(ctx, "s", f.ids[1])
			return err
		}},
		{"Delete", false, func(ctx context.Context, d ports.Stream) error {
			_, err := d.Delete(ctx, "s", f.ids...)
			return err
		}},
		{"CreateGroup", true, func(ctx context.Context, d ports.Stream) error {
			return d.CreateGroup(ctx, "s", "new", ports.GroupOptions{})
		}},
		{"ReadGroup", true, func(ctx context.Context, d ports.Stream) error {
			_, err := d.ReadGroup(ctx, "g", "bob", ports.ReadOptions{}, "s")
			return err
		}},
		{"Pending", true, func(ctx context.Context, d ports.Stream) error {
			_, err := d.Pending(ctx, "s", "g", ports.PendingOptions{})
			return err
		}},
		{"Claim", true, func(ctx context.Context, d ports.Stream) error {
			_, err := d.Claim(ctx, "s", "g", "bob", 0, f.ids[0])
			return err
		}},
		{"Ack", true, func(ctx context.Context, d ports.Stream) error {
			_, err := d.Ack(ctx, "s", "g", f.ids[0])
			return err
		}},
		{"DeleteGroup", true, func(ctx context.Context, d ports.Stream) error {
			return d.DeleteGroup(ctx, "s", "g")
		}},
	}
}

// declaredMethods are those that the driver has.
func (f streamFixture) declaredMethods(d ports.Stream) []streamMethod {
	return slices.DeleteFunc(f.methods(), func(m streamMethod) bool { return m.groups && !hasGroups(d) })
}

// isUntouched fails the case unless the fixture is as it was made.
func (f streamFixture) isUntouched(ctx context.Context, e *streamEnv) {
	wantEntries(e, "the stream afterwards", readAll(ctx, e, ports.StreamStart), "s:a", "s:b")
	if !hasGroups(e.Driver) {
		return
	}
	pending := listPending(ctx, e, ports.PendingOptions{})
	wantPending(e, "the group afterwards", pending, f.ids[0])
	e.check(pending[0].Consumer == "alice" && pending[0].Deliveries == 1,
		"the pending entry afterwards is %s's after %d deliveries; want alice's after 1", pending[0].Consumer, pending[0].Deliveries)
	wantEntries(e, "the group's next entry afterwards", readGroup(ctx, e, "carol", 1), "s:b")
	e.noError(e.Driver.CreateGroup(ctx, "s", "new", ports.GroupOptions{}), "create a group that must not be there")
}
