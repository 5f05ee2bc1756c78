-- Shares of a task's budget for its agents, and what steps may be added.

-- For each of these agents an equal share of what the task has left and no other agent has been given. What an agent leaves
-- when its last step has ended is free again: for those that begin later, and for one whose own share is used up and that
-- asks once more. Under the task's lock, as all that is done to its agents' budgets.
CREATE FUNCTION engine_share(t agent_tasks_task, p_agents text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  task budgets_envelope;
  v_others int;     -- among whom it is shared besides: agents that have been given nothing yet
  v_tokens bigint;  -- what the rest have been given, and left so far
  v_usd numeric;
BEGIN
  SELECT * INTO task FROM budgets_envelope
  WHERE tenant_id = t.tenant_id AND level = 'task' AND owner_id = t.id AND name = '' AND period = 'total';
  SELECT count(*) FILTER (WHERE e.id IS NULL) + cardinality(p_agents) - 1,
    coalesce(sum(greatest(0, e.tokens_limit - e.tokens_spent - e.tokens_held)), 0),
    coalesce(sum(greatest(0, e.usd_limit - e.usd_spent - e.usd_held)), 0) INTO v_others, v_tokens, v_usd
  FROM (SELECT DISTINCT agent FROM agent_tasks_step
    WHERE task_id = t.id AND finished_at IS NULL AND agent <> '' AND agent <> ALL(p_agents)) AS others
  LEFT JOIN LATERAL (SELECT * FROM budgets_envelope
    WHERE tenant_id = t.tenant_id AND level = 'agent' AND owner_id = t.id AND name = others.agent OFFSET 0) AS e ON true;
  INSERT INTO budgets_envelope (tenant_id, level, owner_id, name, tokens_limit, usd_limit)
  SELECT t.tenant_id, 'agent', t.id, a,
    least(t.agent_tokens, engine_shared(task.tokens_limit - task.tokens_spent - task.tokens_held - v_tokens,
      e.tokens_limit - e.tokens_spent - e.tokens_held, v_others, 0) + coalesce(e.tokens_spent + e.tokens_held, 0)),
    engine_shared(task.usd_limit - task.usd_spent - task.usd_held - v_usd,
      e.usd_limit - e.usd_spent - e.usd_held, v_others, 10) + coalesce(e.usd_spent + e.usd_held, 0)
  FROM unnest(p_agents) AS a LEFT JOIN LATERAL (SELECT * FROM budgets_envelope
    WHERE tenant_id = t.tenant_id AND level = 'agent' AND owner_id = t.id AND name = a OFFSET 0) AS e ON true
  ON CONFLICT (tenant_id, level, owner_id, name, period)
  DO UPDATE SET tokens_limit = excluded.tokens_limit, usd_limit = excluded.usd_limit;
END $$;

-- Before the first calls of agents, their shares are made.
CREATE FUNCTION engine_first_shares(p_steps agent_tasks_step[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_task uuid;
  v_agents text[];
BEGIN
  FOR v_task, v_agents IN SELECT task_id, array_agg(DISTINCT agent) FROM unnest(p_steps) AS s
      WHERE agent <> '' AND NOT EXISTS (SELECT FROM budgets_envelope
        WHERE tenant_id = s.tenant_id AND level = 'agent' AND owner_id = s.task_id AND name = s.agent OFFSET 0)
      GROUP BY task_id LOOP
    PERFORM engine_share(t, v_agents) FROM agent_tasks_task t WHERE t.id = v_task;
  END LOOP;
END $$;

-- What is left to one of them, and its part of what is free besides. Null: there is no limit.
CREATE FUNCTION engine_shared(p_free numeric, p_own numeric, p_others int, p_scale int) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_free IS NOT NULL THEN
    coalesce(greatest(p_own, 0), 0) + trunc(greatest(p_free - coalesce(greatest(p_own, 0), 0), 0) / (p_others + 1), p_scale) END
$$;

-- Steps that running steps add count against every budget of theirs: booked before they are there, in the ledger as a call
-- of number 0 that cost nothing else. A completion for which there is no room has failed instead.
CREATE FUNCTION engine_fan_out(p_completions jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  c jsonb;
  s agent_tasks_step;
  v_more int;
  v_from uuid[];
  v_refused jsonb;
  v_all jsonb := '[]';
BEGIN
  FOR c IN SELECT * FROM jsonb_array_elements(p_completions) LOOP
    v_more := (SELECT count(*) FROM jsonb_array_elements(c->'grow') AS g WHERE coalesce(g->'record', 'null') = 'null');
    IF v_more > 0 THEN
      SELECT * INTO s FROM agent_tasks_step
      WHERE task_id = (c->>'task')::uuid AND n = (c->>'n')::int AND fence = (c->>'fence')::int AND state = 'running';
      IF FOUND THEN
        SELECT engine_spends_from(t, s.agent) INTO v_from FROM agent_tasks_task t WHERE t.id = s.task_id;
        SELECT jsonb_build_object('envelope', id, 'level', level, 'name', name, 'period', period, 'unit', 'steps', 'limit', steps_limit,
          'left', steps_limit - steps_spent, 'least', v_more) INTO v_refused
        FROM budgets_envelope WHERE id = ANY(v_from) AND NOT engine_fits(steps_limit, steps_spent, 0, v_more)
        ORDER BY steps_limit - steps_spent LIMIT 1;
        IF FOUND THEN
          PERFORM engine_refused(s.task_id, v_refused);
          c := c || jsonb_build_object('status', 'failed', 'output', NULL, 'grow', '[]'::jsonb, 'heir', NULL, 'error', jsonb_build_object(
            'code', 'budget.exceeded', 'message', format('The %s budget has room for %s of %s steps; this one would add %s',
              v_refused->>'level', v_refused->>'left', v_refused->>'limit', v_more)));
        ELSE
          PERFORM engine_add_up(s, v_from, v_more);
        END IF;
      END IF;
    END IF;
    v_all := v_all || jsonb_build_array(c);
  END LOOP;
  RETURN v_all;
END $$;

CREATE FUNCTION engine_add_up(s agent_tasks_step, p_from uuid[], p_steps int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  a budgets_alert;
BEGIN
  INSERT INTO budgets_hold (task_id, step, fence, call, tenant_id, agent, purpose, provider, model, tier, hedge, state, envelopes,
    held_tokens, held_usd, prompt_tokens, completion_tokens, cached_tokens, usd, steps, worst_case, error, created_at, closed_at)
  VALUES (s.task_id, s.n, s.fence, 0, s.tenant_id, s.agent, 'fan_out', '', '', '', false, 'settled', p_from,
    0, 0, 0, 0, 0, 0, p_steps, false, '', clock_timestamp(), clock_timestamp());
  FOR a IN WITH added AS (
      UPDATE budgets_envelope SET steps_spent = steps_spent + p_steps WHERE id = ANY(p_from) RETURNING old AS was, new AS now)
    SELECT x.* FROM added d, engine_crossed(d.was, d.now) AS u,
      engine_alert(d.now, u.unit, (d.now).alert_percent, u.most, u.spent, s.task_id) AS x WHERE x.id IS NOT NULL LOOP
    PERFORM engine_emit(s.task_id, engine_threshold_event(a));
  END LOOP;
END $$;
