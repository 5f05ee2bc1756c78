"""The files of sessions: a row for each, and their bytes by content hash in the store (blobs.py)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from webapp.common.tables import TenantModel, now


class Workspace(TenantModel):
    """
    What a session's files come to. Whoever changes them locks this row first, so the sums hold whatever runs at once.

    `used_at`: when a run last had the files or anyone changed them.
    """

    session = models.OneToOneField(
        "agent_sessions.Session", primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    files = models.IntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    used_at = models.DateTimeField(db_default=now())


class Blob(TenantModel):
    """
    Bytes of a tenant in the store. The row is there before the bytes are and goes after them, so none are forgotten.

    Attributes:
        stored: all bytes are there; only then others with the same content may use it.
        check_at: since when it may be that no file has it (a database trigger says so too); the sweep looks a while
            later, and clears it when one has.
    """

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    stored = models.BooleanField(default=False)
    check_at = models.DateTimeField(null=True, db_default=now())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "sha256"], name="blob_by_hash"),
            models.Index(fields=["check_at"], name="blob_to_check", condition=models.Q(check_at__isnull=False)),
        ]

    @property
    def place(self) -> str:
        """In the store: a place of its own for each row, so that no two ever write to one."""
        return f"{self.tenant_id}/{self.sha256[:2]}/{self.sha256}-{self.pk}"


class File(TenantModel):
    """A file of a session, written last by a person (`user`) or by a step of a task."""

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    path = models.CharField(max_length=1024, db_collation="C")
    blob = models.ForeignKey(Blob, on_delete=models.RESTRICT, related_name="+")
    size_bytes = models.BigIntegerField()
    media_type = models.CharField(max_length=120)
    user = models.ForeignKey("tenants.User", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    task = models.UUIDField(null=True)
    step = models.IntegerField(null=True)
    updated_at = models.DateTimeField(db_default=now())

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "path"], name="one_file_per_path")]


class Former(TenantModel):
    """
    What a file was before a step changed it, kept until the step's task has ended, so that the change can be taken back.
    Those of a path, by id, are a chain: each has the bytes that the one before it has left.

    Attributes:
        blob: the bytes; None: there was no file.
        left_sha256: of what the step has left there; None: it has removed it.
    """

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    task = models.UUIDField()
    step = models.IntegerField()
    path = models.CharField(max_length=1024, db_collation="C")
    blob = models.ForeignKey(Blob, on_delete=models.RESTRICT, null=True, related_name="+")
    size_bytes = models.BigIntegerField(default=0)
    left_sha256 = models.CharField(max_length=64, null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["workspace", "path"], name="former_by_path"),
            models.Index(fields=["task", "step"], name="former_by_step"),
        ]


class SavedRun(TenantModel):
    """
    A step whose changes are saved, with its result: another attempt of it gives that and does not run again, since it
    would find files that it has already changed.
    """

    pk = models.CompositePrimaryKey("task", "step")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    task = models.UUIDField()
    step = models.IntegerField()
    result = models.JSONField()
    created_at = models.DateTimeField(db_default=now())
