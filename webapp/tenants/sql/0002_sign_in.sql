-- Whose are an e-mail address and a refresh token? They answer with ids and nothing else; the caller then enters that tenant's scope.
CREATE FUNCTION email_owner(p_email text) RETURNS TABLE(tenant_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT u.tenant_id, u.id FROM tenants_user u WHERE u.email = p_email
$$;

CREATE FUNCTION refresh_token_owner(p_token_sha256 bytea) RETURNS TABLE(tenant_id uuid, token_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT r.tenant_id, r.id FROM tenants_refreshtoken r WHERE r.token_sha256 = p_token_sha256
$$;

REVOKE ALL ON FUNCTION email_owner(text), refresh_token_owner(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION email_owner(text), refresh_token_owner(bytea) TO hartley_app;

-- Before there were several, the first tenant was the one that runs the platform.
UPDATE tenants_tenant SET operates_platform = true WHERE id = (SELECT id FROM tenants_tenant ORDER BY id LIMIT 1);
