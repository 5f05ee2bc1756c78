"""Asks search providers one after the other until one answers. Each is asked through a guard that reaches it alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from webapp.common.addresses import AddressRefused, Reach
from workers.toolbox.egress import Egress, RequestFailed
from workers.toolbox.errors import ToolMisdeclared
from workers.toolbox.search.providers import PROVIDERS
from workers.toolbox.search.query import Found, Provider, Query

log = structlog.get_logger()
ANSWER_BYTES = 4 * 1024 * 1024
COMPLETE = range(200, 300)
NOT_TAKEN = frozenset({400, 404, 413, 414, 422})  # statuses by which a provider may mean the question, not itself


@dataclass(frozen=True)
class Configured:
    """
    A provider as the operator has set it up.

    Attributes:
        base: its address, without a slash at the end.
        guard: reaches its host and port and nothing else inside; an address of the operator's own may be an inner one.
    """

    provider: Provider
    key: str
    base: str
    guard: Egress


@dataclass(frozen=True)
class Answered:
    """`by` is the provider; `passed` those that were asked before it, with what was wrong."""

    by: str
    found: list[Found]
    passed: list[dict[str, str]]


class QuestionRefused(RequestFailed):
    """It answered that it takes no such question, which says nothing of how it is."""


class SearchFailed(Exception):
    """
    No provider has answered; `passed` says why for each.

    Attributes:
        outage: none of them has refused the question itself, so that other questions would fare no better.
    """

    def __init__(self, passed: list[dict[str, str]], *, outage: bool) -> None:
        self.passed, self.outage = passed, outage
        super().__init__("; ".join(f"{each['provider']}: {each['message']}" for each in passed))


class Chain:
    def __init__(self, providers: Sequence[Configured]) -> None:
        self.providers = providers

    async def search(self, query: Query) -> Answered:
        """
        Raises:
            SearchFailed
        """
        passed: list[dict[str, str]] = []
        outage = True
        for one in self.providers:
            try:
                return Answered(one.provider.name, (await _ask(one, query))[: query.most], passed)
            except (AddressRefused, RequestFailed, ValueError, RecursionError) as error:
                outage = outage and not isinstance(error, QuestionRefused)
                told = isinstance(error, AddressRefused | RequestFailed)
                message = str(error) if told else "Its answer was not understood"
                log.warning("search.provider_passed", provider=one.provider.name, why=message)
                passed.append({"provider": one.provider.name, "message": message})
        raise SearchFailed(passed, outage=outage)


async def _ask(one: Configured, query: Query) -> list[Found]:
    """
    Raises:
        AddressRefused, RequestFailed
        ValueError: what it answered is not what it documents.
    """
    request = one.provider.request(query, one.key)
    answer = await one.guard.ask(
        request.method, one.base + request.path, headers=request.headers, content=request.content
    )
    if answer.status in NOT_TAKEN:
        raise QuestionRefused(f"It answered {answer.status}")
    if answer.status not in COMPLETE:
        raise RequestFailed(f"It answered {answer.status}")
    if not answer.whole:
        raise RequestFailed("Its answer was too long")
    return one.provider.read(json.loads(answer.body))


def chain_of(
    order: Sequence[str], keys: Mapping[str, str], bases: Mapping[str, str], *, within_s: float
) -> Chain | None:
    """
    Args:
        order: providers by name; empty: all that are set up, in the order of the list.
        keys, bases: by provider, empty where nothing is set.
        within_s: for each provider's answer.
    Returns:
        None when no provider is set up.
    Raises:
        ToolMisdeclared: one is named that there is not, or that is not set up, or its address is none.
    """
    known = {provider.name: provider for provider in PROVIDERS}
    for name in order:
        if name not in known:
            raise ToolMisdeclared(f"HARTLEY_SEARCH_PROVIDERS: there is no {name!r}; there are: {', '.join(known)}")
    ready = {name for name, one in known.items() if keys.get(name) or (not one.needs_key and bases.get(name))}
    for name in order:
        if name not in ready:
            missing = "KEY" if known[name].needs_key else "URL"
            raise ToolMisdeclared(f"HARTLEY_SEARCH_PROVIDERS names {name}: set HARTLEY_SEARCH_{name.upper()}_{missing}")
    names = order or [name for name in known if name in ready]
    chosen = [_configured(known[name], keys.get(name, ""), bases.get(name, ""), within_s) for name in names]
    return Chain(chosen) if chosen else None


def _configured(provider: Provider, key: str, own: str, within_s: float) -> Configured:
    base = (own or provider.base).rstrip("/")
    try:
        parts = urlsplit(base)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        reach = Reach.of(ports=[port], plain_http=parts.scheme == "http", allow=[parts.hostname or ""] if own else [])
        reach.target(base)
    except (ValueError, KeyError, AddressRefused) as error:
        raise ToolMisdeclared(
            f"HARTLEY_SEARCH_{provider.name.upper()}_URL: is no address that can be asked: {error}"
        ) from None
    return Configured(provider, key, base, Egress(reach, within_s=within_s, body_bytes=ANSWER_BYTES))
