"""The three roles of the database, and the database itself. Idempotent; run by an administrator of the server."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROLES = {
    "hartley_owner": "NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS LOGIN",
    "hartley_app": "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS LOGIN",
    "hartley_system": "NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS LOGIN",
}
RIGHTS = """
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO hartley_app, hartley_system;
ALTER DEFAULT PRIVILEGES FOR ROLE hartley_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO hartley_app, hartley_system;
ALTER DEFAULT PRIVILEGES FOR ROLE hartley_owner IN SCHEMA public
  GRANT USAGE ON SEQUENCES TO hartley_app, hartley_system;
ALTER DEFAULT PRIVILEGES FOR ROLE hartley_owner GRANT EXECUTE ON FUNCTIONS TO hartley_system;
ALTER DEFAULT PRIVILEGES FOR ROLE hartley_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
"""


def ensure_roles(admin_url: str, passwords: dict[str, str], database: str) -> None:
    """`passwords` by role. The database belongs to the owner role; the public schema is nobody's but ours."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for role, rights in ROLES.items():
            known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            verb = "ALTER" if known else "CREATE"
            statement = sql.SQL(f"{verb} ROLE {{}} {rights} PASSWORD {{}}")  # type: ignore[arg-type]
            admin.execute(statement.format(sql.Identifier(role), sql.Literal(passwords[role])))
        admin.execute("GRANT hartley_owner TO CURRENT_USER")
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER hartley_owner").format(sql.Identifier(database)))
    with psycopg.connect(with_database(admin_url, database), autocommit=True) as inside:
        inside.execute("CREATE EXTENSION IF NOT EXISTS vector")
        inside.execute("ALTER SCHEMA public OWNER TO hartley_owner")
        inside.execute(RIGHTS)


def with_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def with_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{host}"))
