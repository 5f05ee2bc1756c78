"""Servers that are processes of a worker: whatever they do, a call ends, and nothing of them stays."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp_types import CallToolResult, TextContent

from tests.support import rogue_mcp
from webapp.common.addresses import Reach
from workers.toolbox.mcp import connection as one_connection
from workers.toolbox.mcp import stdio
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.errors import McpBusy, McpFailed, McpOutcomeUnknown, McpUnavailable
from workers.toolbox.mcp.server import ProcessServer


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Callable[..., Connections]]:
    every: list[Connections] = []

    def make(**more: Any) -> Connections:
        every.append(Connections(reach=lambda: Reach(frozenset()), folder=tmp_path / "folders", **more))
        return every[-1]

    yield make
    for connections in every:
        await connections.close()
    assert list((tmp_path / "folders").iterdir()) == []


@pytest.fixture
def server(tmp_path: Path) -> Callable[..., ProcessServer]:
    def make(habit: str, *, owner: str = "acme", timeout_s: float = 5, **env: str) -> ProcessServer:
        argv = (sys.executable, "-S", rogue_mcp.__file__, habit, str(tmp_path / "log"))
        return ProcessServer(owner, argv, env, timeout_s)

    return make


def log(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def text(answer: CallToolResult) -> str:
    (part,) = answer.content
    assert isinstance(part, TextContent)
    return part.text


async def until(check: Callable[[], bool], within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.01)


async def test_calls_of_one_owner_share_a_session_and_another_owner_has_its_own(
    made: Callable[..., Connections], server: Callable[..., ProcessServer], tmp_path: Path
) -> None:
    connections = made()
    both = await asyncio.gather(*(connections.call(server("ordinary"), "echo", {"text": t}) for t in "ab"))
    assert list(map(text, both)) == ['{"text": "a"}', '{"text": "b"}'] and len(connections) == 1
    await connections.call(server("ordinary", owner="globex"), "echo", {})
    assert len(connections) == 2
    assert sum(message["method"] == "initialize" for message in log(tmp_path)) == 2


async def test_a_process_is_given_its_own_environment_and_nothing_of_the_worker(
    made: Callable[..., Connections], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARTLEY_SECRET_KEY", "of the worker")
    tells = "import os,json,sys; open(sys.argv[1],'w').write(json.dumps([dict(os.environ), os.getcwd(), sys.argv[2]]))"
    argv = (sys.executable, "-Sc", tells, str(tmp_path / "told"), "{folder}/data")
    with pytest.raises(McpUnavailable):  # it ends at once
        await made().tools(ProcessServer("acme", argv, {"TOKEN": "of the tenant"}))
    env, cwd, argument = json.loads((tmp_path / "told").read_text())
    assert env.pop("TOKEN") == "of the tenant" and argument == f"{cwd}/data"
    assert env.pop("HOME") == cwd and Path(cwd).parent == tmp_path / "folders"
    assert set(env) <= {"PATH", "LANG", "LC_CTYPE"}


async def test_a_program_that_is_not_there_is_told_as_such(made: Callable[..., Connections]) -> None:
    with pytest.raises(McpUnavailable):
        await made().tools(ProcessServer("acme", ("/no/such/program",)))


async def test_one_that_never_answers_holds_up_nobody_for_long(
    made: Callable[..., Connections], server: Callable[..., ProcessServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_connection, "START_S", 0.5)
    connections = made()
    with pytest.raises(McpUnavailable, match="did not"):
        await connections.call(server("mute"), "echo", {})
    with pytest.raises(McpOutcomeUnknown, match="in time") as failure:
        await connections.call(server("silent_at_calls", timeout_s=0.2), "echo", {})
    assert failure.value.reason == "mcp.timeout"


async def test_the_end_of_a_step_cancels_its_request_and_no_other(
    made: Callable[..., Connections], server: Callable[..., ProcessServer], tmp_path: Path
) -> None:
    connections = made()
    call = asyncio.create_task(connections.call(server("silent_at_calls"), "echo", {"text": "x"}))
    await until(lambda: (tmp_path / "log").exists() and log(tmp_path)[-1]["method"] == "tools/call")
    asked = log(tmp_path)[-1]
    call.cancel()
    await until(lambda: log(tmp_path)[-1]["method"] == "notifications/cancelled")
    assert log(tmp_path)[-1]["params"]["requestId"] == asked["id"]
    assert [tool.name for tool in await connections.tools(server("silent_at_calls"))] == ["echo"]


async def test_one_that_dies_in_a_call_may_have_acted_and_the_next_call_starts_it_anew(
    made: Callable[..., Connections], server: Callable[..., ProcessServer]
) -> None:
    connections = made()
    with pytest.raises(McpOutcomeUnknown, match="broke.*before you ask again"):
        await connections.call(server("dies_at_calls"), "echo", {})
    for turn in range(3):  # it is gone each time; what is known to be gone is not asked
        assert text(await connections.call(server("dies_after_calls"), "echo", {"n": turn})) == f'{{"n": {turn}}}'
        connection = connections._kept[server("dies_after_calls")]
        await until(lambda: not connection.usable)  # noqa: B023


@pytest.mark.parametrize(
    ("habit", "reason"),
    [
        ("endless_list", "mcp.too_many_tools"),
        ("list_in_circles", "mcp.too_many_tools"),
        ("heavy_list", "mcp.list_too_large"),
    ],
)
async def test_a_list_without_an_end_is_no_list(
    made: Callable[..., Connections], server: Callable[..., ProcessServer], habit: str, reason: str
) -> None:
    with pytest.raises(McpFailed) as failure:
        await made().tools(server(habit))
    assert failure.value.reason == reason


async def test_one_that_asks_without_end_is_ended(
    made: Callable[..., Connections], server: Callable[..., ProcessServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stdio, "MESSAGES", 200)
    connections = made()
    await connections.call(server("pings"), "echo", {})
    await until(lambda: len(connections) == 0)


@pytest.mark.parametrize("habit", ["long_line", "flood", "many_values"])
async def test_one_that_says_too_much_is_ended(
    made: Callable[..., Connections], server: Callable[..., ProcessServer], habit: str
) -> None:
    connections = made()
    with pytest.raises(McpOutcomeUnknown):
        await connections.call(server(habit, timeout_s=10), "echo", {})
    assert len(connections) == 0


async def test_an_answer_to_another_question_is_none(
    made: Callable[..., Connections], server: Callable[..., ProcessServer]
) -> None:
    with pytest.raises(McpOutcomeUnknown, match="in time"):
        await made().call(server("other_ids", timeout_s=0.2), "echo", {})


async def test_complaints_and_greetings_block_nothing_and_are_written_nowhere(
    made: Callable[..., Connections], server: Callable[..., ProcessServer], capfd: pytest.CaptureFixture[str]
) -> None:
    assert text(await made().call(server("noisy"), "echo", {"text": "x"})) == '{"text": "x"}'
    out, err = capfd.readouterr()
    assert "secret" not in out + err and "Welcome" not in out + err


async def test_a_server_may_ask_for_nothing(
    made: Callable[..., Connections], server: Callable[..., ProcessServer], tmp_path: Path
) -> None:
    answer = await made().call(server("asks"), "echo", {})
    assert answer.structured_content
    assert all("error" in each and "result" not in each for each in answer.structured_content["answers"])
    (hello,) = [message for message in log(tmp_path) if message.get("method") == "initialize"]
    assert hello["params"]["capabilities"] == {}


async def test_other_tools_are_told_of_once_they_are_there(
    made: Callable[..., Connections], server: Callable[..., ProcessServer]
) -> None:
    told: list[str] = []
    connections = made(changed=told.append)
    await connections.call(server("changes"), "echo", {})
    await until(lambda: told == ["acme"])
    assert [tool.name for tool in await connections.tools(server("changes"))] == ["echo", "another"]


async def test_the_least_used_makes_room_but_none_that_is_at_work(
    made: Callable[..., Connections], server: Callable[..., ProcessServer]
) -> None:
    connections = made(processes=2)
    busy = asyncio.create_task(connections.call(server("silent_at_calls", owner="busy"), "echo", {}))
    await connections.call(server("ordinary", owner="old"), "echo", {})
    await connections.call(server("ordinary", owner="new"), "echo", {})
    assert [kept.owner for kept in connections._kept] == ["busy", "new"]
    other = asyncio.create_task(connections.call(server("silent_at_calls", owner="other"), "echo", {}))
    await asyncio.sleep(0)
    with pytest.raises(McpBusy):
        await connections.call(server("ordinary", owner="late"), "echo", {})
    for task in (busy, other):
        task.cancel()
    await asyncio.gather(busy, other, return_exceptions=True)


async def test_an_idle_one_is_left(made: Callable[..., Connections], server: Callable[..., ProcessServer]) -> None:
    connections = made(idle_s=0.1)
    await connections.call(server("ordinary"), "echo", {})
    connection = connections._kept[server("ordinary")]
    await until(lambda: connection.over)
    assert len(connections) == 0


async def test_what_a_server_started_and_left_behind_ends_with_it(
    made: Callable[..., Connections], server: Callable[..., ProcessServer], tmp_path: Path
) -> None:
    connections = made()
    await connections.tools(server("clings"))
    (pids,) = [message["pids"] for message in log(tmp_path) if "pids" in message]
    await connections.close()
    await until(lambda: not any(map(lives, pids)))


async def test_a_server_dies_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    """The worker has no time to end it, and this server stays when its input ends."""
    worker = f"""
import asyncio, sys
from pathlib import Path
from webapp.common.addresses import Reach
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.server import ProcessServer
async def main():
    server = ProcessServer("acme", (sys.executable, "-S", {rogue_mcp.__file__!r}, "clings", {str(tmp_path / "log")!r}))
    await Connections(reach=lambda: Reach(frozenset()), folder=Path({str(tmp_path)!r}) / "folders").tools(server)
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", worker, stdout=asyncio.subprocess.PIPE)
    assert process.stdout and (await process.stdout.readline()).strip() == b"ready"
    (pids,) = [message["pids"] for message in log(tmp_path) if "pids" in message]
    process.kill()
    await process.wait()
    await until(lambda: not lives(pids[0]))
    if lives(pids[1]):  # of a process that it started, only its own way of ending tells
        os.kill(pids[1], 9)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
