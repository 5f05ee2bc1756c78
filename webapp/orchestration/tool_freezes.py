"""Whether a freeze keeps a tool from being called: said at once to a person who waits, while agents' calls wait themselves."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from webapp.common.errors import HartleyError
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze, FreezeKind
from webapp.decisions.selectors import freezes_in_force

ADVICE = "Nothing was called. Thaw it under Freezes (freezes:write), or call again when it is thawed"


class ToolFrozen(HartleyError):
    """A freeze of the tool, or of all work of the tenant, is in force: the call would wait for the thaw."""

    code = "tool.frozen"
    status = 409

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}. {ADVICE}")


def check_not_frozen(tenant: UUID, tool: str) -> None:
    """
    Raises:
        ToolFrozen
    """
    with tenant_scope(tenant):
        frozen = freeze_of(freezes_in_force(tenant), tool)
    if frozen:
        raise ToolFrozen(told(frozen))


def freeze_of(in_force: Sequence[Freeze], tool: str) -> Freeze | None:
    """The one that stops a direct call of this tool."""
    kinds = {FreezeKind.TENANT: "", FreezeKind.TOOL: tool}
    return next((each for each in in_force if kinds.get(FreezeKind(each.kind)) == each.subject), None)


def told(frozen: Freeze) -> str:
    """As the engine tells it of a step that waits."""
    since = f"{frozen.created_at:%Y-%m-%d %H:%M} UTC"
    return f"Frozen: {frozen}, by {frozen.frozen_by} since {since}: {frozen.reason.rstrip('.')}"
