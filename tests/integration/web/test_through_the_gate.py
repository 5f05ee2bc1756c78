"""Pages that a task's steps read: decided by policy before anything is sent, held, settled, told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cast import Cast, Person, make_cast
from tests.support.driven import Driven, put
from tests.support.wood import Wood, fact
from webapp.budgets.models import Hold
from webapp.common.addresses import Reach
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import PolicyDecision
from webapp.orchestration.policies import save_module
from webapp.orchestration.steps import ClaimedStep, Completion
from workers import tools
from workers.beats import Beats
from workers.services import services as of_the_worker
from workers.toolbox.egress import Egress
from workers.toolbox.web.browser import Browser
from workers.toolbox.web.readers import Readers

OWN_SITES = """package hartley.own

import rego.v1

urls contains input.tool.arguments.url

urls contains url if some url in input.tool.arguments.urls

deny contains "only our own sites" if {
	input.point == "tool_call"
	some url in urls
	not startswith(url, "https://example.com/")
}
"""


@pytest.fixture(autouse=True)
def _policy_counts_at_once(settings: Any) -> None:
    settings.POLICY_LOOK_S = 0


@pytest.fixture(scope="module")
def people() -> Cast:
    return make_cast()


@pytest.fixture
def wood() -> Iterator[Wood]:
    running = Wood()
    yield running
    running.stop()


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running
        running.run(_closed())


async def _closed() -> None:
    """As when this process ends."""
    for name in ("web", "tool_guards", "tool_results"):
        if made := of_the_worker().__dict__.pop(name, None):
            await made.close()


@pytest.fixture
def reads_wood(wood: Wood, loop: asyncio.Runner) -> None:
    """The worker may read the test's site."""

    async def browser() -> Browser:
        reach = Reach.of(ports=[80, wood.port], plain_http=True, allow=["127.0.0.1"])
        egress = Egress(reach, within_s=30, body_bytes=100_000)
        return Browser(egress, Readers(size=1, within_s=60), page_bytes=100_000, per_site=4)

    of_the_worker().__dict__["web"] = loop.run(browser())


def fetch(loop: asyncio.Runner, who: Person, **arguments: object) -> tuple[ClaimedStep, Completion]:
    plan = {"id": "read", "kind": "tool", "tool": "web_fetch", "arguments": arguments}
    step = Driven(who, plan).planned().claim("read")

    async def perform() -> Completion:
        return await tools.call(step, Beats(step, put))

    return step, loop.run(perform())


@pytest.mark.usefixtures("reads_wood")
def test_a_page_is_read_with_a_decision_a_hold_and_an_event(people: Cast, wood: Wood, loop: asyncio.Runner) -> None:
    step, done = fetch(loop, people.operator, url=wood.url("/oaks/7.html"))
    assert done.output and fact(7) in done.output["shown"]["pages"][0]["text"]
    assert done.events[-1]["type"] == "TOOL_OBSERVATION" and done.events[-1]["payload"]["success"]
    with tenant_scope(step.tenant):
        (hold,) = Hold.objects.filter(task_id=step.task, step=step.n)
        assert hold.model == "web_fetch"
        decision = PolicyDecision.objects.get(task_id=step.task, step=step.n)
    assert (decision.effect, decision.rule) == ("allow", "tool.member")
    assert decision.input["tool"]["arguments"] == {"url": wood.url("/oaks/7.html")}


@pytest.mark.usefixtures("reads_wood")
def test_a_tenants_policy_decides_by_address_before_anything_is_sent(
    people: Cast, wood: Wood, loop: asyncio.Runner
) -> None:
    with tenant_scope(people.acme.id):
        save_module(actor=people.owner.user, name="sites", source=OWN_SITES)
    try:
        for named in ({"url": wood.url()}, {"urls": ["https://example.com/", wood.url()]}):
            _, done = fetch(loop, people.owner, **named)
            assert "only our own sites" in str(done.error or done.output)
        assert wood.asked == {}
    finally:
        with tenant_scope(people.acme.id):
            save_module(actor=people.owner.user, name="sites", source=OWN_SITES, mode="off")


def test_as_shipped_a_worker_reads_nothing_of_its_own_machine(people: Cast, wood: Wood, loop: asyncio.Runner) -> None:
    for url in (wood.url(), "http://127.0.0.1/", "http://localhost/"):
        _, done = fetch(loop, people.owner, url=url)
        assert "address.refused" in str(done.error)
    assert wood.asked == {}
