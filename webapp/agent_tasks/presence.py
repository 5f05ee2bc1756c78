"""Which workers are there: each says so every few seconds, in the database, so that it is known without Redis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from webapp.agent_tasks.models import WorkerProcess
from webapp.common.tables import now

FORGOTTEN = timedelta(days=1)


def here(*, slot: str, queues: Sequence[str], slots: int, running: int) -> None:
    said = WorkerProcess(slot=slot, queues=list(queues), slots=slots, running=running, seen_at=now())
    fields = ["queues", "slots", "running", "seen_at"]
    WorkerProcess.objects.bulk_create([said], update_conflicts=True, unique_fields=["slot"], update_fields=fields)


def gone(*, slot: str) -> None:
    """It stops in good order; with it those that have not been seen for a day."""
    WorkerProcess.objects.filter(slot=slot).delete()
    WorkerProcess.objects.filter(seen_at__lt=now() - FORGOTTEN).delete()


def workers(within_s: float) -> list[WorkerProcess]:
    """Those that were seen so recently, by name."""
    seen = WorkerProcess.objects.filter(seen_at__gte=now() - timedelta(seconds=within_s))
    return list(seen.order_by("slot"))


def queues_served(within_s: float) -> frozenset[str]:
    """The queues of which a worker was seen so recently."""
    return frozenset(queue for worker in workers(within_s) for queue in worker.queues)
