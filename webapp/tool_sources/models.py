"""Where a tenant's further tools come from, and which tools were found there."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from webapp.common.tables import TenantModel, now, uuid7
from webapp.common.values import JSON
from webapp.tool_sources import review

REASON_CHARS = 600


class Kind(models.TextChoices):
    MCP = "mcp", "MCP server"
    OPENAPI = "openapi", "OpenAPI document"


class State(models.TextChoices):
    """checking -> ready | failed; looked at again, checking again. A worker looks: it asks the source for its tools."""

    CHECKING = "checking"
    READY = "ready"
    FAILED = "failed"


class ToolSource(TenantModel):
    """
    An MCP server or an OpenAPI document, for this tenant alone. Its tools are called `{name}_{tool}`.

    Attributes:
        address: of the server, or of the document; "" for one that has none (a server over stdio, a document given as
            text).
        settings: what `rules` has checked for this kind: how to sign in, which tools, limits.
        document: as given, for a source without an address of its own.
        sealed: the secret of signing in (webapp.tool_sources.vault); written and used, never shown.
        tools: as found last: `{"name", "description", "parameters", "call"}`, where `call` is what this kind needs to
            call it. They stay while a later look fails.
        accepted: the tools that a person wants (webapp.tool_sources.review); null: those that the next look finds, since
            somebody has registered or moved the source.
        left_out: what was found and can't be a tool: `{"name", "reason"}`.
        revision: goes up whenever what agents may call changes.
        attempts: looks in a row that failed or were lost.
        look_at: when it is looked at next; null: only when somebody asks.
        claimed_until: a worker is at it; if that worker is lost, another one begins after this time. It is the claim's
            fence as well.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=30)
    address = models.CharField(max_length=2000, blank=True, default="")
    settings = models.JSONField(default=dict)
    document = models.TextField(blank=True, default="")
    sealed = models.BinaryField(null=True)
    is_enabled = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHECKING)
    reason = models.CharField(max_length=REASON_CHARS, blank=True, default="")
    tools = models.JSONField(default=list)
    accepted = models.JSONField(null=True)
    left_out = models.JSONField(default=list)
    revision = models.IntegerField(default=0)
    attempts = models.SmallIntegerField(default=0)
    look_at = models.DateTimeField(null=True, db_default=now())
    claimed_until = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    created_by = models.EmailField(help_text="As it was then.")
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_tool_source_per_name")]
        indexes = [models.Index(fields=["look_at"], name="tool_source_due", condition=Q(look_at__isnull=False))]

    def __str__(self) -> str:
        return self.name

    @property
    def wanted(self) -> list[JSON] | None:
        """What a person has accepted; None: whatever is found counts."""
        return None if self.settings.get("trust_changes") else self.accepted

    @property
    def usable(self) -> list[JSON]:
        """What agents have, while it is switched on."""
        return review.still_there(self.wanted, self.tools)

    @property
    def waiting(self) -> list[review.Waiting]:
        """What a person is to accept."""
        return review.waiting(self.wanted, self.tools)

    @property
    def gone(self) -> list[str]:
        """What was accepted and is not there."""
        return review.gone(self.wanted, self.tools)
