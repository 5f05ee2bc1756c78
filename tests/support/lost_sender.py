"""A worker that is killed between sending and recording: `python -m tests.support.lost_sender` does one round."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import workers.app  # noqa: F401  (sets Django up)
from workers.webhooks import outbox, sender


def killed(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    outbox.record = killed  # type: ignore[assignment]
    await sender().round()
    await sender().idle()


if __name__ == "__main__":
    asyncio.run(main())
