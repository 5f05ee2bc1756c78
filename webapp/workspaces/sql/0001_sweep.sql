-- A blob that a file lets go of may have no other: the sweep looks. In order, as savers lock them.
CREATE FUNCTION workspaces_let_go() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM FROM workspaces_blob WHERE id IN (SELECT blob_id FROM gone) ORDER BY id FOR NO KEY UPDATE;
  UPDATE workspaces_blob SET check_at = clock_timestamp() WHERE id IN (SELECT blob_id FROM gone);
  RETURN NULL;
END $$;

CREATE TRIGGER let_go_when_removed AFTER DELETE ON workspaces_file
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION workspaces_let_go();
CREATE TRIGGER let_go_when_replaced AFTER UPDATE ON workspaces_file
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION workspaces_let_go();

-- Removes the files of deleted sessions, and of those that nobody has used for p_keep_s: no change, no run, no task that
-- is open or has ended since. Of steps that have ended, what was kept for another attempt. Returns how many workspaces.
CREATE FUNCTION workspaces_forget(p_keep_s double precision, p_most integer) RETURNS bigint
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
  gone AS (DELETE FROM workspaces_workspace w USING past p WHERE w.session_id = p.session_id RETURNING 1)
  SELECT count(*) FROM gone
$$;

-- Bytes that may have no file any more, since p_grace_s at least.
CREATE FUNCTION workspaces_loose_blobs(p_grace_s double precision, p_most integer)
RETURNS TABLE(tenant_id uuid, blob_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT tenant_id, id FROM workspaces_blob
   WHERE check_at < clock_timestamp() - make_interval(secs => p_grace_s) ORDER BY check_at LIMIT p_most
$$;

REVOKE ALL ON FUNCTION workspaces_forget(double precision, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION workspaces_loose_blobs(double precision, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workspaces_forget(double precision, integer) TO hartley_app;
GRANT EXECUTE ON FUNCTION workspaces_loose_blobs(double precision, integer) TO hartley_app;
