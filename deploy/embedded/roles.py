"""The three roles of the database, and the database itself. Idempotent; run by an administrator of the server."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from deploy.embedded.home import CannotStart

NAMES = ("owner", "app", "system")
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


def ensure_roles(admin_url: str, passwords: Mapping[str, str], database: str) -> None:
    """
    The database belongs to the owner role; everybody else's rights in it are revoked.

    Args:
        passwords: by role.
    Raises:
        CannotStart: the administrator may not do this, or pgvector is not installed on that server.
    """
    try:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            for role in ROLES:
                _ensure_role(admin, role, passwords[role])
            _ensure_database(admin, database)
        with psycopg.connect(with_database(admin_url, database), autocommit=True) as inside:
            inside.execute("CREATE EXTENSION IF NOT EXISTS vector")
            inside.execute("ALTER SCHEMA public OWNER TO hartley_owner")
            inside.execute(RIGHTS)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported) as error:
        raise CannotStart(f"The database could not be set up: {str(error).splitlines()[0]}") from None


def _ensure_role(admin: psycopg.Connection, role: str, password: str) -> None:
    """The password goes as its scram verifier, so that no log of the server can show it."""
    known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verifier = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("{} ROLE {} {} PASSWORD {}").format(
        sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(role), sql.SQL(ROLES[role]), sql.Literal(verifier)
    )
    admin.execute(statement)


def _ensure_database(admin: psycopg.Connection, database: str) -> None:
    admin.execute("GRANT hartley_owner TO CURRENT_USER")
    name = sql.Identifier(database)
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER hartley_owner").format(name))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO hartley_owner, hartley_app, hartley_system").format(name))


def with_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database)}"))


def with_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{host}"))
