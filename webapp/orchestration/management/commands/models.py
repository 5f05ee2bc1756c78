"""What the page Models says, at a terminal."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.common.errors import HartleyError
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.model_status import SPANS, ModelStatus, ProviderStatus, model_status
from webapp.orchestration.waiting import person

COLUMNS = "{:<14} {:<14} {:>7} {:>8} {:>8} {:>8} {:>11} {:>10}"


class Command(BaseCommand):
    help = "Providers and models: which may be called, and how the calls of a tenant went."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as", dest="email", required=True, help="e-mail address of a person of the tenant")
        parser.add_argument("--since", choices=SPANS, default="24h", help="how far back to look (default: 24h)")
        parser.add_argument("--json", action="store_true", help="all of it, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = person(options["email"]).tenant_id
        except HartleyError as error:
            raise CommandError(str(error)) from error
        with tenant_scope(tenant):
            status = model_status(tenant, SPANS[options["since"]])
        self.stdout.write(json.dumps(status.to_json()) if options["json"] else _table(status))


def _table(status: ModelStatus) -> str:
    lines = [COLUMNS.format("provider", "state", "calls", "success", "p50 s", "p95 s", "tokens", "USD")]
    lines += [_line(provider) for provider in status.providers]
    lines += [f"{s.name}: {s.share:.0%} of the calls, meant to be {s.target:.0%}" for s in status.shares]
    return "\n".join(lines)


def _line(provider: ProviderStatus) -> str:
    calls = provider.calls
    state = "own key" if provider.own_key else "configured" if provider.configured else "no key"
    rate = "-" if calls.success_rate is None else f"{calls.success_rate:.1%}"
    p50, p95 = ("-" if s is None else f"{s:.2f}" for s in (calls.p50_s, calls.p95_s))
    state = f"{state}, frozen" if provider.frozen else state
    return COLUMNS.format(provider.name, state, calls.number, rate, p50, p95, calls.tokens, f"{calls.usd:.4f}")
