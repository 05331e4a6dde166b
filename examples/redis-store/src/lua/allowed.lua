-- Returns which of the commands in ARGV[2] and following the user may not give for keys that begin with ARGV[1].
--
-- A script that is stopped by that in the middle would have written half.

local refused = {}
for n = 2, #ARGV do
  -- Enough elements for any of them.
  if not redis.acl_check_cmd(ARGV[n], ARGV[1] .. 'key', '-', '+') then refused[#refused + 1] = ARGV[n] end
end
return refused
