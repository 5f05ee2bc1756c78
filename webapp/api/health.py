"""Alive, and able to work: readiness proves that a worker consumes each queue, not that a socket is open."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

import structlog
from django.conf import settings
from django.db import DatabaseError, connections
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

from webapp.common.values import JSON
from webapp.orchestration import dispatch

log = structlog.get_logger()


def health(request: HttpRequest) -> JsonResponse:
    return JsonResponse(_body("healthy", {"gateway": "ok"}))


def readiness(request: HttpRequest) -> JsonResponse:
    checks = {"database": _database(), **_workers()}
    ready = all(answer == "ok" for answer in checks.values())
    checks["orchestrator"] = "ok" if ready else "not ready"
    return JsonResponse(_body("ready" if ready else "not ready", checks), status=200 if ready else 503)


def _body(status: str, checks: dict[str, str]) -> JSON:
    return {"status": status, "version": settings.VERSION, "time": datetime.now(UTC).isoformat(), "checks": checks}


def _database() -> str:
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.warning("readiness.database", error=type(error).__name__)
        return "not reachable"
    return "ok"


def _workers() -> dict[str, str]:
    """Ring on every queue and wait for each worker's answer."""
    try:
        heard = dispatch.probe(timeout_s=settings.PROBE_TIMEOUT_S, nonce=secrets.token_hex(8), clock=time.monotonic)
    except RedisError as error:
        log.warning("readiness.redis", error=type(error).__name__)
        return {"redis": "not reachable"}
    return {queue: "ok" if queue in heard else "no worker answers" for queue in dispatch.QUEUES}
