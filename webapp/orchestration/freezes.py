"""Freezes: all work of a tenant, an agent, a tool or a model waits until it is thawed. Rows first, a wake-up second.

The engine looks for them where work starts (sql/engine/3_freezes.sql), so they count from their commit on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from webapp.audit.services import record
from webapp.common.errors import Invalid
from webapp.decisions.models import Freeze, FreezeKind
from webapp.orchestration import bell
from webapp.orchestration.control import one, ready_steps
from webapp.tenants.models import User

SUBJECT_CHARS = 120
REASON_CHARS = 300
SUBJECTS = {"agent": "the agent's name", "tool": "the tool's name", "model": "the model as provider/model"}


def check(*, kind: Any, subject: Any, reason: Any) -> None:
    """
    Raises:
        Invalid: the first field that breaks a rule.
    """
    if kind not in FreezeKind.values:
        raise Invalid(field="kind", message=f"must be one of {', '.join(FreezeKind.values)}")
    if not isinstance(subject, str) or len(subject) > SUBJECT_CHARS or "\0" in subject:
        raise Invalid(field="subject", message=f"must be a text of at most {SUBJECT_CHARS} characters")
    if kind == FreezeKind.TENANT and subject.strip():
        raise Invalid(field="subject", message="must be empty: all work of the tenant is frozen")
    if kind in SUBJECTS and not subject.strip():
        raise Invalid(field="subject", message=f"must be {SUBJECTS[kind]}")
    if kind == FreezeKind.MODEL and "/" not in subject:
        raise Invalid(field="subject", message=f"must be {SUBJECTS[kind]}")
    if not isinstance(reason, str) or not reason.strip() or len(reason) > REASON_CHARS or "\0" in reason:
        raise Invalid(field="reason", message=f"must have 1 to {REASON_CHARS} characters")


@transaction.atomic
def freeze(*, actor: User, kind: Any, subject: Any, reason: Any) -> Freeze:
    """
    From the commit on nothing that matches starts; what runs may finish its call. Within the tenant's scope.

    Raises:
        Invalid
    """
    check(kind=kind, subject=subject, reason=reason)
    made = Freeze.objects.create(
        tenant_id=actor.tenant_id, kind=kind, subject=subject.strip(), reason=reason.strip(), frozen_by=actor.email
    )
    record(actor=actor, action="freeze.set", subject=f"{made}", detail={"reason": made.reason})
    return made


@transaction.atomic
def thaw(*, actor: User, frozen: Sequence[Freeze]) -> int:
    """
    What waits for these goes on, unless another freeze stops it. Within the tenant's scope.

    Returns how many were in force: somebody may have been first.
    """
    answer = json.loads(one("engine_thaw(%s, %s, %s)", [each.id for each in frozen], actor.email, settings.HINT_S))
    for each in frozen:
        if each.id in answer["thawed"]:
            record(actor=actor, action="freeze.thawed", subject=f"{each}", detail={})
    ready = ready_steps(answer["ready"])
    transaction.on_commit(lambda: bell.ring((), ready))
    return len(answer["thawed"])
