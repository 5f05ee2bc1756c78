"""Every hostile program ends as expected, the run after it finds nothing of it, and at the end nothing is left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from tests.integration.sandbox.attacks.arena import Arena, Played
from tests.integration.sandbox.attacks.attack import Attack
from tests.integration.sandbox.attacks.corpus import CORPUS

AT_ONCE = 5


@pytest.fixture(scope="module")
def played(
    request: pytest.FixtureRequest, sandbox_image: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Played]:
    """All that are asked for, side by side: most of their time they wait for limits."""
    scratch = tmp_path_factory.mktemp("arena")
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    found = asyncio.run(play(wanted(request), sandbox_image, scratch))
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    assert list(scratch.iterdir()) == []
    return found


def wanted(request: pytest.FixtureRequest) -> dict[str, Attack]:
    """Those whose tests were selected."""
    asked = {
        item.callspec.params["name"]
        for item in request.session.items
        if hasattr(item, "callspec") and "name" in item.callspec.params
    }
    return {name: attack for name, attack in CORPUS.items() if name in asked}


async def play(attacks: dict[str, Attack], image: Path, scratch: Path) -> dict[str, Played]:
    names = {id(attack): name for name, attack in attacks.items()}
    found: dict[str, Played] = {}
    async with Arena(folder=image, scratch=scratch, size=AT_ONCE) as arena:
        await arena.play(attacks.values(), lambda attack, played: found.update({names[id(attack)]: played}))
    return found


@pytest.mark.parametrize("name", CORPUS)
def test_it_ends_as_expected_and_leaves_nothing(name: str, played: dict[str, Played]) -> None:
    if played[name].faults:
        pytest.fail("\n".join(played[name].faults), pytrace=False)
