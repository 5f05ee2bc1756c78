"""The engine's functions in the database: their sources are sql/engine/*.sql, loaded whole by each migration of them."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

FOLDER = Path(__file__).parent / "sql" / "engine"
DROP = """
DO $$ DECLARE f regprocedure; BEGIN
  FOR f IN SELECT oid::regprocedure FROM pg_proc
           WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'engine\\_%' LOOP
    EXECUTE format('DROP FUNCTION %s', f);
  END LOOP;
END $$;
"""


def load_engine() -> migrations.RunSQL:
    """
    Replaces all of them by what the files say now. Add a migration with this operation whenever a file changes.

    Bodies are not checked while loading: an early migration loads functions that speak of columns yet to come.
    """
    sources = [path.read_text() for path in sorted(FOLDER.glob("*.sql"))]
    statements = ["SET LOCAL check_function_bodies = off;", DROP, *sources]
    return migrations.RunSQL("\n".join(statements), migrations.RunSQL.noop)
