"""Tools that a tenant brings as WebAssembly: their versions, and what checking each of them found."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from webapp.common.tables import TenantModel, now, uuid7

REASON_CHARS = 600


class State(models.TextChoices):
    """checking -> ready | refused. A worker checks: it compiles the module in a process that may be killed."""

    CHECKING = "checking"
    READY = "ready"
    REFUSED = "refused"


class ToolModule(TenantModel):
    """
    A tool by its name, for this tenant alone.

    Attributes:
        active: the number of the version in force; 0 while none is.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    name = models.CharField(max_length=60)
    is_enabled = models.BooleanField(default=True)
    active = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_tool_module_per_name")]

    def __str__(self) -> str:
        return self.name


class ModuleVersion(TenantModel):
    """
    What was uploaded; never changed. Once ready it is in force unless a later one is.

    Attributes:
        parameters: JSON schema of the arguments.
        facts: what compiling found: imports, exports, sizes, seconds.
        claimed_until: a worker is at it; if that worker is lost, another one begins after this time. It is the claim's
            fence as well.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    module = models.ForeignKey(ToolModule, on_delete=models.CASCADE, related_name="versions")
    number = models.IntegerField()
    description = models.CharField(max_length=1000)
    parameters = models.JSONField()
    wasm = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    size_bytes = models.IntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHECKING)
    reason = models.CharField(max_length=REASON_CHARS, blank=True, default="")
    facts = models.JSONField(default=dict)
    attempts = models.SmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    created_by = models.EmailField(help_text="As it was then.")
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["module", "number"], name="one_module_version_per_number")]
        indexes = [models.Index(fields=["id"], name="module_version_unchecked", condition=Q(state="checking"))]

    def __str__(self) -> str:
        return f"{self.module_id} version {self.number}"
