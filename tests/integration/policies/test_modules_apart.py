"""A tenant's modules run in a process of its own: what hangs or crashes there is that tenant's denial and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio

from policies.apart import NoAnswer, OwnPolicies
from policies.tightening import OwnSource, question
from sandbox.limits import MIB

SOUND = """package hartley.own

import rego.v1

deny contains "not the calculator" if input.tool.name == "calculator"
"""
INPUT = question("tool_call", {"tool": {"name": "calculator", "arguments": {"text": "a" * 100_000}}})
ODD = {  # each passes the check before it is saved, which has no tool to ask about
    "a pattern that never ends": 'regex.match("^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")',
    "a pattern that crashes": 'regex.match("^(a|b)*$", input.tool.arguments.text)',
    "a range without end": "count(numbers.range(1, 20000000)) == 1",
}


def module(body: str, name: str = "odd") -> OwnSource:
    text = f'package hartley.own\n\nimport rego.v1\n\ndeny contains "x" if {{\n\tinput.tool.name\n\t{body}\n}}\n'
    return OwnSource(name, text, "enforce")


@pytest_asyncio.fixture
async def own() -> AsyncIterator[OwnPolicies]:
    policies = OwnPolicies(within_s=0.3, size=2)
    yield policies
    await policies.close()


@pytest.mark.parametrize("odd", ODD)
async def test_what_hangs_or_crashes_is_no_answer_and_others_go_on(odd: str, own: OwnPolicies) -> None:
    sound = (OwnSource("rules", SOUND, "enforce"),)
    await own.ask("globex", sound, INPUT)
    answered, hanging = 0, asyncio.create_task(own.ask("acme", (module(ODD[odd]),), INPUT))
    await asyncio.sleep(0)  # it takes its place first
    while not hanging.done():
        (answer,) = await own.ask("globex", sound, INPUT)
        assert answer == ("rules", "deny", ["not the calculator"])
        answered += not hanging.done()
    assert answered, "the one waits for itself"
    with pytest.raises(NoAnswer, match=r"no answer within 0\.3 s|ended the policy engine"):
        await hanging


async def test_what_failed_rests_until_it_is_mended(own: OwnPolicies, monkeypatch: pytest.MonkeyPatch) -> None:
    start = AsyncMock(wraps=asyncio.create_subprocess_exec)
    monkeypatch.setattr("asyncio.create_subprocess_exec", start)
    odd = (module(ODD["a pattern that never ends"]),)
    for _ in range(3):
        with pytest.raises(NoAnswer, match=r"within 0\.3 s"):
            await own.ask("acme", odd, INPUT)
        assert start.await_count == 1, "it is not even asked"
    assert await own.ask("acme", (module('input.tool.name == "x"'),), INPUT) == []


async def test_a_module_that_can_not_be_loaded_says_so(own: OwnPolicies) -> None:
    with pytest.raises(NoAnswer, match="can't be loaded: odd line 5"):
        await own.ask("acme", (module("if if"),), INPUT)


async def test_more_tenants_than_processes_are_all_answered(own: OwnPolicies) -> None:
    asked = [own.ask(f"tenant {n}", (OwnSource("rules", SOUND, "enforce"),), INPUT) for n in range(4)]
    assert [len(answers) for answers in await asyncio.gather(*asked)] == [1] * 4


async def test_a_worker_may_hold_more_memory_than_its_processes_may(own: OwnPolicies) -> None:
    held = b"1" * (300 * MIB)
    assert len(await own.ask("acme", (OwnSource("rules", SOUND, "enforce"),), INPUT)) == 1
    del held


async def test_a_tenant_whose_call_is_stopped_while_its_process_starts_is_answered_the_next_time(
    own: OwnPolicies,
) -> None:
    sound = (OwnSource("rules", SOUND, "enforce"),)
    for after_s in (0.0, 0.001, 0.005, 0.02, 0.1):
        stopped = asyncio.create_task(own.ask("acme", sound, INPUT))
        await asyncio.sleep(after_s)
        stopped.cancel()
        with suppress(asyncio.CancelledError):
            await stopped
    async with asyncio.timeout(30):
        assert len(await own.ask("acme", sound, INPUT)) == 1


async def test_none_is_being_started_any_more_when_they_are_closed(own: OwnPolicies) -> None:
    """A loop that is closed while it starts a process never ends (Python 3.11)."""
    sound = (OwnSource("rules", SOUND, "enforce"),)
    asked = [asyncio.create_task(own.ask(f"tenant {n}", sound, INPUT)) for n in range(4)]
    await asyncio.sleep(0)
    await own.close()
    ended = [each.done() for each in asked]
    await asyncio.gather(*asked)
    assert ended == [True] * 4
