"""What is remembered as vectors: questions that were answered, for the cache of alike questions."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from pgvector.django import HalfVectorField

from webapp.common.tables import TenantModel, now


class AnsweredQuestion(TenantModel):
    """
    A question that a model answered, in the place where it was asked.

    The vector has no fixed number of dimensions: tenants and operators choose their embedding models, and only vectors
    of one `embedder` are compared. At half precision it takes half the room, and its similarities change in the fourth
    decimal. There is no approximate index of it: a look-up reads the few rows of one tenant and one scope, exactly.

    Attributes:
        scope: a hash of tenant, conversation, parameters and model asked for: all but the question.
        embedder: provider, model and number of dimensions, e.g. `openai/text-embedding-3-small:1536`.
        answer: see Cached in workers/answer_cache.
    """

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    scope = models.CharField(max_length=64)
    embedder = models.CharField(max_length=200)
    question_sha256 = models.CharField(max_length=64)
    question = models.TextField()
    vector = HalfVectorField()
    answer = models.JSONField()
    created_at = models.DateTimeField(db_default=now())
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "scope", "embedder", "question_sha256"], name="one_answer_per_question"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="answered_expires")]

    def __str__(self) -> str:
        return f"question {self.id}"
