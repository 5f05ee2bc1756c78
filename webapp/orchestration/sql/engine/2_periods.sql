-- A budget for another period, under the caller's row-level security: tasks that are open spend from it from now on. What
-- they hold already stays where it is held. Returns its id; one that is there already is left as it is.
CREATE FUNCTION engine_budget(p_tenant uuid, p_level text, p_owner uuid, p_period text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  v_tasks uuid[];
  v_id uuid;
BEGIN
  v_tasks := ARRAY(SELECT id FROM agent_tasks_task WHERE tenant_id = p_tenant AND state = ANY(engine_open()) AND p_owner = CASE p_level
    WHEN 'tenant' THEN tenant_id WHEN 'user' THEN user_id WHEN 'session' THEN session_id WHEN 'task' THEN id END
    ORDER BY id FOR NO KEY UPDATE);
  INSERT INTO budgets_envelope (tenant_id, level, owner_id, period, window_start)
  VALUES (p_tenant, p_level, p_owner, p_period, CASE WHEN p_period <> 'total' THEN clock_timestamp() END)
  ON CONFLICT (tenant_id, level, owner_id, name, period) DO NOTHING RETURNING id INTO v_id;
  IF v_id IS NULL THEN
    RETURN (SELECT id FROM budgets_envelope WHERE tenant_id = p_tenant AND level = p_level AND owner_id = p_owner AND name = '' AND period = p_period);
  END IF;
  UPDATE agent_tasks_task SET envelopes = ARRAY(SELECT x FROM unnest(envelopes || v_id) AS x ORDER BY x) WHERE id = ANY(v_tasks);
  RETURN v_id;
END $$;
