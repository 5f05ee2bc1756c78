"""Replays an ended run against today's code."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.agent_tasks.models import TaskState
from webapp.common.errors import HartleyError
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.comparison import report_of
from webapp.orchestration.travel import replay_task
from webapp.orchestration.waiting import add_common, await_end, person


class Command(BaseCommand):
    help = "Do a run's decisions again with today's code, on recorded answers. Exits 1 when something differs."

    def add_arguments(self, parser: CommandParser) -> None:
        add_common(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            who = person(options["email"])
            made = replay_task(principal=who, task=options["task"])
            ended = await_end(who, made.id, within_s=options["within"])
        except HartleyError as error:
            raise CommandError(str(error)) from error
        if ended.state != TaskState.COMPLETED:
            raise CommandError(
                f"The replay {ended.id} ended as {ended.state}: {(ended.error or {}).get('message', '')}"
            )
        self.stdout.write(ended.result or "")
        with tenant_scope(who.tenant_id):
            report = report_of(who.tenant_id, ended)
        if report["count"]:
            raise CommandError("Today's code decides otherwise")
