-- One step at a time: started, claimed, begun, completed; its children, its task.

-- Win the right to work on a step, or NULL. A waiting step without open parents is a retry or timer that is up. One that
-- a freeze stops is parked instead, without an attempt.
-- `told` in the answer is for readers, and for the caller to emit.
CREATE FUNCTION engine_claim(p_task uuid, p_n int, p_worker text, p_lease_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  s agent_tasks_step;
  t record;
BEGIN
  SELECT state, session_id, user_id, principal,
    EXISTS (SELECT 1 FROM decisions_freeze f WHERE f.tenant_id = k.tenant_id AND thawed_at IS NULL) AS freezes
  INTO t FROM agent_tasks_task k WHERE id = p_task;
  IF t.state IS DISTINCT FROM 'running' THEN RETURN NULL; END IF;
  IF t.freezes THEN
    SELECT * INTO s FROM agent_tasks_step WHERE task_id = p_task AND n = p_n
      AND (state = 'ready' OR (state = 'waiting' AND waits = 0 AND due <= clock_timestamp()));
    IF engine_frozen(s, NULL) THEN RETURN NULL; END IF;
  END IF;
  UPDATE agent_tasks_step SET state = 'running', fence = fence + 1, worker = p_worker, hints = 0,
         started_at = clock_timestamp(), due = clock_timestamp() + p_lease_s * interval '1 s'
  WHERE task_id = p_task AND n = p_n
    AND (state = 'ready' OR (state = 'waiting' AND waits = 0 AND due <= clock_timestamp()))
  RETURNING * INTO s;
  IF NOT FOUND THEN RETURN NULL; END IF;
  RETURN jsonb_build_object('told', jsonb_build_array(engine_step_event(s, 'STEP_STARTED', s.description, '{}')),
    'task', s.task_id, 'n', s.n, 'fence', s.fence, 'retries', s.retries, 'kind', s.kind,
    'queue', s.queue, 'agent', s.agent, 'description', s.description, 'input', s.input, 'parents', s.parents,
    'is_final', s.is_final, 'timeout_s', s.timeout_s, 'tries', s.tries,
    'tenant', s.tenant_id, 'session', t.session_id, 'user', t.user_id, 'principal', t.principal);
END $$;

-- The policy's decisions of these attempts.
CREATE FUNCTION engine_record(p_attempts jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO decisions_policydecision (tenant_id, task_id, step, fence, point, subject, effect, rule, reasons,
    revision, input_sha256, input, created_at)
  SELECT t.tenant_id, t.id, (a->>'n')::int, (a->>'fence')::int, d->>'point', d->>'subject', d->>'effect', d->>'rule',
    ARRAY(SELECT jsonb_array_elements_text(d->'reasons')), d->>'revision', d->>'input_sha256', d->'input', clock_timestamp()
  FROM jsonb_array_elements(p_attempts) AS a CROSS JOIN LATERAL jsonb_array_elements(a->'decisions') AS d CROSS JOIN LATERAL (
    SELECT id, tenant_id FROM agent_tasks_task WHERE id = (a->>'task')::uuid OFFSET 0) AS t;
END $$;

-- Start what is parked, if the task runs: at once, or after the step's own delay. Returns {task, n, queue, delay_s}.
CREATE FUNCTION engine_start(p_task uuid, p_hint_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_ready jsonb;
BEGIN
  WITH started AS (
    UPDATE agent_tasks_step SET state = CASE WHEN delay_s > 0 THEN 'waiting' ELSE 'ready' END,
      due = clock_timestamp() + CASE WHEN delay_s > 0 THEN delay_s ELSE p_hint_s END * interval '1 s'
    WHERE task_id = p_task AND state = 'waiting' AND waits = 0 AND due IS NULL
      AND (SELECT state FROM agent_tasks_task WHERE id = p_task) = 'running'
    RETURNING n, queue, delay_s
  ) SELECT coalesce(jsonb_agg(jsonb_build_object('task', p_task, 'n', n, 'queue', queue, 'delay_s', delay_s) ORDER BY n), '[]')
    INTO v_ready FROM started;
  RETURN v_ready;
END $$;

-- Whether nobody has said what came of a call of a tool that acts, which had been begun: it runs, or its worker was lost.
-- Where the step has said itself what undoes it, it has said enough.
CREATE FUNCTION engine_unheard(s agent_tasks_step) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN s.kind = 'tools.call' AND s.fence > 0 AND (s.compensation IS NULL OR s.input->'compensate' IS DISTINCT FROM 'true')
    AND EXISTS (SELECT 1 FROM budgets_hold WHERE task_id = s.task_id AND step = s.n
      AND (closed_at IS NULL OR error = 'step.worker_lost'))
    AND EXISTS (SELECT 1 FROM decisions_policydecision WHERE task_id = s.task_id AND step = ANY(s.n || s.parents)
      AND point = 'tool_call' AND input #>> '{tool,effect}' = 'acts');
END $$;

-- An unheard call is told in its step and by an event: it may have acted and nothing undoes it, so a person must look.
CREATE FUNCTION engine_tell_unheard(s agent_tasks_step, p_code text, p_how text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE agent_tasks_step SET error = jsonb_build_object('code', p_code, 'message', format(
    '%s: nobody knows whether %s has acted. Nothing undoes it; look yourself', p_how, s.input->>'tool'))
  WHERE task_id = s.task_id AND n = s.n RETURNING * INTO s;
  PERFORM engine_emit(s.task_id, jsonb_build_array(engine_step_event(s, 'WARNING', s.error->>'message',
    jsonb_build_object('tool', s.input->'tool', 'error', 'call.unheard'))));
END $$;

-- What is open is cancelled; whoever runs it finds the fence gone.
CREATE FUNCTION engine_stop(p_task uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  s agent_tasks_step;
BEGIN
  FOR s IN UPDATE agent_tasks_step SET state = 'cancelled', due = NULL, finished_at = clock_timestamp()
      WHERE task_id = p_task AND state IN ('waiting', 'ready', 'running') RETURNING * LOOP
    IF engine_unheard(s) THEN
      PERFORM engine_tell_unheard(s, 'call.unheard', 'It was stopped before its answer came');
    END IF;
  END LOOP;
END $$;

-- The task's last transaction.
CREATE FUNCTION engine_end(p_task uuid, p_state text, p_error jsonb, p_events jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM engine_stop(p_task);
  PERFORM engine_emit(p_task, p_events || '[{"type": "STREAM_END", "agent_id": "orchestrator"}]');
  UPDATE agent_tasks_task t SET state = p_state, error = p_error, open = 0, finished_at = clock_timestamp(),
    updated_at = clock_timestamp(),
    result = (SELECT output->>'text' FROM agent_tasks_step WHERE task_id = p_task AND is_final AND state = 'done'),
    artifacts = coalesce((SELECT jsonb_agg(a ORDER BY s.n) FROM agent_tasks_step s,
      jsonb_array_elements(s.output->'artifacts') AS a WHERE s.task_id = p_task AND s.state = 'done'
      AND jsonb_typeof(s.output->'artifacts') = 'array'), '[]')
  WHERE t.id = p_task AND t.state = ANY(engine_open());
END $$;

-- The task has failed. Where done steps have named what undoes them, that runs first, the last done first; the task
-- ends when it is through. A step that asks its tool has what undoes it once it has changed something, done or not; it is
-- stopped first, and from then on changes no more. Returns the steps that became ready.
CREATE FUNCTION engine_fail(p_task uuid, p_error jsonb, p_hint_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_undo int;
BEGIN
  PERFORM engine_stop(p_task);
  SELECT count(*) INTO v_undo FROM agent_tasks_step WHERE task_id = p_task AND compensation IS NOT NULL
    AND (state = 'done' OR input->'compensate' = 'true');
  IF v_undo = 0 THEN
    PERFORM engine_end(p_task, 'failed', p_error,
      engine_task_event('WORKFLOW_FAILED', p_error->>'message', p_error));
    RETURN '[]';
  END IF;
  INSERT INTO agent_tasks_step (task_id, n, tenant_id, kind, queue, agent, description, input, parents, waits, met,
    "join", is_final, state, fence, retries, hints, delay_s, compensates, created_at)
  SELECT p_task, t.steps + nr, s.tenant_id, s.compensation->>'kind', s.compensation->>'queue', s.agent,
    s.compensation->>'description', s.compensation->'input',
    CASE WHEN nr > 1 THEN ARRAY[t.steps + nr - 1] ELSE '{}' END, CASE WHEN nr > 1 THEN 1 ELSE 0 END, 0,
    'settled', false, 'waiting', 0, 0, 0, 0, s.n, clock_timestamp()
  FROM agent_tasks_task t, (SELECT *, (row_number() OVER (ORDER BY finished_at DESC, n DESC))::int AS nr FROM agent_tasks_step
    WHERE task_id = p_task AND compensation IS NOT NULL AND (state = 'done' OR input->'compensate' = 'true')) AS s
  WHERE t.id = p_task;
  UPDATE agent_tasks_task SET steps = steps + v_undo, open = v_undo, failure = p_error WHERE id = p_task;
  PERFORM engine_emit(p_task, engine_task_event('PROGRESS',
    format('Failed: %s. %s steps are undone, the last first', p_error->>'message', v_undo), jsonb_build_object('compensations', v_undo)));
  RETURN engine_start(p_task, p_hint_s);
END $$;

-- Steps of a task, numbered on from p_base. Their `after`, `grown_by` and `replaces` are positions in the list itself.
-- One with a record has ended already: it is served from an earlier run and waits for nobody.
CREATE FUNCTION engine_add(p_task uuid, p_tenant uuid, p_base int, p_steps jsonb, p_grown_by int, p_heir int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO agent_tasks_step (task_id, n, tenant_id, kind, queue, agent, description, input, parents, waits, met, "join",
    quorum, is_final, state, fence, retries, hints, delay_s, timeout_s, tries, compensation, grown_by, replaces, record_of,
    output, error, "inner", finished_at, created_at)
  SELECT p_task, p_base + nr, p_tenant, g->>'kind', g->>'queue', g->>'agent', g->>'description', g->'input',
    ARRAY(SELECT p_base + 1 + a::int FROM jsonb_array_elements_text(g->'after') AS a), jsonb_array_length(g->'after'), 0,
    g->>'join', (g->>'quorum')::int, (g->>'is_final')::boolean, coalesce(g->'record'->>'state', 'waiting'), 0, 0, 0,
    (g->>'delay_s')::float, (g->>'timeout_s')::float, (g->>'tries')::int, nullif(g->'compensation', 'null'),
    coalesce(p_base + 1 + (g->>'grown_by')::int, p_grown_by),
    coalesce(p_base + 1 + (g->>'replaces')::int, CASE WHEN nr = p_heir + 1 THEN p_grown_by END), (g->>'record_of')::int,
    nullif(g->'record'->'output', 'null'), nullif(g->'record'->'error', 'null'), nullif(g->'record'->'inner', 'null'),
    CASE WHEN g->'record' <> 'null' THEN clock_timestamp() END, clock_timestamp()
  FROM jsonb_array_elements(p_steps) WITH ORDINALITY AS x(g, nr);
END $$;

-- A step adds steps; they take the next numbers of the task.
-- The heir takes the step's place: what waited for the step now waits for its heir.
CREATE FUNCTION engine_grow(s agent_tasks_step, p_grow jsonb, p_heir int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_base int;
  v_served int := (SELECT count(*) FROM jsonb_array_elements(p_grow) AS g WHERE g->'record' <> 'null');
BEGIN
  UPDATE agent_tasks_task SET steps = steps + jsonb_array_length(p_grow), open = open + jsonb_array_length(p_grow) - v_served
  WHERE id = s.task_id RETURNING steps - jsonb_array_length(p_grow) INTO v_base;
  PERFORM engine_add(s.task_id, s.tenant_id, v_base, p_grow, s.n, p_heir);
  IF v_served > 0 THEN PERFORM engine_serve(s.task_id, v_base); END IF;
  IF p_heir IS NOT NULL THEN
    UPDATE agent_tasks_step SET parents = array_replace(parents, s.n, v_base + 1 + p_heir)
    WHERE task_id = s.task_id AND state = 'waiting' AND s.n = ANY(parents);
    IF s.is_final THEN
      UPDATE agent_tasks_step SET is_final = (n = v_base + 1 + p_heir)
      WHERE task_id = s.task_id AND n IN (s.n, v_base + 1 + p_heir);
    END IF;
  END IF;
END $$;

-- Of steps that were just added: those that have ended already count for those that wait for them.
CREATE FUNCTION engine_serve(p_task uuid, p_base int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE agent_tasks_step st SET (waits, met) = (
    SELECT count(*) FILTER (WHERE p.finished_at IS NULL), count(*) FILTER (WHERE p.state = 'done')
    FROM agent_tasks_step p WHERE p.task_id = p_task AND p.n = ANY(st.parents))
  WHERE st.task_id = p_task AND st.n > p_base AND st.state = 'waiting';
  UPDATE agent_tasks_step st SET waits = 0
  WHERE st.task_id = p_task AND st.n > p_base AND st.state = 'waiting' AND st."join" IN ('any', 'quorum')
    AND st.met >= engine_needs(st);
END $$;

-- How many parents must have succeeded before the step may start.
CREATE FUNCTION engine_needs(s agent_tasks_step) RETURNS int LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE s."join" WHEN 'all' THEN cardinality(s.parents) WHEN 'quorum' THEN s.quorum
                       WHEN 'any' THEN 1 WHEN 'partial' THEN 1 ELSE 0 END
$$;

-- A step has come to its end: count its children down, skip those that can no longer start, or end the task.
-- The steps that may start now are parked; engine_start finds them. `p_grew`: it has added steps.
CREATE FUNCTION engine_release(s agent_tasks_step, p_grew boolean, p_hint_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  t agent_tasks_task;
  c agent_tasks_step;
  v_done boolean := s.state = 'done';
  v_final boolean := s.is_final;
  v_cause jsonb := coalesce(s.error->'cause', s.error || jsonb_build_object('step', s.n));
  v_ready jsonb := '[]';
  v_some boolean := p_grew;  -- might something start now?
BEGIN
  UPDATE agent_tasks_task SET open = open - 1 WHERE id = s.task_id AND state = ANY(engine_open()) RETURNING * INTO t;
  IF NOT FOUND THEN RETURN '[]'; END IF;
  IF t.failure IS NULL THEN
    IF p_grew THEN  -- its heir may have taken it
      SELECT is_final INTO v_final FROM agent_tasks_step WHERE task_id = s.task_id AND n = s.n;
    END IF;
    IF v_final AND NOT v_done THEN RETURN engine_fail(s.task_id, v_cause, p_hint_s); END IF;
    IF v_final OR t.open = 0 THEN
      PERFORM engine_end(s.task_id, 'completed', NULL,
        engine_task_event('WORKFLOW_COMPLETED', CASE WHEN t.open = 0 THEN 'All steps are done' ELSE 'The answer is there' END, NULL));
      RETURN '[]';
    END IF;
  ELSIF t.open = 0 THEN
    PERFORM engine_end(s.task_id, 'failed', t.failure,
      engine_task_event('WORKFLOW_FAILED', t.failure->>'message', t.failure));
    RETURN '[]';
  END IF;
  FOR c IN UPDATE agent_tasks_step SET waits = waits - 1, met = met + v_done::int
      WHERE task_id = s.task_id AND state = 'waiting' AND waits > 0 AND s.n = ANY(parents) RETURNING * LOOP
    v_some := v_some OR c.waits = 0 OR c."join" IN ('any', 'quorum');
    IF c.met >= engine_needs(c) THEN
      IF c.waits > 0 AND c."join" IN ('any', 'quorum') THEN
        UPDATE agent_tasks_step SET waits = 0 WHERE task_id = c.task_id AND n = c.n;
      ELSIF c.waits = 0 AND c."join" = 'partial' AND c.met < cardinality(c.parents) THEN
        PERFORM engine_emit(c.task_id, jsonb_build_array(engine_step_event(c, 'WARNING',
          format('Goes on with %s of %s results', c.met, cardinality(c.parents)), '{}')));
      END IF;
    ELSIF c.met + c.waits < engine_needs(c) THEN
      UPDATE agent_tasks_step SET state = 'cancelled', due = NULL, finished_at = clock_timestamp(),
        error = jsonb_build_object('code', 'step.skipped', 'cause', v_cause, 'message', format(
          'Skipped: %s of %s steps before it succeeded, %s are needed', c.met, cardinality(c.parents), engine_needs(c)))
      WHERE task_id = c.task_id AND n = c.n AND state = 'waiting' RETURNING * INTO c;
      CONTINUE WHEN NOT FOUND;  -- it was skipped with one before it
      PERFORM engine_emit(c.task_id, jsonb_build_array(engine_step_event(c, 'STEP_SKIPPED', c.error->>'message', '{}')));
      v_ready := v_ready || engine_release(c, false, p_hint_s);
      v_some := true;
      IF NOT (SELECT state = ANY(engine_open()) AND failure IS NULL FROM agent_tasks_task WHERE id = s.task_id) THEN
        RETURN v_ready;
      END IF;
    END IF;
  END LOOP;
  RETURN v_ready || CASE WHEN v_some THEN engine_start(s.task_id, p_hint_s) ELSE '[]' END;
END $$;

-- A paused task whose last running step has come to an end stands still: its readers are told.
CREATE FUNCTION engine_standstill(p_task uuid, p_checkpoint text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM agent_tasks_task WHERE id = p_task AND state = 'paused';
  IF FOUND AND NOT EXISTS (SELECT 1 FROM agent_tasks_step WHERE task_id = p_task AND state = 'running') THEN
    PERFORM engine_emit(p_task, engine_task_event('WORKFLOW_PAUSED', 'Paused', jsonb_build_object('checkpoint', p_checkpoint)));
  END IF;
END $$;

-- How a step that failed leaves its agent, if an agent thought by it: a failed tool call fails nobody.
CREATE FUNCTION engine_failed_agent(p_queue text, p_kind text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_queue = 'llm' OR p_kind = 'control.plan' THEN '{"state": "FAILED", "beliefs": null}'::jsonb END
$$;

-- Commit 2 of these attempts: done | failed | retry | handback. Returns what has been won (the step as it is now, and
-- its completion) and what is to be told of it; an attempt that another has overtaken is missing.
CREATE FUNCTION engine_complete(p_completions jsonb) RETURNS TABLE(s agent_tasks_step, c jsonb, told jsonb)
LANGUAGE plpgsql AS $$
DECLARE
  v_status text;
  v_again boolean;
BEGIN
  FOR c IN SELECT * FROM jsonb_array_elements(p_completions) LOOP
    v_status := c->>'status'; v_again := v_status IN ('retry', 'handback');
    UPDATE agent_tasks_step SET state = CASE WHEN v_again THEN 'waiting' ELSE v_status END, worker = NULL, waits = 0,
      output = nullif(c->'output', 'null'), error = nullif(c->'error', 'null'), retries = retries + (v_status = 'retry')::int,
      delay_s = CASE WHEN v_again THEN 0 ELSE delay_s END, finished_at = CASE WHEN NOT v_again THEN clock_timestamp() END,
      due = CASE v_status WHEN 'retry' THEN clock_timestamp() + (c->>'delay_s')::float * interval '1 s' END,
      "inner" = CASE v_status WHEN 'failed' THEN engine_failed_agent(queue, kind) WHEN 'done' THEN nullif(c->'inner', 'null') END,
      compensation = coalesce(compensation, CASE v_status WHEN 'done' THEN nullif(c->'compensation', 'null') END)
    WHERE task_id = (c->>'task')::uuid AND n = (c->>'n')::int AND fence = (c->>'fence')::int AND state = 'running'
    RETURNING * INTO s;
    IF NOT FOUND THEN  -- from here on nothing of it has an effect
      UPDATE agent_tasks_step SET stopped_at = clock_timestamp() WHERE task_id = (c->>'task')::uuid AND n = (c->>'n')::int
        AND fence = (c->>'fence')::int AND state = 'cancelled' AND stopped_at IS NULL;
    ELSE
      told := (c->'events') || CASE WHEN v_again THEN engine_step_event(s, 'STEP_RETRYING',
          coalesce(c->'error'->>'message', 'handed back by a stopping worker'),
          jsonb_build_object('delay_s', (c->>'delay_s')::float, 'error', c->'error'->>'code'))
        ELSE engine_step_event(s, CASE v_status WHEN 'done' THEN 'STEP_COMPLETED' ELSE 'STEP_FAILED' END,
          coalesce(s.error->>'message', s.description),
          jsonb_build_object('duration_ms', round(extract(epoch FROM s.finished_at - s.started_at) * 1000))) END;
      RETURN NEXT;
    END IF;
  END LOOP;
END $$;

-- What follows from a completion: added steps, children, the task's end. Returns the steps that became ready.
CREATE FUNCTION engine_follow(s agent_tasks_step, c jsonb, p_hint_s float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_grew boolean := jsonb_array_length(c->'grow') > 0;
  v_ready jsonb := '[]';
BEGIN
  IF s.state = 'waiting' THEN
    IF s.due IS NULL THEN v_ready := engine_start(s.task_id, p_hint_s); END IF;
  ELSE
    IF v_grew THEN PERFORM engine_grow(s, c->'grow', (c->>'heir')::int); END IF;
    v_ready := engine_release(s, v_grew, p_hint_s);
  END IF;
  RETURN v_ready;
END $$;

-- Whether another completion of the same turn has ended the task, or has it undone: then this one is counted no more.
CREATE FUNCTION engine_overtaken(s agent_tasks_step) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT NOT (state = ANY(engine_open())) OR (failure IS NOT NULL AND s.n < (
    SELECT min(n) FROM agent_tasks_step WHERE task_id = s.task_id AND compensates IS NOT NULL))
  FROM agent_tasks_task WHERE id = s.task_id);
END $$;

-- These attempts, each with its step where it is still theirs to work on, and with what it was granted before, where
-- its begin has been written already and only the answer was lost.
CREATE FUNCTION engine_own(p_attempts jsonb) RETURNS TABLE(a jsonb, s agent_tasks_step, granted jsonb) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT e, x.st, h.granted FROM jsonb_array_elements(p_attempts) AS e LEFT JOIN LATERAL (
    SELECT st FROM agent_tasks_step st JOIN agent_tasks_task t ON t.id = st.task_id AND t.state = ANY(engine_open())
    WHERE st.task_id = (e->>'task')::uuid AND st.n = (e->>'n')::int AND st.fence = (e->>'fence')::int AND st.state = 'running'
    OFFSET 0) AS x ON true LEFT JOIN LATERAL (
    SELECT jsonb_build_object('granted', o.completion_tokens, 'seconds', o.held_seconds, 'fuel', o.held_fuel) AS granted FROM budgets_hold o WHERE o.task_id = (e->>'task')::uuid AND o.step = (e->>'n')::int
    AND o.fence = (e->>'fence')::int AND o.closed_at IS NULL
    AND o.call = CASE WHEN e->'hold' = 'null' THEN 0 ELSE coalesce((e->'hold'->>'call')::int, 1) END OFFSET 0) AS h ON true;
END $$;

-- Between the beats: record the policy decisions, hold the worst cases. What a freeze stops is lost to its worker.
-- Returns the answer to each, and what is to be told.
CREATE FUNCTION engine_begin(p_begins jsonb) RETURNS TABLE(b jsonb, answer jsonb, told jsonb) LANGUAGE plpgsql AS $$
DECLARE
  o record;
  v_steps agent_tasks_step[] := '{}';
  v_holding agent_tasks_step[] := '{}';
  v_begins jsonb[] := '{}';
  v_full boolean;  -- all are granted what they ask for
BEGIN
  PERFORM engine_stop_frozen(p_begins);
  FOR o IN SELECT * FROM engine_own(p_begins) LOOP
    IF (o.s).n IS NOT NULL AND o.granted IS NULL THEN
      IF o.a->'hold' <> 'null' THEN v_holding := v_holding || o.s; END IF;
      v_steps := v_steps || o.s; v_begins := v_begins || (engine_unfrozen(o.a, o.s) || engine_in_full(o.a->'hold'));
    ELSE
      b := o.a; told := '[]';
      answer := CASE WHEN (o.s).n IS NULL THEN '{"lost": true}' WHEN engine_metered(o.a) THEN o.granted || '{"metered": true}' ELSE o.granted END;
      RETURN NEXT;
    END IF;
  END LOOP;
  PERFORM engine_first_shares(v_holding);
  PERFORM engine_record(to_jsonb(v_begins));
  v_full := engine_book(to_jsonb(v_begins));
  FOR i IN 1 .. cardinality(v_begins) LOOP
    b := v_begins[i];
    answer := CASE WHEN b ? 'frozen' THEN jsonb_build_object('frozen', b->'frozen') WHEN b->'hold' = 'null' THEN '{}' WHEN v_full THEN jsonb_build_object('granted', b->'granted', 'seconds', b->'seconds', 'fuel', b->'fuel')
      ELSE engine_hold(b) END;
    IF answer ? 'granted' AND engine_metered(b) THEN answer := answer || '{"metered": true}'; END IF;
    told := (b->'events') || CASE WHEN answer ? 'granted' THEN engine_step_event(v_steps[i], 'BUDGET_HELD', '', jsonb_build_object(
      'call', coalesce((b->'hold'->>'call')::int, 1), 'tokens', (b->'hold'->>'prompt_tokens')::bigint + (answer->>'granted')::bigint,
      'cost_usd', engine_worst_usd(b->'hold', (answer->>'granted')::bigint),
      'provider', b->'hold'->'provider', 'model', b->'hold'->'model')) ELSE '[]' END;
    RETURN NEXT;
  END LOOP;
END $$;
