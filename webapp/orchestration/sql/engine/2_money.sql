-- Holds and settlements: what a call may cost at most, and what it did cost.

-- Reserve a call's worst case at every level, or say which budget refuses. Clamps the completion to what is left.
-- `told` in the answer is for readers.
CREATE FUNCTION engine_hold(s agent_tasks_step, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_envelopes uuid[];
  v_prompt bigint := (p->>'prompt_tokens')::bigint;
  v_fixed numeric := v_prompt * (p->>'input_usd')::numeric + (p->>'fixed_usd')::numeric;
  v_each numeric := (p->>'output_usd')::numeric;
  v_tokens_left bigint;
  v_usd_left numeric;
  v_granted bigint := (p->>'max_tokens')::bigint;
  v_usd numeric;
  v_changed int;
BEGIN
  SELECT envelopes INTO v_envelopes FROM agent_tasks_task WHERE id = s.task_id;
  SELECT min(tokens_limit - tokens_spent - tokens_held), min(usd_limit - usd_spent - usd_held)
  INTO v_tokens_left, v_usd_left FROM budgets_envelope WHERE id = ANY(v_envelopes);
  v_granted := least(v_granted, v_tokens_left - v_prompt);
  IF v_each > 0 THEN v_granted := least(v_granted, floor((v_usd_left - v_fixed) / v_each)::bigint); END IF;
  v_usd := v_fixed + greatest(v_granted, 0) * v_each;
  IF v_granted < least((p->>'least_tokens')::bigint, (p->>'max_tokens')::bigint) OR v_usd > v_usd_left THEN
    RETURN jsonb_build_object('refused', (
      SELECT jsonb_build_object('level', level, 'tokens_limit', tokens_limit, 'tokens_left', tokens_limit - tokens_spent - tokens_held,
        'usd_limit', usd_limit, 'usd_left', usd_limit - usd_spent - usd_held, 'prompt_tokens', v_prompt)
      FROM budgets_envelope WHERE id = ANY(v_envelopes)
      ORDER BY (tokens_limit - tokens_spent - tokens_held - v_prompt < (p->>'least_tokens')::bigint) DESC NULLS LAST,
               usd_limit - usd_spent - usd_held ASC NULLS LAST LIMIT 1));
  END IF;
  UPDATE budgets_envelope SET tokens_held = tokens_held + v_prompt + v_granted, usd_held = usd_held + v_usd
  WHERE id = ANY(v_envelopes)
    AND (tokens_limit IS NULL OR tokens_spent + tokens_held + v_prompt + v_granted <= tokens_limit)
    AND (usd_limit IS NULL OR usd_spent + usd_held + v_usd <= usd_limit);
  GET DIAGNOSTICS v_changed = ROW_COUNT;
  IF v_changed <> cardinality(v_envelopes) THEN RAISE EXCEPTION 'a hold of task % misses an envelope', s.task_id; END IF;
  INSERT INTO budgets_hold (task_id, step, fence, tenant_id, agent, purpose, provider, model, state, held_tokens,
    held_usd, prompt_tokens, completion_tokens, cached_tokens, usd, worst_case, created_at)
  VALUES (s.task_id, s.n, s.fence, s.tenant_id, s.agent, p->>'purpose', p->>'provider', p->>'model', 'open',
    v_prompt + v_granted, v_usd, v_prompt, v_granted, 0, v_usd, false, clock_timestamp());
  RETURN jsonb_build_object('granted', v_granted, 'told', engine_step_event(s, 'BUDGET_HELD', '', jsonb_build_object(
    'tokens', v_prompt + v_granted, 'cost_usd', v_usd, 'provider', p->>'provider', 'model', p->>'model')));
END $$;

-- Close an open hold: at what the call cost, at its worst case (p_usage null), or at nothing when it was not sent.
-- Keyed by attempt, not by the step's state: a cancelled or overtaken call is still paid for, once. Returns what is to
-- be told.
CREATE FUNCTION engine_settle(p_task uuid, p_step int, p_fence int, p_usage jsonb, p_sent boolean) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  h budgets_hold;
  s agent_tasks_step;
  v_envelopes uuid[];
BEGIN
  UPDATE budgets_hold SET state = CASE WHEN p_sent THEN 'settled' ELSE 'released' END,
    prompt_tokens = CASE WHEN NOT p_sent THEN 0 ELSE coalesce((p_usage->>'prompt_tokens')::bigint, prompt_tokens) END,
    completion_tokens = CASE WHEN NOT p_sent THEN 0 ELSE coalesce((p_usage->>'completion_tokens')::bigint, completion_tokens) END,
    cached_tokens = CASE WHEN p_sent THEN coalesce((p_usage->>'cached_tokens')::bigint, cached_tokens) ELSE cached_tokens END,
    usd = CASE WHEN NOT p_sent THEN 0 ELSE coalesce((p_usage->>'usd')::numeric, usd) END,
    worst_case = p_sent AND p_usage IS NULL, closed_at = clock_timestamp()
  WHERE task_id = p_task AND step = p_step AND fence = p_fence AND state = 'open' RETURNING * INTO h;
  IF NOT FOUND THEN RETURN '[]'; END IF;
  UPDATE agent_tasks_task SET prompt_tokens = prompt_tokens + h.prompt_tokens,
         completion_tokens = completion_tokens + h.completion_tokens, cost_usd = cost_usd + h.usd
  WHERE id = p_task RETURNING envelopes INTO v_envelopes;
  UPDATE budgets_envelope SET tokens_held = tokens_held - h.held_tokens, usd_held = usd_held - h.held_usd,
         tokens_spent = tokens_spent + h.prompt_tokens + h.completion_tokens, usd_spent = usd_spent + h.usd,
         tokens_overrun = tokens_overrun + greatest(0, h.prompt_tokens + h.completion_tokens - h.held_tokens),
         usd_overrun = usd_overrun + greatest(0, h.usd - h.held_usd)
  WHERE id = ANY(v_envelopes);
  SELECT * INTO s FROM agent_tasks_step WHERE task_id = p_task AND n = p_step;
  s.fence := p_fence;
  RETURN jsonb_build_array(engine_step_event(s,
    CASE WHEN p_sent THEN 'BUDGET_SETTLED' ELSE 'BUDGET_RELEASED' END, '', jsonb_build_object(
    'tokens', h.prompt_tokens + h.completion_tokens, 'prompt_tokens', h.prompt_tokens,
    'completion_tokens', h.completion_tokens, 'cost_usd', h.usd, 'provider', h.provider, 'model', h.model,
    'worst_case', p_sent AND p_usage IS NULL)));
END $$;
