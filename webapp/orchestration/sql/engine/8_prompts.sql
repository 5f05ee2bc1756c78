-- The versions of the tenant's own prompt templates that are in force: what a task is pinned to when it is submitted.
CREATE FUNCTION engine_prompts(p_tenant uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_object_agg(name, version), '{}') FROM prompts_promptinforce WHERE tenant_id = p_tenant AND version > 0;
$$;
