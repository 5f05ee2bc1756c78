"""What was said in a session so far: the questions and answers of its completed tasks, as one conversation."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from webapp.agent_sessions.conversations import keep
from webapp.agent_sessions.models import Session
from webapp.agent_sessions.selectors import find_session
from webapp.agent_tasks.models import Task
from webapp.agent_tasks.selectors import untold_tasks
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.tenants.rules import Principal


def said_before(principal: Principal, name: str) -> str:
    """
    The session's conversation with what has been completed in it since it was last looked at; empty for a new session.

    Tasks are in it in the order in which they were completed, so that it only grows at its end.
    """
    with tenant_scope(principal.tenant_id):
        found = find_session(principal.tenant_id, principal.user_id, name)
        if found is None:
            return ""
        untold = untold_tasks(principal.tenant_id, principal.user_id, found.id)
        return _told(found, untold) if untold.exists() else found.conversation


def _told(found: Session, untold: QuerySet[Task]) -> str:
    session = Session.objects.select_for_update(no_key=True).get(tenant_id=found.tenant_id, id=found.id)
    tasks = list(untold)  # under the lock: another submit may have told some just now
    session.conversation = keep(found.tenant_id, pairs_of(tasks), session.conversation)
    session.save(update_fields=["conversation"])
    untold.filter(id__in=[task.id for task in tasks]).update(in_conversation=True)
    return session.conversation


def pairs_of(tasks: Iterable[Task]) -> list[JSON]:
    return [
        message
        for task in tasks
        for message in ({"role": "user", "content": task.query}, {"role": "assistant", "content": task.result or ""})
    ]
