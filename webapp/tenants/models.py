"""Tenants, their people and their API keys. Rights are decided in rules.py."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

from webapp.common.tables import TenantModel, now, uuid7
from webapp.tenants.rules import may_administer


class Tier(models.TextChoices):
    FREE = "free"
    PRO = "pro"
    MAX = "max"
    ENTERPRISE = "enterprise"
    ADMIN = "admin"


class Role(models.TextChoices):
    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"
    OWNER = "owner"


class AnswerCaching(models.TextChoices):
    OFF = "off", "each call is made"
    EXACT = "exact", "the same call is answered once"
    SEMANTIC = "semantic", "alike questions too"


class Tenant(models.Model):
    """The customer; owns everything below."""

    tenant_column: ClassVar[str] = "id"
    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    name = models.CharField(max_length=200)
    tier = models.CharField(max_length=20, choices=Tier.choices, default=Tier.FREE)
    is_active = models.BooleanField(default=True)
    operates_platform = models.BooleanField(default=False, help_text="Its operators see the queues of all tenants.")
    policy_revision = models.IntegerField(default=0, help_text="Grows with each change of its policies.")
    session_tokens = models.BigIntegerField(help_text="Token budget of a new session.")
    answer_cache = models.CharField(
        max_length=10,
        choices=AnswerCaching.choices,
        default=AnswerCaching.EXACT,
        db_default=AnswerCaching.EXACT,
        help_text="Whether models' answers serve again when the same is asked within the hour.",
    )
    created_at = models.DateTimeField(db_default=now())

    def __str__(self) -> str:
        return self.name


class User(AbstractBaseUser, TenantModel):
    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.USER)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=now())

    objects = BaseUserManager()
    USERNAME_FIELD = "email"

    class Meta:
        indexes = [models.Index(fields=["tenant", "created_at"])]

    def __str__(self) -> str:
        return self.email

    # What Django's admin asks of a user; the roles answer.

    @property
    def is_staff(self) -> bool:
        return self.role != Role.USER

    def may_administer(self, model: str, verb: str) -> bool:
        return may_administer(self.role, model, verb)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        verb, _, model = perm.rpartition(".")[2].partition("_")
        return self.is_active and may_administer(self.role, model, verb)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


class ApiKey(TenantModel):
    """A bearer secret, kept as its SHA-256: 256 random bits need no slow hash."""

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    key_prefix = models.CharField(max_length=8)
    key_sha256 = models.BinaryField(unique=True)
    scopes = ArrayField(models.CharField(max_length=50), default=list)
    is_active = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=now())

    def __str__(self) -> str:
        return f"{self.name} ({self.key_prefix}…)"


class RefreshToken(TenantModel):
    """
    One link of a chain that begins with a sign-in: each use spends it and makes the next.

    A spent one that comes back was stolen, from us or from them: its whole `family` ends.
    """

    id = models.UUIDField(primary_key=True, db_default=uuid7(), editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    family = models.UUIDField()
    token_sha256 = models.BinaryField(unique=True)
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        indexes = [models.Index(fields=["family"])]


class SignInAttempt(models.Model):
    """
    A failed or unfinished sign-in, kept for as long as it counts towards a lock-out.

    Belongs to no tenant: whose address it is isn't known yet, and is kept as a hash only.
    """

    id = models.BigAutoField(primary_key=True)
    email_sha256 = models.BinaryField()
    address = models.CharField(max_length=45)
    created_at = models.DateTimeField(db_default=now())

    class Meta:
        indexes = [models.Index(fields=["email_sha256", "created_at"]), models.Index(fields=["address", "created_at"])]
