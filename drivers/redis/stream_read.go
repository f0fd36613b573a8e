package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// Read is [ports.Stream] Read.
func (s *Stream) Read(ctx context.Context, o ports.ReadOptions, after ...ports.Offset) ([]ports.Entry, error) {
	const op = "read"
	names, ids := make([]string, len(after)), make([]string, len(after))
	o, bad := o.WithDefaults()
	for i, a := range after {
		names[i], ids[i] = a.Stream, a.ID
		if a.ID != ports.StreamEnd {
			var badID error
			ids[i], badID = streamID(a.ID)
			bad = cmp.Or(bad, badID)
		}
	}
	r, err := s.newReading(ctx, op, o, names, bad)
	if err != nil {
		return nil, err
	}
	r.verb = []string{"XREAD"}
	if o.Block == 0 {
		return r.now(ctx, ids)
	}
	return r.wait(ctx, func(ctx context.Context) (*source, error) {
		if err := r.resolveEnds(ctx, ids); err != nil {
			return nil, err
		}
		return &source{
			block: func(ctx context.Context, block time.Duration) ([]ports.Entry, error) {
				return r.block(ctx, block, r.groups[0], ids)
			},
			fetch:  func(ctx context.Context) ([]ports.Entry, error) { return r.fetch(ctx, ids) },
			places: func(context.Context) ([]string, error) { return ids, nil },
		}, nil
	})
}

// reading is one call of Read or ReadGroup.
type reading struct {
	*Stream
	op    string
	names []string
	keys  []string
	// groups are the keys that one command may name, by their places in keys.
	groups []slotGroup
	o      ports.ReadOptions
	// verb begins the command: XREAD, or XREADGROUP with group and consumer.
	verb []string
}

// newReading checks the streams; bad says what is wrong with the other arguments.
func (s *Stream) newReading(ctx context.Context, op string, o ports.ReadOptions, names []string, bad error) (*reading, error) {
	r := &reading{Stream: s, op: op, names: slices.Clone(names), keys: make([]string, len(names)), o: o}
	bad = cmp.Or(bad, ports.ValidateReadStreams(names...))
	for i := 0; i < len(names) && bad == nil; i++ {
		r.keys[i], bad = s.key(actionStream, names[i])
		if bad == nil && slices.Contains(r.keys[:i], r.keys[i]) { // two spellings under a slotting
			bad = fmt.Errorf("stream %.100q is named twice; valid is once", names[i])
		}
	}
	if err := s.enter(ctx, op, bad); err != nil {
		return nil, err
	}
	r.groups = bySlot(s.streams, r.keys)
	return r, nil
}

// command reads the streams of a group after ids, which are in the order of keys. What only reads is repeated by the
// client's rules, if it does not wait.
func (r *reading) command(g slotGroup, ids []string, block time.Duration) rueidis.Completed {
	places := make([]string, len(g.places))
	for i, place := range g.places {
		places[i] = ids[place]
	}
	b := r.streams.B()
	cmd := b.Arbitrary(r.verb...).Args("COUNT", decimal(int64(r.o.Count)))
	if block > 0 {
		return cmd.Args("BLOCK", decimal(milliseconds(block)), "STREAMS").Keys(g.keys...).Args(places...).Blocking()
	}
	cmd = cmd.Args("STREAMS").Keys(g.keys...).Args(places...)
	if r.grouped() {
		return cmd.Build()
	}
	return cmd.ReadOnly()
}

// now is fetch for a call that does not wait.
func (r *reading) now(ctx context.Context, ids []string) ([]ports.Entry, error) {
	entries, err := r.fetch(ctx, ids)
	return entries, r.broken(ctx, r.op, err)
}

// fetch reads without waiting, in all slots at the same time.
func (r *reading) fetch(ctx context.Context, ids []string) ([]ports.Entry, error) {
	commands := make([]rueidis.Completed, len(r.groups))
	for i, g := range r.groups {
		commands[i] = r.command(g, ids, 0)
	}
	found := map[string][]rueidis.XRangeSlice{}
	var failed error
	for _, result := range r.doAll(ctx, commands) {
		if err := into(found, result); failed == nil || isMissing(err) {
			failed = cmp.Or(err, failed)
		}
	}
	entries := r.entries(found)
	// What a group has handed out must be returned: the next call finds the failure again.
	if failed != nil && (len(entries) == 0 || !r.grouped() || isMissing(failed)) {
		return nil, failed
	}
	return entries, nil
}

func (r *reading) grouped() bool { return len(r.verb) > 1 }

func isMissing(err error) bool {
	if err == nil {
		return false
	}
	kind, _ := classify(err)
	return kind == ports.ErrNotFound
}

// doAll sends commands together.
func (s *Stream) doAll(ctx context.Context, commands []rueidis.Completed) []rueidis.RedisResult {
	if len(commands) == 1 {
		return []rueidis.RedisResult{s.streams.do(ctx, commands[0])}
	}
	return s.streams.doMulti(ctx, commands...)
}

// connectTries is how often a waiting call tries to get its connection.
const connectTries = 3

// block reads the streams of one slot, and lets Redis wait. Each wait may need a new connection, and with TLS that can
// take long on a busy machine: since nothing was sent, the call tries again.
func (r *reading) block(ctx context.Context, block time.Duration, g slotGroup, ids []string) ([]ports.Entry, error) {
	var err error
	for range connectTries {
		found := map[string][]rueidis.XRangeSlice{}
		if err = into(found, r.streams.doBlocking(ctx, block, r.command(g, ids, block))); err == nil {
			return r.entries(found), nil
		}
		if unsent := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil; !unsent {
			return nil, err
		}
	}
	return nil, err
}

// into adds what a command read; nothing is no error.
func into(found map[string][]rueidis.XRangeSlice, result rueidis.RedisResult) error {
	byKey, err := result.AsXReadSlices()
	if err != nil && !rueidis.IsRedisNil(err) {
		return err
	}
	for key, entries := range byKey {
		found[key] = entries
	}
	return nil
}

// entries are in the caller's order of streams.
func (r *reading) entries(found map[string][]rueidis.XRangeSlice) []ports.Entry {
	var all []ports.Entry
	for i, key := range r.keys {
		for _, x := range found[key] {
			all = append(all, streamEntry(r.names[i], x))
		}
	}
	return all
}

// lastIDScript gives the last id that each of the streams KEYS gave out. XINFO would send the first and last entry too.
var lastIDScript = newScript(`
local ids = {}
for i, key in ipairs(KEYS) do
  ids[i] = '0-0'
  if redis.call('EXISTS', key) == 1 then
    local info = redis.call('XINFO', 'STREAM', key)
    for j = 1, #info, 2 do
      if info[j] == 'last-generated-id' then ids[i] = info[j + 1] end
    end
  end
end
return ids`)

// resolveEnds replaces StreamEnd by the last id: a wait that goes on in several commands must not lose what comes between
// them.
func (r *reading) resolveEnds(ctx context.Context, ids []string) error {
	if !slices.Contains(ids, ports.StreamEnd) {
		return nil
	}
	commands := make([]rueidis.Completed, len(r.groups))
	for i, g := range r.groups {
		commands[i] = lastIDScript.whole(r.streams, g.keys, nil)
	}
	for i, result := range r.doAll(ctx, commands) {
		last, err := result.AsStrSlice()
		if err != nil {
			return err
		}
		for j, place := range r.groups[i].places {
			if ids[place] == ports.StreamEnd {
				ids[place] = last[j]
			}
		}
	}
	return nil
}
