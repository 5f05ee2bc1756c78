"""What an answer is kept under: a hash of the tenant and of all that changes the answer. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any
from uuid import UUID

from webapp.common.values import JSON
from workers.gateway.types import Message, ModelRequest
from workers.options import Options

# How a call travels changes nothing of its answer. Whatever isn't named here counts, so a new parameter does too.
TRAVEL = {"provider", "model", "cache", "api_key", "timeout_s", "on_sending", "on_delta"}
TRAVEL_OPTIONS = {"cache", "hedge", "hedge_s", "timeout_s", "use_cache"}


def answer_key(tenant: UUID, request: ModelRequest, options: Options) -> str:
    """
    Args:
        request: as it is before a model is chosen.
        options: with the tier that is in force where the caller named none. The strategy counts: it picks the model.
    """
    return _hashed("answer", tenant, _of(request, TRAVEL), options)


def scope_key(tenant: UUID, request: ModelRequest, options: Options) -> str:
    """The same for calls that differ in the text of the last user message only."""
    told = _of(request, TRAVEL | {"query"})  # the query is made of that text
    return _hashed("scope", tenant, {**told, "messages": _without_question(request.messages)}, options)


def _hashed(kind: str, tenant: UUID, told: JSON, options: Options) -> str:
    asked = [kind, str(tenant), told, _of(options, TRAVEL_OPTIONS)]
    body = json.dumps(asked, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(body.encode()).hexdigest()


def _without_question(messages: Sequence[Message]) -> list[JSON]:
    last = max((place for place, message in enumerate(messages) if message["role"] == "user"), default=None)
    return [{**message, "content": None} if place == last else {**message} for place, message in enumerate(messages)]


def _of(value: Any, without: Collection[str]) -> JSON:
    return {field.name: getattr(value, field.name) for field in fields(value) if field.name not in without}


def _plain(value: Any) -> Any:
    """What JSON doesn't know: our own values, and mappings that are no dicts."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else dict(value)
