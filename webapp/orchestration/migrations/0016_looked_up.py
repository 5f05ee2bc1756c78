"""The engine looks rows up by their keys, whatever else the planner could begin with; budgets by their tenant first."""

from django.db import migrations

from webapp.orchestration.functions import load_engine

BEFORE = "ALTER TABLE budgets_envelope DROP CONSTRAINT one_envelope_per_owner"
AGAIN = "ALTER TABLE budgets_envelope ADD CONSTRAINT one_envelope_per_owner UNIQUE (level, owner_id, name, period)"


class Migration(migrations.Migration):
    dependencies = [("budgets", "0011_by_tenant"), ("orchestration", "0015_unheard")]
    operations = [load_engine(), migrations.RunSQL(BEFORE, AGAIN)]
