"""A tenant's own prompt templates, as versions, and which of them is in force."""

from __future__ import annotations

from django.db import models

from webapp.common.tables import TenantModel, now


class PromptTemplate(TenantModel):
    """
    What one version of a template says; never changed, since tasks are pinned to it.

    Attributes:
        version: from 1, by name.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=20)
    version = models.IntegerField()
    text = models.TextField()
    note = models.CharField(max_length=200, blank=True)
    created_by = models.EmailField(help_text="As it was then.")
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name", "version"], name="one_prompt_per_version")]

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


class PromptInForce(TenantModel):
    """Which version new tasks get; 0 is the shipped text, and so is no row at all."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=20)
    version = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_prompt_in_force")]

    def __str__(self) -> str:
        return f"{self.name}: {self.version}"
