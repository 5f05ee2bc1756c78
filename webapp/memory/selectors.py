"""Finds answered questions that are near another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pgvector.django import CosineDistance

from webapp.common.tables import now
from webapp.common.values import JSON
from webapp.memory.models import AnsweredQuestion


@dataclass(frozen=True)
class Near:
    """`similarity` is the cosine, at most 1."""

    question: str
    answer: JSON
    similarity: float


def nearest(tenant: UUID, *, scope: str, embedder: str, vector: Sequence[float], limit: int) -> list[Near]:
    """
    The nearest first. Exact: all of the tenant's questions in this scope are compared.

    What is too far is for the caller to drop: a condition here could be worked out for vectors of other lengths.
    """
    rows = (
        AnsweredQuestion.objects.filter(tenant_id=tenant, scope=scope, embedder=embedder, expires_at__gt=now())
        .annotate(distance=CosineDistance("vector", list(vector)))
        .order_by("distance")
        .values_list("question", "answer", "distance")[:limit]
    )
    return [Near(question, answer, 1 - distance) for question, answer, distance in rows]
