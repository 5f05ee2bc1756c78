"""The platform's catalogue of models, as versions of what it says beyond the shipped file; tenants' own provider keys."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from webapp.common.tables import TenantModel, now, uuid7


class CatalogueVersion(models.Model):
    """
    What one edit said; never changed, and kept when another is in force.

    Belongs to no tenant: everybody's workers read it, and the database lets nobody write it outside the scope of a
    tenant that operates the platform.

    Attributes:
        source: YAML; a part of a catalogue, merged over the shipped file.
    """

    id = models.BigAutoField(primary_key=True)
    number = models.IntegerField(unique=True)
    source = models.TextField()
    note = models.CharField(max_length=200, blank=True)
    author_email = models.EmailField()
    active = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["active"], condition=Q(active=True), name="one_catalogue_active")
        ]

    def __str__(self) -> str:
        return f"catalogue version {self.number}"


class CatalogueSnapshot(models.Model):
    """
    The one row in which workers tell what they have: their catalogue (file, version and environment together), and the
    tools of every tenant.

    Attributes:
        body: as Catalogue.listing() makes it; no secrets.
        tools: as workers.toolbox.listing makes it.
        worker: who wrote it.
    """

    ONLY = 1
    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    revision = models.CharField(max_length=64)
    body = models.JSONField()
    tools = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    worker = models.CharField(max_length=200)
    written_at = models.DateTimeField(db_default=now())

    class Meta:
        verbose_name = "catalogue in force"
        verbose_name_plural = "catalogue in force"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_catalogue_snapshot")]

    def __str__(self) -> str:
        return f"catalogue {self.revision}"


class ProviderKey(TenantModel):
    """
    A tenant's own key for a provider, sealed (webapp.catalogue.vault). It is written, used, and never shown.

    Attributes:
        shown: its last characters, to be told apart by.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    provider = models.CharField(max_length=60)
    sealed = models.BinaryField()
    shown = models.CharField(max_length=4, blank=True)
    created_by = models.EmailField()
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "provider"], name="one_key_per_provider")]

    def __str__(self) -> str:
        return self.provider
