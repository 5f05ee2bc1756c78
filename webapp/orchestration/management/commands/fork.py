"""Forks an ended run at a step, waits, and prints both side by side."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.common.errors import HartleyError
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.comparison import Side, compare
from webapp.orchestration.manual import read_plan
from webapp.orchestration.travel import IN_FORCE, Changes, fork_task
from webapp.orchestration.waiting import add_common, await_end, person

TEXTS = ("query", "system_prompt", "model_override", "model_tier", "provider_override", "description")
OBJECTS = ("arguments", "plan")


class Command(BaseCommand):
    help = "Run a task anew from one of its steps on; what came before is served from its records."

    def add_arguments(self, parser: CommandParser) -> None:
        add_common(parser)
        parser.add_argument("--step", type=int, required=True, help="the number of the step to fork at")
        for name in TEXTS:
            parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help="instead of the run's")
        for name in OBJECTS:
            parser.add_argument(f"--{name}", type=json.loads, help="as JSON, instead of the run's")

        parser.add_argument(
            "--prompts-in-force", action="store_true", help="the prompts that are in force now, instead of the run's"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        changes = Changes(
            **{name: options[name] for name in (*TEXTS, *OBJECTS)},
            prompts=IN_FORCE if options["prompts_in_force"] else None,
        )
        try:
            if changes.plan is not None:
                read_plan(changes.plan, limit=1000)
            who = person(options["email"])
            made = fork_task(principal=who, task=options["task"], step=options["step"], changes=changes)
            ended = await_end(who, made.id, within_s=options["within"])
            with tenant_scope(who.tenant_id):
                found = compare(tenant=who.tenant_id, viewer=who.watches, fork=ended)
        except HartleyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{'':6}{'task':38}{'state':12}{'tokens':>10}{'USD':>12}{'seconds':>10}")
        self._row("then", found.then)
        self._row("fork", found.now)
        served = (
            f"{found.served} steps were served, which saved {found.saved.tokens} tokens and {found.saved.usd:.6f} USD"
        )
        self.stdout.write(f"{served}; {len(found.anew)} ran anew\n\n{ended.result or ''}")

    def _row(self, name: str, side: Side) -> None:
        task = side.task
        figures = f"{side.tokens:>10}{task.cost_usd:>12.6f}{side.duration_s or 0:>10.1f}"
        self.stdout.write(f"{name:6}{task.id!s:38}{task.state:12}{figures}")
