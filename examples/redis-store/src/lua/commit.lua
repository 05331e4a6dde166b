-- Applies a commit, and returns 1; or nothing of it, and returns 0.
--
-- ARGV: the prefix; the id of the commit; the time before which may be forgotten, or nothing; and four lists, each after its
-- length: guards (digest, expected), puts (digest, expected, value), removals (digest, expected), ends (anchor, time). What is expected is a
-- version, or nothing for a record that must not be there.

local COMMITTED, CONFLICT = 1, 0

local id, bound = ARGV[2], ARGV[3]

local position = 3
local function take()
  position = position + 1
  return ARGV[position]
end
local function take_list(width)
  local rows = {}
  for n = 1, tonumber(take()) do
    rows[n] = {}
    for column = 1, width do rows[n][column] = take() end
  end
  return rows
end
local guards, puts, removals, ends = take_list(2), take_list(3), take_list(2), take_list(2)

-- What stands under a key before the commit; `false` for nothing.
local before = {}
local function standing_value(digest)
  if before[digest] == nil then before[digest] = redis.call('GET', record_key(digest)) end
  return before[digest]
end

-- "Every guard, put and removal states what it expects of the record as it stands before the commit."
for _, rows in ipairs({ guards, puts, removals }) do
  for _, row in ipairs(rows) do
    local value = standing_value(row[1])
    if (value and version_of(value) or '') ~= row[2] then return CONFLICT end
  end
end

-- "A put whose record is a member of a family is a conflict unless that family is open: its anchor is there and not closed, or is not
-- there and put by the same commit."
local opened, joined = {}, {}
for _, row in ipairs(puts) do
  if standing_of(row[3]) == 'a' then opened[row[1]] = true end
end
for _, row in ipairs(puts) do
  if standing_of(row[3]) == 'm' then
    local family = family_of(row[3])
    local anchor = standing_value(family)
    local standing = anchor and standing_of(anchor)
    if standing == 'c' or (standing ~= 'a' and not opened[family]) then return CONFLICT end
    joined[family] = true
  end
end

-- Nothing is in the way of the commit. From here on it is planned. What is dropped and put in the same plan is there afterwards.
local removed = {}
for _, row in ipairs(removals) do
  drop(row[1], before[row[1]])
  removed[row[1]] = true
end

-- "Ending a family marks its anchor closed, as a change of its version, and removes all its members, except those that the same
-- commit moves elsewhere. The anchor may be forgotten from the earlier of the end's time and its own."
for _, row in ipairs(ends) do
  local family = row[1]
  local members = redis.call('SMEMBERS', family_key(family))
  for n, value in ipairs(values_of(members)) do drop(members[n], value) end
  local anchor = standing_value(family)
  if anchor and standing_of(anchor) == 'a' and not removed[family] then
    replace(family, anchor, id .. 'c' .. earlier(forget_at_of(anchor), row[2]) .. anchor:sub(26))
  end
end

for _, row in ipairs(puts) do
  local digest, value = row[1], row[3]
  local old = before[digest]
  if old then
    -- "The anchor stays as the mark that nobody can add to this family again, also if it is replaced."
    if standing_of(old) == 'c' and standing_of(value) == 'a' then
      value = value:sub(1, 16) .. 'c' .. value:sub(18)
    end
    replace(digest, old, value)
  else
    put(digest, value)
  end
end

-- "A commit that puts n records also drops up to 2n forgettable ones. What it drops is not what it guards or puts, nor the anchor of a
-- family into which it puts."
if bound ~= '' and #puts > 0 then
  local spared, count = joined, 0
  for _, rows in ipairs({ guards, puts }) do
    for _, row in ipairs(rows) do spared[row[1]] = true end
  end
  for _ in pairs(spared) do count = count + 1 end
  local chosen = {}
  for _, digest in ipairs(forgettable(bound, 2 * #puts + count)) do
    if not spared[digest] and #chosen < 2 * #puts then chosen[#chosen + 1] = digest end
  end
  for n, value in ipairs(values_of(chosen)) do drop(chosen[n], value) end
end

write_what_is_planned()
return COMMITTED
