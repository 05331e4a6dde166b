-- What the scripts that write have in common. ARGV[1] is what all keys begin with.
--
-- Redis runs a script alone, and what it writes is there as a whole or not at all if Redis dies. But a script that fails in the
-- middle has written half. So a script only reads and plans at first, where it may fail, and writes what it has planned at the end.

local prefix = ARGV[1]

-- How many elements to hand to a command at once: Lua's stack holds 8,000.
local CHUNK = 1000

-- The parts of a value; the file `value.rs` makes them. Times are bytes, and stay bytes: Lua's numbers are exact up to 2^53.
local function version_of(value) return value:sub(1, 16) end
local function standing_of(value) return value:sub(17, 17) end
local function forget_at_of(value) return value:sub(18, 25) end
local function family_of(value) return value:sub(26, 57) end
local function lists_of(value)
  local by_client, by_subject = struct.unpack('>I4c0I4c0', value, 58)
  return { by_client, by_subject }
end

-- The earlier of two times. The operator `<` compares strings as the locale of the server has it.
local function earlier(one, other)
  for n = 1, 8 do
    local a, b = one:byte(n), other:byte(n)
    if a ~= b then return a < b and one or other end
  end
  return one
end

local function record_key(digest) return prefix .. 'record:' .. digest end
local function family_key(anchor) return prefix .. 'family:' .. anchor end
local forget_key = prefix .. 'forget'

local function in_chunks(list, use)
  for from = 1, #list, CHUNK do
    use(unpack(list, from, math.min(from + CHUNK - 1, #list)))
  end
end

-- The values of records, in the order of their digests; `false` for one that is not there.
local function values_of(digests)
  local keys, values = {}, {}
  for n, digest in ipairs(digests) do keys[n] = record_key(digest) end
  in_chunks(keys, function(...)
    for _, value in ipairs(redis.call('MGET', ...)) do values[#values + 1] = value end
  end)
  return values
end

-- The digests of up to `limit` records that may be forgotten before `bound`, oldest first.
local function forgettable(bound, limit)
  local found = redis.call('ZRANGEBYLEX', forget_key, '-', '(' .. bound, 'LIMIT', 0, limit)
  for n, entry in ipairs(found) do found[n] = entry:sub(9) end
  return found
end

-- What is planned, in the order in which it is written.
local plan = { DEL = {}, ZREM = {}, SREM = {}, MSET = {}, ZADD = {}, SADD = {} }

local function planned(command, key, ...)
  local of_key = plan[command][key]
  if not of_key then
    of_key = {}
    plan[command][key] = of_key
  end
  for _, element in ipairs({ ... }) do of_key[#of_key + 1] = element end
end

-- Plans that nothing leads to a record any more.
local function leave(digest, value)
  planned('ZREM', forget_key, forget_at_of(value) .. digest)
  if standing_of(value) == 'm' then planned('SREM', family_key(family_of(value)), digest) end
  for _, list in ipairs(lists_of(value)) do
    if list ~= '' then planned('ZREM', prefix .. list, digest) end
  end
end

local function drop(digest, value)
  local keys = plan.DEL
  keys[#keys + 1] = record_key(digest)
  leave(digest, value)
end

local function put_value(digest, value)
  local pairs_of_mset = plan.MSET
  pairs_of_mset[#pairs_of_mset + 1] = record_key(digest)
  pairs_of_mset[#pairs_of_mset + 1] = value
end

-- Plans to write a record and its index entries. Closed anchors are not listed.
local function put(digest, value)
  put_value(digest, value)
  planned('ZADD', forget_key, '0', forget_at_of(value) .. digest)
  if standing_of(value) == 'm' then planned('SADD', family_key(family_of(value)), digest) end
  for _, list in ipairs(lists_of(value)) do
    if list ~= '' and standing_of(value) ~= 'c' then planned('ZADD', prefix .. list, '0', digest) end
  end
end

-- Plans to replace a record. Index entries that both have in common are left alone.
local function replace(digest, old, value)
  local _, _, body = struct.unpack('>I4c0I4c0', value, 58)
  if old:sub(17, body - 1) == value:sub(17, body - 1) then
    put_value(digest, value)
  else
    leave(digest, old)
    put(digest, value)
  end
end

local function write_what_is_planned()
  local function write(command)
    for key, elements in pairs(plan[command]) do
      in_chunks(elements, function(...) redis.call(command, key, ...) end)
    end
  end
  in_chunks(plan.DEL, function(...) redis.call('DEL', ...) end)
  write('ZREM')
  write('SREM')
  in_chunks(plan.MSET, function(...) redis.call('MSET', ...) end)
  write('ZADD')
  write('SADD')
end
