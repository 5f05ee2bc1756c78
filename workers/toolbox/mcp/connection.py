"""
One session with an MCP server.

A task of its own holds it open, since the SDK wants a session to be left where it was entered; calls come from the
tasks of their steps, many at a time. When one of these is cancelled, the SDK tells the server so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import anyio
from mcp.client import Client, IncomingMessage
from mcp.client._transport import TransportStreams
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    HEADER_MISMATCH,
    PARSE_ERROR,
    REQUEST_TIMEOUT,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    InputRequiredResult,
    PaginatedRequestParams,
    Tool,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

from workers.toolbox.egress import AddressRefused
from workers.toolbox.mcp.errors import McpFailed, McpOutcomeUnknown, McpUnavailable
from workers.toolbox.mcp.http import BROKEN, NOT_SENT, OVERLOADED, REFUSED, UNAUTHORISED
from workers.toolbox.texts import bounded

START_S = 15.0  # to connect or start, and to agree on a version
LEAVE_S = 3.0
LOOK_S = 5.0  # between looks whether the other side is gone
PAGES, TOOLS = 50, 500
LIST_BYTES = 10 * 1024 * 1024  # of all pages
MESSAGE_CHARS = 2000
ANSWER: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(CallToolResult | InputRequiredResult)
US = Implementation(name="hartley", version="1")


class Transport(Protocol):
    @property
    def alive(self) -> bool: ...

    async def __aenter__(self) -> TransportStreams: ...

    async def __aexit__(self, *_: Any) -> bool | None: ...


class Connection:
    """
    Args:
        idle_s: without a call it is left after this time.
        changed: the server says that it has other tools now.
    """

    def __init__(self, transport: Transport, *, idle_s: float, changed: Callable[[], None]) -> None:
        self._transport, self._idle_s, self._changed = transport, idle_s, changed
        self._ending, self._at_once = asyncio.Event(), False
        self._client: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._client.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be waiting
        self.users, self.used_at = 0, time.monotonic()
        self._task = asyncio.create_task(self._hold())

    @property
    def usable(self) -> bool:
        """A call may begin: it is being opened, or is open and as far as one can tell the server knows of it."""
        if self._ending.is_set() or self._task.done():
            return False
        return not self._client.done() or self._transport.alive

    @property
    def forgotten(self) -> bool:
        """Opened, and then not known to the server any more."""
        return self._client.done() and not self._transport.alive

    @property
    def over(self) -> bool:
        return self._task.done()

    async def tools(self, within_s: float) -> list[Tool]:
        """
        Raises:
            McpUnavailable, McpFailed, AddressRefused
        """
        found: list[Tool] = []
        size_bytes = 0
        cursor: str | None = None
        seen: set[str] = set()
        client = await self._open()
        try:
            async with asyncio.timeout(within_s):
                for _ in range(PAGES):
                    page = await client.session.list_tools(params=PaginatedRequestParams(cursor=cursor))
                    found += page.tools
                    size_bytes += len(page.model_dump_json())
                    if size_bytes > LIST_BYTES:
                        raise McpFailed("mcp.list_too_large", f"Its list of tools has more than {LIST_BYTES} bytes")
                    cursor = page.next_cursor
                    if len(found) > TOOLS or not cursor or cursor in seen:
                        break
                    seen.add(cursor)
        except TimeoutError:
            raise McpUnavailable(f"It did not list its tools within {within_s:g} s") from None
        except MCPError as error:
            raise _told(error, asked=False) from None
        except (ValidationError, RuntimeError):
            raise McpFailed("mcp.answer_invalid", "It did not list its tools as the protocol has it") from None
        if len(found) > TOOLS or cursor:
            raise McpFailed("mcp.too_many_tools", f"It lists more than {TOOLS} tools, or never comes to an end")
        return found

    async def call(self, tool: str, arguments: Mapping[str, Any], within_s: float) -> CallToolResult:
        """
        Raises:
            McpUnavailable, AddressRefused: nothing was done.
            McpFailed, McpOutcomeUnknown
        """
        client = await self._open()
        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))
        try:
            answer = await client.session.send_request(request, ANSWER, within_s)
        except MCPError as error:
            if error.code != HEADER_MISMATCH:
                raise _told(error, asked=True) from None
            return await self._after_listing(request, within_s)
        except (ValidationError, RuntimeError):
            raise McpFailed("mcp.answer_invalid", "Its answer is not what the protocol has for a call") from None
        return _complete(answer)

    async def close(self) -> None:
        """Also when it is still being opened; calls under way learn that it is over."""
        self._at_once = True
        self._ending.set()
        if not self._client.done():
            self._task.cancel()
        with suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(LEAVE_S + 1):
                await asyncio.shield(self._task)

    def retire(self) -> None:
        """No new call; it is left as soon as the last one under way has ended."""
        self._ending.set()

    async def _after_listing(self, request: CallToolRequest, within_s: float) -> CallToolResult:
        """The server wants arguments repeated as headers; by its list the SDK knows which. It has refused the call."""
        await self.tools(within_s)
        client = await self._open()
        try:
            return _complete(await client.session.send_request(request, ANSWER, within_s))
        except MCPError as error:
            raise _told(error, asked=True) from None
        except (ValidationError, RuntimeError):
            raise McpFailed("mcp.answer_invalid", "Its answer is not what the protocol has for a call") from None

    async def _open(self) -> Client:
        self.used_at = time.monotonic()
        return await asyncio.shield(self._client)

    async def _hold(self) -> None:
        try:
            async with asyncio.timeout(START_S) as starting:
                async with Client(
                    self._transport,  # type: ignore[arg-type]
                    cache=None,
                    read_timeout_seconds=START_S,
                    client_info=US,
                    message_handler=self._heard,
                ) as client:
                    starting.reschedule(None)
                    self._client.set_result(client)
                    listening = asyncio.create_task(self._listen(client))
                    await self._until_over()
                    listening.cancel()
                    starting.reschedule(asyncio.get_running_loop().time() + LEAVE_S)
        except asyncio.CancelledError:
            self._failed(McpUnavailable("It was left before it had started"))
        except TimeoutError:
            self._failed(McpUnavailable(f"It did not start within {START_S:g} s"))
        except Exception as error:
            self._failed(_start_told(error))
        finally:
            self._ending.set()

    async def _listen(self, client: Client) -> None:
        """Servers of 2026 tell of other tools only those who listen. Asked once: one that hangs up is let go."""
        tools = client.server_capabilities.tools
        if client.protocol_version in MODERN_PROTOCOL_VERSIONS and tools and tools.list_changed:
            with suppress(MCPError, RuntimeError, TimeoutError, ValidationError):
                async with client.listen(tools_list_changed=True) as events:
                    async for _ in events:
                        pass  # it comes as a notification too: see `_heard`

    def _failed(self, error: Exception) -> None:
        if not self._client.done():
            self._client.set_exception(error)

    async def _until_over(self) -> None:
        """Until it is retired and unused, or has been idle for long, or the other side is gone."""
        while not self._at_once and (self.users or not self._may_go()):
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._idle_s, LOOK_S)):
                    await (asyncio.sleep(0.05) if self._ending.is_set() else self._ending.wait())

    def _may_go(self) -> bool:
        idle = time.monotonic() - self.used_at >= self._idle_s
        return idle or self._ending.is_set() or not self._transport.alive

    async def _heard(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed()


def _complete(answer: CallToolResult | InputRequiredResult) -> CallToolResult:
    if isinstance(answer, InputRequiredResult):
        raise McpFailed("mcp.input_required", "It asks for a person's input, which tools can't give")
    return answer


def _start_told(error: BaseException) -> Exception:
    """What is behind a failed start; a group has the reason of its first part."""
    if isinstance(error, BaseExceptionGroup):
        return _start_told(error.exceptions[0])
    if isinstance(error, MCPError):
        return _told(error, asked=False)
    if isinstance(error, OSError | anyio.BrokenResourceError | anyio.ClosedResourceError):
        return McpUnavailable("It could not be started")
    return McpFailed("mcp.answer_invalid", "It does not speak the protocol")


def _is_over(error: MCPError) -> bool:
    """By the SDK's words: servers use its code for failures of their own."""
    return error.code == CONNECTION_CLOSED and error.message.startswith(("Connection closed", "SSE stream"))


def _told(error: MCPError, *, asked: bool) -> Exception:
    """
    In our words where the reason is ours; a server's own words are for the agent.

    Args:
        asked: for something that may have been done.
    """
    if error.code == REFUSED:
        return AddressRefused(bounded(error.message, 200))
    if error.code == NOT_SENT:
        return McpUnavailable("It could not be connected to")
    if error.code == OVERLOADED:
        return McpUnavailable("It takes no more requests at the moment")
    if error.code == UNAUTHORISED:
        return McpFailed("mcp.unauthorised", "It does not let Hartley in: look at the source's secret")
    if error.code == BROKEN or _is_over(error):
        return McpOutcomeUnknown("The connection broke") if asked else McpUnavailable("The connection broke")
    if error.code == REQUEST_TIMEOUT:
        return (
            McpOutcomeUnknown("It did not answer in time", "mcp.timeout")
            if asked
            else McpUnavailable("It did not answer in time")
        )
    if error.code == PARSE_ERROR:
        return McpFailed("mcp.answer_invalid", "Its answer could not be read, or is too long")
    return McpFailed("mcp.error", bounded(f"It refused: {error.message}", MESSAGE_CHARS))
