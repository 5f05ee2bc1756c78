-- Freezes: what they match is parked where it would start, and goes on when they are thawed.
--
-- A claim, and the beat before a call, look for them in their own transaction: once a freeze is committed, nothing of
-- it starts. Who parks a step shares the freeze's row until the commit, so that a thaw, which changes that row first,
-- comes after and sees the step. Nobody waits for a thaw inside the lock order: its freeze counts as gone (SKIP LOCKED).

-- When the sweep looks at a frozen step, should its thaw have been lost with the code that made it.
CREATE FUNCTION engine_look() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '1 minute' $$;

-- The freeze that stops this step, or a row of nulls; the one that it waited for before goes first.
-- `p_model` is provider/model, which is known only before the call; after that the step's error remembers the freeze.
CREATE FUNCTION engine_freeze(s agent_tasks_step, p_model text) RETURNS decisions_freeze LANGUAGE plpgsql AS $$
DECLARE
  v_before bigint := CASE WHEN s.error->>'code' = 'step.frozen' THEN (s.error->>'freeze')::bigint END;
  f decisions_freeze;
BEGIN
  SELECT * INTO f FROM decisions_freeze
  WHERE tenant_id = s.tenant_id AND thawed_at IS NULL AND (id = v_before OR CASE kind
    WHEN 'tenant' THEN true
    WHEN 'agent' THEN subject = s.agent
    WHEN 'tool' THEN s.queue IN ('tools', 'policy') AND subject = s.input->>'tool'
    WHEN 'model' THEN subject = p_model END)
  ORDER BY id = v_before DESC NULLS LAST, id LIMIT 1 FOR SHARE SKIP LOCKED;
  RETURN f;
END $$;

CREATE FUNCTION engine_frozen_text(f decisions_freeze) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT format('Frozen: %s, by %s since %s UTC: %s', rtrim(f.kind || ' ' || f.subject), f.frozen_by,
    to_char(f.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), f.reason)
$$;

-- Does a freeze stop this step? Then it is parked now, and that is told once per freeze.
CREATE FUNCTION engine_frozen(s agent_tasks_step, p_model text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_before bigint := CASE WHEN s.error->>'code' = 'step.frozen' THEN (s.error->>'freeze')::bigint END;
  f decisions_freeze := engine_freeze(s, p_model);
BEGIN
  IF f.id IS NULL THEN RETURN false; END IF;
  UPDATE agent_tasks_step SET state = 'waiting', worker = NULL, hints = 0, delay_s = 0, due = clock_timestamp() + engine_look(),
    error = jsonb_build_object('code', 'step.frozen', 'freeze', f.id, 'message', engine_frozen_text(f))
  WHERE task_id = s.task_id AND n = s.n AND state = s.state RETURNING error INTO s.error;
  IF NOT FOUND THEN RETURN true; END IF;  -- an earlier round of the sweep has cancelled it
  IF f.id IS DISTINCT FROM v_before THEN
    PERFORM engine_emit(s.task_id, jsonb_build_array(engine_step_event(s, 'STEP_FROZEN', s.error->>'message',
      jsonb_build_object('freeze', f.id, 'frozen', f.kind, 'subject', f.subject))));
  END IF;
  PERFORM engine_standstill(s.task_id, 'pre_execution') WHERE s.state = 'running';
  RETURN true;
END $$;

-- Before calls: park those of these attempts that a freeze stops. That an agent has started is told even so: the attempt
-- that follows the thaw is not its first, and does not say it.
CREATE FUNCTION engine_stop_frozen(p_begins jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  o record;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM agent_tasks_task t
    WHERE t.id = ANY(ARRAY(SELECT (e->>'task')::uuid FROM jsonb_array_elements(p_begins) AS e))
    AND EXISTS (SELECT 1 FROM decisions_freeze WHERE tenant_id = t.tenant_id AND thawed_at IS NULL OFFSET 0)) THEN RETURN; END IF;
  FOR o IN SELECT * FROM engine_own(p_begins) AS w WHERE coalesce((w.a->'hold'->>'call')::int, 1) = 1 LOOP
    IF engine_frozen(o.s, o.a->'hold'->>'provider' || '/' || (o.a->'hold'->>'model')) THEN
      PERFORM engine_emit((o.s).task_id, jsonb_path_query_array(o.a->'events', '$[*] ? (@.type == "AGENT_STARTED")'));
    END IF;
  END LOOP;
END $$;

-- A begin of a further call of its attempt, with `frozen`, why, where a freeze stops that: the step isn't parked, since an
-- earlier call of it may still run, and another model may answer.
CREATE FUNCTION engine_unfrozen(b jsonb, s agent_tasks_step) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  f decisions_freeze;
BEGIN
  IF coalesce((b->'hold'->>'call')::int, 1) > 1 THEN
    f := engine_freeze(s, b->'hold'->>'provider' || '/' || (b->'hold'->>'model'));
  END IF;
  RETURN CASE WHEN f.id IS NULL THEN b ELSE b || jsonb_build_object('frozen', engine_frozen_text(f), 'hold', NULL) END;
END $$;

-- What waited for these freezes may start. Returns {thawed, ready}: those that were in force, and the steps to hint in
-- their order.
CREATE FUNCTION engine_thaw(p_freezes bigint[], p_by text, p_hint_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_thawed bigint[];
  v_tasks uuid[];
  v_ready jsonb;
BEGIN
  v_thawed := ARRAY(SELECT id FROM decisions_freeze WHERE id = ANY(p_freezes) AND thawed_at IS NULL ORDER BY id FOR NO KEY UPDATE);
  UPDATE decisions_freeze SET thawed_at = clock_timestamp(), thawed_by = p_by WHERE id = ANY(v_thawed);
  v_tasks := ARRAY(SELECT DISTINCT s.task_id FROM agent_tasks_task t JOIN agent_tasks_step s ON s.task_id = t.id
    WHERE t.tenant_id IN (SELECT tenant_id FROM decisions_freeze WHERE id = ANY(v_thawed)) AND t.finished_at IS NULL
    AND s.state = 'waiting' AND s.error->>'code' = 'step.frozen' AND s.error->>'freeze' = ANY(v_thawed::text[]));
  PERFORM engine_lock(v_tasks, '{}');
  WITH freed AS (
    UPDATE agent_tasks_step s SET error = NULL, state = CASE t.state WHEN 'running' THEN 'ready' ELSE 'waiting' END,
      due = CASE t.state WHEN 'running' THEN clock_timestamp() + p_hint_s * interval '1 s' END
    FROM agent_tasks_task t WHERE t.id = s.task_id AND s.task_id = ANY(v_tasks)
    AND s.state = 'waiting' AND s.error->>'code' = 'step.frozen' AND s.error->>'freeze' = ANY(v_thawed::text[])
    RETURNING s.task_id, s.n, s.queue, s.state
  ) SELECT coalesce(jsonb_agg(jsonb_build_object('task', task_id, 'n', n, 'queue', queue, 'delay_s', 0) ORDER BY task_id, n), '[]')
    INTO v_ready FROM freed WHERE state = 'ready';
  RETURN jsonb_build_object('thawed', v_thawed, 'ready', v_ready);
END $$;
