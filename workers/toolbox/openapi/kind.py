"""OpenAPI documents as a kind of source."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from uuid import UUID

from webapp.common.addresses import AddressRefused, Reach
from webapp.common.values import JSON
from webapp.tool_sources.in_force import SourceInForce
from webapp.tool_sources.names import tool_name
from workers.toolbox.egress import Egress, RequestFailed
from workers.toolbox.openapi.tool import OpenApiTool
from workers.toolbox.sources import SourceFailed

FETCH_S = 20.0
REDIRECTS = 3
KNOWN = 50  # sources whose last document is remembered, so that an unchanged one is not read again

Read = Callable[[JSON], Awaitable[JSON]]


class OpenApiSources:
    """
    Args:
        read: asks `check` in a process of its own.
        document_bytes: of a document that is fetched, at most.
        answer_bytes: of a call's answer.
    """

    def __init__(self, reach: Reach, *, read: Read, document_bytes: int, answer_bytes: int) -> None:
        self._read, self._reach, self._answer_bytes = read, reach, answer_bytes
        self._fetching = Egress(reach, within_s=FETCH_S, body_bytes=document_bytes)
        self._calling: dict[float, Egress] = {}
        self._known: dict[UUID, tuple[bytes, list[JSON]]] = {}
        self._one = asyncio.Lock()  # reading takes a core

    async def find(self, source: SourceInForce, secret: str) -> list[JSON]:
        """
        The document is fetched without the secret, which is for calls.

        Raises:
            SourceFailed
        """
        said = source.settings
        text = source.document or await self._fetched(source.address)
        asked = {"text": text, "address": source.address, "server": said["server"], "tags": said["tags"]}
        asked["auth"] = {name: value for name, value in said["auth"].items() if name in ("kind", "in", "name")}
        mark = hashlib.sha256(json.dumps(asked).encode()).digest()
        known = self._known.get(source.id)
        if known is None or known[0] != mark:
            async with self._one:
                answer = await self._read(asked)
            if "error" in answer:
                raise SourceFailed(answer["error"])
            known = self._known[source.id] = (mark, answer["ok"]["found"])
            while len(self._known) > KNOWN:
                del self._known[next(iter(self._known))]
        return known[1]

    def tool(self, source: SourceInForce, found: JSON, secret: Callable[[], str]) -> OpenApiTool:
        said = source.settings
        within_s = float(said["timeout_s"])
        if within_s not in self._calling:
            self._calling[within_s] = Egress(self._reach, within_s=within_s, body_bytes=self._answer_bytes)
        return OpenApiTool(
            name=tool_name(source.name, found["name"]),
            description=found["description"],
            parameters=found["parameters"],
            call=found["call"],
            auth=said["auth"],
            secret=secret,
            egress=self._calling[within_s],
            limits={name: said[name] for name in ("dangerous", "rate_per_minute", "timeout_s")},
            version=str(source.revision),
        )

    async def _fetched(self, address: str) -> str:
        try:
            answer = await self._fetching.ask("GET", address, redirects=REDIRECTS)
        except (AddressRefused, RequestFailed) as error:
            raise SourceFailed(f"Its document can't be fetched: {error}.") from None
        if answer.status != 200:
            raise SourceFailed(f"The document's address answers {answer.status}.")
        if not answer.whole:
            raise SourceFailed(f"Its document has more than {len(answer.body)} bytes.")
        try:
            return answer.body.decode()
        except UnicodeDecodeError:
            raise SourceFailed("Its document is no UTF-8 text.") from None
