-- A task with its session, its budgets, its first steps and its first event, and what of its tenant's may start now:
-- one write, within the tenant's scope and under its row-level security.
-- With `waits`, which says why, it is paused from the start.
-- A session is found by its id or by the name that its user gave it, else made. Limits of budgets are set when they are
-- made, and kept. Returns {id, created_at, session, session_name, prompts, ready}.
CREATE FUNCTION engine_submit(p jsonb, p_tenant_limit int, p_user_limit int, p_hint_s float) RETURNS jsonb
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$  -- see docs/adr/0007
DECLARE
  v_session agent_sessions_session;
  t agent_tasks_task;
  v_count int := jsonb_array_length(p->'steps');
  v_ready jsonb;
BEGIN
  v_session := engine_session((p->>'tenant')::uuid, (p->>'user')::uuid, (p->>'session')::uuid, p->>'session_name', p->>'title');
  t.id := uuidv7(); t.tenant_id := (p->>'tenant')::uuid; t.user_id := (p->>'user')::uuid; t.session_id := v_session.id;
  INSERT INTO agent_tasks_task (id, tenant_id, user_id, session_id, query, mode, complexity, state, priority, context,
    attachments, principal, envelopes, seq, steps, open, artifacts, prompt_tokens, completion_tokens, cost_usd,
    cancel_reason, cancelled_by, paused_by, pause_reason, deadline_at, idempotency, origin, paused_at, quote, agent_tokens,
    prompts, conversation, in_conversation)
  VALUES (t.id, t.tenant_id, t.user_id, t.session_id, p->>'query', p->>'mode', (p->>'complexity')::float,
    CASE WHEN p->>'waits' IS NULL THEN 'queued' ELSE 'paused' END, (p->>'priority')::int, p->'context', p->'attachments', p->'principal',
    engine_envelopes(t, p->'limits'), 0, v_count, v_count, '[]', 0, 0, 0, '', '', CASE WHEN p->>'waits' IS NULL THEN '' ELSE 'budget' END, coalesce(p->>'waits', ''),
    clock_timestamp() + (p->>'deadline_s')::float * interval '1 s', p->>'idempotency', nullif(p->'origin', 'null'),
    CASE WHEN p->>'waits' IS NOT NULL THEN clock_timestamp() END, nullif(p->'quote', 'null'),
    (p->>'agent_tokens')::bigint, coalesce(nullif(p->'prompts', 'null'), engine_prompts((p->>'tenant')::uuid)),
    coalesce(p->>'conversation', ''), (p->>'in_conversation')::bool)
  RETURNING * INTO t;
  PERFORM engine_add(t.id, t.tenant_id, 0, p->'steps', NULL, NULL);
  PERFORM engine_emit(t.id, engine_task_event('WORKFLOW_STARTED', 'Task accepted', p->'told'));
  PERFORM engine_wait(t);
  v_ready := engine_admit(t.tenant_id, p_tenant_limit, p_user_limit, p_hint_s);
  RETURN jsonb_build_object('id', t.id, 'created_at', t.created_at, 'session', v_session.id,
    'session_name', v_session.external_id, 'prompts', t.prompts, 'ready', v_ready);
END $$;

-- A task that is paused from the start says so as every paused one does.
CREATE FUNCTION engine_wait(t agent_tasks_task) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF t.state <> 'paused' THEN RETURN; END IF;
  PERFORM engine_emit(t.id, engine_task_event('WORKFLOW_PAUSING', t.pause_reason, jsonb_build_object('paused_by', t.paused_by)));
  PERFORM engine_standstill(t.id, 'pre_admission');
END $$;

CREATE FUNCTION engine_session(p_tenant uuid, p_user uuid, p_id uuid, p_name text, p_title text)
RETURNS agent_sessions_session LANGUAGE plpgsql AS $$
DECLARE
  s agent_sessions_session;
BEGIN
  IF p_name IS NOT NULL THEN
    SELECT * INTO s FROM agent_sessions_session WHERE user_id = p_user AND external_id = p_name AND deleted_at IS NULL;
    IF FOUND THEN RETURN s; END IF;
    SELECT * INTO s FROM agent_sessions_session
    WHERE id = p_id AND tenant_id = p_tenant AND user_id = p_user AND deleted_at IS NULL;
    IF FOUND THEN RETURN s; END IF;
  END IF;
  INSERT INTO agent_sessions_session AS made (tenant_id, user_id, external_id, title, context)
  VALUES (p_tenant, p_user, p_name, p_title, '{}')
  ON CONFLICT (user_id, external_id) DO UPDATE SET updated_at = clock_timestamp()  -- another request has just made it
  RETURNING made.* INTO s;
  RETURN s;
END $$;

-- Who pays for the task, by the level of the budget.
CREATE FUNCTION engine_payers(t agent_tasks_task) RETURNS TABLE(level text, owner uuid) LANGUAGE sql IMMUTABLE AS $$
  VALUES ('tenant', t.tenant_id), ('user', t.user_id), ('session', t.session_id), ('task', t.id)
$$;

-- Of every level that the task spends from, for whatever period, in the order in which they are locked.
CREATE FUNCTION engine_envelopes(t agent_tasks_task, p_limits jsonb) RETURNS uuid[] LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO budgets_envelope (tenant_id, level, owner_id, tokens_limit, usd_limit, seconds_limit, fuel_limit, tool_calls_limit, steps_limit)
  SELECT t.tenant_id, w.level, w.owner, (l->>'tokens')::bigint, (l->>'usd')::numeric, (l->>'seconds')::numeric, (l->>'fuel')::bigint,
    (l->>'tool_calls')::bigint, (l->>'steps')::bigint
  FROM engine_payers(t) AS w CROSS JOIN LATERAL (SELECT CASE w.level WHEN 'task' THEN p_limits
    WHEN 'session' THEN jsonb_build_object('tokens', (SELECT session_tokens FROM tenants_tenant WHERE id = t.tenant_id)) END AS l) AS x
  WHERE NOT EXISTS (SELECT 1 FROM budgets_envelope e WHERE e.tenant_id = t.tenant_id AND e.level = w.level AND e.owner_id = w.owner
    AND e.name = '' AND e.period = 'total' OFFSET 0)
  ON CONFLICT (tenant_id, level, owner_id, name, period) DO NOTHING;
  RETURN ARRAY(SELECT e.id FROM engine_payers(t) AS w CROSS JOIN LATERAL (SELECT id FROM budgets_envelope
    WHERE tenant_id = t.tenant_id AND level = w.level AND owner_id = w.owner AND name = '' OFFSET 0) AS e ORDER BY e.id);
END $$;
