"""One operation of an OpenAPI document as a tool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from webapp.common.addresses import AddressRefused
from webapp.common.encryption import Unsealable
from webapp.common.values import JSON
from workers.toolbox.blotting import blotted_result
from workers.toolbox.egress import Answer, Egress, RequestFailed
from workers.toolbox.openapi.answers import result_of
from workers.toolbox.openapi.requests import ArgumentRefused, Request, request_of, signed
from workers.toolbox.tool import Effect, Tool, ToolContext, ToolResult

SAFE = frozenset({"GET", "HEAD"})
AGAIN = frozenset({429, 502, 503, 504})
RETRIES_S = (0.2, 1.0)  # before the second and third try of a safe method


class OpenApiTool(Tool):
    """
    What reads (GET, HEAD) counts as computing; policies that fear what a model may tell by its arguments name the tool.

    Args:
        call: `{"method", "base", "path", "parameters", "body"}`.
        auth: how it signs in, as in the source's settings.
        secret: opens it; may raise Unsealable.
    """

    category = "api"
    is_own = True
    is_fitted = True
    untrusted = True
    remote = True

    def __init__(
        self,
        *,
        name: str,
        description: str,
        parameters: JSON,
        call: JSON,
        auth: JSON,
        secret: Callable[[], str],
        egress: Egress,
        limits: JSON,
        version: str,
    ) -> None:
        self.name, self.description, self.parameters, self.version = name, description, parameters, version
        self._call, self._auth, self._secret, self._egress = call, auth, secret, egress
        self._safe = call["method"] in SAFE
        self.effect: Effect = "computes" if self._safe else "acts"
        self.dangerous = bool(limits["dangerous"]) and not self._safe
        self.rate_per_minute = int(limits["rate_per_minute"])
        self._within_s = float(limits["timeout_s"])
        self.timeout_s = self._within_s + 1.0

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        secret = ""
        try:
            request = request_of(self._call, arguments)
            secret = self._secret() if self._auth.get("kind", "none") != "none" else ""
            sent = signed(self._keyed(request, context), self._auth, secret)
            async with asyncio.timeout(self._within_s):
                answer = await self._answered(sent)
        except ArgumentRefused as error:
            return ToolResult.failure("tool.arguments_invalid", f"{self.name}: {error}")
        except Unsealable:
            return ToolResult.failure(
                "source.secret", "The secret of its source can't be read: it must be entered again"
            )
        except (AddressRefused, RequestFailed) as error:
            outage = isinstance(error, RequestFailed)
            return ToolResult.failure(error.code, f"{error}{self._unknown(error)}", outage=outage)
        except TimeoutError:
            late = f"No whole answer within {self._within_s:g} s{self._unknown()}"
            return ToolResult.failure(RequestFailed.code, late, outage=True)
        return blotted_result(result_of(answer, name=self.name, secret=secret, done=self._done()), secret)

    def _keyed(self, request: Request, context: ToolContext) -> Request:
        if self._safe:
            return request
        headers = {**request.headers, "Idempotency-Key": context.idempotency_key}
        return Request(request.method, request.url, headers, request.content)

    async def _answered(self, sent: Request) -> Answer:
        """
        Raises:
            AddressRefused, RequestFailed
        """
        for wait_s in RETRIES_S if self._safe else ():
            try:
                answer = await self._once(sent)
                if answer.status not in AGAIN:
                    return answer
            except RequestFailed:
                pass
            await asyncio.sleep(wait_s)
        return await self._once(sent)

    async def _once(self, sent: Request) -> Answer:
        return await self._egress.ask(sent.method, sent.url, headers=sent.headers, content=sent.content)

    def _done(self) -> str:
        return "" if self._safe else " The call itself was made, and is not to be made again for that"

    def _unknown(self, error: Exception | None = None) -> str:
        return "" if self._safe or isinstance(error, AddressRefused) else ". Whether it was acted on is not known"
