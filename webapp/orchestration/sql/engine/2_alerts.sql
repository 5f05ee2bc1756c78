-- What owners of budgets hear of: a part of a limit is spent, or a call was refused. Once for each window and limit.

-- The units of which this change has brought a budget to the part of its limit that its owner wants to hear of.
CREATE FUNCTION engine_crossed(was budgets_envelope, now budgets_envelope) RETURNS TABLE(unit text, most numeric, spent numeric)
LANGUAGE sql IMMUTABLE AS $$
  SELECT v.unit, v.most, v.spent FROM (VALUES
    ('tokens', now.tokens_limit::numeric, was.tokens_spent::numeric, now.tokens_spent::numeric),
    ('usd', now.usd_limit, was.usd_spent, now.usd_spent),
    ('seconds', now.seconds_limit, was.seconds_spent, now.seconds_spent),
    ('fuel', now.fuel_limit, was.fuel_spent, now.fuel_spent),
    ('tool_calls', now.tool_calls_limit, was.tool_calls_spent, now.tool_calls_spent),
    ('steps', now.steps_limit, was.steps_spent, now.steps_spent)) AS v(unit, most, before, spent)
  WHERE v.before * 100 < v.most * now.alert_percent AND v.spent * 100 >= v.most * now.alert_percent
$$;

-- A row that is all null when there is one already. An agent's share of its task is meant to be used up.
CREATE FUNCTION engine_alert(e budgets_envelope, p_unit text, p_percent int, p_limit numeric, p_used numeric, p_task uuid)
RETURNS budgets_alert LANGUAGE plpgsql AS $$
DECLARE
  a budgets_alert;
BEGIN
  IF e.level = 'agent' THEN RETURN NULL; END IF;
  INSERT INTO budgets_alert (tenant_id, envelope_id, level, owner_id, name, period, window_start, unit, percent, limit_value,
    used_value, task_id, created_at, seen_by)
  VALUES (e.tenant_id, e.id, e.level, e.owner_id, e.name, e.period, e.window_start, p_unit, p_percent, p_limit, p_used, p_task,
    clock_timestamp(), '')
  ON CONFLICT DO NOTHING RETURNING * INTO a;
  RETURN a;
END $$;

-- A call was refused for want of this: told once, as all of the limit.
CREATE FUNCTION engine_refused(p_task uuid, p_refused jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  a budgets_alert;
BEGIN
  SELECT x.* INTO a FROM budgets_envelope e, engine_alert(e, p_refused->>'unit', 100, (p_refused->>'limit')::numeric,
    (p_refused->>'limit')::numeric - (p_refused->>'left')::numeric, p_task) AS x
  WHERE e.id = (p_refused->>'envelope')::uuid;
  IF a.id IS NOT NULL THEN PERFORM engine_emit(p_task, engine_threshold_event(a)); END IF;
END $$;

CREATE FUNCTION engine_threshold_event(a budgets_alert) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_array(jsonb_build_object('type', 'BUDGET_THRESHOLD', 'agent_id', 'budget-manager',
    'message', format(CASE WHEN a.percent < 100 THEN '%s %% of the %s budget in %s are spent' ELSE 'The %2$s budget in %3$s is used up' END,
      a.percent, concat_ws(' ', nullif(a.period, 'total'), a.level), replace(a.unit, '_', ' ')),
    'payload', jsonb_build_object('level', CASE WHEN a.percent < 100 THEN 'warning' ELSE 'critical' END, 'budget_type', a.level,
      'period', a.period, 'unit', a.unit, 'threshold_percent', a.percent, 'limit', trim_scale(a.limit_value), 'used', trim_scale(a.used_value),
      'usage_percent', CASE WHEN a.limit_value > 0 THEN round(100 * a.used_value / a.limit_value, 1) ELSE 100 END)
      || CASE WHEN a.unit = 'tokens' THEN jsonb_build_object('tokens_used', a.used_value::bigint, 'tokens_budget', a.limit_value::bigint) ELSE '{}' END))
$$;
