"""Rate limits: fixed calendar windows of a minute, an hour and a day, counted by one Redis script per request.

A view is limited unless it names the methods that are not: `unlimited = frozenset({"GET"})`, for what clients poll.
Redis may be away: then everybody may pass, since a limit is no guarantee that anything else rests on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from webapp.common.errors import HartleyError
from webapp.orchestration.dispatch import redis
from webapp.tenants.rules import Principal

log = structlog.get_logger()
WINDOWS = (("minute", 60), ("hour", 3_600), ("day", 86_400))
SCRIPT = """
local counts = {}
for i, key in ipairs(KEYS) do
  counts[i] = tonumber(redis.call('GET', key) or '0')
  if counts[i] >= tonumber(ARGV[i]) then return {i, unpack(counts)} end
end
for i, key in ipairs(KEYS) do
  counts[i] = redis.call('INCR', key)
  if counts[i] == 1 then redis.call('EXPIRE', key, ARGV[#KEYS + i]) end
end
return {0, unpack(counts)}
"""


class RateLimited(HartleyError):
    code = "rate_limit_exceeded"
    status = 429

    def __init__(self, *, window: str, limit: int, retry_after_s: int) -> None:
        self.window, self.limit, self.retry_after_s = window, limit, retry_after_s
        super().__init__(f"More than {limit} requests in this {window}; try again in {retry_after_s} s")


@dataclass(frozen=True)
class Usage:
    """What is left after this request, for the headers; `reset_at` in Unix seconds."""

    limits: tuple[int, ...]
    left: tuple[int, ...]
    reset_at: int

    @property
    def headers(self) -> dict[str, str]:
        minute, hour = [(self.limits[i], self.left[i]) for i in (0, 1)]
        return {
            "X-RateLimit-Limit-Minute": str(minute[0]),
            "X-RateLimit-Remaining-Minute": str(minute[1]),
            "X-RateLimit-Limit-Hour": str(hour[0]),
            "X-RateLimit-Remaining-Hour": str(hour[1]),
            "X-RateLimit-Reset": str(self.reset_at),
        }


def seconds_left(at: float, window_s: int) -> int:
    """Until the calendar window that `at` falls into ends; from 1 to the window's length."""
    return max(1, window_s - int(at) % window_s)


def count(holder: str, limits: tuple[int, ...], at: float) -> Usage | None:
    """
    Count one request of this holder; None when Redis is away.

    Raises:
        RateLimited: it isn't counted in any window then.
    """
    windows = WINDOWS[: len(limits)]
    keys = [f"hartley:rate:{{{holder}}}:{name}:{int(at) // length}" for name, length in windows]
    arguments = [*limits, *(length + 60 for _, length in windows)]
    try:
        full, *counts = redis().eval(SCRIPT, len(keys), *keys, *arguments)  # type: ignore[misc]
    except RedisError as error:
        log.warning("rate.uncounted", error=type(error).__name__)
        return None
    if full:
        name, length = windows[full - 1]
        raise RateLimited(window=name, limit=limits[full - 1], retry_after_s=seconds_left(at, length))
    left = tuple(limit - spent for limit, spent in zip(limits, counts, strict=True))
    return Usage(limits, left, int(at) + seconds_left(at, 60))


class TierLimit(BaseThrottle):
    """By API key, else by person, as the tenant's tier allows."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.method in getattr(view, "unlimited", ()) or request.method == "OPTIONS":
            return True
        who = cast(Principal, request.user)
        limits = settings.RATE_LIMITS[who.tier]
        request._request.usage = count(f"{who.key_id or who.user_id}", limits, time.time())  # type: ignore[attr-defined]
        return True


class AddressLimit(BaseThrottle):
    """By network address, for what has no credential yet; the view says how many a minute."""

    def allow_request(self, request: Request, view: Any) -> bool:
        kind, per_minute = view.address_limit
        count(f"{kind}:{address_of(request._request)}", (per_minute,), time.time())
        return True


class RateHeaders:
    """Middleware: tells on every answer of a limited route how much is left."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        usage: Usage | None = getattr(request, "usage", None)
        for name, value in (usage.headers if usage else {}).items():
            response[name] = value
        return response


def address_of(request: HttpRequest) -> str:
    """The caller's network address; what a proxy says of it counts only for as many proxies as are ours."""
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    if trusted and len(hops) >= trusted:
        return hops[-trusted]
    return str(request.META.get("REMOTE_ADDR", ""))
