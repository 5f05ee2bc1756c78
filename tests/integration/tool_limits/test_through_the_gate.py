"""What a limit refuses costs nothing and is told; a result that is kept serves as if the tool had been called."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from tests.support.cast import Cast, Person, make_cast
from tests.support.driven import Driven, put, turn
from tests.support.far_tool import FarTool, SharedFarTool
from webapp.agent_tasks.models import Step, Task
from webapp.budgets.models import Envelope, Hold, Saving
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.decisions.models import PolicyDecision
from webapp.orchestration.policies import save_module
from webapp.orchestration.steps import ClaimedStep, Completion
from workers import decide, tenant_tools, tools
from workers.beats import Beats
from workers.replay import replay_run
from workers.services import services as of_the_worker
from workers.tool_settings import ToolsInForce
from workers.toolbox.registry import Registry

NO_FAR = """package hartley.own

import rego.v1

deny contains "not far" if input.tool.name == "far_shared"
"""
OWN = ("tool_guards", "tool_results")


@pytest.fixture(scope="module")
def crew() -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def tools_there() -> Iterator[dict[str, FarTool]]:
    """What this worker has: one that is limited, one whose result is kept."""
    far, shared = FarTool(rate_per_minute=0, concurrency=0), SharedFarTool()
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(of_the_worker().__dict__, "_tools", ToolsInForce(Registry([far, shared]), look_s=1))
        patched.setattr(tenant_tools, "_known", {})
        yield {"far": far, "far_shared": shared}


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner
        runner.run(_closed())


async def _closed() -> None:
    """As when this process ends: what it remembers is gone."""
    for name in OWN:
        if made := of_the_worker().__dict__.pop(name, None):
            await made.close()


def step_of(person: Person, tool: str, **arguments: Any) -> ClaimedStep:
    plan = {"id": "run", "kind": "tool", "tool": tool, "arguments": arguments}
    return Driven(person, plan).planned().claim("run")


def perform(loop: asyncio.Runner, *steps: ClaimedStep) -> list[Completion]:
    """Side by side; their ends are written."""

    async def one(step: ClaimedStep) -> Completion:
        beats = Beats(step, put)
        done = await tools.call(step, beats)
        return Completion(**{**vars(done), "settle": beats.settlements, "savings": tuple(beats.savings)})

    async def all_of_them() -> list[Completion]:
        return await asyncio.gather(*(one(step) for step in steps))

    ended = loop.run(all_of_them())
    for each in ended:
        turn(completions=[each])
    return ended


def called(loop: asyncio.Runner, person: Person, tool: str, **arguments: Any) -> Completion:
    [done] = perform(loop, step_of(person, tool, **arguments))
    return done


def rows(model: Any, done: Completion) -> list[Any]:
    with tenant_scope(done.step.tenant):
        return list(model.objects.filter(task_id=done.step.task, step=done.step.n))


def told(done: Completion) -> JSON:
    [observed] = [event for event in done.events if event["type"] == "TOOL_OBSERVATION"]
    return dict(observed["payload"])


def test_a_refused_call_gives_its_hold_back_and_says_when_to_come_again(loop, crew, tools_there) -> None:
    tools_there["far"].rate_per_minute = 1
    assert called(loop, crew.owner, "far", text="a").status == "done"
    refused = called(loop, crew.owner, "far", text="b")
    assert told(refused)["error"]["code"] == "rate_limit_exceeded" and told(refused)["error"]["retry_after_s"] > 30
    [hold] = rows(Hold, refused)
    assert (hold.state, hold.error) == ("released", "rate_limit_exceeded")
    with tenant_scope(crew.acme.id):
        envelope = Envelope.objects.get(level="task", owner_id=refused.step.task)
    assert (envelope.tool_calls_held, envelope.tool_calls_spent) == (0, 0)
    assert [each.effect for each in rows(PolicyDecision, refused)] == ["allow"], "the policy was asked before"
    assert tools_there["far"].seen == ["a"]


def test_arguments_beyond_the_ceiling_are_refused_before_policy_and_money(loop, crew, tools_there) -> None:
    refused = called(loop, crew.owner, "far", text="x" * 4 * settings.TOOL_TOKENS_LIMIT)
    assert told(refused)["error"]["code"] == "token_limit_exceeded"
    assert str(settings.TOOL_TOKENS_LIMIT) in told(refused)["error"]["message"]
    assert rows(Hold, refused) == rows(PolicyDecision, refused) == [] and not tools_there["far"].seen


def test_a_kept_result_costs_nothing_is_told_and_replays(loop, crew, tools_there) -> None:
    first = called(loop, crew.owner, "far_shared", text="kept", takes_s=0)
    again = called(loop, crew.owner, "far_shared", takes_s=0, text="kept")
    assert first.output and again.output and again.output["shown"] == first.output["shown"]
    assert again.output["shown"]["source"] == "untrusted" and tools_there["far_shared"].seen == ["kept"]
    assert "cached" not in told(first) and told(again)["cached"] is True and again.output["cached"] == "exact"
    assert len(rows(Hold, first)) == 1 and rows(Hold, again) == []
    assert [each.effect for each in rows(PolicyDecision, again)] == ["allow"]
    [saved] = rows(Saving, again)
    assert (saved.cause, saved.model, saved.usd) == ("exact", "far_shared", tools_there["far_shared"].price_usd)
    with tenant_scope(crew.acme.id):
        task, past = Task.objects.get(id=again.step.task), list(Step.objects.filter(task_id=again.step.task))
        decided = list(PolicyDecision.objects.filter(task_id=task.id))
    run = [step for step in past if step.kind == "tools.call"]
    report = loop.run(replay_run(task, run, decided, {"tools.call": tools.call}))
    assert (report.lines(), report.replayed, tools_there["far_shared"].seen) == ([], 1, ["kept"])


def test_it_serves_no_other_tenant_no_other_arguments_and_no_tool_that_has_changed(loop, crew, tools_there) -> None:
    far = tools_there["far_shared"]
    called(loop, crew.owner, "far_shared", text="mine")
    called(loop, crew.stranger, "far_shared", text="mine")
    called(loop, crew.owner, "far_shared", text="other")
    far.version = "2"
    called(loop, crew.owner, "far_shared", text="mine")
    assert far.seen == ["mine", "mine", "other", "mine"]


def test_it_serves_another_process_until_redis_forgets_and_lies_there_sealed(loop, crew, tools_there) -> None:
    called(loop, crew.owner, "far_shared", text="secret words")
    loop.run(_closed())
    assert told(called(loop, crew.owner, "far_shared", text="secret words"))["cached"] is True
    with Redis.from_url(settings.REDIS_URL) as redis:
        keys = list(redis.scan_iter(f"hartley:answer:{crew.acme.id}:*"))
        assert keys and not any(b"secret words" in (redis.get(key) or b"") for key in keys)
        redis.flushdb()
    loop.run(_closed())
    assert "cached" not in told(called(loop, crew.owner, "far_shared", text="secret words"))
    assert len(tools_there["far_shared"].seen) == 2


def test_equal_calls_at_once_are_one_call(loop, crew, tools_there) -> None:
    steps = [step_of(crew.owner, "far_shared", text="at once", takes_s=0.1) for _ in range(3)]
    ended = perform(loop, *steps)
    assert tools_there["far_shared"].seen == ["at once"]
    causes = sorted((done.output or {}).get("cached", "") for done in ended)
    assert causes == ["", "single_flight", "single_flight"]
    assert sum(len(rows(Hold, done)) for done in ended) == 1


def test_a_failure_is_not_kept(loop, crew, tools_there) -> None:
    tools_there["far_shared"].down = True
    assert called(loop, crew.owner, "far_shared", text="down").status == "failed"
    tools_there["far_shared"].down = False
    assert called(loop, crew.owner, "far_shared", text="down").status == "done"


def test_what_the_policy_denies_since_is_not_served(loop, tools_there) -> None:
    crew = make_cast()
    assert called(loop, crew.owner, "far_shared", text="denied").status == "done"
    with tenant_scope(crew.acme.id):
        save_module(actor=crew.owner.user, name="own", source=NO_FAR, mode="enforce")
    decide._known.clear()
    denied = called(loop, crew.owner, "far_shared", text="denied")
    assert told(denied)["error"]["code"] == "policy.denied" and "not far" in told(denied)["error"]["message"]
    assert [each.effect for each in rows(PolicyDecision, denied)] == ["deny"]
