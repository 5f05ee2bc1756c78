CREATE FUNCTION credential_owner(p_key_sha256 bytea) RETURNS TABLE(tenant_id uuid, key_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT k.tenant_id, k.id FROM tenants_apikey k JOIN tenants_tenant t ON t.id = k.tenant_id AND t.is_active
  WHERE k.key_sha256 = p_key_sha256
$$;

REVOKE ALL ON FUNCTION credential_owner(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION credential_owner(bytea) TO hartley_app;
