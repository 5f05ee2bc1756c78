"""Reads the catalogue: what is in force by its text, and what that comes to in the workers."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery

from webapp.catalogue.models import CatalogueSnapshot, CatalogueVersion
from webapp.common.values import JSON


def active_number() -> int | None:
    """None while the shipped file alone is in force."""
    return CatalogueVersion.objects.filter(active=True).values_list("number", flat=True).first()


def source_of(number: int) -> str:
    return CatalogueVersion.objects.values_list("source", flat=True).get(number=number)


def with_the_one_before() -> QuerySet[CatalogueVersion]:
    """Each version with the source of the one before it as `before`, None for the first."""
    earlier = CatalogueVersion.objects.filter(number__lt=OuterRef("number")).order_by("-number").values("source")[:1]
    return CatalogueVersion.objects.annotate(before=Subquery(earlier))


def snapshot() -> CatalogueSnapshot | None:
    """What workers told last; None before the first of them did."""
    return CatalogueSnapshot.objects.defer("tools").first()


def listing() -> JSON | None:
    """Providers, models and tiers as workers have them, without secrets."""
    told = snapshot()
    return told.body if told else None


def tools_told() -> JSON:
    """The tools that every tenant has, as workers told last: `{"tools": [...], "module": {...}}`; {} before that."""
    told: JSON | None = CatalogueSnapshot.objects.values_list("tools", flat=True).first()
    return told or {}


def provider_names() -> list[str]:
    """Of those that a key can be for; none before the first worker told."""
    told = listing() or {"providers": []}
    return sorted(provider["name"] for provider in told["providers"] if not provider["local"])
