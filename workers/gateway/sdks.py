"""
Providers' SDKs, imported when a call first needs one: every worker would start later for those that it never uses.

Importing one takes a second and more, which an event loop with calls under way doesn't have: it is done in a thread.
"""

from __future__ import annotations

import asyncio
from importlib import import_module

ANTHROPIC, OPENAI = "workers.gateway.providers.anthropic", "workers.gateway.providers.openai"
MODULES = {"anthropic": ANTHROPIC, "openai": OPENAI, "responses": OPENAI}
_loaded: set[str] = set()


async def sdk_loaded(protocol: str) -> None:
    """When it returns, a client that speaks this protocol can be made at once."""
    module = MODULES.get(protocol)
    if module and module not in _loaded:
        await asyncio.to_thread(import_module, module)
        _loaded.add(module)
