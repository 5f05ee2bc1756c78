-- What a file was before a change may be the last that has its bytes.
CREATE TRIGGER let_go_when_removed AFTER DELETE ON workspaces_former
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION workspaces_let_go();
CREATE TRIGGER let_go_when_replaced AFTER UPDATE ON workspaces_former
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION workspaces_let_go();

-- As before, and what files were before the changes of tasks that have ended: nothing takes these back any more.
CREATE OR REPLACE FUNCTION workspaces_forget(p_keep_s double precision, p_most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH past AS (
    SELECT w.session_id FROM workspaces_workspace w JOIN agent_sessions_session s ON s.id = w.session_id
     WHERE s.deleted_at IS NOT NULL
        OR (w.used_at < clock_timestamp() - make_interval(secs => p_keep_s) AND NOT EXISTS (
              SELECT FROM agent_tasks_task t WHERE t.session_id = w.session_id
                 AND (t.finished_at IS NULL OR t.finished_at > clock_timestamp() - make_interval(secs => p_keep_s))))
     LIMIT p_most FOR UPDATE OF w SKIP LOCKED),
  files AS (DELETE FROM workspaces_file f USING past p WHERE f.workspace_id = p.session_id),
  ended AS (
    SELECT r.task, r.step FROM workspaces_savedrun r JOIN agent_tasks_step s ON s.task_id = r.task AND s.n = r.step
     WHERE s.finished_at IS NOT NULL LIMIT 10 * p_most),
  runs AS (
    DELETE FROM workspaces_savedrun r WHERE r.workspace_id IN (SELECT session_id FROM past)
        OR (r.task, r.step) IN (SELECT task, step FROM ended)),
  over AS (
    SELECT f.id FROM workspaces_former f JOIN agent_tasks_task t ON t.id = f.task
     WHERE t.finished_at IS NOT NULL LIMIT 10 * p_most),
  formers AS (
    DELETE FROM workspaces_former f WHERE f.workspace_id IN (SELECT session_id FROM past)
        OR f.id IN (SELECT id FROM over)),
  gone AS (DELETE FROM workspaces_workspace w USING past p WHERE w.session_id = p.session_id RETURNING 1)
  SELECT count(*) FROM gone
$$;
