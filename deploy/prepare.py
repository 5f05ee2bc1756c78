"""Prepares a real Postgres for Hartley: roles, extension, migrations, the first tenant. Safe to run at every start.

    python -m deploy.prepare

Reads DATABASE_URL (an administrator of the server), HARTLEY_DB_OWNER_URL, HARTLEY_DB_SYSTEM_URL and
HARTLEY_DB_APP_URL (the three roles with the passwords they are to have) and HARTLEY_OWNER_PASSWORD.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from urllib.parse import unquote, urlsplit

from deploy.embedded import roles

NEEDED = (
    "DATABASE_URL", "HARTLEY_DB_OWNER_URL", "HARTLEY_DB_SYSTEM_URL", "HARTLEY_DB_APP_URL", "HARTLEY_OWNER_PASSWORD",
    "HARTLEY_SECRET_KEY", "HARTLEY_ENCRYPTION_KEYS", "REDIS_URL",
)  # fmt: skip


def main() -> int:
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        print(f"hartley: not set: {', '.join(missing)}", file=sys.stderr)
        return 2
    urls = {f"hartley_{role}": os.environ[f"HARTLEY_DB_{role.upper()}_URL"] for role in ("owner", "app", "system")}
    passwords = {role: unquote(urlsplit(url).password or "") for role, url in urls.items()}
    database = urlsplit(urls["hartley_app"]).path.lstrip("/")
    roles.ensure_roles(os.environ["DATABASE_URL"], passwords, database)
    _manage("migrate", "--database=owner", "--no-input")
    made = json.loads(_manage("hartley_init").strip().splitlines()[-1])
    if made:
        print(f"hartley: created the first tenant; sign in as {made['email']} with HARTLEY_OWNER_PASSWORD")
    print("hartley: the database is ready")
    return 0


def _manage(*arguments: str) -> str:
    """Its output is read, not shown: it may hold the first key."""
    done = subprocess.run([sys.executable, "manage.py", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"hartley: manage.py {arguments[0]} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
