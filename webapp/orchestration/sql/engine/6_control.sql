-- What people call, inside their tenant's scope and under its row-level security.

-- False when it had ended.
CREATE FUNCTION engine_cancel(p_task uuid, p_by text, p_reason text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_paused boolean;
BEGIN
  PERFORM engine_lock(ARRAY[p_task], '{}');
  UPDATE agent_tasks_task t SET cancelled_by = p_by, cancel_reason = p_reason, failure = NULL
  FROM agent_tasks_task old WHERE t.id = p_task AND old.id = p_task AND t.finished_at IS NULL
  RETURNING old.state = 'paused' INTO v_paused;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM engine_end(p_task, 'cancelled', NULL, engine_task_event('WORKFLOW_CANCELLING', p_reason, NULL)
    || engine_task_event('WORKFLOW_CANCELLED', p_reason,
         jsonb_build_object('reason', p_reason, 'cancelled_by', p_by, 'was_paused', v_paused)));
  RETURN true;
END $$;

-- What runs finishes, nothing new starts. False when it did not run.
CREATE FUNCTION engine_pause(p_task uuid, p_by text, p_reason text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM engine_lock(ARRAY[p_task], '{}');
  UPDATE agent_tasks_task SET state = 'paused', paused_at = clock_timestamp(), paused_by = p_by, pause_reason = p_reason
  WHERE id = p_task AND state = 'running';
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE agent_tasks_step SET state = 'waiting', due = NULL, delay_s = 0 WHERE task_id = p_task AND state = 'ready';
  PERFORM engine_emit(p_task, engine_task_event('WORKFLOW_PAUSING', p_reason, jsonb_build_object('paused_by', p_by)));
  PERFORM engine_standstill(p_task, CASE WHEN EXISTS (
    SELECT 1 FROM agent_tasks_step WHERE task_id = p_task AND state = 'done') THEN 'pre_execution' ELSE 'pre_routing' END);
  RETURN true;
END $$;

-- Goes on where it stood; the time that it was paused is added to its deadline. Returns what may start; NULL when it
-- was not paused.
CREATE FUNCTION engine_resume(p_task uuid, p_by text, p_reason text, p_hint_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM engine_lock(ARRAY[p_task], '{}');
  UPDATE agent_tasks_task SET state = 'running', deadline_at = deadline_at + (clock_timestamp() - paused_at),
    quote = quote || jsonb_build_object('paused_s', coalesce((quote->>'paused_s')::float, 0)
      + extract(epoch FROM clock_timestamp() - paused_at)),  -- no part of how long it took
    paused_at = NULL, paused_by = '', pause_reason = ''
  WHERE id = p_task AND state = 'paused';
  IF NOT FOUND THEN RETURN NULL; END IF;
  PERFORM engine_emit(p_task, engine_task_event('WORKFLOW_RESUMED', p_reason, jsonb_build_object('resumed_by', p_by)));
  RETURN engine_start(p_task, p_hint_s);
END $$;
