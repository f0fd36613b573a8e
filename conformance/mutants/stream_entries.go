package mutants

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func streamEntryMutants() []streamMutant {
	return []streamMutant{
		{Name: "stale-replica", Clauses: []string{"ST-001"}, Kills: streamCase("append-is-read-by-every-client"),
			AlsoFails: streamCase("concurrent-appends-get-own-ids", "waiting-read-wakes", "every-waiting-read-wakes"),
			Wrap:      breakStream(func(d ports.Stream) *staleStream { return &staleStream{Stream: d} })},
		{Name: "fields-as-map", Clauses: []string{"ST-002"}, Kills: streamCase("fields-keep-order-and-bytes"),
			Wrap: breakStream(func(d ports.Stream) fieldsAsMap { return fieldsAsMap{d} })},
		{Name: "empty-entry-accepted", Clauses: []string{"ST-003"}, Kills: streamCase("append-without-fields"),
			Wrap: breakStream(func(d ports.Stream) emptyEntryAccepted { return emptyEntryAccepted{d} })},
		{Name: "read-includes-its-place", Clauses: []string{"ST-004"}, Kills: streamCase("ids-grow"),
			AlsoFails: streamCase("read-several-streams", "read-without-block-returns-at-once"),
			Wrap:      breakStream(func(d ports.Stream) includesPlace { return includesPlace{d} })},
		{Name: "id-of-concurrent-append", Clauses: []string{"ST-004"}, Kills: streamCase("concurrent-appends-get-own-ids"),
			Wrap: breakStream(func(d ports.Stream) lastIDReturned { return lastIDReturned{d} })},
		{Name: "place-must-exist", Clauses: []string{"ST-005"}, Kills: streamCase("ids-grow-past-removed-entries"),
			Wrap: breakStream(func(d ports.Stream) placeMustExist { return placeMustExist{d} })},
		{Name: "max-len-ignored", Clauses: []string{"ST-006"}, Kills: streamCase("max-len-drops-the-oldest"),
			Wrap: breakStream(func(d ports.Stream) otherMaxLen {
				return otherMaxLen{d, func(n int64) int64 { return min(n, 0) }}
			})},
		{Name: "default-max-len", Clauses: []string{"ST-007"}, Kills: streamCase("nothing-dropped-by-default"),
			Wrap: breakStream(func(d ports.Stream) otherMaxLen {
				return otherMaxLen{d, func(n int64) int64 { return cmp.Or(n, 250) }}
			})},
		{Name: "retains-input", Clauses: []string{"ST-008"}, Kills: streamCase("copies-at-the-boundary"),
			Wrap: breakStream(func(d ports.Stream) *streamRetainsInput {
				return &streamRetainsInput{Stream: d, byID: map[string][]ports.Field{}}
			})},
		{Name: "len-counts-deleted", Clauses: []string{"ST-022"}, Kills: streamCase("len"), AlsoFails: streamCase("delete-by-id"),
			Wrap: breakStream(func(d ports.Stream) *lenCountsDeleted { return &lenCountsDeleted{Stream: d} })},
		{Name: "trim-takes-its-id", Clauses: []string{"ST-023"}, Kills: streamCase("trim-below-an-id"),
			AlsoFails: streamCase("len", "read-from-the-ends", "removed-unread-entries-are-skipped", "trimmed-pending-entries-vanish"),
			Wrap:      breakStream(func(d ports.Stream) trimTakesID { return trimTakesID{d} })},
		{Name: "trim-counts-nothing", Clauses: []string{"ST-023"}, Kills: streamCase("trim-below-an-id"),
			Wrap: breakStream(func(d ports.Stream) trimCountsNothing { return trimCountsNothing{d} })},
		{Name: "delete-counts-asked", Clauses: []string{"ST-024"}, Kills: streamCase("delete-by-id"),
			AlsoFails: streamCase("missing-stream-is-empty"),
			Wrap:      breakStream(func(d ports.Stream) deleteCountsAsked { return deleteCountsAsked{d} })},
	}
}

// staleStream: a client that did not write reads from a copy that is a millisecond behind.
type staleStream struct {
	ports.Stream
	wrote bool
}

func (m *staleStream) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	m.wrote = true
	return m.Stream.Append(ctx, stream, fields, o)
}

func (m *staleStream) Read(ctx context.Context, o ports.ReadOptions, after ...ports.Offset) ([]ports.Entry, error) {
	got, err := m.Stream.Read(ctx, o, after...)
	if m.wrote {
		return got, err
	}
	return slices.DeleteFunc(got, func(e ports.Entry) bool {
		ms, _, _ := strings.Cut(e.ID, "-")
		n, _ := strconv.ParseInt(ms, 10, 64)
		return n >= time.Now().UnixMilli()
	}), err
}

// fieldsAsMap keeps fields in a map.
type fieldsAsMap struct{ ports.Stream }

func (m fieldsAsMap) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	byName := map[string][]byte{}
	for _, f := range fields {
		byName[f.Name] = f.Value
	}
	var kept []ports.Field
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		kept = append(kept, ports.Field{Name: name, Value: byName[name]})
	}
	return m.Stream.Append(ctx, stream, kept, o)
}

// emptyEntryAccepted writes an entry without fields all the same.
type emptyEntryAccepted struct{ ports.Stream }

func (m emptyEntryAccepted) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	if len(fields) == 0 {
		fields = []ports.Field{{Name: "empty"}}
	}
	return m.Stream.Append(ctx, stream, fields, o)
}

// includesPlace takes "after" an id for "from" it.
type includesPlace struct{ ports.Stream }

func (m includesPlace) Read(ctx context.Context, o ports.ReadOptions, after ...ports.Offset) ([]ports.Entry, error) {
	got, err := m.Stream.Read(ctx, o, after...)
	if err != nil {
		return got, err
	}
	for _, at := range slices.Backward(after) {
		all, err := m.Stream.Read(ctx, ports.ReadOptions{Count: 1000}, ports.Offset{Stream: at.Stream, ID: ports.StreamStart})
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			if e.ID == at.ID {
				got = slices.Insert(got, 0, e)
			}
		}
	}
	return got, nil
}

// lastIDReturned asks for the newest id in a second step.
type lastIDReturned struct{ ports.Stream }

func (m lastIDReturned) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	id, err := m.Stream.Append(ctx, stream, fields, o)
	if err != nil {
		return id, err
	}
	time.Sleep(time.Microsecond) // lets others in
	all, err := m.Read(ctx, ports.ReadOptions{Count: 1000}, ports.Offset{Stream: stream, ID: ports.StreamStart})
	if err != nil || len(all) == 0 {
		return id, err
	}
	return all[len(all)-1].ID, nil
}

// placeMustExist looks for the entry after which it reads.
type placeMustExist struct{ ports.Stream }

func (m placeMustExist) Read(ctx context.Context, o ports.ReadOptions, after ...ports.Offset) ([]ports.Entry, error) {
	if len(after) != 1 || after[0].ID == ports.StreamStart || after[0].ID == ports.StreamEnd {
		return m.Stream.Read(ctx, o, after...)
	}
	all, err := m.Stream.Read(ctx, ports.ReadOptions{Count: 1000}, ports.Offset{Stream: after[0].Stream, ID: ports.StreamStart})
	known := slices.ContainsFunc(all, func(e ports.Entry) bool { return e.ID == after[0].ID })
	if err == nil && len(all) > 0 && !known && o.Block == 0 && strings.Contains(after[0].ID, "-") {
		return nil, nil
	}
	return m.Stream.Read(ctx, o, after...)
}

// otherMaxLen appends with another limit than it was told.
type otherMaxLen struct {
	ports.Stream
	of func(int64) int64
}

func (m otherMaxLen) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	return m.Stream.Append(ctx, stream, fields, ports.AppendOptions{MaxLen: m.of(o.MaxLen)})
}

// streamRetainsInput keeps the slices that it was given.
type streamRetainsInput struct {
	ports.Stream
	mu   sync.Mutex
	byID map[string][]ports.Field
}

func (m *streamRetainsInput) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	id, err := m.Stream.Append(ctx, stream, fields, o)
	m.mu.Lock()
	defer m.mu.Unlock()
	if stream == "s" { // one stream is enough, and the ids of two may be the same
		m.byID[id] = fields
	}
	return id, err
}

func (m *streamRetainsInput) Read(ctx context.Context, o ports.ReadOptions, after ...ports.Offset) ([]ports.Entry, error) {
	got, err := m.Stream.Read(ctx, o, after...)
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, e := range got {
		if fields, ok := m.byID[e.ID]; ok && e.Stream == "s" {
			got[i].Fields = fields
		}
	}
	return got, err
}

type lenCountsDeleted struct {
	ports.Stream
	deleted int64
}

func (m *lenCountsDeleted) Delete(ctx context.Context, stream string, ids ...string) (int64, error) {
	n, err := m.Stream.Delete(ctx, stream, ids...)
	m.deleted += n
	return n, err
}

func (m *lenCountsDeleted) Len(ctx context.Context, stream string) (int64, error) {
	n, err := m.Stream.Len(ctx, stream)
	return n + m.deleted, err
}

type trimTakesID struct{ ports.Stream }

func (m trimTakesID) Trim(ctx context.Context, stream, minID string) (int64, error) {
	n, err := m.Stream.Trim(ctx, stream, minID)
	if err != nil {
		return n, err
	}
	one, err := m.Delete(ctx, stream, minID)
	return n + one, err
}

type trimCountsNothing struct{ ports.Stream }

func (m trimCountsNothing) Trim(ctx context.Context, stream, minID string) (int64, error) {
	_, err := m.Stream.Trim(ctx, stream, minID)
	return 0, err
}

type deleteCountsAsked struct{ ports.Stream }

func (m deleteCountsAsked) Delete(ctx context.Context, stream string, ids ...string) (int64, error) {
	if _, err := m.Stream.Delete(ctx, stream, ids...); err != nil {
		return 0, err
	}
	return int64(len(ids)), nil
}
