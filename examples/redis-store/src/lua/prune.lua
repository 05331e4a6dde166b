-- Drops up to ARGV[3] records that may be forgotten before ARGV[2], oldest first, and returns how many it dropped.

local found = forgettable(ARGV[2], ARGV[3])
for n, value in ipairs(values_of(found)) do drop(found[n], value) end
write_what_is_planned()
return #found
