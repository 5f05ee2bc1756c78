"""Changes a tenant's modules: uploaded, switched on and off, an earlier version in force again, removed."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Sum

from webapp.audit.services import record
from webapp.common.errors import Conflict, Invalid, NotFound
from webapp.common.values import JSON
from webapp.tenants.models import Tenant, User
from webapp.tool_modules.models import ModuleVersion, State, ToolModule
from webapp.tool_modules.rules import check_description, check_name, check_wasm
from webapp.tool_modules.selectors import find_module

UNCHECKED = 5  # uploads of one tenant at once: checking one may take a core for its whole time
VERSIONS = 100  # of one module


@transaction.atomic
def upload(*, actor: User, name: Any, description: Any, parameters: JSON, wasm: bytes) -> ModuleVersion:
    """
    A new version, to be checked by a worker; it is in force when that finds nothing against it. In the tenant's scope.

    Args:
        parameters: checked by `rules.check_parameters`.
    Raises:
        Invalid: nothing is saved.
        Conflict: several uploads of this tenant are still being checked.
    """
    name, description = check_name(name), check_description(description)
    wasm = check_wasm(wasm, settings.MODULE_BYTES)
    Tenant.objects.select_for_update(no_key=True).get(id=actor.tenant_id)  # two at once would pass the limits
    _check_room(actor, name, len(wasm))
    module, _ = ToolModule.objects.get_or_create(tenant_id=actor.tenant_id, name=name)
    newest = module.versions.aggregate(newest=Max("number"))["newest"] or 0
    made = ModuleVersion.objects.create(
        tenant_id=actor.tenant_id,
        module=module,
        number=newest + 1,
        description=description,
        parameters=parameters,
        wasm=wasm,
        sha256=hashlib.sha256(wasm).hexdigest(),
        size_bytes=len(wasm),
        created_by=actor.email,
    )
    detail = {"version": made.number, "sha256": made.sha256, "size_bytes": made.size_bytes}
    record(actor=actor, action="tool_module.uploaded", subject=name, detail=detail)
    return made


@transaction.atomic
def switch(*, actor: User, name: str, on: Any) -> ToolModule:
    """
    Raises:
        NotFound
        Invalid
    """
    if not isinstance(on, bool):
        raise Invalid(field="is_enabled", message="must be true or false")
    module = find_module(actor.tenant_id, name)
    if ToolModule.objects.filter(id=module.id).exclude(is_enabled=on).update(is_enabled=on):
        record(actor=actor, action="tool_module.switched", subject=name, detail={"is_enabled": on})
    return find_module(actor.tenant_id, name)


@transaction.atomic
def put_in_force(*, actor: User, name: str, number: Any) -> ToolModule:
    """
    Raises:
        NotFound: no such module, or no such version.
        Invalid: it is no number.
        Conflict: the version is not ready.
    """
    if type(number) is not int:
        raise Invalid(field="version", message="must be a whole number")
    module = find_module(actor.tenant_id, name)
    version = next((each for each in module.versions.all() if each.number == number), None)
    if version is None:
        raise NotFound("version of the tool module")
    if version.state != State.READY:
        raise Conflict(f"Version {version.number} is {version.state}")
    ToolModule.objects.filter(id=module.id).update(active=version.number)
    detail = {"before": module.active, "version": version.number}
    record(actor=actor, action="tool_module.activated", subject=name, detail=detail)
    return find_module(actor.tenant_id, name)


@transaction.atomic
def remove(*, actor: User, name: str) -> None:
    """
    With all its versions; calls under way end as they would have.

    Raises:
        NotFound
    """
    module = find_module(actor.tenant_id, name)
    detail = {"versions": len(module.versions.all())}
    module.delete()
    record(actor=actor, action="tool_module.removed", subject=name, detail=detail)


def _check_room(actor: User, name: str, size_bytes: int) -> None:
    modules = ToolModule.objects.filter(tenant_id=actor.tenant_id)
    if modules.count() >= settings.MODULES_PER_TENANT and not modules.filter(name=name).exists():
        raise Invalid(field="name", message=f"a tenant has at most {settings.MODULES_PER_TENANT} modules")
    versions = ModuleVersion.objects.filter(tenant_id=actor.tenant_id)
    if versions.filter(state=State.CHECKING).count() >= UNCHECKED:
        raise Conflict(f"{UNCHECKED} uploads are being checked: wait for one of them")
    if versions.filter(module__name=name).count() >= VERSIONS:
        raise Invalid(field="name", message=f"{name} has {VERSIONS} versions: remove it, or choose another name")
    held = versions.aggregate(held=Sum("size_bytes"))["held"] or 0
    if held + size_bytes > settings.MODULES_BYTES:
        message = f"all versions together would have {held + size_bytes} bytes; the limit is {settings.MODULES_BYTES}"
        raise Invalid(field="wasm", message=message)
