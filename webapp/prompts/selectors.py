"""Reads templates: what is in force, what a version says, which versions there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q

from webapp.common.errors import NotFound
from webapp.prompts.models import PromptInForce, PromptTemplate
from webapp.prompts.release import all_shipped, shipped
from webapp.prompts.rules import KINDS, SHIPPED

DIGITS = 9  # of a version that can be there


@dataclass(frozen=True)
class Current:
    """
    A template as new tasks get it.

    Attributes:
        version: 0 is the shipped one.
        versions: how many of its own the tenant has.
    """

    name: str
    version: int
    text: str
    versions: int


def pins(tenant: UUID) -> dict[str, int]:
    """`{"agent": 3}`: what a task that is submitted now would be pinned to."""
    rows = PromptInForce.objects.filter(tenant_id=tenant, version__gt=0, name__in=KINDS)
    return dict(rows.values_list("name", "version"))


def current(tenant: UUID) -> list[Current]:
    """Every template, in the order in which a run uses them."""
    in_force, numbers = pins(tenant), _numbers(tenant)
    texts = texts_of(tenant, in_force)
    return [Current(name, in_force.get(name, 0), texts[name], numbers.get(name, 0)) for name in KINDS]


def find_current(tenant: UUID, name: str) -> Current:
    """
    Raises:
        NotFound: no such template.
    """
    found = next((each for each in current(tenant) if each.name == name), None)
    if found is None:
        raise NotFound("prompt")
    return found


def texts_of(tenant: UUID, pinned: Mapping[str, int]) -> dict[str, str]:
    """
    All templates by name, those that are pinned at their versions; one query for all of the tenant's own, none without.

    Raises:
        NotFound: a version that never was.
    """
    own = {name: version for name, version in pinned.items() if name in KINDS and version}
    either = reduce(or_, (Q(name=name, version=version) for name, version in own.items()), Q(pk__in=[]))
    found = dict(PromptTemplate.objects.filter(either, tenant_id=tenant).values_list("name", "text"))
    if found.keys() != own.keys():
        raise NotFound("prompt version")
    return all_shipped() | found


def text_of(tenant: UUID, name: str, version: int) -> str:
    """
    Args:
        version: 0 is the shipped one.
    Raises:
        NotFound
    """
    return find_version(tenant, name, str(version)).text if version else shipped(name)


def versions_of(tenant: UUID, name: str) -> list[PromptTemplate]:
    """The tenant's own, the newest first, without their texts."""
    return list(PromptTemplate.objects.filter(tenant_id=tenant, name=name).defer("text").order_by("-version"))


def find_version(tenant: UUID, name: str, version: str) -> PromptTemplate:
    """
    Args:
        version: a number, or `shipped`, which has the number 0, no author and no time.
    Raises:
        NotFound: also for another tenant's.
    """
    if name in KINDS and version == SHIPPED:
        none: Any = None
        return PromptTemplate(tenant_id=tenant, name=name, version=0, text=shipped(name), created_at=none)
    known = version.isascii() and version.isdecimal() and len(version) <= DIGITS
    rows = PromptTemplate.objects.filter(tenant_id=tenant, name=name)
    found = rows.filter(version=int(version)).first() if known else None
    if found is None:
        raise NotFound("prompt version")
    return found


def _numbers(tenant: UUID) -> dict[str, int]:
    """How many versions there are, by name: they have no gaps."""
    newest = PromptTemplate.objects.filter(tenant_id=tenant).order_by("name", "-version").distinct("name")
    return dict(newest.values_list("name", "version"))
