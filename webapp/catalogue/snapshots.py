"""Writes down what a worker's catalogue and tools come to, for the web, which has neither."""

from __future__ import annotations

from webapp.catalogue.models import CatalogueSnapshot
from webapp.common.tables import now
from webapp.common.values import JSON


def tell(*, revision: str, body: JSON, tools: JSON, worker: str) -> None:
    """In place of what was told before."""
    told = CatalogueSnapshot(revision=revision, body=body, tools=tools, worker=worker, written_at=now())
    fields = ["revision", "body", "tools", "worker", "written_at"]
    CatalogueSnapshot.objects.bulk_create([told], update_conflicts=True, unique_fields=["id"], update_fields=fields)
