"""Seals every tenant's provider keys with the first of HARTLEY_ENCRYPTION_KEYS: the last step of changing that key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from webapp.catalogue.models import ProviderKey
from webapp.catalogue.vault import vault
from webapp.common.encryption import Unsealable


class Command(BaseCommand):
    help = "Seal all provider keys with the first encryption key. Those that no key opens are named, and it exits 1."

    def handle(self, *args: Any, **options: Any) -> None:
        lost: list[str] = []
        with transaction.atomic(using="system"):
            rows = list(ProviderKey.objects.using("system").select_for_update().order_by("id"))
            for row in rows:
                try:
                    row.sealed = vault().renew(bytes(row.sealed))
                except Unsealable:
                    lost.append(f"{row.provider} of tenant {row.tenant_id}")
                    continue
                row.save(using="system", update_fields=["sealed"])
        self.stdout.write(f"{len(rows) - len(lost)} sealed anew")
        if lost:
            raise CommandError(f"No key opens {len(lost)}, which must be set again: {'; '.join(lost)}")
