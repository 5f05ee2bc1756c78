"""The engine's write path and the credential look-up, as functions of the database."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parents[1] / "sql" / "0001_engine.sql"


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
        ("agent_tasks", "0001_initial"),
        ("budgets", "0001_initial"),
        ("decisions", "0001_initial"),
        ("progress", "0001_initial"),
    ]
    operations = [migrations.RunSQL(SQL.read_text(), migrations.RunSQL.noop)]
