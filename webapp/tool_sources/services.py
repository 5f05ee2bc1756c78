"""Changes a tenant's sources: registered, changed, switched, looked at again, removed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction

from webapp.audit.services import record
from webapp.common.errors import Conflict, Invalid
from webapp.common.reach import reach
from webapp.common.tables import now
from webapp.common.values import JSON
from webapp.tenants.models import Tenant, User
from webapp.tool_sources import review, rules
from webapp.tool_sources.marks import mark_of
from webapp.tool_sources.models import State, ToolSource
from webapp.tool_sources.selectors import find_source
from webapp.tool_sources.vault import owner, vault

PLACES = ("address", "document")
WHERE = frozenset({*PLACES, "server", "transport", "command"})
MOVES = WHERE | {"auth"}  # where the secret goes, or how


@transaction.atomic
def register(*, actor: User, asked: JSON) -> ToolSource:
    """
    A new source, which a worker looks at. In the tenant's scope.

    Args:
        asked: name, kind, address or document, secret, and the settings of its kind.
    Raises:
        Invalid: nothing is saved.
    """
    name, kind = rules.check_name(asked.get("name")), rules.check_kind(asked.get("kind"))
    address, document, said = _checked(kind, {k: v for k, v in asked.items() if k not in ("name", "kind", "secret")})
    secret = rules.check_secret(said["auth"], asked.get("secret"))
    Tenant.objects.select_for_update(no_key=True).get(id=actor.tenant_id)  # two at once would pass the limit
    _check_room(actor, name)
    ToolSource.objects.create(
        tenant_id=actor.tenant_id,
        kind=kind,
        name=name,
        address=address,
        document=document,
        settings=said,
        sealed=_sealed(actor, name, secret),
        created_by=actor.email,
    )
    record(actor=actor, action="tool_source.registered", subject=name, detail={"kind": kind, **_told(said)})
    return find_source(actor.tenant_id, name)


@transaction.atomic
def change(*, actor: User, name: str, changes: JSON, seen: str = "") -> ToolSource:
    """
    What agents may call changes at once: of a source that moves or chooses otherwise nothing, until it was looked at.

    Args:
        changes: any of address, document, secret, is_enabled and the settings of its kind; the rest stays.
        seen: the mark of the source as its changer saw it; "" for one who means any.
    Raises:
        NotFound
        Conflict: somebody has changed it since it was seen so; nothing is written.
        Invalid: also when it moves and the secret is not given anew, so that nobody sends a secret elsewhere who does
            not know it.
    """
    row = _locked(actor, name)
    if seen and seen != mark_of(row):
        raise Conflict(f"{name} has been changed meanwhile")
    new: dict[str, Any] = {}
    if "is_enabled" in changes:
        new["is_enabled"] = _enabled(changes["is_enabled"])
    asked = {field: value for field, value in changes.items() if field not in ("is_enabled", "secret")}
    known = {**row.settings, "address": row.address, "document": row.document}
    address, document, said = row.address, row.document, row.settings
    if asked:  # an address that may not be asked any more does not keep its source from being switched off
        address, document, said = _checked(row.kind, known | asked)
    now_said = {**said, "address": address, "document": document}
    changed = {field for field in asked if now_said.get(field) != known.get(field)}
    moved = changed & MOVES
    if "secret" in changes or (moved and said["auth"]["kind"] != "none"):
        if "secret" not in changes:
            raise Invalid(field="secret", message=f"must be given again when these change: {', '.join(sorted(moved))}")
        new["sealed"] = _sealed(actor, name, rules.check_secret(said["auth"], changes["secret"]))
    elif said["auth"]["kind"] == "none":
        new["sealed"] = None
    new |= {"address": address, "document": document, "settings": said}
    if (changed | ({"secret"} & set(changes))) - rules.LIGHT:
        new |= {"state": State.CHECKING, "look_at": now(), "claimed_until": None, "attempts": 0}
    if changed - rules.LIGHT:
        new |= {"tools": [], "left_out": []}
    if changed & WHERE:
        new["accepted"] = None
    ToolSource.objects.filter(id=row.id).update(**new, revision=row.revision + 1 if row.revision else 0)
    detail = {"fields": sorted(set(changes))} | ({"is_enabled": new["is_enabled"]} if "is_enabled" in new else {})
    if said.get("trust_changes") and row.waiting:
        detail["accepted"] = review.as_audited(row.waiting)
    record(actor=actor, action="tool_source.changed", subject=name, detail=detail)
    return find_source(actor.tenant_id, name)


@transaction.atomic
def look_again(*, actor: User, name: str) -> ToolSource:
    """
    As soon as a worker has time; one that is at it just now says nothing any more.

    Raises:
        NotFound
    """
    row = _locked(actor, name)
    again = {"state": State.CHECKING, "look_at": now(), "claimed_until": None, "attempts": 0}
    ToolSource.objects.filter(id=row.id).update(**again)
    return find_source(actor.tenant_id, name)


@transaction.atomic
def accept(*, actor: User, name: str, seen: Any) -> ToolSource:
    """
    From now on agents have its tools as they were found last.

    Args:
        seen: the mark of what was looked at (webapp.tool_sources.review).
    Raises:
        NotFound
        Invalid: no mark is given.
        Conflict: nothing waits, or something else by now; nothing is written.
    """
    row = _locked(actor, name)
    if not isinstance(seen, str) or not seen:
        raise Invalid(field="seen", message="must be the mark of the changes that are accepted")
    changes = row.waiting
    if not changes:
        raise Conflict(f"No tool of {name} waits to be accepted")
    if seen != review.seen_of(row.tools):
        raise Conflict(f"The tools of {name} have changed again: look at them anew")
    ToolSource.objects.filter(id=row.id).update(accepted=row.tools, revision=row.revision + 1)
    detail = {"seen": seen, **review.as_audited(changes)}
    record(actor=actor, action="tool_source.tools_accepted", subject=name, detail=detail)
    return find_source(actor.tenant_id, name)


@transaction.atomic
def remove(*, actor: User, name: str) -> None:
    """
    Calls under way end as they would have.

    Raises:
        NotFound
    """
    row = _locked(actor, name)
    row.delete()
    record(actor=actor, action="tool_source.removed", subject=name, detail={"kind": row.kind, "tools": len(row.usable)})


def _checked(kind: str, asked: JSON) -> tuple[str, str, JSON]:
    """
    The address, the document and the settings.

    Raises:
        Invalid
    """
    given = {field: value for field, value in asked.items() if field not in PLACES}
    said = rules.check_settings(kind, given, reach=reach(), commands=settings.MCP_COMMANDS)
    address, document = asked.get("address") or "", asked.get("document") or ""
    rules.check_place(kind, said, address, document, reach=reach(), document_bytes=settings.SOURCE_DOCUMENT_BYTES)
    return address, document, said


def _locked(actor: User, name: str) -> ToolSource:
    row = find_source(actor.tenant_id, name)
    return ToolSource.objects.select_for_update(no_key=True).get(id=row.id)


def _check_room(actor: User, name: str) -> None:
    mine = ToolSource.objects.filter(tenant_id=actor.tenant_id)
    if mine.filter(name=name).exists():
        raise Invalid(field="name", message=f"there is a source called {name} already")
    if mine.count() >= settings.SOURCES_PER_TENANT:
        raise Invalid(field="name", message=f"a tenant has at most {settings.SOURCES_PER_TENANT} sources")


def _sealed(actor: User, name: str, secret: str) -> bytes | None:
    return vault().seal(secret, owner=owner(actor.tenant_id, name)) if secret else None


def _enabled(given: Any) -> bool:
    if not isinstance(given, bool):
        raise Invalid(field="is_enabled", message="must be true or false")
    return given


def _told(said: JSON) -> JSON:
    return {"auth": said["auth"]["kind"], "rate_per_minute": said["rate_per_minute"], "timeout_s": said["timeout_s"]}
