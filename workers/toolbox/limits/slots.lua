-- Who may call one tool of one tenant at this moment: so many leases at most, each until its end.
--
-- KEYS: a sorted set of leases by when they end, in seconds by Redis' own clock. ARGV: a lease that is asked for or "",
-- and as JSON: limit, lease_s, keep (leases that are renewed, also when Redis has forgotten them), drop.

local wanted, batch = ARGV[1], cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local till = string.format('%.6f', now + batch.lease_s)

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for _, lease in ipairs(batch.drop) do redis.call('ZREM', KEYS[1], lease) end
for _, lease in ipairs(batch.keep) do redis.call('ZADD', KEYS[1], till, lease) end

local won = false
if wanted ~= '' and redis.call('ZCARD', KEYS[1]) < batch.limit then
  redis.call('ZADD', KEYS[1], till, wanted)
  won = true
end
redis.call('PEXPIRE', KEYS[1], math.ceil(batch.lease_s * 2000))
return cjson.encode({won = won})
