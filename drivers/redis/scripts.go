package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is how Redis names scripts
	"encoding/hex"

	"github.com/redis/rueidis"
)

// script is Lua that runs on the server as one step. It is sent once, then named by its digest.
type script struct{ text, digest string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // it is how Redis names scripts
	return script{text, hex.EncodeToString(sum[:])}
}

// run runs the script; its keys lie in one slot.
func (s script) run(ctx context.Context, l *link, keys, args []string) rueidis.RedisResult {
	r := l.do(ctx, l.B().Evalsha().Sha1(s.digest).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build())
	if answer, ok := rueidis.IsRedisErr(r.Error()); ok && answer.IsNoScript() {
		r = l.do(ctx, s.whole(l, keys, args))
	}
	return r
}

// whole is the script as a command that needs nothing on the server, for batches.
func (s script) whole(l *link, keys, args []string) rueidis.Completed {
	return l.B().Eval().Script(s.text).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

// A script's error after a write leaves the write behind, and Lua cannot hand some 8000 arguments to a command: so
// elements go in chunks, and the first chunk finds a key of another type before anything is written.

// compareAndSetScript: KEYS key; ARGV old, value, milliseconds or "0".
var compareAndSetScript = newScript(`
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`)

// persistScript: KEYS key. PERSIST alone does not tell an absent key from one without expiry.
var persistScript = newScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('PERSIST', KEYS[1])
return 1`)

// hsetScript: KEYS key; ARGV milliseconds, then fields and values.
var hsetScript = newScript(`
local added = 0
for i = 2, #ARGV, 4000 do
  added = added + redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 3999, #ARGV)))
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return added`)

// lpushScript: KEYS key; ARGV milliseconds, then values.
var lpushScript = newScript(`
local length = 0
for i = 2, #ARGV, 4000 do
  length = redis.call('LPUSH', KEYS[1], unpack(ARGV, i, math.min(i + 3999, #ARGV)))
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return length`)

// pipelineScript runs the operations of an atomic pipeline in two passes: the first follows the types and numbers that
// they would find and leaves with an error before anything is written, the second writes and cannot fail.
//
// KEYS are the keys, each once. ARGV lists the operations one after the other, each as its verb, the number of its key
// and its arguments; a variable number of them has its count before it, and "0" milliseconds are none. The reply has an
// entry for each: a text, a number, or nil.
//
// Numbers are two limbs of ten digits, since Lua's own are exact to 2^53 only, and INCRBY's reply is read as text for the
// same reason.
var pipelineScript = newScript(`
local ops, i = {}, 1
local function take() i = i + 1; return ARGV[i - 1] end
local takers = {
  get = function(o) end,
  set = function(o) o.value, o.px, o.nx = take(), take(), take() end,
  delete = function(o) end,
  expire = function(o) o.px = take() end,
  incr = function(o) o.by = take() end,
  hset = function(o) o.px = take() end,
  hget = function(o) o.field = take() end,
  hdel = function(o) end,
  lpush = function(o) o.px = take() end,
  rpop = function(o) end,
  zadd = function(o) end,
}
local many = {hset = true, hdel = true, lpush = true, zadd = true}
while i <= #ARGV do
  local o = {verb = take()}
  o.key = tonumber(take())
  takers[o.verb](o)
  if many[o.verb] then
    local n = tonumber(take())
    o.first, o.last = i, i + n - 1
    i = i + n
  end
  ops[#ops + 1] = o
end

local base = 10000000000
local function number(text)
  if not text or #text > 20 or not (text == '0' or string.match(text, '^%-?[1-9]%d*$')) then return nil end
  local sign = 1
  if string.sub(text, 1, 1) == '-' then sign, text = -1, string.sub(text, 2) end
  local high, low = 0, text
  if #text > 10 then high, low = string.sub(text, 1, -11), string.sub(text, -10) end
  return {sign * tonumber(high), sign * tonumber(low)}
end
local function inRange(n)
  local high, low = n[1], n[2]
  return not (high > 922337203 or high == 922337203 and low > 6854775807
    or high < -922337203 or high == -922337203 and low < -6854775808)
end
local function add(a, b)
  local high, low = a[1] + b[1], a[2] + b[2]
  if low >= base then high, low = high + 1, low - base elseif low <= -base then high, low = high - 1, low + base end
  if high > 0 and low < 0 then high, low = high - 1, low + base elseif high < 0 and low > 0 then high, low = high + 1, low - base end
  return {high, low}
end

-- gone: an hdel or rpop may have emptied the key, which then keeps its type for all that follows.
local kinds, numbers, gone = {}, {}, {}
local needs = {get = 'string', incr = 'string', hset = 'hash', hget = 'hash', hdel = 'hash', lpush = 'list', rpop = 'list', zadd = 'zset'}
local uses = {
  get = {{'GET'}}, set = {{'SET', 'v'}}, delete = {{'DEL'}}, expire = {{'EXISTS'}, {'PERSIST'}, {'PEXPIRE', '1'}},
  incr = {{'INCRBY', '1'}, {'GET'}}, hset = {{'HSET', 'f', 'v'}, {'PEXPIRE', '1'}}, hget = {{'HGET', 'f'}}, hdel = {{'HDEL', 'f'}},
  lpush = {{'LPUSH', 'v'}, {'PEXPIRE', '1'}}, rpop = {{'RPOP'}}, zadd = {{'ZADD', '1', 'm'}},
}
local function permitted(o)
  if not redis.acl_check_cmd then return true end
  for _, c in ipairs(uses[o.verb]) do
    if not redis.acl_check_cmd(c[1], KEYS[o.key], unpack(c, 2)) then return false end
  end
  return true
end
local function wrong(code, index, o, text)
  return redis.error_reply(code .. ' op ' .. (index - 1) .. ' (' .. o.verb .. '): ' .. text)
end
for index, o in ipairs(ops) do
  local k = o.key
  if not permitted(o) then return wrong('NOPERM', index, o, 'the user has no right to it') end
  if not kinds[k] then kinds[k] = redis.call('TYPE', KEYS[k]).ok end
  local need = needs[o.verb]
  if need and kinds[k] ~= 'none' and kinds[k] ~= need then return wrong('WRONGTYPE', index, o, 'the key holds another type') end
  if o.verb == 'set' then
    if o.nx == '0' or kinds[k] == 'none' then
      kinds[k], numbers[k], gone[k] = 'string', number(o.value) or false, nil
    elseif gone[k] then
      kinds[k], gone[k] = 'either', nil
    end
  elseif o.verb == 'delete' then
    kinds[k], numbers[k], gone[k] = 'none', nil, nil
  elseif o.verb == 'incr' then
    local n = numbers[k]
    if n == nil then
      n = {0, 0}
      if kinds[k] == 'string' then n = number(redis.call('GET', KEYS[k])) end
    end
    if not n or not inRange(n) then return wrong('WRONGTYPE', index, o, 'the value is no decimal int64') end
    n = add(n, number(o.by))
    if not inRange(n) then return wrong('INVALID', index, o, 'the sum is beyond int64') end
    kinds[k], numbers[k] = 'string', n
  elseif o.verb == 'hset' or o.verb == 'lpush' or o.verb == 'zadd' then
    kinds[k], gone[k] = need, nil
  elseif (o.verb == 'hdel' or o.verb == 'rpop') and kinds[k] ~= 'none' then
    gone[k] = true
  end
end

local function chunks(command, o)
  local sum, reply = 0, 0
  for from = o.first, o.last, 4000 do
    reply = redis.call(command, KEYS[o.key], unpack(ARGV, from, math.min(from + 3999, o.last)))
    sum = sum + reply
  end
  return sum, reply
end
local function expire(o)
  if o.px ~= '0' then redis.call('PEXPIRE', KEYS[o.key], o.px) end
end
local run = {
  get = function(o, key) return redis.call('GET', key) end,
  set = function(o, key)
    local args = {'SET', key, o.value}
    if o.px ~= '0' then args[4], args[5] = 'PX', o.px end
    if o.nx == '1' then args[#args + 1] = 'NX' end
    return redis.call(unpack(args)) and 1 or 0
  end,
  delete = function(o, key) return redis.call('DEL', key) end,
  expire = function(o, key)
    if redis.call('EXISTS', key) == 0 then return 0 end
    if o.px == '0' then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, o.px) end
    return 1
  end,
  incr = function(o, key) redis.call('INCRBY', key, o.by); return redis.call('GET', key) end,
  hset = function(o, key) local added = chunks('HSET', o); expire(o); return added end,
  hget = function(o, key) return redis.call('HGET', key, o.field) end,
  hdel = function(o, key) if o.last < o.first then return 0 end; return (chunks('HDEL', o)) end,
  lpush = function(o, key) local _, length = chunks('LPUSH', o); expire(o); return length end,
  rpop = function(o, key) return redis.call('RPOP', key) end,
  zadd = function(o, key) return (chunks('ZADD', o)) end,
}
local replies = {}
for index, o in ipairs(ops) do replies[index] = run[o.verb](o, KEYS[o.key]) end
return replies`)
