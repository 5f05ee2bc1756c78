-- What is due of these queues, for longer than p_late_s: overdue hints and timers become ready (and are hinted anew,
-- ever more rarely), ended leases are settled and run again up to p_attempts. Worker processes look for what is due of
-- their own queues, whatever becomes of messages; what has no worker is found by the sweep of the whole, a little later.
-- A row that the database refuses is named and left alone: it must not keep the others from being swept.
-- Returns rows (what, body): ready, moved (a task), refused (a step and why).
CREATE FUNCTION engine_sweep(p_queues text[], p_late_s float, p_hint_s float, p_attempts int, p_limit int)
RETURNS TABLE(what text, body jsonb) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  v_before timestamptz := clock_timestamp() - p_late_s * interval '1 s';
  v_tasks uuid[];
  v_ready jsonb;
  s agent_tasks_step;
BEGIN
  v_tasks := ARRAY(SELECT id FROM agent_tasks_task WHERE id IN (
      SELECT task_id FROM agent_tasks_step WHERE queue = ANY(p_queues) AND due < v_before ORDER BY due LIMIT p_limit)
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED);
  IF cardinality(v_tasks) = 0 THEN RETURN; END IF;
  PERFORM engine_lock('{}', ARRAY(SELECT DISTINCT task_id FROM agent_tasks_step
    WHERE task_id = ANY(v_tasks) AND queue = ANY(p_queues) AND due < v_before AND state = 'running'));
  FOR s IN SELECT * FROM agent_tasks_step WHERE task_id = ANY(v_tasks) AND queue = ANY(p_queues) AND due < v_before
      ORDER BY due LIMIT p_limit LOOP
    BEGIN
      v_ready := engine_overdue(s, p_hint_s, p_attempts);
      FOR body IN SELECT * FROM jsonb_array_elements(v_ready) LOOP what := 'ready'; RETURN NEXT; END LOOP;
      IF s.state = 'running' THEN what := 'moved'; body := to_jsonb(s.task_id); RETURN NEXT; END IF;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
      what := 'refused'; body := jsonb_build_object('task', s.task_id, 'step', s.n, 'error', SQLERRM); RETURN NEXT;
    END;
  END LOOP;
END $$;

-- What no step's time tells: tasks past their deadline end, holds that nobody stands behind are settled at their worst
-- case, tenants with queued tasks are named.
-- Returns rows (what, body): ended (a task), waiting (a tenant), refused (a step and why).
CREATE FUNCTION engine_sweep_tasks(p_lease_s float, p_limit int)
RETURNS TABLE(what text, body jsonb) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  v_tasks uuid[];
  h budgets_hold;
  t agent_tasks_task;
BEGIN
  v_tasks := ARRAY(SELECT id FROM agent_tasks_task WHERE id IN (
      (SELECT task_id FROM budgets_hold WHERE state = 'open'
       AND created_at < clock_timestamp() - p_lease_s * interval '1 s' ORDER BY created_at LIMIT p_limit)
      UNION (SELECT id FROM agent_tasks_task WHERE finished_at IS NULL AND deadline_at < clock_timestamp() LIMIT p_limit))
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED);
  PERFORM engine_lock('{}', v_tasks);
  FOR t IN SELECT * FROM agent_tasks_task WHERE id = ANY(v_tasks) AND finished_at IS NULL
      AND state <> 'paused' AND deadline_at < clock_timestamp() LOOP
    PERFORM engine_end(t.id, 'timeout', jsonb_build_object('code', 'task.deadline', 'message', 'Its deadline has passed'),
      engine_task_event('WORKFLOW_FAILED', 'Its deadline has passed', jsonb_build_object('code', 'task.deadline')));
    what := 'ended'; body := to_jsonb(t.id); RETURN NEXT;
  END LOOP;
  FOR h IN SELECT o.* FROM budgets_hold o WHERE o.task_id = ANY(v_tasks) AND o.closed_at IS NULL
      AND o.created_at < clock_timestamp() - p_lease_s * interval '1 s' AND NOT EXISTS (
        SELECT 1 FROM agent_tasks_step r WHERE r.task_id = o.task_id AND r.n = o.step AND r.fence = o.fence AND r.state = 'running')
  LOOP
    BEGIN
      PERFORM engine_lose(h.task_id, h.step, h.fence);
    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
      what := 'refused'; body := jsonb_build_object('task', h.task_id, 'step', h.step, 'error', SQLERRM); RETURN NEXT;
    END;
  END LOOP;
  what := 'waiting';
  FOR body IN SELECT DISTINCT to_jsonb(tenant_id) FROM agent_tasks_task WHERE state = 'queued' LOOP RETURN NEXT; END LOOP;
END $$;

-- Nobody will say what this attempt has cost: what it holds is settled at its worst case.
CREATE FUNCTION engine_lose(p_task uuid, p_n int, p_fence int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM engine_emit(of_task, told) FROM engine_settle(jsonb_build_array(jsonb_build_object(
    'task', p_task, 'n', p_n, 'fence', p_fence, 'settle', (
      SELECT jsonb_agg(jsonb_build_object('call', call, 'sent', true, 'usage', NULL, 'error', 'step.worker_lost'))
      FROM budgets_hold WHERE task_id = p_task AND step = p_n AND fence = p_fence AND closed_at IS NULL))));
END $$;

-- One step whose time is up. Returns the steps to hint.
CREATE FUNCTION engine_overdue(s agent_tasks_step, p_hint_s float, p_attempts int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_runs boolean := EXISTS (SELECT 1 FROM agent_tasks_task WHERE id = s.task_id AND state = 'running');
  v_ready jsonb;
BEGIN
  IF s.state = 'running' THEN
    PERFORM engine_lose(s.task_id, s.n, s.fence);
    IF s.losses + 1 >= p_attempts THEN
      UPDATE agent_tasks_step SET state = 'failed', due = NULL, worker = NULL, finished_at = clock_timestamp(), losses = losses + 1,
        "inner" = engine_failed_agent(queue, kind),
        error = jsonb_build_object('code', 'step.worker_lost', 'message', format('Its worker was lost %s times', losses + 1))
      WHERE task_id = s.task_id AND n = s.n AND state = 'running' RETURNING * INTO s;
      IF NOT FOUND THEN RETURN '[]'; END IF;  -- an earlier round of the sweep has ended the task
      PERFORM engine_emit(s.task_id, jsonb_build_array(engine_step_event(s, 'STEP_FAILED', s.error->>'message', '{}')));
      IF engine_unheard(s) THEN PERFORM engine_tell_unheard(s, s.error->>'code', s.error->>'message'); END IF;
      v_ready := engine_release(s, false, p_hint_s);
      PERFORM engine_standstill(s.task_id, 'pre_execution');
      RETURN v_ready;
    END IF;
    PERFORM engine_emit(s.task_id, jsonb_build_array(engine_step_event(s, 'STEP_RETRYING',
      'Its worker was lost; another attempt follows', '{"error": "step.worker_lost", "delay_s": 0}')));
  ELSIF v_runs AND s.error->>'code' = 'step.frozen' AND engine_frozen(s, NULL) THEN
    RETURN '[]';
  END IF;
  UPDATE agent_tasks_step SET state = CASE WHEN v_runs THEN 'ready' ELSE 'waiting' END, worker = NULL, waits = 0, delay_s = 0,
    losses = losses + (s.state = 'running')::int, error = CASE WHEN v_runs AND error->>'code' = 'step.frozen' THEN NULL ELSE error END,
    hints = hints + 1, due = CASE WHEN v_runs THEN clock_timestamp() + p_hint_s * power(2, least(hints, 6)) * interval '1 s' END
  WHERE task_id = s.task_id AND n = s.n AND state = s.state AND due < clock_timestamp();
  IF NOT FOUND THEN RETURN '[]'; END IF;
  PERFORM engine_standstill(s.task_id, 'pre_execution') WHERE s.state = 'running';
  IF NOT v_runs THEN RETURN '[]'; END IF;
  RETURN jsonb_build_array(jsonb_build_object('task', s.task_id, 'n', s.n, 'queue', s.queue, 'delay_s', 0));
END $$;
