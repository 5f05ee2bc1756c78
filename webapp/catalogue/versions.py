"""Changes the platform's catalogue: a version is checked before it is saved, in force at once, and kept."""

from __future__ import annotations

import difflib

from django.conf import settings
from django.db import connections, transaction
from django.db.models import Max

from webapp.audit.services import record
from webapp.catalogue.models import CatalogueVersion
from webapp.common.apart import ask_apart
from webapp.common.errors import HartleyError, Invalid, NotFound
from webapp.tenants.models import User


class CatalogueRefused(HartleyError):
    """The catalogue that would come of it is wrong; the message names the entry. Nothing was saved."""

    code = "catalogue.invalid"
    status = 400


class NotThePlatforms(HartleyError):
    """The catalogue is one for all tenants: the tenant that operates the platform changes it."""

    code = "forbidden"
    status = 403

    def __init__(self) -> None:
        super().__init__("Only the tenant that operates the platform changes the catalogue")


def check(source: str) -> None:
    """
    Lay it over the shipped file and check the whole, in a process of its own, which may hang or crash. A version that
    holds a key is refused too, as it is kept and shown.

    Raises:
        Invalid: too long.
        CatalogueRefused
    """
    limit = settings.CATALOGUE_SOURCE_CHARS
    if len(source) > limit:
        raise Invalid(field="source", message=f"has {len(source)} characters; the limit is {limit}")
    asked = {"more": source, "environment": settings.ENVIRONMENT}
    try:
        answer = ask_apart("workers.gateway.check", asked, within_s=settings.CATALOGUE_CHECK_S)
    except TimeoutError:
        raise CatalogueRefused(f"It can't be checked within {settings.CATALOGUE_CHECK_S:g} s") from None
    except ValueError:
        raise CatalogueRefused("Checking it ended the process that checks; simplify it") from None
    if "error" in answer:
        raise CatalogueRefused(answer["error"])


def check_new(source: str) -> None:
    """
    What a new version must be.

    Raises:
        Invalid, CatalogueRefused
    """
    _refuse_the_same(CatalogueVersion.objects.filter(active=True).first(), source)
    check(source)


def _refuse_the_same(before: CatalogueVersion | None, source: str) -> None:
    if before and before.source == source:
        raise Invalid(field="source", message=f"is what version {before.number} says, which is in force")


@transaction.atomic
def save_version(*, actor: User, source: str, note: str = "") -> CatalogueVersion:
    """
    A new version, in force at once. Within the scope of the actor's tenant.

    Raises:
        Invalid, CatalogueRefused, NotThePlatforms: nothing is saved.
    """
    _check_may(actor)
    check(source)
    before = _locked()
    _refuse_the_same(before, source)
    newest = CatalogueVersion.objects.aggregate(newest=Max("number"))["newest"] or 0
    CatalogueVersion.objects.filter(active=True).update(active=False)
    made = CatalogueVersion.objects.create(
        number=newest + 1, source=source, note=note, author_email=actor.email, active=True
    )
    detail = {"before": before.number if before else None, "version": made.number, "note": note}
    record(actor=actor, action="catalogue.saved", subject="catalogue", detail=detail)
    return made


@transaction.atomic
def activate_version(*, actor: User, number: int) -> None:
    """
    Put an earlier version in force again. Within the scope of the actor's tenant.

    Raises:
        NotFound
        CatalogueRefused: it does not fit the shipped file any more.
        NotThePlatforms
    """
    _check_may(actor)
    version = CatalogueVersion.objects.filter(number=number).first()
    if version is None:
        raise NotFound("catalogue version")
    check(version.source)
    before = _locked()
    CatalogueVersion.objects.filter(active=True).update(active=False)
    CatalogueVersion.objects.filter(number=number).update(active=True)
    detail = {"before": before.number if before else None, "version": number}
    record(actor=actor, action="catalogue.activated", subject="catalogue", detail=detail)


def difference(before: str | None, after: str) -> str:
    """Of two texts, as unified diff; of a first version all of its lines are new."""
    lines = difflib.unified_diff((before or "").splitlines(), after.splitlines(), "before", "after", lineterm="")
    return "\n".join(lines)


def _check_may(actor: User) -> None:
    if not actor.tenant.operates_platform:
        raise NotThePlatforms


def _locked() -> CatalogueVersion | None:
    """What is in force, until the transaction ends. Whoever comes meanwhile waits, also while there is none to lock."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('versions of the catalogue', 0))")
    return CatalogueVersion.objects.filter(active=True).first()
