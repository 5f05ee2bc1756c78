-- Holds and settlements: what calls may cost at most, and what they did cost. A whole batch at once, so that a budget
-- that many steps spend from is written once.
--
-- A hold asks for amounts of every unit: {prompt_tokens, max_tokens, input_usd, output_usd, fixed_usd, seconds, fuel,
-- tool_calls}, and is content with {least_tokens, least_seconds, least_fuel}. What it is granted is
-- {granted (completion tokens), seconds, fuel, metered: whether a budget limits fuel, so that it must be counted}.

-- What a call may cost at most when it is granted so many completion tokens.
CREATE FUNCTION engine_worst_usd(p_hold jsonb, p_granted bigint) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT (p_hold->>'prompt_tokens')::bigint * (p_hold->>'input_usd')::numeric + (p_hold->>'fixed_usd')::numeric
         + p_granted * (p_hold->>'output_usd')::numeric
$$;

-- All that it asks for. A worker of the release before knows of tokens and money alone.
CREATE FUNCTION engine_in_full(p_hold jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('granted', p_hold->'max_tokens', 'seconds', coalesce(p_hold->'seconds', '0'), 'fuel', coalesce(p_hold->'fuel', '0'))
$$;

CREATE FUNCTION engine_fits(p_limit numeric, p_spent numeric, p_held numeric, p_more numeric) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p_limit IS NULL OR p_spent + p_held + p_more <= p_limit
$$;

-- Of every budget that a step of the task spends from.
CREATE FUNCTION engine_spends_from(t agent_tasks_task, p_agent text) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF p_agent = '' THEN RETURN t.envelopes; END IF;
  RETURN t.envelopes || ARRAY(SELECT id FROM budgets_envelope WHERE tenant_id = t.tenant_id AND level = 'agent' AND owner_id = t.id AND name = p_agent);
END $$;

-- Whether one of the budgets limits the fuel that the begin asks for. Counting it makes a run slower, so not without need.
CREATE FUNCTION engine_metered(b jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF coalesce((b->'hold'->>'fuel')::bigint, 0) = 0 THEN RETURN false; END IF;
  RETURN EXISTS (SELECT FROM budgets_envelope WHERE fuel_limit IS NOT NULL AND id = ANY(ARRAY(
    SELECT unnest(engine_spends_from(t, st.agent)) FROM agent_tasks_step st JOIN agent_tasks_task t ON t.id = st.task_id
    WHERE st.task_id = (b->>'task')::uuid AND st.n = (b->>'n')::int)));
END $$;

-- Reserve the worst case of all these begins that ask for a hold, at every level, each with what is `granted` to it; or,
-- where one budget has less, nothing at all: false.
CREATE FUNCTION engine_book(p_begins jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_fits boolean;
BEGIN
  WITH asked AS (
    SELECT s.*, h, (h->>'prompt_tokens')::bigint AS prompt, (b->>'granted')::bigint AS granted,
      (b->>'seconds')::numeric(18,3) AS seconds, (b->>'fuel')::bigint AS fuel, coalesce((h->>'tool_calls')::int, 0) AS tool_calls,
      round(engine_worst_usd(h, (b->>'granted')::bigint), 10) AS usd  -- as its row keeps it: the sum is given back from rows
    FROM jsonb_array_elements(p_begins) AS b CROSS JOIN LATERAL (SELECT b->'hold' AS h) AS x CROSS JOIN LATERAL (
      SELECT st.task_id, st.n, st.fence, st.tenant_id, st.agent, engine_spends_from(t, st.agent) AS envelopes
      FROM agent_tasks_step st JOIN agent_tasks_task t ON t.id = st.task_id
      WHERE st.task_id = (b->>'task')::uuid AND st.n = (b->>'n')::int OFFSET 0) AS s
    WHERE h <> 'null'
  ), wanted AS (
    SELECT id, sum(prompt + granted)::bigint AS tokens, sum(usd) AS usd, sum(seconds) AS seconds, sum(fuel)::bigint AS fuel,
      sum(tool_calls)::bigint AS tool_calls FROM asked, unnest(envelopes) AS id GROUP BY id
  ), room AS (
    SELECT count(*) = (SELECT count(*) FROM wanted) AND coalesce(bool_and(
        engine_fits(e.tokens_limit, e.tokens_spent, e.tokens_held, w.tokens)
        AND engine_fits(e.usd_limit, e.usd_spent, e.usd_held, w.usd)
        AND engine_fits(e.seconds_limit, e.seconds_spent, e.seconds_held, w.seconds)
        AND engine_fits(e.fuel_limit, e.fuel_spent, e.fuel_held, w.fuel)
        AND engine_fits(e.tool_calls_limit, e.tool_calls_spent, e.tool_calls_held, w.tool_calls)), true) AS fits
    FROM wanted w CROSS JOIN LATERAL (SELECT * FROM budgets_envelope WHERE id = w.id OFFSET 0) AS e
  ), held AS (
    UPDATE budgets_envelope e SET (tokens_held, usd_held, seconds_held, fuel_held, tool_calls_held) = (
      SELECT e.tokens_held + w.tokens, e.usd_held + w.usd, e.seconds_held + w.seconds, e.fuel_held + w.fuel,
        e.tool_calls_held + w.tool_calls FROM wanted w WHERE w.id = e.id)
    WHERE e.id = ANY(ARRAY(SELECT id FROM wanted)) AND (SELECT fits FROM room)
  ), written AS (
    INSERT INTO budgets_hold (task_id, step, fence, call, tenant_id, agent, purpose, provider, model, tier, hedge, state,
      envelopes, held_tokens, held_usd, held_seconds, held_fuel, held_tool_calls, tool_calls, steps, prompt_tokens, completion_tokens,
      cached_tokens, usd, seconds, fuel, worst_case, error, created_at)
    SELECT task_id, n, fence, coalesce((h->>'call')::int, 1), tenant_id, agent, h->>'purpose', h->>'provider', h->>'model',
      coalesce(h->>'tier', ''), coalesce((h->>'hedge')::boolean, false), 'open',
      envelopes, prompt + granted, usd, seconds, fuel, tool_calls, tool_calls, 0, prompt, granted, 0, usd, seconds, fuel, false, '', clock_timestamp()
    FROM asked WHERE (SELECT fits FROM room)
  ) SELECT fits INTO v_fits FROM room;
  RETURN v_fits;
END $$;

-- What the budgets of its task have left for one begin: what it is granted, clamped to it, or {refused}, with the budget
-- and the unit of which there is less than the least that makes sense.
CREATE FUNCTION engine_grant(b jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  p jsonb := b->'hold';
  v_envelopes uuid[];
  v_prompt bigint := (p->>'prompt_tokens')::bigint;
  v_least bigint := least((p->>'least_tokens')::bigint, (p->>'max_tokens')::bigint);
  v_each numeric := (p->>'output_usd')::numeric;
  v_refused jsonb;
  v_left record;
BEGIN
  SELECT engine_spends_from(t, st.agent) INTO v_envelopes FROM agent_tasks_step st JOIN agent_tasks_task t ON t.id = st.task_id
  WHERE st.task_id = (b->>'task')::uuid AND st.n = (b->>'n')::int;
  SELECT jsonb_build_object('envelope', e.id, 'level', e.level, 'name', e.name, 'period', e.period, 'unit', u.unit,
    'limit', u.most, 'left', u.remains, 'least', u.least) INTO v_refused
  FROM budgets_envelope e CROSS JOIN LATERAL (VALUES
    (1, 'tokens', e.tokens_limit::numeric, (e.tokens_limit - e.tokens_spent - e.tokens_held)::numeric, (v_prompt + v_least)::numeric),
    (2, 'usd', e.usd_limit, e.usd_limit - e.usd_spent - e.usd_held, engine_worst_usd(p, v_least)),
    (3, 'tool_calls', e.tool_calls_limit, e.tool_calls_limit - e.tool_calls_spent - e.tool_calls_held, coalesce((p->>'tool_calls')::int, 0)),
    (4, 'seconds', e.seconds_limit, e.seconds_limit - e.seconds_spent - e.seconds_held, coalesce((p->>'least_seconds')::numeric, 0)),
    (5, 'fuel', e.fuel_limit, e.fuel_limit - e.fuel_spent - e.fuel_held, coalesce((p->>'least_fuel')::numeric, 0))
  ) AS u(place, unit, most, remains, least)
  WHERE e.id = ANY(v_envelopes) AND u.remains < u.least ORDER BY u.place, e.level = 'agent', u.remains LIMIT 1;
  IF FOUND THEN RETURN jsonb_build_object('refused', v_refused); END IF;
  SELECT min(tokens_limit - tokens_spent - tokens_held) AS tokens, min(usd_limit - usd_spent - usd_held) AS usd,
    min(seconds_limit - seconds_spent - seconds_held) AS seconds, min(fuel_limit - fuel_spent - fuel_held) AS fuel
  INTO v_left FROM budgets_envelope WHERE id = ANY(v_envelopes);
  RETURN jsonb_build_object(
    'granted', least((p->>'max_tokens')::bigint, v_left.tokens - v_prompt,
      CASE WHEN v_each > 0 THEN floor((v_left.usd - engine_worst_usd(p, 0)) / v_each)::bigint END),
    'seconds', least(coalesce((p->>'seconds')::numeric, 0), v_left.seconds), 'fuel', least(coalesce((p->>'fuel')::bigint, 0), v_left.fuel));
END $$;

-- Reserve one begin's worst case, clamped to what is left, or say which budget refuses. An agent whose share is used up
-- asks for what others have left.
CREATE FUNCTION engine_hold(b jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_answer jsonb := engine_grant(b);
BEGIN
  IF v_answer->'refused'->>'level' = 'agent' THEN
    PERFORM engine_share(t, ARRAY[v_answer->'refused'->>'name']) FROM agent_tasks_task t WHERE t.id = (b->>'task')::uuid;
    v_answer := engine_grant(b);
  END IF;
  IF NOT v_answer ? 'granted' THEN
    PERFORM engine_refused((b->>'task')::uuid, v_answer->'refused');
  ELSIF NOT engine_book(jsonb_build_array(b || v_answer)) THEN
    RAISE EXCEPTION 'a hold of task % misses an envelope', b->>'task';
  END IF;
  RETURN v_answer;
END $$;

-- What is said of holds: a list of {call, sent, usage, error}. A worker of the release before says one of them, or none.
CREATE FUNCTION engine_settlements(p_end jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT CASE jsonb_typeof(p_end->'settle') WHEN 'array' THEN p_end->'settle' WHEN 'object' THEN jsonb_build_array(p_end->'settle')
    ELSE '[]' END
$$;

-- Close the open holds of these attempts ({task, n, fence, settle}), each at what its call cost, at its worst case (usage
-- null), or at nothing when it was not sent. Keyed by attempt and call, not by the step's state: a cancelled or overtaken
-- call is still paid for, once. Returns what is to be told.
CREATE FUNCTION engine_settle(p_ends jsonb) RETURNS TABLE(of_task uuid, told jsonb) LANGUAGE plpgsql AS $$
DECLARE
  c jsonb;
  v_settle jsonb;
  v_usage jsonb;
  v_sent boolean;
  h budgets_hold;
  v_closed budgets_hold[] := '{}';
BEGIN
  FOR c, v_settle IN SELECT e, x FROM jsonb_array_elements(p_ends) AS e, jsonb_array_elements(engine_settlements(e)) AS x LOOP
    v_usage := nullif(v_settle->'usage', 'null'); v_sent := (v_settle->>'sent')::boolean;
    UPDATE budgets_hold SET state = CASE WHEN v_sent THEN 'settled' ELSE 'released' END,
      prompt_tokens = CASE WHEN v_sent THEN coalesce((v_usage->>'prompt_tokens')::bigint, prompt_tokens) ELSE 0 END,
      completion_tokens = CASE WHEN v_sent THEN coalesce((v_usage->>'completion_tokens')::bigint, completion_tokens) ELSE 0 END,
      cached_tokens = CASE WHEN v_sent THEN coalesce((v_usage->>'cached_tokens')::bigint, cached_tokens) ELSE cached_tokens END,
      usd = CASE WHEN v_sent THEN coalesce((v_usage->>'usd')::numeric, usd) ELSE 0 END,
      seconds = CASE WHEN v_sent THEN engine_took(created_at, CASE WHEN v_usage IS NULL THEN held_seconds END) ELSE 0 END,
      fuel = CASE WHEN v_sent THEN coalesce((v_usage->>'fuel')::bigint, held_fuel) ELSE 0 END,
      tool_calls = CASE WHEN v_sent THEN tool_calls ELSE 0 END,
      worst_case = v_sent AND v_usage IS NULL, error = coalesce(v_settle->>'error', ''), closed_at = clock_timestamp()
    WHERE task_id = (c->>'task')::uuid AND step = (c->>'n')::int AND fence = (c->>'fence')::int
      AND call = coalesce((v_settle->>'call')::int, 1) AND closed_at IS NULL
    RETURNING * INTO h;
    IF FOUND THEN v_closed := v_closed || h; END IF;
  END LOOP;
  RETURN QUERY SELECT c.of_task, engine_threshold_event(c.alert) FROM engine_charge(v_closed) AS c;
  RETURN QUERY SELECT o.task_id, jsonb_build_array(engine_step_event(s.st,
    CASE o.state WHEN 'settled' THEN 'BUDGET_SETTLED' ELSE 'BUDGET_RELEASED' END, '', jsonb_build_object(
    'attempt', o.fence, 'call', o.call, 'tokens', o.prompt_tokens + o.completion_tokens, 'prompt_tokens', o.prompt_tokens,
    'completion_tokens', o.completion_tokens, 'cost_usd', o.usd, 'provider', o.provider, 'model', o.model,
    'worst_case', o.worst_case, 'error', o.error)))
  FROM unnest(v_closed) AS o CROSS JOIN LATERAL (
    SELECT st FROM agent_tasks_step st WHERE st.task_id = o.task_id AND st.n = o.step OFFSET 0) AS s;
END $$;

-- What a step that is done did not have to pay for, as its completion says.
CREATE FUNCTION engine_save(p_end jsonb, s agent_tasks_step) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO budgets_saving (tenant_id, task_id, step, agent, cause, provider, model, tokens, usd, created_at)
  SELECT s.tenant_id, s.task_id, s.n, s.agent, x->>'cause', x->>'provider', x->>'model', (x->>'tokens')::bigint,
    (x->>'usd')::numeric, clock_timestamp()
  FROM jsonb_array_elements(p_end->'savings') AS x;
END $$;

-- How long a call has taken until now, by the database's clock; nobody knows when a lost one ended, so that is `p_most`.
CREATE FUNCTION engine_took(p_since timestamptz, p_most numeric) RETURNS numeric LANGUAGE sql VOLATILE AS $$
  SELECT least(p_most, round(extract(epoch FROM clock_timestamp() - p_since), 3))
$$;

-- What closed holds have cost goes to their tasks, and to every budget that they were held from. Returns the budgets that
-- are now beyond the part of a limit at which their owner wants to hear of it, with a task that has brought each there.
CREATE FUNCTION engine_charge(p_closed budgets_hold[]) RETURNS TABLE(of_task uuid, alert budgets_alert) LANGUAGE plpgsql AS $$
BEGIN
  IF cardinality(p_closed) = 0 THEN RETURN; END IF;
  UPDATE agent_tasks_task t SET (prompt_tokens, completion_tokens, cost_usd) = (
    SELECT t.prompt_tokens + sum(c.prompt_tokens), t.completion_tokens + sum(c.completion_tokens), t.cost_usd + sum(c.usd)
    FROM unnest(p_closed) AS c WHERE c.task_id = t.id)
  WHERE t.id = ANY(ARRAY(SELECT task_id FROM unnest(p_closed)));
  RETURN QUERY WITH closed AS (
    SELECT o.*, o.prompt_tokens + o.completion_tokens AS tokens FROM unnest(p_closed) AS o
  ), booked AS (
    SELECT envelope, max(task_id::text)::uuid AS task, sum(held_tokens) AS held_tokens, sum(held_usd) AS held_usd, sum(tokens) AS tokens,
      sum(usd) AS usd, sum(greatest(0, tokens - held_tokens)) AS tokens_over, sum(greatest(0, usd - held_usd)) AS usd_over,
      sum(held_seconds) AS held_seconds, sum(seconds) AS seconds, sum(greatest(0, seconds - held_seconds)) AS seconds_over,
      sum(held_fuel) AS held_fuel, sum(fuel) AS fuel, sum(greatest(0, fuel - held_fuel)) AS fuel_over,
      sum(held_tool_calls) AS held_tool_calls, sum(tool_calls) AS tool_calls
    FROM closed, unnest(envelopes) AS envelope GROUP BY envelope
  ), charged AS (
    UPDATE budgets_envelope e SET (tokens_held, usd_held, tokens_spent, usd_spent, tokens_overrun, usd_overrun, seconds_held,
      seconds_spent, seconds_overrun, fuel_held, fuel_spent, fuel_overrun, tool_calls_held, tool_calls_spent) = (
      SELECT e.tokens_held - b.held_tokens, e.usd_held - b.held_usd, e.tokens_spent + b.tokens, e.usd_spent + b.usd,
        e.tokens_overrun + b.tokens_over, e.usd_overrun + b.usd_over, e.seconds_held - b.held_seconds,
        e.seconds_spent + b.seconds, e.seconds_overrun + b.seconds_over, e.fuel_held - b.held_fuel,
        e.fuel_spent + b.fuel, e.fuel_overrun + b.fuel_over, e.tool_calls_held - b.held_tool_calls, e.tool_calls_spent + b.tool_calls
      FROM booked b WHERE b.envelope = e.id)
    WHERE e.id = ANY(ARRAY(SELECT envelope FROM booked))
    RETURNING new.id, old AS was, new AS now
  )
  SELECT b.task, x FROM charged c JOIN booked b ON b.envelope = c.id, engine_crossed(c.was, c.now) AS u,
    engine_alert(c.now, u.unit, (c.now).alert_percent, u.most, u.spent, b.task) AS x WHERE x.id IS NOT NULL;
END $$;
