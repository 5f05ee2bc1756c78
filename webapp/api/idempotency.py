"""Idempotency keys: the same POST sent twice acts once, and both get the one answer.

The answer is kept in Redis, with a lock while the first is at work. Redis may forget: what must never happen twice
has the key in its row too (see Task.idempotency_sha256).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, cast

import structlog
from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.response import Response

from webapp.common.errors import HartleyError, Invalid
from webapp.orchestration.dispatch import redis
from webapp.tenants.rules import Principal

log = structlog.get_logger()
KEY_LIMIT = 255
KEPT_HEADERS = ("X-Workflow-ID", "X-Session-ID", "Link")
LOCK_S = 60  # a lock outlives its owner by no more than this
LOOK_EVERY_S = 0.05
UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
Handler = Callable[..., Response]


class StillAtWork(HartleyError):
    code = "request.in_progress"
    status = 409

    def __init__(self) -> None:
        self.retry_after_s = 1
        super().__init__("The same request is still at work; ask again for its answer")


def idempotent(handler: Handler) -> Handler:
    """For a view's method. The key counts for one person, one path and one body: with another body it is a new request."""

    @wraps(handler)
    def once(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        place = place_of(request)
        if place is None:
            return handler(self, request, *args, **kwargs)
        with _turn(place) as kept:
            if kept is not None:
                return _replayed(kept, request)
            response = handler(self, request, *args, **kwargs)
            if 200 <= response.status_code < 300:
                _keep(place, response)
            return response

    return once


def told(request: Request, *, repeated: bool) -> dict[str, str]:
    """Headers of an answer to a request with a key, where the task's own row keeps what it comes to."""
    headers = {"X-Idempotency-Cached": "true"} if repeated else {}
    return {**headers, "X-Idempotency-Key": request.headers["Idempotency-Key"]}


def place_of(request: Request) -> str | None:
    """
    Where the answer is kept; None without a key.

    Raises:
        Invalid: the key is empty, too long or not printable ASCII.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LIMIT or not (key.isascii() and key.isprintable()):
        raise Invalid(field="Idempotency-Key", message=f"must be 1 to {KEY_LIMIT} printable ASCII characters")
    who = cast(Principal, request.user)
    parts = (str(who.tenant_id), str(who.user_id), request.path, key)
    digest = hashlib.sha256("\0".join(parts).encode() + b"\0" + request._request.body)
    return digest.hexdigest()


@contextmanager
def _turn(place: str) -> Iterator[dict[str, Any] | None]:
    """Yields the kept answer, or None when it is ours to make: then nobody else makes it meanwhile."""
    owner = secrets.token_hex(16)
    try:
        kept = _kept_or_lock(place, owner)
    except RedisError as error:
        log.warning("idempotency.unlocked", error=type(error).__name__)
        kept = None
    try:
        yield kept
    finally:
        if kept is None:
            _forgiving(lambda: redis().eval(UNLOCK, 1, f"hartley:lock:{place}", owner))


def _kept_or_lock(place: str, owner: str) -> dict[str, Any] | None:
    """
    Raises:
        StillAtWork: another has the lock for longer than we wait.
    """
    deadline = time.monotonic() + settings.IDEMPOTENCY_WAIT_S
    while True:
        kept = cast("bytes | None", redis().get(f"hartley:answer:{place}"))
        if kept is not None:
            return cast("dict[str, Any]", json.loads(kept))
        if redis().set(f"hartley:lock:{place}", owner, nx=True, ex=LOCK_S):
            return None
        if time.monotonic() > deadline:
            raise StillAtWork
        time.sleep(LOOK_EVERY_S)


def _keep(place: str, response: Response) -> None:
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    kept = json.dumps({"status": response.status_code, "headers": headers, "body": response.data})
    _forgiving(lambda: redis().set(f"hartley:answer:{place}", kept, ex=settings.IDEMPOTENCY_S))


def _replayed(kept: dict[str, Any], request: Request) -> Response:
    headers = {
        **kept["headers"],
        "X-Idempotency-Cached": "true",
        "X-Idempotency-Key": request.headers["Idempotency-Key"],
    }
    return Response(kept["body"], status=kept["status"], headers=headers)


def _forgiving(call: Callable[[], object]) -> None:
    try:
        call()
    except RedisError as error:
        log.warning("idempotency.not_kept", error=type(error).__name__)
