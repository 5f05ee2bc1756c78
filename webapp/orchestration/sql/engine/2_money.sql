-- Holds and settlements: what calls may cost at most, and what they did cost. A whole batch at once, so that a budget
-- that many steps spend from is written once.

-- What a call may cost at most when it is granted so many completion tokens.
CREATE FUNCTION engine_worst_usd(p_hold jsonb, p_granted bigint) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT (p_hold->>'prompt_tokens')::bigint * (p_hold->>'input_usd')::numeric + (p_hold->>'fixed_usd')::numeric
         + p_granted * (p_hold->>'output_usd')::numeric
$$;

-- Reserve the worst case of all these begins that ask for a hold, at every level, each with what is `granted` to it; or,
-- where one budget has less, nothing at all: false.
CREATE FUNCTION engine_book(p_begins jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_fits boolean;
BEGIN
  WITH asked AS (
    SELECT s.*, h, (h->>'prompt_tokens')::bigint AS prompt, (b->>'granted')::bigint AS granted,
      round(engine_worst_usd(h, (b->>'granted')::bigint), 10) AS usd  -- as its row keeps it: the sum is given back from rows
    FROM jsonb_array_elements(p_begins) AS b CROSS JOIN LATERAL (SELECT b->'hold' AS h) AS x CROSS JOIN LATERAL (
      SELECT st.task_id, st.n, st.fence, st.tenant_id, st.agent, t.envelopes
      FROM agent_tasks_step st JOIN agent_tasks_task t ON t.id = st.task_id
      WHERE st.task_id = (b->>'task')::uuid AND st.n = (b->>'n')::int OFFSET 0) AS s
    WHERE h <> 'null'
  ), wanted AS (
    SELECT id, sum(prompt + granted)::bigint AS tokens, sum(usd) AS usd FROM asked, unnest(envelopes) AS id GROUP BY id
  ), room AS (
    SELECT count(*) = (SELECT count(*) FROM wanted) AND coalesce(bool_and(
        (e.tokens_limit IS NULL OR e.tokens_spent + e.tokens_held + w.tokens <= e.tokens_limit)
        AND (e.usd_limit IS NULL OR e.usd_spent + e.usd_held + w.usd <= e.usd_limit)), true) AS fits
    FROM wanted w CROSS JOIN LATERAL (SELECT * FROM budgets_envelope WHERE id = w.id OFFSET 0) AS e
  ), held AS (
    UPDATE budgets_envelope e SET (tokens_held, usd_held) = (
      SELECT e.tokens_held + w.tokens, e.usd_held + w.usd FROM wanted w WHERE w.id = e.id)
    WHERE e.id = ANY(ARRAY(SELECT id FROM wanted)) AND (SELECT fits FROM room)
  ), written AS (
    INSERT INTO budgets_hold (task_id, step, fence, call, tenant_id, agent, purpose, provider, model, tier, hedge, state,
      held_tokens, held_usd, prompt_tokens, completion_tokens, cached_tokens, usd, worst_case, error, created_at)
    SELECT task_id, n, fence, coalesce((h->>'call')::int, 1), tenant_id, agent, h->>'purpose', h->>'provider', h->>'model',
      coalesce(h->>'tier', ''), coalesce((h->>'hedge')::boolean, false), 'open', prompt + granted, usd,
      prompt, granted, 0, usd, false, '', clock_timestamp()
    FROM asked WHERE (SELECT fits FROM room)
  ) SELECT fits INTO v_fits FROM room;
  RETURN v_fits;
END $$;

-- What the budgets of its task have left for one begin: {granted}, the completion clamped to it, or {refused}, with the
-- budget that has least.
CREATE FUNCTION engine_grant(b jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  p jsonb := b->'hold';
  v_envelopes uuid[];
  v_prompt bigint := (p->>'prompt_tokens')::bigint;
  v_each numeric := (p->>'output_usd')::numeric;
  v_tokens_left bigint;
  v_usd_left numeric;
  v_granted bigint := (p->>'max_tokens')::bigint;
BEGIN
  SELECT envelopes INTO v_envelopes FROM agent_tasks_task WHERE id = (b->>'task')::uuid;
  SELECT min(tokens_limit - tokens_spent - tokens_held), min(usd_limit - usd_spent - usd_held)
  INTO v_tokens_left, v_usd_left FROM budgets_envelope WHERE id = ANY(v_envelopes);
  v_granted := least(v_granted, v_tokens_left - v_prompt);
  IF v_each > 0 THEN v_granted := least(v_granted, floor((v_usd_left - engine_worst_usd(p, 0)) / v_each)::bigint); END IF;
  IF v_granted >= least((p->>'least_tokens')::bigint, (p->>'max_tokens')::bigint)
     AND (v_usd_left IS NULL OR engine_worst_usd(p, greatest(v_granted, 0)) <= v_usd_left) THEN
    RETURN jsonb_build_object('granted', v_granted);
  END IF;
  RETURN jsonb_build_object('refused', (
    SELECT jsonb_build_object('level', level, 'tokens_limit', tokens_limit, 'tokens_left', tokens_limit - tokens_spent - tokens_held,
      'usd_limit', usd_limit, 'usd_left', usd_limit - usd_spent - usd_held, 'prompt_tokens', v_prompt)
    FROM budgets_envelope WHERE id = ANY(v_envelopes)
    ORDER BY (tokens_limit - tokens_spent - tokens_held - v_prompt < (p->>'least_tokens')::bigint) DESC NULLS LAST,
             usd_limit - usd_spent - usd_held ASC NULLS LAST LIMIT 1));
END $$;

-- Reserve one begin's worst case, clamped to what is left, or say which budget refuses.
CREATE FUNCTION engine_hold(b jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_answer jsonb := engine_grant(b);
BEGIN
  IF v_answer ? 'granted' AND NOT engine_book(jsonb_build_array(b || v_answer)) THEN
    RAISE EXCEPTION 'a hold of task % misses an envelope', b->>'task';
  END IF;
  RETURN v_answer;
END $$;

-- What is said of holds: a list of {call, sent, usage, error}. A worker of the release before says one of them, or none.
CREATE FUNCTION engine_settlements(p_end jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
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
      worst_case = v_sent AND v_usage IS NULL, error = coalesce(v_settle->>'error', ''), closed_at = clock_timestamp()
    WHERE task_id = (c->>'task')::uuid AND step = (c->>'n')::int AND fence = (c->>'fence')::int
      AND call = coalesce((v_settle->>'call')::int, 1) AND state = 'open'
    RETURNING * INTO h;
    IF FOUND THEN v_closed := v_closed || h; END IF;
  END LOOP;
  PERFORM engine_charge(v_closed);
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

-- What closed holds have cost goes to their tasks, and to every budget that those spend from.
CREATE FUNCTION engine_charge(p_closed budgets_hold[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF cardinality(p_closed) = 0 THEN RETURN; END IF;
  WITH closed AS (
    SELECT o.*, o.prompt_tokens + o.completion_tokens AS tokens FROM unnest(p_closed) AS o
  ), charged AS (
    UPDATE agent_tasks_task t SET (prompt_tokens, completion_tokens, cost_usd) = (
      SELECT t.prompt_tokens + sum(c.prompt_tokens), t.completion_tokens + sum(c.completion_tokens), t.cost_usd + sum(c.usd)
      FROM closed c WHERE c.task_id = t.id)
    WHERE t.id = ANY(ARRAY(SELECT task_id FROM closed)) RETURNING t.id, t.envelopes
  ), booked AS (
    SELECT envelope, sum(held_tokens) AS held_tokens, sum(held_usd) AS held_usd, sum(tokens) AS tokens, sum(usd) AS usd,
      sum(greatest(0, tokens - held_tokens)) AS tokens_over, sum(greatest(0, usd - held_usd)) AS usd_over
    FROM closed JOIN charged ON charged.id = task_id, unnest(envelopes) AS envelope GROUP BY envelope
  )
  UPDATE budgets_envelope e SET (tokens_held, usd_held, tokens_spent, usd_spent, tokens_overrun, usd_overrun) = (
    SELECT e.tokens_held - b.held_tokens, e.usd_held - b.held_usd, e.tokens_spent + b.tokens, e.usd_spent + b.usd,
      e.tokens_overrun + b.tokens_over, e.usd_overrun + b.usd_over
    FROM booked b WHERE b.envelope = e.id)
  WHERE e.id = ANY(ARRAY(SELECT envelope FROM booked));
END $$;
