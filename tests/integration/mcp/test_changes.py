"""A source that says it has other tools is looked at soon, by its tenant's name alone and not all the time."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from tests.support.cast import Cast
from webapp.common.tenancy import tenant_scope
from webapp.tool_sources.changes import PAUSE_S, tools_changed
from webapp.tool_sources.models import State, ToolSource


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
