"""What who operates the platform says of its tools, beyond what their classes declare."""

from __future__ import annotations

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from webapp.common.tables import now

NAME = RegexValidator(r"^[A-Za-z0-9_.-]{1,64}\Z", "A tool's name: up to 64 letters, digits, dots, dashes, underscores.")


class ToolSetting(models.Model):
    """
    One tool of the platform, by its name; what is empty is as the class declares it.

    Belongs to no tenant: everybody's workers read it, and the database lets nobody write it outside the scope of a
    tenant that operates the platform. Tenants' own tools are not reached by it.
    """

    name = models.CharField(primary_key=True, max_length=64, validators=[NAME])
    is_enabled = models.BooleanField("switched on", default=True)
    dangerous = models.BooleanField(null=True, blank=True, help_text="A person must approve each call.")
    price_usd = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(0)],
        help_text="Of one call.",
    )  # fmt: skip
    rate_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Calls of one tenant; 0: not limited."
    )
    concurrency = models.PositiveIntegerField(
        null=True, blank=True, help_text="Calls of one tenant at once; 0: not limited."
    )
    timeout_s = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.001)], help_text="Of one call, in seconds."
    )
    changed_at = models.DateTimeField(db_default=now(), auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(condition=models.Q(price_usd__gte=0), name="tool_price_is_no_gift"),
            models.CheckConstraint(condition=models.Q(timeout_s__gt=0), name="tool_timeout_is_some_time"),
        ]

    def __str__(self) -> str:
        return self.name
