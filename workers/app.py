"""The Celery application of the workers: queues, routes, and the runner of this process.

A message is a hint. Acknowledged early, never retried, never delayed, no results: the rows carry all of it.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import django
from celery import Celery
from celery.signals import setup_logging, worker_init, worker_ready, worker_shutdown
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")
django.setup()

from django.conf import settings  # noqa: E402  (Django must be set up first)

from webapp.common import logs  # noqa: E402
from workers.secrecy import keep_to_itself  # noqa: E402

QUEUES = ("control", "policy", "llm", "tools")

app = Celery(
    "hartley",
    broker=settings.REDIS_URL,
    include=[
        *(f"workers.{queue}" for queue in QUEUES),
        "workers.hints",
        "workers.module_checks",
        "workers.source_checks",
        "workers.webhooks",
        "workers.workspaces",
    ],
)
app.conf.update(
    task_queues=[Queue(name) for name in QUEUES],
    task_routes=[lambda name, *_args, **_options: {"queue": name.partition(".")[0]}],
    task_default_queue="control",
    task_ignore_result=True,
    task_acks_late=False,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=8,
    worker_send_task_events=False,  # of hints; what runs is told by the runner
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_pool_limit=20,
    broker_transport_options={
        "max_connections": settings.REDIS_CONNECTIONS,
        "socket_keepalive": True,
        "ack_emulation": False,  # what a dying worker has taken is due again in the rows, not in the broker
    },
    beat_sync_every=1,  # its schedule file is the sign of life that health checks look at
    beat_schedule={
        "sweep": {
            "task": "control.sweep",
            "schedule": settings.SWEEP_S,
            "options": {"expires": settings.SWEEP_S},
        },
        "webhooks": {
            "task": "control.webhooks",
            "schedule": settings.WEBHOOK_LOOK_S,
            "options": {"expires": settings.WEBHOOK_LOOK_S},
        },
        "workspaces": {
            "task": "control.workspaces",
            "schedule": settings.WORKSPACE_SWEEP_S,
            "options": {"expires": settings.WORKSPACE_SWEEP_S},
        },
        "tool_modules": {
            "task": "tools.modules",
            "schedule": settings.MODULE_CHECK_LOOK_S,
            "options": {"expires": settings.MODULE_CHECK_LOOK_S},
        },
        "tool_sources": {
            "task": "tools.sources",
            "schedule": settings.SOURCE_CHECK_LOOK_S,
            "options": {"expires": settings.SOURCE_CHECK_LOOK_S},
        },
    },
)


@setup_logging.connect
def _logs(**_signal: Any) -> None:
    logs.configure()


@worker_init.connect
def _secrecy(**_signal: Any) -> None:
    keep_to_itself()


@worker_init.connect
def _tools(**_signal: Any) -> None:
    """A company's own that can't be loaded stops the start: Celery itself would only log what a signal raises."""
    from workers.services import services
    from workers.toolbox.errors import ToolMisdeclared

    try:
        services().follow_tools()
    except ToolMisdeclared as error:
        raise SystemExit(f"{error.code}: {error}") from error


@worker_ready.connect
def _start(sender: Any, **_signal: Any) -> None:
    from workers import process  # the runner belongs to a running worker, not to whoever imports the app

    queues = [queue.name for queue in sender.task_consumer.queues]
    process.start(app=app, slot=sender.hostname, queues=queues)
    gc.collect()
    gc.freeze()  # collections visit only what steps make: one of all that is loaded stops every step for 0.2 s


@worker_shutdown.connect
def _stop(**_signal: Any) -> None:
    from workers import process

    process.stop()
