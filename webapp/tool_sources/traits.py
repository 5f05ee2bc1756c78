"""What is known of a source's tool besides its name, description and parameters: by its kind, and by what the tenant said. Pure."""

from __future__ import annotations

from webapp.common.values import JSON
from webapp.tool_sources.in_force import SourceInForce

CATEGORIES = {"openapi": "api", "mcp": "mcp"}
SAFE = ("get", "head")  # HTTP's methods that only read


def traits_of(source: SourceInForce, found: JSON) -> JSON:
    """
    As the tool that workers make of it has them.

    Args:
        found: one of the source's tools.
    """
    said, reads = source.settings, _reads(source, found)
    return {
        "category": CATEGORIES[source.kind],
        "effect": "computes" if reads else "acts",
        "dangerous": bool(said.get("dangerous")) and not (reads and source.kind == "openapi"),
        "untrusted": True,
        "rate_per_minute": said["rate_per_minute"],
        "timeout_s": float(said["timeout_s"]),
    }


def _reads(source: SourceInForce, found: JSON) -> bool:
    """An MCP server's own word for it is no reason to believe it: the tenant says which of its tools only read."""
    if source.kind == "openapi":
        return str(found["call"]["method"]).lower() in SAFE
    return found["call"].get("tool") in source.settings.get("reads", ())
