"""Sends deliveries to webhooks from the loop of the control worker: many at once, few to any one receiver."""

from __future__ import annotations

import asyncio
import random
import time
from functools import cache, partial
from typing import Any

import structlog
from django.conf import settings

from webapp.common.addresses import AddressRefused
from webapp.common.reach import reach
from webapp.webhooks import outbox
from webapp.webhooks.outbox import Outcome, Parcel
from webapp.webhooks.rules import signed_headers
from workers import process
from workers.app import app
from workers.context import in_reader
from workers.toolbox.egress import Egress, RequestFailed

log = structlog.get_logger()


@app.task(name="control.webhooks")
def webhooks(**_newer: Any) -> None:
    process.begin(sender().round)


@cache
def sender() -> Sender:
    egress = Egress(reach(), within_s=settings.WEBHOOK_TIMEOUT_S, body_bytes=settings.WEBHOOK_ANSWER_BYTES)
    return Sender(egress, slots=settings.WEBHOOK_SLOTS)


class Sender:
    """
    Args:
        slots: tries under way at once.
    """

    def __init__(self, egress: Egress, *, slots: int) -> None:
        self._egress, self._slots = egress, slots
        self._under_way: set[asyncio.Task[None]] = set()
        self._filling = asyncio.Lock()

    async def round(self) -> None:
        """Looks for alerts to tell of and for deliveries that are due; does not wait for what it begins."""
        try:
            await in_reader(outbox.tell_alerts)
            await self._fill()
            await in_reader(outbox.forget)
        except Exception:
            log.exception("webhooks.round_failed")  # the next one comes in any case

    async def idle(self) -> None:
        """Until nothing is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _fill(self) -> None:
        async with self._filling:
            free = self._slots - len(self._under_way)
            for parcel in await in_reader(partial(outbox.claim, free)) if free > 0 else ():
                trying = asyncio.create_task(self._try(parcel), name=f"delivery {parcel.delivery}")
                self._under_way.add(trying)
                trying.add_done_callback(self._under_way.discard)

    async def _try(self, parcel: Parcel) -> None:
        """What can't be recorded is sent again when the claim's lease is over."""
        try:
            outcome = await self._send(parcel)
            told = {"tenant": str(parcel.tenant), "delivery": str(parcel.delivery), "attempt": parcel.attempt}
            log.info("webhook.tried", **told, status=outcome.status, taken=not outcome.error)
            await in_reader(partial(outbox.record, parcel, outcome, jitter=random.random()))
            await self._fill()  # its receiver may have another one waiting
        except Exception:
            log.exception("webhook.broken", delivery=str(parcel.delivery))

    async def _send(self, parcel: Parcel) -> Outcome:
        if not parcel.secrets:
            return Outcome(None, "Its secret can't be opened any more: replace it")
        signed = signed_headers(parcel.secrets, message=str(parcel.delivery), at_s=int(time.time()), body=parcel.body)
        headers = {"Content-Type": "application/json", **signed}
        try:
            answer = await self._egress.ask("POST", parcel.url, headers=headers, content=parcel.body)
        except (AddressRefused, RequestFailed) as error:
            return Outcome(None, str(error))
        if 200 <= answer.status < 300:
            return Outcome(answer.status, "")
        hint = ": redirects are not followed" if answer.redirects_to else ""
        return Outcome(answer.status, f"It answered {answer.status}{hint}")
