"""Of one tenant at most two sources are looked at at once."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parents[1] / "sql" / "0003_shares.sql"


class Migration(migrations.Migration):
    dependencies = [("tool_sources", "0002_documents")]

    operations = [migrations.RunSQL(SQL.read_text(encoding="utf-8"), migrations.RunSQL.noop)]
