"""What the steps of one worker process share: the model gateway, the tools, the sandbox. Built when first used."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import structlog
from django.conf import settings

from sandbox.keeper import Keeper
from sandbox.limits import MIB, Limits
from sandbox.module_limits import CompileLimits
from sandbox.modules import Modules
from webapp.common.encryption import Vault
from workers.answer_cache.memory import Memory
from workers.answer_cache.shelf import Shelf
from workers.answer_cache.store import AnswerCache
from workers.answer_cache.vectors import KnownVectors
from workers.catalogue_rows import Told, VersionInForce
from workers.embed_batches import EmbedBatches
from workers.gateway.catalogue import Catalogue, CatalogueFile
from workers.gateway.clients import FollowedClients
from workers.gateway.complete import Gateway
from workers.gateway.errors import CatalogueInvalid
from workers.gateway.providers import build_provider
from workers.gateway.shared import SharedGuards
from workers.gateway.statistics import LiveStatistics
from workers.race import HedgeShare
from workers.toolbox.registry import Registry, load_registry

log = structlog.get_logger()
CATALOGUE = Path(__file__).parent / "gateway" / "catalogue.yaml"


@dataclass
class Services:
    """
    Attributes:
        version: of the catalogue; without `follow_catalogue` the shipped file alone is in force.
        sandbox: its processes start with the first use; `close` ends them.
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
    def answers(self) -> AnswerCache:
        memory = Memory(settings.ANSWER_CACHE_BYTES, clock=time.monotonic)
        vault = Vault(settings.ENCRYPTION_KEYS, purpose="answers")
        shelf = Shelf.to(settings.REDIS_URL, connections=settings.REDIS_CONNECTIONS, vault=vault)
        return AnswerCache(memory, shelf, kept_s=settings.ANSWER_CACHE_S)

    @cached_property
    def statistics(self) -> LiveStatistics:
        return LiveStatistics(time.monotonic)

    @cached_property
    def hedges(self) -> HedgeShare:
        return HedgeShare(settings.HEDGE_SHARE)

    @cached_property
    def tools(self) -> Registry:
        return load_registry(settings.EXTRA_TOOLS)

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
    def modules(self) -> Modules:
        limits = CompileLimits(wasm_bytes=settings.MODULE_BYTES, compile_s=settings.MODULE_COMPILE_S)
        return Modules(settings.MODULE_FOLDER, limits=limits, running=_limits())

    async def close(self) -> None:
        """End the sandbox's processes and the connections to providers and Redis, if there are any; stop following."""
        self.version.end()
        if "gateway" in self.__dict__:
            await self.gateway.close()
            await self._guards.close()
        if "answers" in self.__dict__:
            await self.answers.close()
        if "sandbox" in self.__dict__:
            await self.sandbox.close()


def _limits() -> Limits:
    return Limits(memory_bytes=settings.SANDBOX_MEMORY_MIB * MIB)


@cache
def services() -> Services:
    return Services()
