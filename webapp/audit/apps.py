"""The audit app hears of what the admin changed."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "webapp.audit"

    def ready(self) -> None:
        from webapp.audit.services import record  # models are not ready before
        from webapp.common.admin import changed

        def heard(sender: Any, **kept: Any) -> None:
            record(**{name: kept[name] for name in ("actor", "action", "subject", "detail")})

        changed.connect(heard, weak=False, dispatch_uid="audit")
