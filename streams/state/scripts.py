"""The Lua scripts of `ValkeyStore`, which Valkey runs one at a time and whole.

A partition's guard is one string, `<fence> <attempt>`. The attempt is the number of the owner's
save: a save that a network or a frozen server delivered late, after the owner had tried it again
and gone on, must not overwrite what followed.

Keys may hold what nobody here wrote. It counts as nothing, and is overwritten; a damaged guard
fences as far as it still begins with a fence.
"""

_TOLERANT = """
-- The reply, or nil and true where the key is of another type; other errors are raised.
local function tolerant(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply, false end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then return nil, true end
  return redis.call(...), false
end
"""

_GUARD = """
-- The guard's fence and attempt, 0 where there is none, and whether it is damaged. Numbers from
-- 2^53 are none of ours: Lua's have no next one.
local function guard()
  local value, damaged = tolerant('GET', KEYS[1])
  if not value then return 0, 0, damaged end
  local fence, attempt = string.match(value, '^(%d+) (%d+)$')
  if not fence then
    fence, attempt, damaged = string.match(value, '^%d+'), 0, true
  end
  fence, attempt = tonumber(fence), tonumber(attempt)
  if not fence or fence >= 2^53 then return 0, 0, true end
  return fence, attempt, damaged
end
"""

CLAIM = f"""
{_TOLERANT}{_GUARD}
-- KEYS[1] the guard; ARGV[1] its life in ms. The server's time in microseconds is the floor, so
-- that fences rise even where the guard expired, is damaged or was lost with the server's data.
-- The fence, and 1 where the guard was damaged.
local now = redis.call('TIME')
local newest, _, damaged = guard()
local fence = math.max(now[1] * 1000000 + now[2], newest + 1)
redis.call('SET', KEYS[1], string.format('%.0f 0', fence), 'PX', ARGV[1])
return {{string.format('%.0f', fence), damaged and 1 or 0}}
"""

LOAD = f"""
{_TOLERANT}
-- KEYS: conversations, then senders; ARGV[1] how many conversations. The records of the former,
-- then the fields and records of each of the latter; 0 for a key of another type.
local conversations = tonumber(ARGV[1])
local found = {{}}
if conversations > 0 then
  found = redis.call('MGET', unpack(KEYS, 1, conversations))
  -- What MGET finds nothing for is absent, or of another type.
  local missing = {{}}
  for i = 1, conversations do
    if not found[i] then missing[#missing + 1] = KEYS[i] end
  end
  if #missing > 0 and redis.call('EXISTS', unpack(missing)) > 0 then
    for i = 1, conversations do
      if not found[i] and redis.call('EXISTS', KEYS[i]) == 1 then found[i] = 0 end
    end
  end
end
for i = conversations + 1, #KEYS do
  found[i] = tolerant('HGETALL', KEYS[i]) or 0
end
return found
"""

SAVE = f"""
{_TOLERANT}{_GUARD}
-- KEYS[1] the guard, then conversations, senders, and keys to remove; ARGV: fence, attempt, life
-- in ms, how many conversations, how many senders, the owner's field, a record for each
-- conversation and sender ('' removes), then keys and fields of senders to remove. 'mended' is
-- 'saved' where the guard was damaged.
local fence, attempt, life = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local conversations, senders, field = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local newest, last, damaged = guard()
if newest > fence then return 'fenced' end
if newest == fence and last > attempt then return 'late' end
-- A key of another type makes room for a hash.
local function hash(command, key, ...)
  local _, wrong = tolerant(command, key, ...)
  if wrong then
    redis.call('DEL', key)
    redis.call(command, key, ...)
  end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', life)
for i = 1, conversations do
  local record = ARGV[6 + i]
  if record == '' then
    redis.call('DEL', KEYS[1 + i])
  else
    redis.call('SET', KEYS[1 + i], record, 'PX', life)
  end
end
for i = conversations + 1, conversations + senders do
  local key, record = KEYS[1 + i], ARGV[6 + i]
  if record == '' then
    hash('HDEL', key, field)
  else
    hash('HSET', key, field, record)
    redis.call('PEXPIRE', key, life)
  end
end
for i = 2 + conversations + senders, #KEYS do
  redis.call('DEL', KEYS[i])
end
for i = 7 + conversations + senders, #ARGV, 2 do
  hash('HDEL', ARGV[i], ARGV[i + 1])
end
return damaged and 'mended' or 'saved'
"""
