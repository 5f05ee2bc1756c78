"""Answered questions in the database: found by nearness, in their place only, and forgotten in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import ProgrammingError
from django.utils import timezone

from tests.support.cast import Cast
from webapp.common.tenancy import tenant_scope
from webapp.memory.models import AnsweredQuestion
from webapp.memory.selectors import Near, nearest
from webapp.memory.services import forget_expired, keep_answer

EMBEDDER = "openai/m:2"


def keep(tenant: UUID, question: str, vector: Sequence[float], *, scope: str = "here", **more: object) -> None:
    kept = {"embedder": EMBEDDER, "answer": {"text": question.upper()}, "keep_s": 60.0, **more}
    with tenant_scope(tenant):
        keep_answer(tenant=tenant, scope=scope, question=question, vector=vector, **kept)  # type: ignore[arg-type]


def near(tenant: UUID, vector: Sequence[float], *, scope: str = "here", embedder: str = EMBEDDER) -> list[Near]:
    with tenant_scope(tenant):
        return nearest(tenant, scope=scope, embedder=embedder, vector=vector, limit=5)


@pytest.fixture
def scope() -> str:
    return uuid4().hex


def test_the_nearest_comes_first(cast: Cast, scope: str) -> None:
    keep(cast.acme.id, "far", [0, 1], scope=scope)
    keep(cast.acme.id, "near", [3, 0.3], scope=scope)
    found = near(cast.acme.id, [2, 0], scope=scope)
    assert [row.question for row in found] == ["near", "far"] and found[0].answer == {"text": "NEAR"}
    assert [round(row.similarity, 2) for row in found] == [1.0, 0.0]


def test_another_scope_another_embedder_and_another_tenant_find_nothing(cast: Cast, scope: str) -> None:
    keep(cast.acme.id, "ours", [1, 0], scope=scope)
    assert near(cast.acme.id, [1, 0], scope=scope)
    assert not near(cast.acme.id, [1, 0], scope=uuid4().hex)
    assert not near(cast.acme.id, [1, 0, 0], scope=scope, embedder="openai/m:3")
    assert not near(cast.globex.id, [1, 0], scope=scope)


def test_nobody_reads_or_writes_anothers(cast: Cast, scope: str) -> None:
    keep(cast.acme.id, "ours", [1, 0], scope=scope)
    with tenant_scope(cast.globex.id):
        assert not AnsweredQuestion.objects.filter(scope=scope).exists()
        assert nearest(cast.acme.id, scope=scope, embedder=EMBEDDER, vector=[1, 0], limit=5) == []
        assert AnsweredQuestion.objects.filter(scope=scope).delete()[0] == 0
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(cast.globex.id):
        keep_answer(
            tenant=cast.acme.id, scope=scope, embedder=EMBEDDER, question="q", vector=[1, 0], answer={}, keep_s=60
        )


def test_the_same_question_has_one_answer_the_last(cast: Cast, scope: str) -> None:
    for text in ("old", "new"):
        keep(cast.acme.id, "what", [1, 0], scope=scope, answer={"text": text})
    assert [row.answer["text"] for row in near(cast.acme.id, [1, 0], scope=scope)] == ["new"]


def test_vectors_of_any_length_have_room(cast: Cast, scope: str) -> None:
    keep(cast.acme.id, "long " * 400, [0.01] * 4096, scope=scope, embedder="openai/m:4096")
    assert near(cast.acme.id, [0.01] * 4096, scope=scope, embedder="openai/m:4096")[0].similarity > 0.999


def test_what_is_expired_is_not_found_and_goes_with_the_sweep_of_all_tenants(cast: Cast, scope: str) -> None:
    for tenant in (cast.acme, cast.globex):
        for question in ("a", "b"):
            keep(tenant.id, question, [1, 0], scope=scope)
        with tenant_scope(tenant.id):
            old = AnsweredQuestion.objects.filter(scope=scope, question="a")
            old.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert [row.question for row in near(tenant.id, [1, 0], scope=scope)] == ["b"]
    assert forget_expired(limit=1) == 1
    forget_expired()
    for tenant in (cast.acme, cast.globex):
        with tenant_scope(tenant.id):
            assert [row.question for row in AnsweredQuestion.objects.filter(scope=scope)] == ["b"]
