-- The sweep has no tenant: it may do this one thing to everybody's rows, a bounded number at a time.
CREATE FUNCTION forget_expired_answers(p_limit int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH expired AS (
    SELECT id FROM memory_answeredquestion WHERE expires_at < clock_timestamp()
    ORDER BY expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED),
  gone AS (DELETE FROM memory_answeredquestion m USING expired e WHERE m.id = e.id RETURNING 1)
  SELECT count(*) FROM gone
$$;

REVOKE ALL ON FUNCTION forget_expired_answers(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_expired_answers(int) TO hartley_app;
