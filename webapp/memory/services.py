"""Keeps answered questions, and forgets them when their time is over."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connections
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, Value

from webapp.common.tables import now
from webapp.common.values import JSON
from webapp.memory.models import AnsweredQuestion

FORGOTTEN_AT_ONCE = 1000


def keep_answer(
    *, tenant: UUID, scope: str, embedder: str, question: str, vector: Sequence[float], answer: JSON, keep_s: float
) -> None:
    """In one statement; the same question's earlier answer gives way. To do it twice is the same as once."""
    until = ExpressionWrapper(now() + Value(timedelta(seconds=keep_s), DurationField()), DateTimeField())
    row = AnsweredQuestion(
        tenant_id=tenant,
        scope=scope,
        embedder=embedder,
        question_sha256=hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest(),
        question=question,
        vector=list(vector),
        answer=answer,
        expires_at=until,
    )
    AnsweredQuestion.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["tenant", "scope", "embedder", "question_sha256"],
        update_fields=["vector", "answer", "created_at", "expires_at"],
    )


def forget_expired(*, limit: int = FORGOTTEN_AT_ONCE) -> int:
    """Of all tenants, at most so many; returns how many went. Two at once share the work."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT forget_expired_answers(%s)", [limit])
        return int(cursor.fetchone()[0])
