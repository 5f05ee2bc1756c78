-- Versions of the catalogue belong to no tenant: all read them; only within the scope of a tenant that operates the
-- platform are they written; of what was written only `active` ever changes.
ALTER TABLE catalogue_catalogueversion ENABLE ROW LEVEL SECURITY;
ALTER TABLE catalogue_catalogueversion FORCE ROW LEVEL SECURITY;

CREATE POLICY read_by_all ON catalogue_catalogueversion FOR SELECT USING (true);

CREATE POLICY added_by_the_platform ON catalogue_catalogueversion FOR INSERT WITH CHECK (
  EXISTS (SELECT FROM tenants_tenant
           WHERE id = NULLIF(current_setting('hartley.tenant', true), '')::uuid AND operates_platform));

CREATE POLICY switched_by_the_platform ON catalogue_catalogueversion FOR UPDATE USING (
  EXISTS (SELECT FROM tenants_tenant
           WHERE id = NULLIF(current_setting('hartley.tenant', true), '')::uuid AND operates_platform));

REVOKE UPDATE, DELETE ON catalogue_catalogueversion FROM hartley_app;
GRANT UPDATE (active) ON catalogue_catalogueversion TO hartley_app;
REVOKE DELETE ON catalogue_cataloguesnapshot FROM hartley_app;
