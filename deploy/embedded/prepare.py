"""
Brings the database to the present schema and makes the first tenant: `python -m deploy.embedded.prepare [--renew]`.

Prints the login as one JSON line when it made one, else {}. One process for all of it, because each costs a second
of a start. With --renew an existing first tenant's owner gets a new password and key: for a database that has its
tenant while credentials.json is gone, or was never written.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import sys

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")
django.setup()

from webapp.tenants.models import Role, User  # noqa: E402  (Django must be set up first)
from webapp.tenants.services import issue_key  # noqa: E402


def prepare(*, renewing: bool) -> dict[str, str]:
    call_command("migrate", database="owner", interactive=False, verbosity=0)
    printed = io.StringIO()
    call_command("hartley_init", stdout=printed)
    made: dict[str, str] = json.loads(printed.getvalue())
    return made or (renew() if renewing else {})


def renew() -> dict[str, str]:
    owner = User.objects.using("system").filter(role=Role.OWNER).order_by("tenant__created_at", "created_at").first()
    if owner is None:
        raise SystemExit("The first tenant has no owner.")
    password = secrets.token_urlsafe(18)
    owner.set_password(password)
    owner.save(using="system", update_fields=["password"])
    issued = issue_key(user=owner, name="renewed key")
    return {"tenant_id": str(owner.tenant_id), "email": owner.email, "password": password, "api_key": issued.secret}


if __name__ == "__main__":
    print(json.dumps(prepare(renewing="--renew" in sys.argv)))
