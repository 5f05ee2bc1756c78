"""What was said in a session so far: the questions and answers of its completed tasks, as one conversation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from webapp.agent_sessions.conversations import keep, places_of
from webapp.agent_sessions.models import ConversationSummary, Session
from webapp.agent_sessions.selectors import sessions_named
from webapp.agent_sessions.window import Cut, Weight, Window, chars_of, cut
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
        who = principal.tenant_id, principal.user_id
        more = Exists(untold_tasks(*who, OuterRef("id")))
        found = sessions_named(*who, name).annotate(more=more).first()  # at one moment: another submit may tell them
        if found is None:
            return ""
        return _told(found, untold_tasks(*who, found.id)) if found.more else found.conversation


def _told(found: Session, untold: QuerySet[Task]) -> str:
    session = Session.objects.select_for_update(no_key=True).get(tenant_id=found.tenant_id, id=found.id)
    tasks = list(untold)  # under the lock: another submit may have told some just now
    session.conversation = keep(found.tenant_id, pairs_of(tasks), session.conversation)
    session.save(update_fields=["conversation"])
    untold.filter(id__in=[task.id for task in tasks]).update(in_conversation=True)
    return session.conversation


@dataclass(frozen=True)
class Memory:
    """
    What a session's next task is told, in the usual window.

    Attributes:
        told: messages, the summary among them.
        stored_bytes: of the conversation's texts, compressed, and of the summaries it is told with.
    """

    cut: Cut
    told: int
    stored_bytes: int


def memory_of(session: Session) -> Memory:
    """Its conversation with what has been completed since the newest task was submitted. Within the tenant's scope."""
    window = Window(tokens=settings.HISTORY_TOKENS)
    places = places_of(session.tenant_id, session.conversation)
    added = pairs_of(untold_tasks(session.tenant_id, session.user_id, session.id))
    weights = [place.weight for place in places] + [Weight.of(said["role"], chars_of(said)) for said in added]
    made = cut([weight.at_most(window.longest) for weight in weights], window)
    ends = [places[point - 1].key for point in made.points if point <= len(places)]
    summaries = ConversationSummary.objects.filter(tenant_id=session.tenant_id, node__in=ends)
    summed = sum(len(text.encode()) for text in summaries.values_list("text", flat=True)) if ends else 0
    return Memory(made, len(weights) - made.left_out + bool(made.points), sum(p.stored_bytes for p in places) + summed)


def pairs_of(tasks: Iterable[Task]) -> list[JSON]:
    return [
        message
        for task in tasks
        for message in ({"role": "user", "content": task.query}, {"role": "assistant", "content": task.result or ""})
    ]
