"""A source that says it has other tools is looked at soon, by its tenant's name alone and not all the time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from tests.support.cast import Cast
from webapp.common.tenancy import tenant_scope
from webapp.tool_sources.changes import PAUSE_S, tools_changed
from webapp.tool_sources.models import State, ToolSource
from workers import mcp_sources


def source(tenant: UUID, name: str, looked_s_ago: float) -> ToolSource:
    now = timezone.now()
    with tenant_scope(tenant):
        return ToolSource.objects.create(
            tenant_id=tenant,
            kind="mcp",
            name=name,
            state=State.READY,
            revision=1,
            checked_at=now - timedelta(seconds=looked_s_ago),
            look_at=now + timedelta(seconds=300),
            created_by="x@acme",
        )


def due_in_s(row: ToolSource) -> float:
    with tenant_scope(row.tenant_id):
        at = ToolSource.objects.get(id=row.id).look_at
    assert at
    return (at - timezone.now()).total_seconds()


def test_it_is_due_at_once_and_after_a_look_only_when_some_time_has_passed(cast: Cast) -> None:
    old, new = source(cast.acme.id, "old", 100), source(cast.acme.id, "new", 1)
    assert tools_changed(cast.acme.id, old.id) and due_in_s(old) < 0
    assert tools_changed(cast.acme.id, new.id) and 0 < due_in_s(new) <= PAUSE_S
    assert not tools_changed(cast.acme.id, old.id), "it is due already"


def test_no_other_tenants_source_is_touched(cast: Cast) -> None:
    mine = source(cast.acme.id, "mine", 100)
    assert not tools_changed(cast.globex.id, mine.id)
    assert due_in_s(mine) > 200


async def test_a_flood_of_news_is_heard_once_a_second_and_its_end_is_not_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[UUID] = []

    async def count(tenant: UUID, source: UUID) -> None:
        heard.append(source)

    monkeypatch.setattr(mcp_sources, "_changed", count)
    monkeypatch.setattr(mcp_sources, "PAUSE_S", 0.05)
    one, other, users = uuid4(), uuid4(), mcp_sources.Users()
    for each in (one, other):
        users.remember(str(each), str(uuid4()))
    for _ in range(1000):
        users.changed(str(one))
        users.changed(str(uuid4()))  # that nobody has called
    users.changed(str(other))
    await asyncio.sleep(0.01)
    assert heard == [one, other]
    users.changed(str(one))
    async with asyncio.timeout(5):
        while users.under_way:
            await asyncio.sleep(0.01)
    assert heard == [one, other, one]
