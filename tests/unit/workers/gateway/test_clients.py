"""Clients that follow the catalogue: new for what has changed, the same for what hasn't, closed when nobody calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from workers.gateway.catalogue import Catalogue
from workers.gateway.clients import FollowedClients
from workers.gateway.entries import Provider
from workers.gateway.errors import NoModel
from workers.gateway.types import ModelReply, ModelRequest


@dataclass(eq=False)
class Client:
    entry: Provider
    closed: bool = False

    async def complete(self, request: ModelRequest) -> ModelReply:
        raise AssertionError("these tests send nothing")

    async def close(self) -> None:
        self.closed = True


class Bench:
    """The catalogue in force, to be changed, and every client that was made."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.made: list[Client] = []
        self.clients = FollowedClients(lambda: self.catalogue, self.build)

    def build(self, name: str, entry: Provider) -> Client:
        self.made.append(Client(entry))
        return self.made[-1]

    def change(self, **fields: object) -> None:
        acme = self.catalogue.providers["acme"].model_copy(update=fields)
        self.catalogue = replace(self.catalogue, providers={**self.catalogue.providers, "acme": acme})

    def now(self) -> Client:
        with self.clients.lend("acme") as client:
            assert isinstance(client, Client)
            return client


@pytest.fixture
def bench(file: Path) -> Bench:
    return Bench(Catalogue.load(file, {"ACME_KEY": "k"}))


async def let_it_close() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_one_client_serves_all_calls_and_changed_limits_do_not_change_it(bench: Bench) -> None:
    first = bench.now()
    bench.change(requests_per_minute=1)
    assert bench.now() is first and len(bench.made) == 1 and not first.closed


@pytest.mark.parametrize(
    "change", [{"base_url": "http://elsewhere"}, {"connections": 3}, {"api_key": None, "own_address": True}]
)
async def test_a_changed_entry_gets_a_new_client_and_an_idle_old_one_is_closed(change: dict, bench: Bench) -> None:
    first = bench.now()
    bench.change(**change)
    second = bench.now()
    await let_it_close()
    assert second is not first and first.closed and not second.closed


async def test_a_call_under_way_ends_on_the_old_client_which_is_closed_after_the_last(bench: Bench) -> None:
    with bench.clients.lend("acme") as slow:
        with bench.clients.lend("acme"):
            bench.change(base_url="http://elsewhere")
            assert bench.now() is not slow
        await let_it_close()
        assert not bench.made[0].closed, "one call is still under way"
    await let_it_close()
    assert bench.made[0].closed


async def test_what_is_taken_away_is_not_configured_any_more(bench: Bench) -> None:
    first = bench.now()
    bench.catalogue = replace(bench.catalogue, providers={"offline": bench.catalogue.providers["offline"]})
    with pytest.raises(NoModel, match="acme"):
        bench.now()
    await let_it_close()
    assert first.closed


async def test_a_call_with_a_key_of_its_own_needs_no_configured_provider(bench: Bench) -> None:
    bench.change(api_key=None, base_url=None)
    with pytest.raises(NoModel, match="acme"):
        bench.now()
    with bench.clients.lend("acme", own_key=True) as client:
        assert client is bench.made[0]
    with pytest.raises(NoModel, match="nobody"), bench.clients.lend("nobody", own_key=True):
        pass


async def test_a_call_that_fails_gives_its_client_back(bench: Bench) -> None:
    with pytest.raises(ValueError), bench.clients.lend("acme"):
        raise ValueError
    bench.change(base_url="http://elsewhere")
    bench.now()
    await let_it_close()
    assert bench.made[0].closed


async def test_closing_waits_for_those_that_are_being_closed(bench: Bench) -> None:
    bench.now()
    bench.change(base_url="http://elsewhere")
    bench.now()
    await bench.clients.close()
    assert [client.closed for client in bench.made] == [True, True]
