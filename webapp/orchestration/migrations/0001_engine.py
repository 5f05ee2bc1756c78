"""The engine's write path and the credential look-up, as functions of the database."""

from pathlib import Path

from django.db import migrations

from webapp.orchestration.functions import load_engine

CREDENTIAL_OWNER = Path(__file__).parents[1] / "sql" / "credential_owner.sql"


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
        ("agent_tasks", "0001_initial"),
        ("budgets", "0001_initial"),
        ("decisions", "0001_initial"),
        ("progress", "0001_initial"),
    ]
    operations = [
        load_engine(),
        migrations.RunSQL(CREDENTIAL_OWNER.read_text(), migrations.RunSQL.noop),
    ]
