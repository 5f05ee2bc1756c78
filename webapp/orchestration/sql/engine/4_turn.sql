-- What worker processes call.

-- The only write path of running work: one transaction for all that a worker process has to say.
-- What can't be written fails all of it; the writer then says it again, one by one.
-- Returns rows (what, body): done, begun, claimed, ready, ended (`next`: others of its tenant wait).
CREATE FUNCTION engine_turn(p_worker text, p_queues text[], p_take int, p_lease_s float, p_hint_s float,
  p_completions jsonb, p_begins jsonb, p_claims jsonb)
RETURNS TABLE(what text, body jsonb) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$  -- see docs/adr/0007
DECLARE
  item jsonb;
  r record;
  v_steps agent_tasks_step[] := '{}';  -- completed in this turn
  v_ends jsonb[] := '{}';              -- and how
  v_ready jsonb := '[]';
  v_taken int := 0;
  v_tasks uuid[];   -- who has something to say, and what
  v_told jsonb[];
BEGIN
  PERFORM engine_lock(
    ARRAY(SELECT (e->>'task')::uuid FROM jsonb_array_elements(p_completions || p_begins || p_claims) AS e),
    ARRAY(SELECT (e->>'task')::uuid FROM jsonb_array_elements(p_completions || p_begins) AS e
          WHERE engine_settlements(e) <> '[]' OR e->'hold' <> 'null' OR e->'grow' <> '[]'));
  IF p_completions <> '[]' THEN
    SELECT array_agg(of_task), array_agg(told) INTO v_tasks, v_told FROM engine_settle(p_completions);
    IF jsonb_path_exists(p_completions, '$[*].grow[0]') THEN p_completions := engine_fan_out(p_completions); END IF;
    FOR r IN SELECT * FROM engine_complete(p_completions) LOOP
      IF r.c->'decisions' <> '[]' THEN PERFORM engine_record(jsonb_build_array(r.c)); END IF;
      IF jsonb_array_length(r.c->'savings') > 0 THEN PERFORM engine_save(r.c, r.s); END IF;  -- a worker of the release before says none
      v_steps := v_steps || r.s; v_ends := v_ends || r.c; v_tasks := v_tasks || (r.s).task_id; v_told := v_told || r.told;
      what := 'done'; body := engine_ref(r.c); RETURN NEXT;
    END LOOP;
    PERFORM engine_tell(v_tasks, v_told);
    FOR i IN 1 .. cardinality(v_steps) LOOP
      CONTINUE WHEN i > 1 AND engine_overtaken(v_steps[i]);
      v_ready := v_ready || engine_follow(v_steps[i], v_ends[i], p_hint_s);
    END LOOP;
    PERFORM engine_standstill(id, CASE WHEN (SELECT bool_or(kind = 'llm.turn') FROM unnest(v_steps) WHERE task_id = id)
      THEN 'post_agent' ELSE 'pre_execution' END)
    FROM agent_tasks_task WHERE id = ANY(ARRAY(SELECT task_id FROM unnest(v_steps))) AND paused_at IS NOT NULL;
    v_tasks := '{}'; v_told := '{}';
  END IF;
  IF p_begins <> '[]' THEN
    IF jsonb_path_exists(p_begins, '$[*].settle[0]') THEN  -- of earlier calls of the same attempts
      SELECT array_agg(of_task), array_agg(told) INTO v_tasks, v_told FROM engine_settle(p_begins);
    END IF;
    FOR r IN SELECT * FROM engine_begin(p_begins) LOOP
      v_tasks := v_tasks || (r.b->>'task')::uuid; v_told := v_told || r.told;
      what := 'begun'; body := engine_ref(r.b) || r.answer; RETURN NEXT;
    END LOOP;
  END IF;
  IF p_claims || v_ready <> '[]' THEN
    -- What is asked for, then what has just become ready, which has a queue: a worker goes on with its own, without a
    -- message, as far as it has room.
    FOR item IN SELECT * FROM jsonb_array_elements(p_claims || v_ready) LOOP
      body := NULL;
      IF item->'queue' IS NULL OR (v_taken < p_take AND item->>'queue' = ANY(p_queues) AND (item->>'delay_s')::float = 0) THEN
        body := engine_claim((item->>'task')::uuid, (item->>'n')::int, p_worker, p_lease_s);
      END IF;
      IF body IS NOT NULL THEN
        v_taken := v_taken + (item->'queue' IS NOT NULL)::int;
        v_tasks := v_tasks || (item->>'task')::uuid; v_told := v_told || (body->'told');
        what := 'claimed'; body := body - 'told'; RETURN NEXT;
      ELSIF item->'queue' IS NOT NULL THEN
        what := 'ready'; body := item; RETURN NEXT;
      END IF;
    END LOOP;
  END IF;
  PERFORM engine_tell(v_tasks, v_told);
  IF p_completions <> '[]' THEN  -- a begin ends nothing; one whose task has ended is lost, and its step is handed back
    what := 'ended';
    FOR body IN SELECT jsonb_build_object('task', t.id, 'tenant', t.tenant_id, 'next', EXISTS (
          SELECT 1 FROM agent_tasks_task q WHERE q.tenant_id = t.tenant_id AND q.state = 'queued'))
        FROM agent_tasks_task t WHERE NOT t.state = ANY(engine_open())
        AND t.id = ANY(ARRAY(SELECT (e->>'task')::uuid FROM jsonb_array_elements(p_completions) AS e)) LOOP
      RETURN NEXT;
    END LOOP;
  END IF;
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

-- A restarted worker slot frees what its dead predecessor held; the sweep that follows hands it out again. What somebody
-- is changing just now is left to its lease: this takes no task lock either.
CREATE FUNCTION engine_takeover(p_slot text, p_worker text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH held AS (
    SELECT task_id, n FROM agent_tasks_step
    WHERE due IS NOT NULL AND state = 'running' AND starts_with(worker, p_slot || '/') AND worker <> p_worker
    FOR NO KEY UPDATE SKIP LOCKED
  ), freed AS (
    UPDATE agent_tasks_step s SET due = clock_timestamp() FROM held WHERE s.task_id = held.task_id AND s.n = held.n RETURNING 1
  ) SELECT count(*) FROM freed
$$;
