"""Events: what happened to a task, numbered without gaps, written in the transaction that did it."""

from __future__ import annotations

from django.db import models

from webapp.common.tables import EngineModel, now


class Event(EngineModel):
    pk = models.CompositePrimaryKey("task_id", "seq")
    seq = models.IntegerField()
    type = models.CharField(max_length=40)
    agent_id = models.CharField(max_length=60, blank=True)
    message = models.TextField(blank=True)
    payload = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=now())
