"""What the web is told of the tools that every tenant has, since it has no registry of its own."""

from __future__ import annotations

from webapp.common.values import JSON
from workers.toolbox.module_tool import ModuleTool
from workers.toolbox.registry import Registry
from workers.toolbox.tool import Tool


def listing_of(tools: Registry) -> JSON:
    """`{"tools": [{"name": "calculator", "effect": "computes", ...}], "module": {...}}`; `module`: what tenants' own have in common."""
    return {"tools": [_row(tool) for tool in tools if tool.is_offered], "module": _traits(ModuleTool)}


def _row(tool: Tool) -> JSON:
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "version": tool.version,
        **_traits(tool),
    }


def _traits(tool: Tool | type[Tool]) -> JSON:
    """All but what names and describes it. Money is text, as floats would round it."""
    return {
        "category": tool.category,
        "effect": tool.effect,
        "dangerous": tool.dangerous,
        "permissions": sorted(tool.permissions),
        "price_usd": format(tool.price_usd, "f"),
        "timeout_s": tool.timeout_s,
        "rate_per_minute": tool.rate_per_minute,
        "concurrency": tool.concurrency,
        "cache_s": tool.cache_s,
        "branch": tool.branch,
        "untrusted": tool.untrusted,
        "uses_workspace": tool.uses_workspace,
    }
