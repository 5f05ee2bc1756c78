-- What worker processes call.

-- The only write path of running work: one transaction for all that a worker process has to say.
-- What can't be written fails all of it; the writer then says it again, one by one.
-- Returns rows (what, body): done, stale, begun, claimed, ready, ended (`next`: others of its tenant wait).
CREATE FUNCTION engine_turn(p_worker text, p_queues text[], p_take int, p_lease_s float, p_hint_s float,
  p_completions jsonb, p_begins jsonb, p_claims jsonb)
RETURNS TABLE(what text, body jsonb) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$  -- see docs/adr/0007
DECLARE
  item jsonb;
  answer jsonb;
  v_ready jsonb := '[]';
  v_ref jsonb;
  v_taken int := 0;
  v_tasks uuid[] := '{}';   -- what begins and claims have to say, written once per task
  v_events jsonb[] := '{}';
BEGIN
  PERFORM engine_lock(
    ARRAY(SELECT (e->>'task')::uuid FROM jsonb_array_elements(p_completions || p_begins || p_claims) AS e),
    ARRAY(SELECT (e->>'task')::uuid FROM jsonb_array_elements(p_completions || p_begins) AS e
          WHERE e->'settle' <> 'null' OR e->'hold' <> 'null'));
  FOR item IN SELECT * FROM jsonb_array_elements(p_completions) LOOP
    v_ref := jsonb_build_object('task', item->'task', 'n', item->'n', 'fence', item->'fence');
    answer := engine_complete(item, p_hint_s);
    what := CASE WHEN answer IS NULL THEN 'stale' ELSE 'done' END; body := v_ref; RETURN NEXT;
    v_ready := v_ready || coalesce(answer, '[]');
  END LOOP;
  FOR item IN SELECT * FROM jsonb_array_elements(p_begins) LOOP
    v_ref := jsonb_build_object('task', item->'task', 'n', item->'n', 'fence', item->'fence');
    answer := engine_begin(item);
    v_tasks := v_tasks || (item->>'task')::uuid; v_events := v_events || (answer->'told');
    what := 'begun'; body := v_ref || (answer - 'told'); RETURN NEXT;
  END LOOP;
  FOR item IN SELECT * FROM jsonb_array_elements(p_claims) LOOP
    answer := engine_claim((item->>'task')::uuid, (item->>'n')::int, p_worker, p_lease_s);
    IF answer IS NOT NULL THEN
      v_tasks := v_tasks || (item->>'task')::uuid; v_events := v_events || (answer->'told');
      what := 'claimed'; body := answer - 'told'; RETURN NEXT;
    END IF;
  END LOOP;
  FOR item IN SELECT * FROM jsonb_array_elements(v_ready) LOOP
    what := 'ready'; body := item;
    IF v_taken < p_take AND item->>'queue' = ANY(p_queues) AND (item->>'delay_s')::float = 0 THEN  -- go on with what is mine: no message needed
      answer := engine_claim((item->>'task')::uuid, (item->>'n')::int, p_worker, p_lease_s);
      IF answer IS NOT NULL THEN
        v_tasks := v_tasks || (item->>'task')::uuid; v_events := v_events || (answer->'told');
        what := 'claimed'; body := answer - 'told'; v_taken := v_taken + 1;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
  PERFORM engine_emit(task, told) FROM (
    SELECT task, jsonb_agg(e ORDER BY nr, k) AS told FROM unnest(v_tasks, v_events) WITH ORDINALITY AS x(task, events, nr),
      jsonb_array_elements(events) WITH ORDINALITY AS y(e, k) GROUP BY task ORDER BY task) AS said;
  what := 'ended';
  FOR body IN SELECT jsonb_build_object('task', t.id, 'tenant', t.tenant_id, 'next', EXISTS (
        SELECT 1 FROM agent_tasks_task q WHERE q.tenant_id = t.tenant_id AND q.state = 'queued'))
      FROM agent_tasks_task t WHERE t.finished_at IS NOT NULL
      AND t.id IN (SELECT (e->>'task')::uuid FROM jsonb_array_elements(p_completions || p_begins) AS e) LOOP
    RETURN NEXT;
  END LOOP;
END $$;

-- Extend leases; returns the refs that are no longer mine. A step that a turn has locked just now is left for the
-- next time (SKIP LOCKED: renewal takes no task lock, so it must never wait inside the lock order).
CREATE FUNCTION engine_renew(p_refs jsonb, p_lease_s float) RETURNS TABLE(body jsonb)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH mine AS (
    SELECT r, (r->>'task')::uuid AS task, (r->>'n')::int AS n, (r->>'fence')::int AS fence FROM jsonb_array_elements(p_refs) AS r
  ), held AS (
    SELECT s.task_id, s.n FROM agent_tasks_step s JOIN mine m ON s.task_id = m.task AND s.n = m.n AND s.fence = m.fence
    WHERE s.state = 'running' FOR NO KEY UPDATE OF s SKIP LOCKED
  ), renewed AS (
    UPDATE agent_tasks_step s SET due = clock_timestamp() + p_lease_s * interval '1 s'
    FROM held WHERE s.task_id = held.task_id AND s.n = held.n
  )
  SELECT r FROM mine m WHERE NOT EXISTS (
    SELECT 1 FROM agent_tasks_step s WHERE s.task_id = m.task AND s.n = m.n AND s.fence = m.fence AND s.state = 'running')
$$;

-- A restarted worker slot frees what its dead predecessor held; the sweep that follows hands it out again.
CREATE FUNCTION engine_takeover(p_slot text, p_worker text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH freed AS (
    UPDATE agent_tasks_step SET due = clock_timestamp()
    WHERE due IS NOT NULL AND state = 'running' AND starts_with(worker, p_slot || '/') AND worker <> p_worker RETURNING 1
  ) SELECT count(*) FROM freed
$$;
