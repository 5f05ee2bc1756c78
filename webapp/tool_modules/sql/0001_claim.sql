-- What workers ask over all tenants. They get ids; the rows they read and write in the tenant's own scope.

-- Takes versions that nobody has checked, nor is checking. Two callers never get the same one. One that has cost p_tries
-- workers their lives is refused.
CREATE FUNCTION tool_modules_claim(p_most integer, p_tries integer, p_lease_s double precision)
RETURNS TABLE(tenant_id uuid, version_id uuid, claimed_until timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH harmful AS (
    UPDATE tool_modules_moduleversion SET state = 'refused', claimed_until = NULL, checked_at = clock_timestamp(),
           reason = 'Each worker that checked it was lost.'
     WHERE state = 'checking' AND attempts >= p_tries AND claimed_until < clock_timestamp()
  ), waiting AS (
    SELECT v.id FROM tool_modules_moduleversion v
      JOIN tenants_tenant t ON t.id = v.tenant_id AND t.is_active
     WHERE v.state = 'checking' AND v.attempts < p_tries
       AND (v.claimed_until IS NULL OR v.claimed_until < clock_timestamp())
     ORDER BY v.id LIMIT p_most FOR UPDATE OF v SKIP LOCKED
  )
  UPDATE tool_modules_moduleversion v
     SET attempts = v.attempts + 1, claimed_until = clock_timestamp() + make_interval(secs => p_lease_s)
    FROM waiting WHERE v.id = waiting.id
  RETURNING v.tenant_id, v.id, v.claimed_until
$$;

REVOKE ALL ON FUNCTION tool_modules_claim(integer, integer, double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tool_modules_claim(integer, integer, double precision) TO hartley_app;
