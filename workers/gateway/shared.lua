-- One batch of one worker process at one provider: how calls ended, then which calls may begin.
--
-- KEYS: the hash of all breakers, then buckets. ARGV: the provider, and the batch as JSON (Batch in desk.py).
-- Times are in seconds by Redis' own clock. A breaker's `till` is the moment from which a probe may be sent; while one
-- is out, the moment at which its right ends. Its `generation` is the time of its last change, since a counter would
-- begin anew when Redis forgets.

local BURST_S = 60 -- an idle bucket holds the tokens of one minute
local EDGE_S = 2e-6 -- rounding; without it the last token of a full bucket would be missed

local provider, batch = ARGV[1], cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local kept = redis.call('HGET', KEYS[1], provider)
local breaker = kept and cjson.decode(kept)
  or {state = 'closed', generation = '0', failures = 0, failed_at = 0, till = 0, probes = 0, error = ''}
local changes, dirty = {}, false

local function enter(state, till, change)
  breaker.state, breaker.till, breaker.generation, dirty = state, till, string.format('%.6f', now), true
  changes[#changes + 1] = change
end

-- What a worker still knows when Redis has forgotten it.
local known = batch.known
if known and not kept then
  breaker.failures = known.failures
  enter('open', now + math.min(known.left_s, batch.recovery_s), 'restored')
end

for _, generation in ipairs(batch.succeeded) do
  if generation == breaker.generation then
    breaker.failures, dirty = 0, true
    if breaker.state == 'half_open' then enter('closed', 0, 'closed') end
  end
end

-- quiet_s: since the last success of this worker; not each success is told, so it may have ended the row.
for _, failed in ipairs(batch.failed) do
  if failed.generation == breaker.generation and breaker.state ~= 'open' then
    local ended = breaker.state == 'closed' and batch.quiet_s and now - batch.quiet_s > breaker.failed_at
    breaker.failures = (ended and 0 or breaker.failures) + failed.count
    breaker.failed_at, breaker.error, dirty = now, failed.error, true
    if breaker.state == 'half_open' or breaker.failures >= batch.failures then
      enter('open', now + batch.recovery_s, 'opened')
    end
  end
end

for _, generation in ipairs(batch.withdrawn) do
  if generation == breaker.generation and breaker.state == 'half_open' then enter('open', now, 'probe_withdrawn') end
end

for _, generation in ipairs(batch.renewed) do
  if generation == breaker.generation and breaker.state == 'half_open' then
    breaker.till, dirty = now + batch.recovery_s, true
  end
end

local function keep(bucket, until_s)
  redis.call('SET', bucket, string.format('%.6f', until_s), 'PX', math.max(1, math.ceil((until_s - now) * 1000)))
end

-- A bucket is the moment until which its tokens are given away (GCRA); no bucket is a full one.
local function reserve(bucket, calls, wait_s)
  local given = math.max(now, tonumber(redis.call('GET', bucket) or 0))
  local first_s = given - now - BURST_S
  local most = math.floor((wait_s - first_s + EDGE_S) / batch.pace_s)
  local admitted = math.max(0, math.min(calls, most))
  if admitted > 0 then keep(bucket, given + admitted * batch.pace_s) end
  return admitted, first_s
end

for _, back in ipairs(batch.returned) do
  local bucket = KEYS[back.bucket]
  local given = tonumber(redis.call('GET', bucket) or 0)
  if given > now then keep(bucket, math.max(now, given - back.count * batch.pace_s)) end
end

-- turns: of each group of asking calls, how many may go; the i-th goes after first_s + i * pace_s.
local turns, passed, probe = {}, 0, false
local function send_probe()
  probe, breaker.probes = true, breaker.probes + 1
  enter('half_open', now + batch.recovery_s, 'probing')
end

if breaker.state == 'closed' then
  passed = batch.checks
  for i, ask in ipairs(batch.asks) do turns[i] = {reserve(KEYS[ask.bucket], ask.calls, ask.wait_s)} end
else
  local due = now >= breaker.till
  if due and batch.checks > 0 then
    passed = 1
    send_probe()
  end
  for i, ask in ipairs(batch.asks) do
    turns[i] = {0, 0}
    if i == 1 and due and not probe then -- one call, which probes at once or comes back when it has its token
      local admitted, first_s = reserve(KEYS[ask.bucket], 1, ask.wait_s)
      turns[i] = {admitted, first_s}
      if admitted == 1 and first_s + batch.pace_s <= EDGE_S then send_probe() end
    end
  end
end

if dirty then
  redis.call('HSET', KEYS[1], provider, cjson.encode(breaker))
  if (batch.kept_s or 0) > 0 then redis.call('EXPIRE', KEYS[1], batch.kept_s) end
end
return cjson.encode({
  state = breaker.state,
  generation = breaker.generation,
  failures = breaker.failures,
  left_s = math.max(0, breaker.till - now),
  error = breaker.error,
  changes = changes,
  passed = passed,
  probe = probe,
  turns = turns,
})
