-- What is said of tools belongs to no tenant: all read it; it is written only within the scope of a tenant that operates
-- the platform.
ALTER TABLE tool_settings_toolsetting ENABLE ROW LEVEL SECURITY;
ALTER TABLE tool_settings_toolsetting FORCE ROW LEVEL SECURITY;

CREATE POLICY read_by_all ON tool_settings_toolsetting FOR SELECT USING (true);

CREATE POLICY added_by_the_platform ON tool_settings_toolsetting FOR INSERT WITH CHECK (
  EXISTS (SELECT FROM tenants_tenant
           WHERE id = NULLIF(current_setting('hartley.tenant', true), '')::uuid AND operates_platform));

CREATE POLICY changed_by_the_platform ON tool_settings_toolsetting FOR UPDATE USING (
  EXISTS (SELECT FROM tenants_tenant
           WHERE id = NULLIF(current_setting('hartley.tenant', true), '')::uuid AND operates_platform));

REVOKE DELETE ON tool_settings_toolsetting FROM hartley_app;
