"""
The browser's process: `python -m workers.browser --host 127.0.0.1 --port 8030`; SIGTERM ends it and all its windows.

Whoever starts it may have told it more than it should know, so it begins anew without the rest: what breaks out of a page
finds no password in this process' environment.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys

import structlog

from workers.browser.running import running
from workers.browser.settings import SettingInvalid, Settings, needless, read

log = structlog.get_logger()


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    if too_much := needless(os.environ):
        clean = {name: value for name, value in os.environ.items() if name not in too_much}
        os.execve(sys.executable, [sys.executable, "-m", "workers.browser", *sys.argv[1:]], clean)
    parser = argparse.ArgumentParser(prog="python -m workers.browser")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8030)
    asked = parser.parse_args()
    try:
        settings = read(os.environ)
    except SettingInvalid as error:
        sys.exit(str(error))
    asyncio.run(serve(settings, asked.host, asked.port))


async def serve(settings: Settings, host: str, port: int) -> None:
    end = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, end.set)
    async with running(settings, host=host, port=port) as here:
        log.info("browser.ready", url=here.url)
        await end.wait()


if __name__ == "__main__":
    main()
