"""
Providers' SDKs, imported when a call first needs one: every worker would start later for those that it never uses.

Importing one takes a second and more, which an event loop with calls under way doesn't have: it is done in a thread.
"""

from __future__ import annotations

import asyncio

from workers.gateway.entries import Protocol
from workers.gateway.providers import sdk_of

_loaded: set[Protocol] = {"offline"}


async def sdk_loaded(protocol: Protocol) -> None:
    """When it returns, a client that speaks this protocol can be made at once."""
    if protocol not in _loaded:
        await asyncio.to_thread(sdk_of, protocol)
        _loaded.add(protocol)
