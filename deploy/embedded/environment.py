"""Which variables the processes get: the launcher's own, the addresses with their passwords, and no more than needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from deploy.embedded import postgres, roles
from deploy.embedded.home import Home
from deploy.embedded.preflight import ROOT, drain_of, has_browser, port_of

LAUNCHERS_OWN = ("DATABASE_URL", "ONCE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
SETUP_ONLY = ("HARTLEY_DB_OWNER_URL", "HARTLEY_OWNER_PASSWORD")
STOPPING_S = 2.0  # what a process needs besides its drain


def admin_url(environ: Mapping[str, str], home: Home, secrets: Mapping[str, Any]) -> str:
    """Where roles and the database are made."""
    return environ.get("DATABASE_URL") or postgres.url(home, "postgres", secrets["superuser"], "postgres")


def database_name(environ: Mapping[str, str]) -> str:
    """The one that DATABASE_URL names, if any."""
    return unquote(urlsplit(environ.get("DATABASE_URL") or "").path.lstrip("/")) or "hartley"


def for_set_up(
    environ: Mapping[str, str], home: Home, secrets: Mapping[str, Any], ports: Mapping[str, int]
) -> dict[str, str]:
    """For migrations and whatever else changes the schema."""
    database = roles.with_database(admin_url(environ, home, secrets), database_name(environ))
    redis = f"redis://:{secrets['valkey']}@127.0.0.1:{ports['valkey']}/0"
    return {
        **{name: value for name, value in environ.items() if name not in LAUNCHERS_OWN},
        **{f"HARTLEY_DB_{r.upper()}_URL": roles.with_role(database, f"hartley_{r}", secrets[r]) for r in roles.NAMES},
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(home.scratch),
        "HARTLEY_HOME": str(home.root),
        "HARTLEY_SECRET_KEY": secrets["django"],
        "HARTLEY_ENCRYPTION_KEYS": environ.get("HARTLEY_ENCRYPTION_KEYS") or secrets["encryption"],
        "HARTLEY_SANDBOX_IMAGE": environ.get("HARTLEY_SANDBOX_IMAGE") or str(home.path("sandbox")),
        "REDIS_URL": environ.get("REDIS_URL") or redis,
        "DRAIN_S": f"{max(1.0, drain_of(environ) - STOPPING_S):g}",
        "PORT": str(port_of(environ)),
        "FLOWER_PORT": str(ports["flower"]),
        "FLOWER_URL": f"http://127.0.0.1:{ports['flower']}",
        "FLOWER_BASIC_AUTH": f"hartley:{secrets['flower']}",  # between web and Flower; people sign in to web
        **(_browser(secrets, ports) if has_browser(environ) else {}),
    }


def _browser(secrets: Mapping[str, Any], ports: Mapping[str, int]) -> dict[str, str]:
    return {
        "HARTLEY_BROWSER_URL": f"http://127.0.0.1:{ports['browser']}",
        "HARTLEY_BROWSER_TOKEN": str(secrets["browser"]),
    }


def for_running(set_up: Mapping[str, str]) -> dict[str, str]:
    """For web and workers, which may not change the schema."""
    return {name: value for name, value in set_up.items() if name not in SETUP_ONLY}
