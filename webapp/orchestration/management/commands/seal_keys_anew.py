"""Seals every tenant's secrets with the first of HARTLEY_ENCRYPTION_KEYS: the last step of changing that key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from webapp.catalogue.models import ProviderKey
from webapp.catalogue.vault import vault
from webapp.common.encryption import Unsealable, Vault
from webapp.webhooks import secrets
from webapp.webhooks.models import Webhook


class Command(BaseCommand):
    help = (
        "Seal provider keys and secrets of webhooks with the first encryption key. Those that no key opens are named, "
        "and it exits 1."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        lost: list[str] = []
        with transaction.atomic(using="system"):
            keys = list(ProviderKey.objects.using("system").select_for_update().order_by("id"))
            lost += [f"{row.provider} of tenant {row.tenant_id}" for row in keys if not sealed_anew(row, vault())]
            hooks = list(Webhook.objects.using("system").select_for_update().order_by("id"))
            lost += [
                f"webhook {row.id} of tenant {row.tenant_id}" for row in hooks if not sealed_anew(row, secrets.vault())
            ]
        self.stdout.write(f"{len(keys) + len(hooks) - len(lost)} sealed anew")
        if lost:
            raise CommandError(f"No key opens {len(lost)}, which must be set again: {'; '.join(lost)}")


def sealed_anew(row: ProviderKey | Webhook, vault: Vault) -> bool:
    fields = [name for name in ("sealed", "old_sealed") if getattr(row, name, None)]
    try:
        for name in fields:
            setattr(row, name, vault.renew(bytes(getattr(row, name))))
    except Unsealable:
        return False
    row.save(using="system", update_fields=fields)
    return True
