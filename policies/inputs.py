"""What a policy is told: one shape per decision point, and builders that leave nothing out. Pure.

Text reaches Rego in its JSON spelling (a line break is `\\n`, two characters), so modules compare and search text,
and never count it: lengths are given here as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class Principal(TypedDict):
    """
    Who asks, from the credential alone.

    `{"tenant_id": "9f...", "user_id": "3c...", "role": "operator", "scopes": ["workflows:write"],
    "permissions": ["code_execution"]}`
    """

    tenant_id: str
    user_id: str
    role: str
    scopes: list[str]
    permissions: list[str]


class Task(TypedDict):
    """`{"id": "51...", "mode": "standard", "query_chars": 84, "attachments": 1, "complexity": 0.45}`"""

    id: str
    mode: str
    query_chars: int
    attachments: int
    complexity: float


class Model(TypedDict):
    """
    A model call and the most that it can cost.

    `{"provider": "openai", "model": "gpt-5-mini", "tier": "small", "max_tokens": 4096, "worst_usd": 0.0213}`
    """

    provider: str
    model: str
    tier: str
    max_tokens: int
    worst_usd: float


class Tool(TypedDict):
    """
    A tool call; `permissions` are those that the tool demands.

    `{"name": "python_executor", "effect": "computes", "dangerous": false, "permissions": ["code_execution"],
    "arguments": {"code": "print(1)"}}`
    """

    name: str
    effect: Literal["computes", "acts"]
    dangerous: bool
    permissions: list[str]
    arguments: dict[str, Any]


class TaskAdmissionInput(TypedDict):
    """`{"principal": {...}, "task": {...}}`"""

    principal: Principal
    task: Task


class ModelCallInput(TypedDict):
    """`{"principal": {...}, "task": {...}, "model": {...}}`"""

    principal: Principal
    task: Task
    model: Model


class ToolCallInput(TypedDict):
    """`{"principal": {...}, "task": {...}, "tool": {...}}`"""

    principal: Principal
    task: Task
    tool: Tool


def principal(
    *, tenant_id: str, user_id: str, role: str, scopes: Sequence[str], permissions: Sequence[str]
) -> Principal:
    """Scopes and permissions are sorted, so that equal rights have equal hashes."""
    return {
        "tenant_id": tenant_id,
        "user_id": user_id,
        "role": role,
        "scopes": sorted(scopes),
        "permissions": sorted(permissions),
    }


def task(*, id: str, mode: str, query_chars: int, attachments: int, complexity: float) -> Task:
    return {
        "id": id,
        "mode": mode,
        "query_chars": query_chars,
        "attachments": attachments,
        "complexity": complexity,
    }


def tool(
    *,
    name: str,
    effect: Literal["computes", "acts"],
    dangerous: bool,
    permissions: Sequence[str],
    arguments: Mapping[str, Any],
) -> Tool:
    return {
        "name": name,
        "effect": effect,
        "dangerous": dangerous,
        "permissions": sorted(permissions),
        "arguments": dict(arguments),
    }


def task_admission(*, principal: Principal, task: Task) -> TaskAdmissionInput:
    return {"principal": principal, "task": task}


def model_call(
    *,
    principal: Principal,
    task: Task,
    provider: str,
    model: str,
    tier: str,
    max_tokens: int,
    worst_usd: float,
) -> ModelCallInput:
    called: Model = {
        "provider": provider,
        "model": model,
        "tier": tier,
        "max_tokens": max_tokens,
        "worst_usd": worst_usd,
    }
    return {"principal": principal, "task": task, "model": called}


def tool_call(*, principal: Principal, task: Task, tool: Tool) -> ToolCallInput:
    return {"principal": principal, "task": task, "tool": tool}
