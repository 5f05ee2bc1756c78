"""Calls of plain code from asynchronous tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import connections

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


async def apart(call: Callable[Asked, Answer], *args: Asked.args, **more: Asked.kwargs) -> Answer:
    """In a thread, which gives its connections back: one that ends with them would keep them from the others for good."""

    def closing() -> Answer:
        try:
            return call(*args, **more)
        finally:
            connections.close_all()

    return await asyncio.to_thread(closing)
