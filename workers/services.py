"""What the steps of one worker process share: the model gateway, the tools, the sandbox. Built when first used."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from django.conf import settings

from sandbox.keeper import Keeper
from sandbox.limits import Limits
from workers.gateway.catalogue import Catalogue, CatalogueFile
from workers.gateway.clients import FollowedClients
from workers.gateway.complete import Gateway
from workers.gateway.providers import build_provider
from workers.gateway.shared import SharedGuards
from workers.gateway.statistics import LiveStatistics
from workers.race import HedgeShare
from workers.toolbox.registry import Registry, load_registry

CATALOGUE = Path(__file__).parent / "gateway" / "catalogue.yaml"


@dataclass
class Services:
    """
    Attributes:
        sandbox: its processes start with the first use; `close` ends them.
    """

    @cached_property
    def _catalogue_file(self) -> CatalogueFile:
        return CatalogueFile(CATALOGUE, os.environ)

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
    def _guards(self) -> SharedGuards:
        return SharedGuards.to(settings.REDIS_URL, connections=settings.REDIS_CONNECTIONS)

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
            limits=Limits(),
            scratch=settings.SANDBOX_SCRATCH,
        )

    async def close(self) -> None:
        """End the sandbox's processes and the connections to providers and Redis, if there are any."""
        if "gateway" in self.__dict__:
            await self.gateway.close()
            await self._guards.close()
        if "sandbox" in self.__dict__:
            await self.sandbox.close()


@cache
def services() -> Services:
    return Services()
