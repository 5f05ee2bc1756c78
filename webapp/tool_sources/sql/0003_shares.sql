-- What workers ask over all tenants. They get ids; the rows they read and write in the tenant's own scope.

-- Takes sources that are due and that nobody is looking at. Two callers never get the same one. Of one tenant at most two
-- are looked at at once, so that slow ones hold up no other tenant's; two callers at the same instant may make it three.
CREATE OR REPLACE FUNCTION tool_sources_claim(p_most integer, p_lease_s double precision)
RETURNS TABLE(tenant_id uuid, source_id uuid, claimed_until timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  WITH due AS (
    SELECT s.id FROM tool_sources_toolsource s
      JOIN tenants_tenant t ON t.id = s.tenant_id AND t.is_active
     WHERE s.look_at <= clock_timestamp() AND s.is_enabled
       AND (s.claimed_until IS NULL OR s.claimed_until < clock_timestamp())
       AND (SELECT count(*) FROM tool_sources_toolsource o
             WHERE o.tenant_id = s.tenant_id AND o.claimed_until >= clock_timestamp()) < 2
     ORDER BY s.look_at LIMIT p_most FOR UPDATE OF s SKIP LOCKED
  )
  UPDATE tool_sources_toolsource s
     SET attempts = s.attempts + 1, claimed_until = clock_timestamp() + make_interval(secs => p_lease_s)
    FROM due WHERE s.id = due.id
  RETURNING s.tenant_id, s.id, s.claimed_until
$$;
