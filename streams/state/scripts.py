"""The Lua scripts of `ValkeyStore`, which Valkey runs one at a time and whole.

A partition's guard is one string, `<fence> <attempt>`. The attempt is the number of the owner's
save: a save that a network or a frozen server delivered late, after the owner had tried it again
and gone on, must not overwrite what followed.
"""

CLAIM = """
-- KEYS[1] the guard; ARGV[1] its life in ms. The server's time in microseconds is the floor, so
-- that fences rise even where the guard expired or was lost with the server's data.
local now = redis.call('TIME')
local fence = now[1] * 1000000 + now[2]
local guard = redis.call('GET', KEYS[1])
if guard then
  fence = math.max(fence, tonumber(string.match(guard, '^%d+')) + 1)
end
redis.call('SET', KEYS[1], string.format('%.0f 0', fence), 'PX', ARGV[1])
return string.format('%.0f', fence)
"""

LOAD = """
-- KEYS: conversations, then senders; ARGV[1] how many conversations. The records of the former,
-- then the fields and records of each of the latter.
local conversations = tonumber(ARGV[1])
local found = {}
if conversations > 0 then
  found = redis.call('MGET', unpack(KEYS, 1, conversations))
end
for i = conversations + 1, #KEYS do
  found[i] = redis.call('HGETALL', KEYS[i])
end
return found
"""

SAVE = """
-- KEYS[1] the guard, then conversations, senders, and keys to remove; ARGV: fence, attempt, life
-- in ms, how many conversations, how many senders, the owner's field, a record for each
-- conversation and sender ('' removes), then keys and fields of senders to remove.
local fence, attempt, life = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local conversations, senders, field = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local guard = redis.call('GET', KEYS[1])
if guard then
  local newest, last = string.match(guard, '^(%d+) (%d+)$')
  newest, last = tonumber(newest), tonumber(last)
  if newest > fence then return 'fenced' end
  if newest == fence and last > attempt then return 'late' end
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
    redis.call('HDEL', key, field)
  else
    redis.call('HSET', key, field, record)
    redis.call('PEXPIRE', key, life)
  end
end
for i = 2 + conversations + senders, #KEYS do
  redis.call('DEL', KEYS[i])
end
for i = 7 + conversations + senders, #ARGV, 2 do
  redis.call('HDEL', ARGV[i], ARGV[i + 1])
end
return 'saved'
"""
