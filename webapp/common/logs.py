"""Structured logs: one line per event, with fields. Prompts, secrets and tool output stay out of them."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure() -> None:
    """Our own lines and those of the libraries go to standard output in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=True),
    ]
    render = structlog.dev.ConsoleRenderer(
        colors=False,
        pad_event_to=0,
        # Where rich is installed, structlog's own choice prints local variables: passwords, prompts, parameters.
        exception_formatter=structlog.dev.plain_traceback,
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in (
        "celery.app.trace",
        "celery.worker.strategy",
        "httpx",
        "httpx2",
        "httpcore2",
        "kombu",
        "celery.redirected",
        "asyncio",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
