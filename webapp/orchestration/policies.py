"""Changes what governs a tenant: its own policy modules. Checked before saved, versioned, audited.

Workers compare the tenant's `policy_revision`, which each change raises in its own transaction.
"""

from __future__ import annotations

import re
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max

from webapp.audit.services import record
from webapp.common.apart import ask_apart
from webapp.common.errors import HartleyError, Invalid, NotFound
from webapp.decisions.models import Mode, PolicyModule, PolicyVersion
from webapp.tenants.models import Tenant, User

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


class PolicyRefused(HartleyError):
    """The module can't be put in force; the message has its line. Nothing was saved."""

    code = "policy.invalid"
    status = 400


def check(*, name: str, source: str) -> None:
    """
    Compile and try the module in a process of its own, which may hang or crash.

    Raises:
        Invalid: the name or the length.
        PolicyRefused
        TooManyAtOnce
    """
    if not NAME.fullmatch(name):
        raise Invalid(field="name", message="must be 1 to 60 of a-z, 0-9 and _, beginning with a letter")
    if len(source) > settings.POLICY_SOURCE_CHARS:
        raise Invalid(
            field="source", message=f"has {len(source)} characters; the limit is {settings.POLICY_SOURCE_CHARS}"
        )
    _try_apart(name, source)


@lru_cache(maxsize=64)  # what has passed, passes when it is saved a moment later
def _try_apart(name: str, source: str) -> None:
    asked = {"name": name, "source": source}
    try:
        answer = ask_apart("policies.check", asked, within_s=settings.POLICY_CHECK_S)
    except TimeoutError:
        raise PolicyRefused(f"{name}: it can't be compiled within {settings.POLICY_CHECK_S:g} s") from None
    except ValueError:
        raise PolicyRefused(f"{name}: compiling it ended the policy engine; simplify it") from None
    if "error" in answer:
        raise PolicyRefused(answer["error"])


@transaction.atomic
def save_module(*, actor: User, name: str, source: str, mode: str = Mode.ENFORCE, note: str = "") -> PolicyModule:
    """
    A new module or a new version, in force at once. Within the tenant's scope.

    Raises:
        Invalid, PolicyRefused: nothing is saved.
    """
    if mode not in Mode.values:
        raise Invalid(field="mode", message=f"must be one of {', '.join(Mode.values)}")
    check(name=name, source=source)
    modules = PolicyModule.objects.filter(tenant_id=actor.tenant_id)
    if modules.count() >= settings.POLICY_MODULES and not modules.filter(name=name).exists():
        raise Invalid(field="name", message=f"a tenant may have at most {settings.POLICY_MODULES} modules")
    module, _ = PolicyModule.objects.select_for_update().get_or_create(tenant_id=actor.tenant_id, name=name)
    before = {"mode": module.mode, "version": module.active}
    current = module.versions.filter(number=module.active).first()
    if current is None or current.source != source:
        newest = module.versions.aggregate(newest=Max("number"))["newest"] or 0
        PolicyVersion.objects.create(
            tenant_id=actor.tenant_id,
            module=module,
            number=newest + 1,
            source=source,
            note=note,
            author_email=actor.email,
        )
        module.active = newest + 1
    module.mode = mode
    module.save(update_fields=["mode", "active"])
    _changed(actor, "policy.saved", name, {"before": before, "mode": mode, "version": module.active, "note": note})
    return module


@transaction.atomic
def activate_version(*, actor: User, module: PolicyModule, number: int) -> None:
    """
    Put an earlier version in force again. Within the tenant's scope.

    Raises:
        NotFound
        PolicyRefused: it does not compile any more.
    """
    version = module.versions.filter(number=number).first()
    if version is None:
        raise NotFound("policy version")
    check(name=module.name, source=version.source)
    before, module.active = module.active, number
    module.save(update_fields=["active"])
    _changed(actor, "policy.activated", module.name, {"before": before, "version": number})


def _changed(actor: User, action: str, subject: str, detail: dict[str, object]) -> None:
    Tenant.objects.filter(id=actor.tenant_id).update(policy_revision=F("policy_revision") + 1)
    record(actor=actor, action=action, subject=subject, detail=detail)
