-- Returns which of the commands in ARGV[2] and following the user may not give for keys that begin with ARGV[1].
--
-- A script that is stopped by that in the middle would have written half.

local refused = {}
local key = ARGV[1] .. 'key'
for n = 2, #ARGV do
  -- As many arguments as any of them needs. Some take each for a key.
  if not redis.acl_check_cmd(ARGV[n], key, key, key) then refused[#refused + 1] = ARGV[n] end
end
return refused
