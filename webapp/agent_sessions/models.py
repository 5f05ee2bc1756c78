"""Sessions: one conversation or piece of work, with its own budget. Conversations: each message stored once."""

from __future__ import annotations

from django.db import models

from webapp.common.tables import TenantModel, now, uuid7


class Session(TenantModel):
    """`external_id` is the name that a client chose; two users may choose the same."""

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(
        "tenants.User", on_delete=models.CASCADE, related_name="+", db_index=False
    )  # no index of their own: those below begin with each of them
    external_id = models.CharField(max_length=128, null=True)
    title = models.CharField(max_length=60, blank=True)
    context = models.JSONField(default=dict)
    conversation = models.CharField(
        max_length=64, blank=True, db_default="", help_text="The last message that its tasks have added."
    )
    created_at = models.DateTimeField(db_default=now())
    updated_at = models.DateTimeField(db_default=now())
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "user", "-created_at"])]
        constraints = [
            models.UniqueConstraint(fields=["user", "external_id"], name="one_session_per_external_id"),
        ]


class ConversationNode(TenantModel):
    """
    A message after all that was said before it, so that a conversation is the key of its last node, and what two of them
    begin with is stored once. Written once, never changed.

    `sha256` is of the parent's key and the message; see conversations.py.
    """

    pk = models.CompositePrimaryKey("tenant_id", "sha256")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    sha256 = models.CharField(max_length=64)
    parent = models.CharField(max_length=64, blank=True, help_text="Key of the message before; empty: it is the first.")
    role = models.CharField(max_length=12)
    chars = models.IntegerField(help_text="What counts of it for the window.")
    message = models.JSONField()
    created_at = models.DateTimeField(db_default=now())


class ConversationSummary(TenantModel):
    """
    What stands for the older messages of a conversation up to and with `node`, in windows called `parameters`.

    `model` is empty where no model could be asked and it is an extract. `task` and `step` have made it.
    """

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    node = models.CharField(max_length=64)
    parameters = models.CharField(max_length=80)
    messages = models.IntegerField(help_text="For so many it stands.")
    text = models.TextField()
    provider = models.CharField(max_length=60, blank=True)
    model = models.CharField(max_length=120, blank=True)
    task = models.UUIDField()
    step = models.IntegerField()
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "node", "parameters"], name="one_summary_per_conversation")
        ]
