-- The engine's write path. Outer functions (turn, sweep, renew, takeover, admit_all) are SECURITY DEFINER, because
-- one batch spans tenants; they touch only rows that their ids name, and every id comes from a claim the engine itself
-- won. Inner functions run with the caller's rights, so that a service inside a tenant scope may use them under RLS.
-- They are plpgsql, which keeps its plans; SQL only where one expression can be put in the caller's place.
--
-- Lock order, everywhere: a tenant's admission, or a freeze that is thawed; task rows by id, in a statement of their
-- own; then envelopes by id; steps, holds and events change only under their task's lock. (A lock taken in the same
-- statement would read the rows of before.) Who submits makes first what another may be making too, session, budgets and
-- the task of a request that comes twice, and locks the admission last.
--
-- A task is queued, running or paused until it ends; a step that may start but whose task does not run is parked:
-- waiting for no step, with no time at which anybody must look.

-- The states of a task that has not ended. Always asked so, beside the id: said with finished_at or with one state, the
-- condition would fit a partial index, whose dead entries a plan made on an empty table goes through for ever.
CREATE FUNCTION engine_open() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$ SELECT '{queued,running,paused}'::text[] $$;

-- Tasks first. `p_money` says which of them also touch their budgets.
CREATE FUNCTION engine_lock(p_tasks uuid[], p_money uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM agent_tasks_task WHERE id = ANY(p_tasks || p_money) ORDER BY id FOR NO KEY UPDATE;
  IF cardinality(p_money) > 0 THEN
    PERFORM 1 FROM (SELECT period, window_start FROM budgets_envelope
      WHERE id = ANY(ARRAY(SELECT unnest(envelopes) FROM agent_tasks_task WHERE id = ANY(p_money)))
      ORDER BY id FOR NO KEY UPDATE OFFSET 0) AS e WHERE e.period <> 'total' AND e.window_start < engine_window(e.period);
    IF FOUND THEN PERFORM engine_roll(p_money); END IF;
  END IF;
END $$;

-- When the present day or month began.
CREATE FUNCTION engine_window(p_period text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT date_trunc(p_period, clock_timestamp(), 'UTC')
$$;

-- A new day or month begins with nothing spent; what is held goes on being held, and is spent in the window in which it is
-- settled. `window_start` says from when on: what was settled later is what the new window has spent.
CREATE FUNCTION engine_roll(p_tasks uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE budgets_envelope SET window_start = clock_timestamp(), tokens_spent = 0, tokens_overrun = 0, usd_spent = 0, usd_overrun = 0,
    seconds_spent = 0, seconds_overrun = 0, fuel_spent = 0, fuel_overrun = 0, tool_calls_spent = 0, steps_spent = 0
  WHERE id = ANY(ARRAY(SELECT unnest(envelopes) FROM agent_tasks_task WHERE id = ANY(p_tasks)))
    AND period <> 'total' AND window_start < engine_window(period);
END $$;

-- What each of these tasks has to say, a list of events per entry, takes the task's next numbers in this order. A task
-- that has ended says nothing more: STREAM_END stays last.
CREATE FUNCTION engine_tell(p_tasks uuid[], p_events jsonb[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_tasks = '{}' THEN RETURN; END IF;
  WITH numbered AS (
    UPDATE agent_tasks_task t SET updated_at = clock_timestamp(),
      seq = seq + (SELECT coalesce(sum(jsonb_array_length(list)), 0) FROM unnest(p_tasks, p_events) AS x(task, list) WHERE task = t.id)
    WHERE t.id = ANY(p_tasks) AND t.state = ANY(engine_open()) RETURNING t.id, t.tenant_id, old.seq AS before
  )
  INSERT INTO progress_event (task_id, tenant_id, seq, type, agent_id, message, payload, created_at)
  SELECT id, tenant_id, before + row_number() OVER (PARTITION BY id ORDER BY nr, k), e->>'type', coalesce(e->>'agent_id', ''),
         coalesce(e->>'message', ''), nullif(e->'payload', 'null'), clock_timestamp()
  FROM numbered JOIN unnest(p_tasks, p_events) WITH ORDINALITY AS x(task, list, nr) ON task = id,
    jsonb_array_elements(list) WITH ORDINALITY AS y(e, k);
END $$;

CREATE FUNCTION engine_emit(p_task uuid, p_events jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM engine_tell(ARRAY[p_task], ARRAY[p_events]);
END $$;

-- Once a step has left its agent in a state, its events tell it.
CREATE FUNCTION engine_step_event(s agent_tasks_step, p_type text, p_message text, p_extra jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('type', p_type, 'agent_id', s.agent, 'message', p_message, 'payload',
    jsonb_build_object('step', s.n, 'kind', s.kind, 'queue', s.queue, 'agent', s.agent, 'attempt', s.fence)
      || CASE WHEN s.inner IS NULL THEN '{}' ELSE jsonb_build_object('agent_state', s.inner->'state') END || p_extra)
$$;

-- An event of the task as a whole.
CREATE FUNCTION engine_task_event(p_type text, p_message text, p_payload jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_array(jsonb_build_object(
    'type', p_type, 'agent_id', 'orchestrator', 'message', p_message, 'payload', p_payload))
$$;

-- Whom an answer is for: one attempt.
CREATE FUNCTION engine_ref(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('task', p->'task', 'n', p->'n', 'fence', p->'fence')
$$;
