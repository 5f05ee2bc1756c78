-- Which of a tenant's queued tasks may run: by priority, then in turns among its users, then in order of arrival.

-- A task's place in its tenant's line, from 1. Not admissible: its user runs as many tasks as one may.
CREATE FUNCTION engine_line(p_tenant uuid, p_user_limit int) RETURNS TABLE(task uuid, place bigint, admissible boolean)
LANGUAGE sql STABLE AS $$
  WITH busy AS (
    SELECT user_id, count(*) AS tasks FROM agent_tasks_task WHERE tenant_id = p_tenant AND state = 'running' GROUP BY user_id
  ), line AS (
    SELECT t.id, t.priority, coalesce(b.tasks, 0) + row_number() OVER (PARTITION BY t.user_id ORDER BY t.priority, t.id) AS nth
    FROM agent_tasks_task t LEFT JOIN busy b ON b.user_id = t.user_id WHERE t.tenant_id = p_tenant AND t.state = 'queued'
  )
  SELECT id, row_number() OVER (ORDER BY nth > p_user_limit, priority, nth, id), nth <= p_user_limit FROM line
$$;

-- Whether all that waits fits, and as much again as others may be adding unseen: no more transactions are under way than
-- there are connections, and each adds one task at most.
CREATE FUNCTION engine_roomy(p_tenant uuid, p_tenant_limit int, p_user_limit int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_unseen int := current_setting('max_connections')::int;
BEGIN
  IF least(p_tenant_limit, p_user_limit) <= v_unseen THEN RETURN false; END IF;
  PERFORM 1 FROM (
    SELECT user_id FROM agent_tasks_task WHERE tenant_id = p_tenant AND state = 'running' UNION ALL
    SELECT user_id FROM agent_tasks_task WHERE tenant_id = p_tenant AND state = 'queued') AS t
  GROUP BY GROUPING SETS ((), (user_id))
  HAVING count(*) + v_unseen > CASE WHEN grouping(user_id) = 1 THEN p_tenant_limit ELSE p_user_limit END;
  RETURN NOT FOUND;
END $$;

-- Admit what there is room for. Returns the steps that became ready. Near the limits one transaction admits after the
-- other, as two at once would both see the same room. Far from them none waits for another's commit; one that finds
-- the room gone when it has its lock leaves its task in the line, to the next that ends or to the sweep.
CREATE FUNCTION engine_admit(p_tenant uuid, p_tenant_limit int, p_user_limit int, p_hint_s float) RETURNS jsonb
LANGUAGE plpgsql SET enable_hashjoin = on AS $$  -- a submit has it off; the line is no look-up
DECLARE
  v_lock bigint := hashtextextended('admit ' || p_tenant, 0);
  v_tasks uuid[];
  v_task uuid;
  v_ready jsonb := '[]';
BEGIN
  PERFORM 1 FROM agent_tasks_task WHERE tenant_id = p_tenant AND state = 'queued' LIMIT 1;
  IF NOT FOUND THEN RETURN v_ready; END IF;
  IF engine_roomy(p_tenant, p_tenant_limit, p_user_limit) THEN
    PERFORM pg_advisory_xact_lock_shared(v_lock);
    IF NOT engine_roomy(p_tenant, p_tenant_limit, p_user_limit) THEN RETURN v_ready; END IF;
    v_tasks := ARRAY(SELECT id FROM agent_tasks_task WHERE tenant_id = p_tenant AND state = 'queued' ORDER BY priority, id);
  ELSE
    PERFORM pg_advisory_xact_lock(v_lock);
    v_tasks := ARRAY(SELECT task FROM engine_line(p_tenant, p_user_limit) WHERE admissible ORDER BY place LIMIT greatest(0,
      p_tenant_limit - (SELECT count(*) FROM agent_tasks_task WHERE tenant_id = p_tenant AND state = 'running')));
  END IF;
  FOREACH v_task IN ARRAY v_tasks LOOP
    UPDATE agent_tasks_task SET state = 'running', admitted_at = clock_timestamp() WHERE id = (
      SELECT id FROM agent_tasks_task WHERE id = v_task AND state = 'queued' FOR NO KEY UPDATE SKIP LOCKED);  -- who has it ends it
    IF FOUND THEN v_ready := v_ready || engine_start(v_task, p_hint_s); END IF;
  END LOOP;
  RETURN v_ready;
END $$;

-- For workers, whose batches span tenants. Returns (ready) rows.
CREATE FUNCTION engine_admit_all(p_tenants uuid[], p_tenant_limit int, p_user_limit int, p_hint_s float)
RETURNS TABLE(body jsonb) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  v_tenant uuid;
BEGIN
  FOR v_tenant IN SELECT DISTINCT x FROM unnest(p_tenants) AS x ORDER BY x LOOP
    RETURN QUERY SELECT * FROM jsonb_array_elements(engine_admit(v_tenant, p_tenant_limit, p_user_limit, p_hint_s));
  END LOOP;
END $$;
