"""Recomputes all balances from the ledger."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.budgets.verify import verify
from webapp.tenants.models import Tenant


class Command(BaseCommand):
    help = "Recompute every balance of every budget from the ledger. Names each that differs, and then exits 1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", type=UUID, help="its id; without it, all tenants")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = Tenant.objects.using("system").order_by("id")
        if options["tenant"]:
            tenants = tenants.filter(id=options["tenant"])
        found = list(tenants.values_list("id", "name"))
        if not found:
            raise CommandError("There is no such tenant")
        wrong = 0
        for tenant, name in found:
            result = verify(tenant)
            self.stdout.write(
                f"{name} ({tenant}): {result.envelopes} budgets, {result.holds} holds, {result.open} of them open"
            )
            for difference in result.differences:
                self.stdout.write(f"  differs: {difference}")
            for text in result.over:
                self.stdout.write(f"  over its limit: {text}")
            wrong += len(result.differences) + len(result.over)
        if wrong:
            raise CommandError(f"{wrong} balances are wrong")
        self.stdout.write("Every balance is what its ledger says")
