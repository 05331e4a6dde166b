-- Returns up to ARGV[4] records of the list ARGV[2], from ARGV[3] on: each as its digest and its value.

local prefix = ARGV[1]
local found = redis.call('ZRANGEBYLEX', prefix .. ARGV[2], ARGV[3], '+', 'LIMIT', 0, ARGV[4])
local answer = {}
for n, digest in ipairs(found) do
  answer[2 * n - 1] = digest
  answer[2 * n] = redis.call('GET', prefix .. 'record:' .. digest)
end
return answer
