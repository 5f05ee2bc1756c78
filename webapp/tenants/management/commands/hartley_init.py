"""Creates the first tenant with its owner and an API key, once."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections, transaction

from webapp.tenants.models import Role, Tenant, Tier
from webapp.tenants.services import create_tenant, create_user, issue_key


class Command(BaseCommand):
    help = "Create the first tenant, its owner and an API key; print them as one JSON line ({} when a tenant exists)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="Acme", help="the tenant's name (default: Acme)")
        parser.add_argument("--email", default="owner@hartley.local", help="the owner's e-mail address")

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic(using="system"):
            with connections["system"].cursor() as cursor:  # two first starts at once make one tenant
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext('hartley_init'))")
            made = {} if Tenant.objects.using("system").exists() else self._create(options["name"], options["email"])
        self.stdout.write(json.dumps(made))

    def _create(self, name: str, email: str) -> dict[str, str]:
        tenant = create_tenant(
            name=name,
            tier=Tier.ENTERPRISE,
            session_tokens=settings.FIRST_TENANT_SESSION_TOKENS,
            operates_platform=True,
        )
        password = settings.OWNER_PASSWORD or secrets.token_urlsafe(18)
        owner = create_user(tenant=tenant, email=email, password=password, role=Role.OWNER, name="Owner")
        issued = issue_key(user=owner, name="first key")
        return {"tenant_id": str(tenant.id), "email": email, "password": password, "api_key": issued.secret}
