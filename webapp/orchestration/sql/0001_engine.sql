-- The engine's write path. Outer functions (turn, sweep, renew, takeover) are SECURITY DEFINER, because one batch
-- spans tenants; they touch only rows that their ids name, and every id comes from a claim the engine itself won.
-- Inner functions run with the caller's rights, so that a service inside a tenant scope may use them under RLS.
--
-- Lock order, everywhere: task rows by id, in a statement of their own; then envelopes by id; steps, holds and
-- events change only under their task's lock. (A lock taken in the same statement would read the rows of before.)

-- Tasks first. `p_money` says which of them also touch their budgets.
CREATE FUNCTION engine_lock(p_tasks uuid[], p_money uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM agent_tasks_task WHERE id = ANY(p_tasks || p_money) ORDER BY id FOR NO KEY UPDATE;
  IF cardinality(p_money) > 0 THEN
    PERFORM 1 FROM budgets_envelope
    WHERE id IN (SELECT unnest(envelopes) FROM agent_tasks_task WHERE id = ANY(p_money))
    ORDER BY id FOR NO KEY UPDATE;
  END IF;
END $$;

-- Events take the task's next numbers. A task that has ended says nothing more: STREAM_END stays last.
CREATE FUNCTION engine_emit(p_task uuid, p_events jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_count int := jsonb_array_length(p_events);
  v_first int;
  v_tenant uuid;
BEGIN
  UPDATE agent_tasks_task SET seq = seq + v_count, updated_at = clock_timestamp()
  WHERE id = p_task AND state = 'running' AND v_count > 0
  RETURNING seq - v_count, tenant_id INTO v_first, v_tenant;
  IF NOT FOUND THEN RETURN; END IF;
  INSERT INTO progress_event (task_id, tenant_id, seq, type, agent_id, message, payload, created_at)
  SELECT p_task, v_tenant, v_first + nr, e->>'type', coalesce(e->>'agent_id', ''), coalesce(e->>'message', ''),
         nullif(e->'payload', 'null'), clock_timestamp()
  FROM jsonb_array_elements(p_events) WITH ORDINALITY AS x(e, nr);
END $$;

CREATE FUNCTION engine_step_event(s agent_tasks_step, p_type text, p_message text, p_extra jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_build_object('type', p_type, 'agent_id', s.agent, 'message', p_message, 'payload',
    jsonb_build_object('step', s.n, 'kind', s.kind, 'queue', s.queue, 'agent', s.agent, 'attempt', s.fence) || p_extra)
$$;

-- Win the right to work on a step, or NULL. A waiting step without open parents is a retry or timer that is up.
CREATE FUNCTION engine_claim(p_task uuid, p_n int, p_worker text, p_lease_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  s agent_tasks_step;
  t agent_tasks_task;
BEGIN
  SELECT * INTO t FROM agent_tasks_task WHERE id = p_task AND state = 'running';
  IF NOT FOUND THEN RETURN NULL; END IF;
  UPDATE agent_tasks_step SET state = 'running', fence = fence + 1, worker = p_worker, hints = 0,
         started_at = clock_timestamp(), due = clock_timestamp() + p_lease_s * interval '1 s'
  WHERE task_id = p_task AND n = p_n
    AND (state = 'ready' OR (state = 'waiting' AND waits = 0 AND due <= clock_timestamp()))
  RETURNING * INTO s;
  IF NOT FOUND THEN RETURN NULL; END IF;
  PERFORM engine_emit(p_task, jsonb_build_array(engine_step_event(s, 'STEP_STARTED', s.description, '{}')));
  RETURN jsonb_build_object('task', s.task_id, 'n', s.n, 'fence', s.fence, 'retries', s.retries, 'kind', s.kind,
    'queue', s.queue, 'agent', s.agent, 'description', s.description, 'input', s.input, 'parents', s.parents,
    'is_final', s.is_final, 'tenant', s.tenant_id, 'session', t.session_id, 'user', t.user_id, 'principal', t.principal);
END $$;

-- Reserve a call's worst case at every level, or say which budget refuses. Clamps the completion to what is left.
CREATE FUNCTION engine_hold(s agent_tasks_step, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_envelopes uuid[];
  v_prompt bigint := (p->>'prompt_tokens')::bigint;
  v_fixed numeric := v_prompt * (p->>'input_usd')::numeric + (p->>'fixed_usd')::numeric;
  v_each numeric := (p->>'output_usd')::numeric;
  v_tokens_left bigint;
  v_usd_left numeric;
  v_granted bigint := (p->>'max_tokens')::bigint;
  v_usd numeric;
  v_changed int;
BEGIN
  SELECT envelopes INTO v_envelopes FROM agent_tasks_task WHERE id = s.task_id;
  SELECT min(tokens_limit - tokens_spent - tokens_held), min(usd_limit - usd_spent - usd_held)
  INTO v_tokens_left, v_usd_left FROM budgets_envelope WHERE id = ANY(v_envelopes);
  v_granted := least(v_granted, v_tokens_left - v_prompt);
  IF v_each > 0 THEN v_granted := least(v_granted, floor((v_usd_left - v_fixed) / v_each)::bigint); END IF;
  v_usd := v_fixed + greatest(v_granted, 0) * v_each;
  IF v_granted < least((p->>'least_tokens')::bigint, (p->>'max_tokens')::bigint) OR v_usd > v_usd_left THEN
    RETURN jsonb_build_object('refused', (
      SELECT jsonb_build_object('level', level, 'tokens_limit', tokens_limit, 'tokens_left', tokens_limit - tokens_spent - tokens_held,
        'usd_limit', usd_limit, 'usd_left', usd_limit - usd_spent - usd_held, 'prompt_tokens', v_prompt)
      FROM budgets_envelope WHERE id = ANY(v_envelopes)
      ORDER BY (tokens_limit - tokens_spent - tokens_held - v_prompt < (p->>'least_tokens')::bigint) DESC NULLS LAST,
               usd_limit - usd_spent - usd_held ASC NULLS LAST LIMIT 1));
  END IF;
  UPDATE budgets_envelope SET tokens_held = tokens_held + v_prompt + v_granted, usd_held = usd_held + v_usd
  WHERE id = ANY(v_envelopes)
    AND (tokens_limit IS NULL OR tokens_spent + tokens_held + v_prompt + v_granted <= tokens_limit)
    AND (usd_limit IS NULL OR usd_spent + usd_held + v_usd <= usd_limit);
  GET DIAGNOSTICS v_changed = ROW_COUNT;
  IF v_changed <> cardinality(v_envelopes) THEN RAISE EXCEPTION 'a hold of task % misses an envelope', s.task_id; END IF;
  INSERT INTO budgets_hold (task_id, step, fence, tenant_id, agent, purpose, provider, model, state, held_tokens,
    held_usd, prompt_tokens, completion_tokens, cached_tokens, usd, worst_case, created_at)
  VALUES (s.task_id, s.n, s.fence, s.tenant_id, s.agent, p->>'purpose', p->>'provider', p->>'model', 'open',
    v_prompt + v_granted, v_usd, v_prompt, v_granted, 0, v_usd, false, clock_timestamp());
  PERFORM engine_emit(s.task_id, jsonb_build_array(engine_step_event(s, 'BUDGET_HELD', '', jsonb_build_object(
    'tokens', v_prompt + v_granted, 'cost_usd', v_usd, 'provider', p->>'provider', 'model', p->>'model'))));
  RETURN jsonb_build_object('granted', v_granted);
END $$;

-- Close an open hold: at what the call cost, at its worst case (p_usage null), or at nothing when it was not sent.
-- Keyed by attempt, not by the step's state: a cancelled or overtaken call is still paid for, once.
CREATE FUNCTION engine_settle(p_task uuid, p_step int, p_fence int, p_usage jsonb, p_sent boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  h budgets_hold;
  s agent_tasks_step;
  v_held_tokens bigint;
  v_held_usd numeric;
  v_envelopes uuid[];
BEGIN
  SELECT * INTO h FROM budgets_hold WHERE task_id = p_task AND step = p_step AND fence = p_fence AND state = 'open' FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  v_held_tokens := h.held_tokens; v_held_usd := h.held_usd;
  IF NOT p_sent THEN
    h.prompt_tokens := 0; h.completion_tokens := 0; h.usd := 0;
  ELSIF p_usage IS NOT NULL THEN
    h.prompt_tokens := (p_usage->>'prompt_tokens')::bigint;
    h.completion_tokens := (p_usage->>'completion_tokens')::bigint;
    h.cached_tokens := (p_usage->>'cached_tokens')::bigint;
    h.usd := (p_usage->>'usd')::numeric;
  END IF;
  UPDATE budgets_hold SET state = CASE WHEN p_sent THEN 'settled' ELSE 'released' END,
         prompt_tokens = h.prompt_tokens, completion_tokens = h.completion_tokens, cached_tokens = h.cached_tokens,
         usd = h.usd, worst_case = p_sent AND p_usage IS NULL, closed_at = clock_timestamp()
  WHERE task_id = p_task AND step = p_step AND fence = p_fence;
  UPDATE agent_tasks_task SET prompt_tokens = prompt_tokens + h.prompt_tokens,
         completion_tokens = completion_tokens + h.completion_tokens, cost_usd = cost_usd + h.usd
  WHERE id = p_task RETURNING envelopes INTO v_envelopes;
  UPDATE budgets_envelope SET tokens_held = tokens_held - v_held_tokens, usd_held = usd_held - v_held_usd,
         tokens_spent = tokens_spent + h.prompt_tokens + h.completion_tokens, usd_spent = usd_spent + h.usd,
         tokens_overrun = tokens_overrun + greatest(0, h.prompt_tokens + h.completion_tokens - v_held_tokens),
         usd_overrun = usd_overrun + greatest(0, h.usd - v_held_usd)
  WHERE id = ANY(v_envelopes);
  SELECT * INTO s FROM agent_tasks_step WHERE task_id = p_task AND n = p_step;
  s.fence := p_fence;
  PERFORM engine_emit(p_task, jsonb_build_array(engine_step_event(s,
    CASE WHEN p_sent THEN 'BUDGET_SETTLED' ELSE 'BUDGET_RELEASED' END, '', jsonb_build_object(
    'tokens', h.prompt_tokens + h.completion_tokens, 'prompt_tokens', h.prompt_tokens,
    'completion_tokens', h.completion_tokens, 'cost_usd', h.usd, 'provider', h.provider, 'model', h.model,
    'worst_case', p_sent AND p_usage IS NULL))));
END $$;

CREATE FUNCTION engine_record(s agent_tasks_step, p_decisions jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO decisions_policydecision (tenant_id, task_id, step, fence, point, subject, effect, rule, reasons,
    revision, input_sha256, input, created_at)
  SELECT s.tenant_id, s.task_id, s.n, s.fence, d->>'point', d->>'subject', d->>'effect', d->>'rule',
    ARRAY(SELECT jsonb_array_elements_text(d->'reasons')), d->>'revision', d->>'input_sha256', d->'input', clock_timestamp()
  FROM jsonb_array_elements(p_decisions) AS d
$$;

-- The task's last transaction. Steps still open are cancelled; whoever runs them finds the fence gone.
CREATE FUNCTION engine_end(p_task uuid, p_state text, p_error jsonb, p_events jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM engine_emit(p_task, p_events || '[{"type": "STREAM_END", "agent_id": "orchestrator"}]');
  UPDATE agent_tasks_step SET state = 'cancelled', due = NULL, finished_at = clock_timestamp()
  WHERE task_id = p_task AND state IN ('waiting', 'ready', 'running');
  UPDATE agent_tasks_task t SET state = p_state, error = p_error, open = 0, finished_at = clock_timestamp(),
    updated_at = clock_timestamp(),
    result = (SELECT output->>'text' FROM agent_tasks_step WHERE task_id = p_task AND is_final AND state = 'done'),
    artifacts = coalesce((SELECT jsonb_agg(a ORDER BY s.n) FROM agent_tasks_step s,
      jsonb_array_elements(s.output->'artifacts') AS a WHERE s.task_id = p_task AND s.state = 'done'
      AND jsonb_typeof(s.output->'artifacts') = 'array'), '[]')
  WHERE t.id = p_task AND t.state = 'running';
END $$;

-- A step adds steps. Their `after` are positions in the list itself; they take the next numbers of the task.
-- The heir takes the step's place: what waited for the step now waits for its heir.
CREATE FUNCTION engine_grow(s agent_tasks_step, p_grow jsonb, p_heir int, p_hint_s float) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_base int;
  v_ready jsonb;
BEGIN
  UPDATE agent_tasks_task SET steps = steps + jsonb_array_length(p_grow), open = open + jsonb_array_length(p_grow)
  WHERE id = s.task_id RETURNING steps - jsonb_array_length(p_grow) INTO v_base;
  WITH added AS (
    INSERT INTO agent_tasks_step (task_id, n, tenant_id, kind, queue, agent, description, input, parents, waits, "join",
      is_final, state, fence, retries, hints, due, created_at)
    SELECT s.task_id, v_base + nr, s.tenant_id, g->>'kind', g->>'queue', g->>'agent', g->>'description', g->'input',
      ARRAY(SELECT v_base + 1 + a::int FROM jsonb_array_elements_text(g->'after') AS a), jsonb_array_length(g->'after'),
      g->>'join', (g->>'is_final')::boolean,
      CASE WHEN jsonb_array_length(g->'after') = 0 THEN 'ready' ELSE 'waiting' END, 0, 0, 0,
      CASE WHEN jsonb_array_length(g->'after') = 0 THEN clock_timestamp() + p_hint_s * interval '1 s' END,
      clock_timestamp()
    FROM jsonb_array_elements(p_grow) WITH ORDINALITY AS x(g, nr)
    RETURNING n, queue, state
  ) SELECT jsonb_agg(jsonb_build_object('task', s.task_id, 'n', n, 'queue', queue) ORDER BY n) INTO v_ready
    FROM added WHERE state = 'ready';
  IF p_heir IS NOT NULL THEN
    UPDATE agent_tasks_step SET parents = array_replace(parents, s.n, v_base + 1 + p_heir)
    WHERE task_id = s.task_id AND state = 'waiting' AND s.n = ANY(parents);
    IF s.is_final THEN
      UPDATE agent_tasks_step SET is_final = (n = v_base + 1 + p_heir)
      WHERE task_id = s.task_id AND n IN (s.n, v_base + 1 + p_heir);
    END IF;
  END IF;
  RETURN coalesce(v_ready, '[]');
END $$;

-- A step has come to its end: count its children down, or end the task. Returns the steps that became ready.
CREATE FUNCTION engine_release(s agent_tasks_step, p_hint_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_open int;
  v_final boolean;
  v_ready jsonb;
BEGIN
  UPDATE agent_tasks_task SET open = open - 1 WHERE id = s.task_id RETURNING open INTO v_open;
  SELECT is_final INTO v_final FROM agent_tasks_step WHERE task_id = s.task_id AND n = s.n;
  IF s.state = 'failed' AND (v_final OR EXISTS (
      SELECT 1 FROM agent_tasks_step WHERE task_id = s.task_id AND state = 'waiting' AND "join" = 'all' AND s.n = ANY(parents))) THEN
    PERFORM engine_end(s.task_id, 'failed', s.error, jsonb_build_array(jsonb_build_object(
      'type', 'WORKFLOW_FAILED', 'agent_id', 'orchestrator', 'message', s.error->>'message',
      'payload', s.error || jsonb_build_object('step', s.n))));
    RETURN '[]';
  END IF;
  WITH child AS (
    UPDATE agent_tasks_step SET waits = waits - 1, state = CASE WHEN waits = 1 THEN 'ready' ELSE 'waiting' END,
      due = CASE WHEN waits = 1 THEN clock_timestamp() + p_hint_s * interval '1 s' END
    WHERE task_id = s.task_id AND state = 'waiting' AND s.n = ANY(parents)
    RETURNING n, queue, state
  ) SELECT jsonb_agg(jsonb_build_object('task', s.task_id, 'n', n, 'queue', queue) ORDER BY n) INTO v_ready
    FROM child WHERE state = 'ready';
  IF v_open = 0 THEN
    PERFORM engine_end(s.task_id, 'completed', NULL, jsonb_build_array(jsonb_build_object(
      'type', 'WORKFLOW_COMPLETED', 'agent_id', 'orchestrator', 'message', 'All steps are done')));
  END IF;
  RETURN coalesce(v_ready, '[]');
END $$;

-- Commit 2 of an attempt: settle, record, then done | failed | retry | handback. NULL when another attempt was first.
CREATE FUNCTION engine_complete(c jsonb, p_hint_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  s agent_tasks_step;
  v_task uuid := (c->>'task')::uuid;
  v_status text := c->>'status';
  v_ready jsonb := '[]';
BEGIN
  IF c->'settle' <> 'null' THEN
    PERFORM engine_settle(v_task, (c->>'n')::int, (c->>'fence')::int, nullif(c->'settle'->'usage', 'null'),
                          (c->'settle'->>'sent')::boolean);
  END IF;
  SELECT * INTO s FROM agent_tasks_step
  WHERE task_id = v_task AND n = (c->>'n')::int AND fence = (c->>'fence')::int AND state = 'running';
  IF NOT FOUND THEN RETURN NULL; END IF;
  PERFORM engine_record(s, c->'decisions');
  PERFORM engine_emit(v_task, c->'events');
  IF v_status IN ('retry', 'handback') THEN
    UPDATE agent_tasks_step SET worker = NULL, waits = 0, error = nullif(c->'error', 'null'),
      retries = retries + (v_status = 'retry')::int, state = CASE v_status WHEN 'retry' THEN 'waiting' ELSE 'ready' END,
      due = clock_timestamp() + CASE v_status WHEN 'retry' THEN (c->>'delay_s')::float ELSE p_hint_s END * interval '1 s'
    WHERE task_id = v_task AND n = s.n;
    PERFORM engine_emit(v_task, jsonb_build_array(engine_step_event(s, 'STEP_RETRYING',
      coalesce(c->'error'->>'message', 'handed back by a stopping worker'),
      jsonb_build_object('delay_s', (c->>'delay_s')::float, 'error', c->'error'->>'code'))));
    IF v_status = 'handback' THEN
      v_ready := jsonb_build_array(jsonb_build_object('task', v_task, 'n', s.n, 'queue', s.queue));
    END IF;
    RETURN v_ready;
  END IF;
  IF jsonb_array_length(c->'grow') > 0 THEN
    v_ready := engine_grow(s, c->'grow', (c->>'heir')::int, p_hint_s);
  END IF;
  UPDATE agent_tasks_step SET state = v_status, due = NULL, worker = NULL, finished_at = clock_timestamp(),
    output = nullif(c->'output', 'null'), error = nullif(c->'error', 'null')
  WHERE task_id = v_task AND n = s.n RETURNING * INTO s;
  PERFORM engine_emit(v_task, jsonb_build_array(engine_step_event(s,
    CASE v_status WHEN 'done' THEN 'STEP_COMPLETED' ELSE 'STEP_FAILED' END, coalesce(s.error->>'message', s.description),
    jsonb_build_object('duration_ms', round(extract(epoch FROM s.finished_at - s.started_at) * 1000)))));
  RETURN v_ready || engine_release(s, p_hint_s);
END $$;

-- Between the beats: record the policy decision, hold the worst case, tell what is about to happen.
CREATE FUNCTION engine_begin(b jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  s agent_tasks_step;
  v_answer jsonb := '{}';
BEGIN
  SELECT st.* INTO s FROM agent_tasks_step st JOIN agent_tasks_task t ON t.id = st.task_id AND t.state = 'running'
  WHERE st.task_id = (b->>'task')::uuid AND st.n = (b->>'n')::int AND st.fence = (b->>'fence')::int AND st.state = 'running';
  IF NOT FOUND THEN RETURN '{"lost": true}'; END IF;
  PERFORM engine_record(s, b->'decisions');
  PERFORM engine_emit(s.task_id, b->'events');
  IF b->'hold' <> 'null' THEN v_answer := engine_hold(s, b->'hold'); END IF;
  RETURN v_answer;
END $$;

-- The only write path of running work: one transaction for all that a worker process has to say.
-- Returns rows (what, body): done, stale, rejected, begun, claimed, ready, ended.
CREATE FUNCTION engine_turn(p_worker text, p_queues text[], p_take int, p_lease_s float, p_hint_s float,
  p_completions jsonb, p_begins jsonb, p_claims jsonb)
RETURNS TABLE(what text, body jsonb) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  item jsonb;
  answer jsonb;
  v_ready jsonb := '[]';
  v_ref jsonb;
  v_taken int := 0;
BEGIN
  PERFORM engine_lock(
    ARRAY(SELECT (e->>'task')::uuid FROM jsonb_array_elements(p_completions || p_begins || p_claims) AS e),
    ARRAY(SELECT (e->>'task')::uuid FROM jsonb_array_elements(p_completions || p_begins) AS e
          WHERE e->'settle' <> 'null' OR e->'hold' <> 'null'));
  FOR item IN SELECT * FROM jsonb_array_elements(p_completions) LOOP
    v_ref := jsonb_build_object('task', item->'task', 'n', item->'n', 'fence', item->'fence');
    BEGIN  -- one poisonous completion must not undo the others
      answer := engine_complete(item, p_hint_s);
      what := CASE WHEN answer IS NULL THEN 'stale' ELSE 'done' END; body := v_ref; RETURN NEXT;
      v_ready := v_ready || coalesce(answer, '[]');
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
      what := 'rejected'; body := v_ref || jsonb_build_object('error', SQLERRM); RETURN NEXT;
    END;
  END LOOP;
  FOR item IN SELECT * FROM jsonb_array_elements(p_begins) LOOP
    v_ref := jsonb_build_object('task', item->'task', 'n', item->'n', 'fence', item->'fence');
    BEGIN
      answer := engine_begin(item);
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
      answer := jsonb_build_object('error', SQLERRM);
    END;
    what := 'begun'; body := v_ref || answer; RETURN NEXT;
  END LOOP;
  FOR item IN SELECT * FROM jsonb_array_elements(p_claims) LOOP
    answer := engine_claim((item->>'task')::uuid, (item->>'n')::int, p_worker, p_lease_s);
    IF answer IS NOT NULL THEN what := 'claimed'; body := answer; RETURN NEXT; END IF;
  END LOOP;
  FOR item IN SELECT * FROM jsonb_array_elements(v_ready) LOOP
    what := 'ready'; body := item;
    IF v_taken < p_take AND item->>'queue' = ANY(p_queues) THEN  -- go on with what is mine: no message needed
      answer := engine_claim((item->>'task')::uuid, (item->>'n')::int, p_worker, p_lease_s);
      IF answer IS NOT NULL THEN what := 'claimed'; body := answer; v_taken := v_taken + 1; END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
  what := 'ended';
  FOR body IN SELECT to_jsonb(t.id) FROM agent_tasks_task t WHERE t.state <> 'running'
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

-- What is due: overdue hints and timers become ready (and are hinted anew, ever more rarely), ended leases are
-- settled and run again up to p_attempts, holds that nobody stands behind are settled at their worst case.
CREATE FUNCTION engine_sweep(p_hint_s float, p_lease_s float, p_attempts int, p_limit int)
RETURNS TABLE(what text, body jsonb) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  v_tasks uuid[];
  s agent_tasks_step;
  h budgets_hold;
BEGIN
  v_tasks := ARRAY(SELECT id FROM agent_tasks_task WHERE id IN (
      (SELECT task_id FROM agent_tasks_step WHERE due < clock_timestamp() ORDER BY due LIMIT p_limit)
      UNION (SELECT task_id FROM budgets_hold WHERE state = 'open'
             AND created_at < clock_timestamp() - p_lease_s * interval '1 s' ORDER BY created_at LIMIT p_limit))
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED);
  PERFORM engine_lock('{}', v_tasks);
  FOR s IN SELECT * FROM agent_tasks_step WHERE task_id = ANY(v_tasks) AND due < clock_timestamp() ORDER BY due LIMIT p_limit LOOP
    IF s.state = 'running' THEN
      PERFORM engine_settle(s.task_id, s.n, s.fence, NULL, true);
      IF s.fence >= p_attempts THEN
        UPDATE agent_tasks_step SET state = 'failed', due = NULL, worker = NULL, finished_at = clock_timestamp(),
          error = jsonb_build_object('code', 'step.worker_lost', 'message', format('Its worker was lost %s times', s.fence))
        WHERE task_id = s.task_id AND n = s.n RETURNING * INTO s;
        PERFORM engine_emit(s.task_id, jsonb_build_array(engine_step_event(s, 'STEP_FAILED', s.error->>'message', '{}')));
        FOR body IN SELECT * FROM jsonb_array_elements(engine_release(s, p_hint_s)) LOOP what := 'ready'; RETURN NEXT; END LOOP;
        what := 'moved'; body := jsonb_build_object('task', s.task_id); RETURN NEXT;
        CONTINUE;
      END IF;
      PERFORM engine_emit(s.task_id, jsonb_build_array(engine_step_event(s, 'STEP_RETRYING',
        'Its worker was lost; another attempt follows', '{"error": "step.worker_lost", "delay_s": 0}')));
    END IF;
    UPDATE agent_tasks_step SET state = 'ready', worker = NULL, hints = hints + 1,
      due = clock_timestamp() + p_hint_s * power(2, least(hints, 6)) * interval '1 s'
    WHERE task_id = s.task_id AND n = s.n AND state = s.state;
    CONTINUE WHEN NOT FOUND;  -- an earlier round of this loop has ended the task
    what := 'ready'; body := jsonb_build_object('task', s.task_id, 'n', s.n, 'queue', s.queue); RETURN NEXT;
  END LOOP;
  FOR h IN SELECT o.* FROM budgets_hold o WHERE o.task_id = ANY(v_tasks) AND o.state = 'open'
      AND o.created_at < clock_timestamp() - p_lease_s * interval '1 s' AND NOT EXISTS (
        SELECT 1 FROM agent_tasks_step r WHERE r.task_id = o.task_id AND r.n = o.step AND r.fence = o.fence AND r.state = 'running')
  LOOP
    PERFORM engine_settle(h.task_id, h.step, h.fence, NULL, true);
  END LOOP;
END $$;

-- Cancel from a service, inside the tenant's scope and under its row-level security. False when it had ended.
CREATE FUNCTION engine_cancel(p_task uuid, p_by text, p_reason text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM engine_lock(ARRAY[p_task], '{}');
  UPDATE agent_tasks_task SET cancelled_by = p_by, cancel_reason = p_reason WHERE id = p_task AND state = 'running';
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM engine_end(p_task, 'cancelled', NULL, jsonb_build_array(
    jsonb_build_object('type', 'WORKFLOW_CANCELLING', 'agent_id', 'orchestrator', 'message', p_reason),
    jsonb_build_object('type', 'WORKFLOW_CANCELLED', 'agent_id', 'orchestrator', 'message', p_reason,
                       'payload', jsonb_build_object('reason', p_reason, 'cancelled_by', p_by))));
  RETURN true;
END $$;

-- Who holds this credential? Answers with ids and nothing else; the caller then enters that tenant's scope.
CREATE FUNCTION credential_owner(p_key_sha256 bytea) RETURNS TABLE(tenant_id uuid, key_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT k.tenant_id, k.id FROM tenants_apikey k JOIN tenants_tenant t ON t.id = k.tenant_id AND t.is_active
  WHERE k.key_sha256 = p_key_sha256
$$;

DO $$ DECLARE f regprocedure; BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
           AND (p.proname LIKE 'engine\_%' OR p.proname = 'credential_owner') LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hartley_app', f);
  END LOOP;
END $$;
