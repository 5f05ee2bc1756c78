"""A tool's result that may serve an equal call, and where it is kept: in this process' memory, then in Redis, sealed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from webapp.common.values import JSON
from workers.answer_cache.memory import Memory
from workers.answer_cache.shelf import Shelf
from workers.answer_cache.store import AnswerCache
from workers.toolbox.tool import Tool, ToolResult


@dataclass(frozen=True)
class KeptResult:
    """
    Args:
        answered_at: when the tool was called, with its time zone.
        kept_s: after that.
    """

    output: dict[str, Any]
    answered_at: datetime
    kept_s: float

    @classmethod
    def of(cls, tool: Tool, result: ToolResult, answered_at: datetime) -> KeptResult | None:
        """None: it failed, or it left files, which an equal call would have to make anew."""
        if not result.ok or result.artifacts or result.changed or result.deleted:
            return None
        return cls(result.output, answered_at, tool.cache_s)

    def result(self, cause: str) -> ToolResult:
        return ToolResult(True, self.output, cached=cause)

    def to_json(self) -> JSON:
        """`{"output": {"ok": true, "value": 4}, "answered_at": "2026-03-01T12:00:00+00:00", "kept_s": 300}`"""
        return {**vars(self), "answered_at": self.answered_at.isoformat()}

    @classmethod
    def of_json(cls, body: Any) -> KeptResult | None:
        """None: it has another form, as another release may have kept it."""
        try:
            return cls(**{**body, "answered_at": datetime.fromisoformat(body["answered_at"])})
        except (TypeError, KeyError, ValueError):
            return None


class ToolResults(AnswerCache[KeptResult]):
    """Each result is kept as long as its tool says."""

    def __init__(self, memory: Memory, shelf: Shelf[KeptResult]) -> None:
        super().__init__(memory, shelf, kept_s=0)

    def _left_s(self, cached: KeptResult, now: datetime) -> float:
        return cached.kept_s - (now - cached.answered_at).total_seconds()


def may_keep(tool: Tool) -> bool:
    """Its result hangs on nothing but what result_key counts, and a person need not approve each call."""
    reads = tool.effect == "computes" or tool.branch == "web_search"
    return tool.cache_s > 0 and reads and not tool.dangerous and not tool.uses_workspace


def result_key(tenant: UUID, tool: Tool, arguments: object, files: Mapping[str, bytes]) -> str:
    """Of the tenant, the tool as it is declared, its arguments in whatever order, and the files attached to the task."""
    attached = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    declared = [tool.name, tool.version, tool.description, tool.parameters]
    body = json.dumps(["tool", str(tenant), declared, arguments, attached], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()
