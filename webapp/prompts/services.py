"""Changes a tenant's templates: a version is checked before it is saved, in force for new tasks at once, and kept."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from webapp.audit.services import record
from webapp.common.errors import Invalid
from webapp.common.values import storable
from webapp.prompts.models import PromptInForce, PromptTemplate
from webapp.prompts.rules import KINDS, NOTE_CHARS, check
from webapp.prompts.selectors import find_version, text_of
from webapp.tenants.models import User


def check_new(*, name: Any, text: Any, note: Any = "") -> tuple[str, str, str]:
    """
    The three as they are kept.

    Raises:
        Invalid
    """
    if not isinstance(name, str) or name not in KINDS:
        raise Invalid(field="name", message=f"must be one of {', '.join(KINDS)}")
    if not isinstance(text, str):
        raise Invalid(field="text", message="must be a string")
    if not isinstance(note, str) or len(note) > NOTE_CHARS:
        raise Invalid(field="note", message=f"must be a string of at most {NOTE_CHARS} characters")
    text = text.replace("\r\n", "\n").strip("\n")
    check(name, text, settings.PROMPT_CHARS)
    return name, text, storable(note.strip())


@transaction.atomic
def save_version(*, actor: User, name: Any, text: Any, note: Any = "") -> PromptTemplate:
    """
    A new version, in force for tasks that are submitted from now on. Within the tenant's scope.

    Raises:
        Invalid: nothing is saved.
    """
    name, text, note = check_new(name=name, text=text, note=note)
    in_force = _locked(actor, name)
    if text == text_of(actor.tenant_id, name, in_force.version):
        raise Invalid(field="text", message="is what is in force already")
    versions = PromptTemplate.objects.filter(tenant_id=actor.tenant_id, name=name)
    newest = versions.aggregate(newest=Max("version"))["newest"] or 0
    made = PromptTemplate.objects.create(
        tenant_id=actor.tenant_id, name=name, version=newest + 1, text=text, note=note, created_by=actor.email
    )
    _put(actor, in_force, made.version, "prompt.saved", note)
    return made


@transaction.atomic
def put_in_force(*, actor: User, name: str, version: str) -> PromptTemplate:
    """
    An earlier version again, or the shipped one. Within the tenant's scope.

    Raises:
        NotFound
        Invalid: this release has other rules, which the version breaks.
    """
    found = find_version(actor.tenant_id, name, version)
    check(name, found.text, max(settings.PROMPT_CHARS, len(found.text)))
    in_force = _locked(actor, name)
    if in_force.version != found.version:
        _put(actor, in_force, found.version, "prompt.activated", found.note)
    return found


def _locked(actor: User, name: str) -> PromptInForce:
    """What is in force, until the transaction ends."""
    row, _ = PromptInForce.objects.select_for_update().get_or_create(tenant_id=actor.tenant_id, name=name)
    return row


def _put(actor: User, row: PromptInForce, version: int, action: str, note: str) -> None:
    before, row.version = row.version, version
    row.save(update_fields=["version"])
    record(actor=actor, action=action, subject=row.name, detail={"before": before, "version": version, "note": note})
