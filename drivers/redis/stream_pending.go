package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// pendingPage is how many pending entries one script looks at, at most: a script keeps the server from all else.
const pendingPage = 1000

// pendingScript lists a page of a group's pending entries without those that were trimmed or deleted, which Redis lists
// too. KEYS stream; ARGV group, least idle milliseconds, id to begin with, entries to look at, consumer (may be missing).
// It gives where to go on ("" = there is no more) and the entries.
//
// Trimming takes away what lies below the first entry. Deleting is noted by the highest id that was deleted, so that only
// what lies below that is asked for one by one, which is costly for large entries.
var pendingScript = newScript(`
local function parts(id) return string.match(id, '^(%d+)-(%d+)$') end
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end
local function below(a, b)
  local a1, a2 = parts(a)
  local b1, b2 = parts(b)
  if a1 ~= b1 then return less(a1, b1) end
  return less(a2, b2)
end
local ask = {'XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[2], ARGV[3], '+', ARGV[4]}
if ARGV[5] then ask[9] = ARGV[5] end
local page = redis.call(unpack(ask))
if #page == 0 then return {'', {}} end
local first, deleted = false, false
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'first-entry' and info[i + 1] then first = info[i + 1][1] end
  if info[i] == 'max-deleted-entry-id' then deleted = info[i + 1] end
end
local kept = {}
for _, p in ipairs(page) do
  if first and not below(p[1], first) then
    if deleted and below(deleted, p[1]) or #redis.call('XRANGE', KEYS[1], p[1], p[1]) > 0 then kept[#kept + 1] = p end
  end
end
local next = ''
if #page == tonumber(ARGV[4]) then next = '(' .. page[#page][1] end
return {next, kept}`)

// Pending is [ports.Stream] Pending.
func (s *Stream) Pending(ctx context.Context, stream, group string, o ports.PendingOptions) ([]ports.PendingEntry, error) {
	const op = "pending"
	o, bad := o.WithDefaults()
	if bad == nil && o.Consumer != "" {
		bad = ports.ValidateStreamNames("consumer", o.Consumer)
	}
	key, err := s.enterGroup(ctx, op, stream, group, bad)
	if err != nil {
		return nil, err
	}
	var all []ports.PendingEntry
	for from, look := "-", min(o.Count, pendingPage); from != "" && len(all) < o.Count; look = pendingPage {
		args := []string{group, decimal(milliseconds(o.MinIdle)), from, decimal(int64(look))}
		if o.Consumer != "" {
			args = append(args, o.Consumer)
		}
		var page []ports.PendingEntry
		from, page, err = pendingPageOf(pendingScript.run(ctx, s.streams, []string{key}, args))
		if err != nil {
			return nil, s.inGroup(ctx, op, stream, group, err)
		}
		all = append(all, page...)
	}
	return all[:min(len(all), o.Count)], nil
}

var errNoPendingEntry = errors.New("XPENDING has an entry of another form than id, consumer, idle time, deliveries")

func pendingPageOf(result rueidis.RedisResult) (next string, page []ports.PendingEntry, err error) {
	answer, err := result.ToArray()
	if err != nil {
		return "", nil, err
	}
	if len(answer) != 2 {
		return "", nil, errNoPendingEntry
	}
	next, err1 := answer[0].ToString()
	entries, err2 := answer[1].ToArray()
	if err := errors.Join(err1, err2); err != nil {
		return "", nil, err
	}
	for _, e := range entries {
		p, err := pendingEntry(e)
		if err != nil {
			return "", nil, err
		}
		page = append(page, p)
	}
	return next, page, nil
}

func pendingEntry(m rueidis.RedisMessage) (ports.PendingEntry, error) {
	parts, err := m.ToArray()
	if err != nil {
		return ports.PendingEntry{}, err
	}
	if len(parts) != 4 {
		return ports.PendingEntry{}, errNoPendingEntry
	}
	id, err1 := parts[0].ToString()
	consumer, err2 := parts[1].ToString()
	idle, err3 := parts[2].AsInt64()
	deliveries, err4 := parts[3].AsInt64()
	return ports.PendingEntry{ID: id, Consumer: consumer, Idle: time.Duration(idle) * time.Millisecond,
		Deliveries: int(deliveries)}, errors.Join(err1, err2, err3, err4)
}
