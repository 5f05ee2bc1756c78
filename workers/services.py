"""What the steps of one worker process share: the model gateway, the tools, the sandbox. Built when first used."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import structlog
from django.conf import settings

from policies.apart import OwnPolicies
from sandbox.keeper import Keeper
from sandbox.limits import MIB, Limits
from sandbox.module_limits import CompileLimits
from sandbox.modules import Modules
from webapp.common.encryption import Vault
from webapp.common.web_reach import web_reach
from workers import mcp_sources
from workers.answer_cache.cached import Cached
from workers.answer_cache.memory import Memory
from workers.answer_cache.shelf import Shelf
from workers.answer_cache.store import AnswerCache
from workers.answer_cache.vectors import KnownVectors
from workers.catalogue_rows import Told, VersionInForce
from workers.embed_batches import EmbedBatches
from workers.gateway.catalogue import Catalogue, CatalogueFile
from workers.gateway.clients import FollowedClients
from workers.gateway.complete import Gateway
from workers.gateway.entries import BreakerLimits
from workers.gateway.errors import CatalogueInvalid
from workers.gateway.providers import build_provider
from workers.gateway.shared import SharedGuards
from workers.gateway.statistics import LiveStatistics
from workers.race import HedgeShare
from workers.tool_settings import ToolsInForce
from workers.toolbox.builtin.browser import BrowserTool
from workers.toolbox.builtin.web_search import ANSWER_S, WebSearch
from workers.toolbox.egress import Egress
from workers.toolbox.far_browser import FarBrowser
from workers.toolbox.kept_result import KeptResult, ToolResults
from workers.toolbox.limits.guards import ToolGuards
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.registry import Registry, Tool, load_registry
from workers.toolbox.search.chain import chain_of
from workers.toolbox.web.browser import Browser
from workers.toolbox.web.readers import Readers

log = structlog.get_logger()
CATALOGUE = Path(__file__).parent / "gateway" / "catalogue.yaml"


@dataclass
class Services:
    """
    Attributes:
        version: of the catalogue; without `follow_catalogue` the shipped file alone is in force.
        sandbox, web: their processes start with the first use; `close` ends them.
    """

    version: VersionInForce = field(default_factory=lambda: VersionInForce(settings.CATALOGUE_LOOK_S))

    def follow_catalogue(self, worker: str) -> None:
        """From now on versions count as they are put in force, and the web hears what catalogue and tools come to."""
        self.version.look()
        self.version.follow(then=Told(worker, lambda: self.catalogue, lambda: self.tools))

    @cached_property
    def _catalogue_file(self) -> CatalogueFile:
        """
        A version that this release can't use is passed over: better the shipped file than no model at all.

        Raises:
            CatalogueInvalid: the shipped file or the environment is wrong.
        """
        try:
            return self._read_catalogue()
        except CatalogueInvalid as error:
            if self.version.text() is None:
                raise
            log.error("catalogue.version_passed_over", error=str(error))
            self.version.pass_over()
            return self._read_catalogue()

    def _read_catalogue(self) -> CatalogueFile:
        return CatalogueFile(CATALOGUE, os.environ, environment=settings.ENVIRONMENT, more=self.version.text)

    @property
    def catalogue(self) -> Catalogue:
        """As it stands now: an edit of the file is seen at the next call."""
        return self._catalogue_file.current()

    @cached_property
    def gateway(self) -> Gateway:
        current = self._catalogue_file.current
        clients = FollowedClients(current, build_provider)
        return Gateway(self.catalogue, clients, current=current, guard_of=self._guards)

    @cached_property
    def embed_batches(self) -> EmbedBatches:
        return EmbedBatches(self.gateway.embed)

    @cached_property
    def known_vectors(self) -> KnownVectors:
        return KnownVectors()

    @cached_property
    def _guards(self) -> SharedGuards:
        return SharedGuards.to(settings.REDIS_URL, connections=settings.REDIS_CONNECTIONS)

    @cached_property
    def tool_guards(self) -> ToolGuards:
        breaker = BreakerLimits(failures=settings.TOOL_BREAKER_FAILURES, recovery_s=settings.TOOL_BREAKER_S)
        return ToolGuards(settings.REDIS_URL, connections=settings.REDIS_CONNECTIONS, breaker=breaker)

    @cached_property
    def tool_results(self) -> ToolResults:
        memory = Memory(settings.TOOL_CACHE_BYTES, clock=time.monotonic)
        vault = Vault(settings.ENCRYPTION_KEYS, purpose="tool results")
        shelf = Shelf.to(
            settings.REDIS_URL, connections=settings.REDIS_CONNECTIONS, vault=vault, read=KeptResult.of_json
        )
        return ToolResults(memory, shelf)

    @cached_property
    def answers(self) -> AnswerCache[Cached]:
        memory = Memory(settings.ANSWER_CACHE_BYTES, clock=time.monotonic)
        vault = Vault(settings.ENCRYPTION_KEYS, purpose="answers")
        shelf = Shelf.to(settings.REDIS_URL, connections=settings.REDIS_CONNECTIONS, vault=vault, read=Cached.of_json)
        return AnswerCache(memory, shelf, kept_s=settings.ANSWER_CACHE_S)

    @cached_property
    def statistics(self) -> LiveStatistics:
        return LiveStatistics(time.monotonic)

    @cached_property
    def hedges(self) -> HedgeShare:
        return HedgeShare(settings.HEDGE_SHARE)

    @cached_property
    def _tools(self) -> ToolsInForce:
        return ToolsInForce(
            load_registry(settings.EXTRA_TOOLS, settings.TOOLS_FOLDER, more=[*_searching(), *_browsing()]),
            settings.MODULE_LOOK_S,
        )

    @property
    def tools(self) -> Registry:
        """As they stand now; a tenant's own are not among them."""
        return self._tools.tools

    def follow_tools(self) -> None:
        """
        From now on what the admin says of tools counts.

        Raises:
            ToolMisdeclared: one that a company adds can't be loaded.
        """
        self._tools.follow()

    @cached_property
    def web(self) -> Browser:
        egress = Egress(web_reach(), within_s=settings.WEB_TIMEOUT_S, body_bytes=settings.WEB_BYTES)
        readers = Readers(size=settings.WEB_READERS, within_s=settings.WEB_READ_S)
        return Browser(
            egress,
            readers,
            page_bytes=settings.WEB_BYTES,
            per_site=settings.WEB_PER_SITE,
            file_bytes=settings.WEB_FILE_BYTES,
            file_s=settings.WEB_FILE_S,
        )

    @cached_property
    def sandbox(self) -> Keeper:
        return Keeper(
            image=settings.SANDBOX_IMAGE,
            size=settings.SANDBOX_PROCESSES,
            limits=_limits(),
            scratch=settings.SANDBOX_SCRATCH,
            most_waiting=settings.SANDBOX_WAITING,
            room_wait_s=settings.SANDBOX_ROOM_WAIT_S,
        )

    @cached_property
    def own_policies(self) -> OwnPolicies:
        return OwnPolicies(within_s=settings.POLICY_ASK_S, size=settings.POLICY_PROCESSES)

    @cached_property
    def mcp(self) -> Connections:
        return mcp_sources.connections()

    @cached_property
    def modules(self) -> Modules:
        limits = CompileLimits(wasm_bytes=settings.MODULE_BYTES, compile_s=settings.MODULE_COMPILE_S)
        return Modules(settings.MODULE_FOLDER, limits=limits, running=_limits())

    async def close(self) -> None:
        """End the sandbox's processes and the connections to providers and Redis, if there are any; stop following."""
        self.version.end()
        if "_tools" in self.__dict__:
            self._tools.end()
        if "gateway" in self.__dict__:
            await self.gateway.close()
            await self._guards.close()
        for name in ("answers", "tool_guards", "tool_results", "mcp", "web", "own_policies"):
            if name in self.__dict__:
                await getattr(self, name).close()
        if "sandbox" in self.__dict__:
            await self.sandbox.close()


def _searching() -> list[Tool]:
    chain = chain_of(settings.SEARCH_PROVIDERS, settings.SEARCH_KEYS, settings.SEARCH_URLS, within_s=ANSWER_S)
    return [WebSearch(chain, price_usd=settings.SEARCH_USD)] if chain else []


def _browsing() -> list[Tool]:
    """Where the operator runs the browser's process."""
    if not settings.BROWSER_URL:
        return []
    far = FarBrowser(settings.BROWSER_URL, settings.BROWSER_TOKEN)
    return [BrowserTool(far, evaluate=settings.BROWSER_EVALUATE)]


def _limits() -> Limits:
    return Limits(memory_bytes=settings.SANDBOX_MEMORY_MIB * MIB)


@cache
def services() -> Services:
    return Services()
