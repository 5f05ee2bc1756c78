"""Workers and queues: does somebody consume each queue, how long is it, what runs of ours."""

from __future__ import annotations

import secrets
import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from redis.exceptions import RedisError

from webapp.agent_tasks import board, presence
from webapp.common.values import JSON
from webapp.dashboard.pages import action, page, shown
from webapp.orchestration import dispatch
from webapp.tenants.rules import Principal

PURPOSES = {
    "control": "plans, releases and sweeps",
    "policy": "decides what may be done",
    "llm": "calls models",
    "tools": "runs tools, Python in the sandbox among them",
}


@page(scope="workflows:read")
def workers(request: HttpRequest, who: Principal) -> HttpResponse:
    states = board.steps_by_queue(who.tenant_id)
    seen = presence.workers(settings.WORKER_SEEN_S)
    served = {queue for worker in seen for queue in worker.queues}
    context = {
        "queues": [{"name": name, "purpose": text, **states.get(name, {})} for name, text in PURPOSES.items()],
        "workers": seen if "queues:read" in who.scopes else [],
        "unserved": [queue for queue in PURPOSES if queue not in served],
        "held": board.held_steps(who.tenant_id, who.watches),
        "now": timezone.now(),
        "sees_platform": "queues:read" in who.scopes,
        "shown": board.HELD_SHOWN,
        "ends_soon_s": settings.LEASE_S / 3,
    }
    return shown(request, "workers/page.html", context, fragment="workers/steps.html")


@action(scope="queues:read")
def pulse(request: HttpRequest, who: Principal) -> HttpResponse:
    """Rings on every queue, which takes as long as the slowest worker: loaded after the page."""
    return shown(request, "workers/pulse.html", {"queues": _pulse(), "timeout_s": settings.PROBE_TIMEOUT_S}).render()


def _pulse() -> list[JSON]:
    try:
        lengths = dispatch.queue_lengths()
        heard = dispatch.probe(timeout_s=settings.PROBE_TIMEOUT_S, nonce=secrets.token_hex(8), clock=time.monotonic)
    except RedisError:
        return []
    return [{"name": name, "answers": name in heard, "length": lengths[name]} for name in dispatch.QUEUES]
