"""Who may do what: roles, scopes, the form of keys. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

SCOPES = (
    "workflows:read",
    "workflows:write",
    "agents:execute",
    "sessions:read",
    "sessions:write",
    "api_keys:manage",
    "users:manage",
    "tenant:manage",
    "skills:dangerous",
    "queues:read",
)
_WORK = frozenset(SCOPES[:5])
ROLE_SCOPES: dict[str, frozenset[str]] = {
    "user": _WORK,
    "operator": _WORK | {"queues:read"},
    "admin": frozenset(SCOPES) - {"tenant:manage"},
    "owner": frozenset(SCOPES),
}
PERMISSIONS: dict[str, frozenset[str]] = {
    "user": frozenset(),
    "operator": frozenset({"code_execution"}),
    "admin": frozenset({"code_execution"}),
    "owner": frozenset({"code_execution"}),
}
KEY_LEAST_CHARS = 8
ADMINISTRATION: dict[str, dict[str, frozenset[str]]] = {
    # model -> verb -> roles; what stands here is all that the admin allows
    "tenant": {"view": frozenset({"operator", "admin", "owner"}), "change": frozenset({"owner"})},
    "user": dict.fromkeys(("view", "add", "change"), frozenset({"admin", "owner"})),
    "apikey": dict.fromkeys(("view", "change"), frozenset({"admin", "owner"})),
    "envelope": {"view": frozenset({"operator", "admin", "owner"}), "change": frozenset({"admin", "owner"})},
    "ledgerentry": {"view": frozenset({"operator", "admin", "owner"})},
    "auditentry": {"view": frozenset({"admin", "owner"})},
    "policydecision": {"view": frozenset({"operator", "admin", "owner"})},
}
RANK = {"user": 0, "operator": 1, "admin": 2, "owner": 3}


@dataclass(frozen=True)
class Principal:
    """Who is calling, from the credential alone."""

    tenant_id: UUID
    user_id: UUID
    role: str
    scopes: frozenset[str]
    tier: str
    email: str

    @property
    def watches(self) -> UUID | None:
        """Whose tasks they see: None means the whole tenant's, which operators and up look after."""
        return self.user_id if self.role == "user" else None

    @property
    def permissions(self) -> frozenset[str]:
        return PERMISSIONS[self.role]

    # What Django REST framework asks of a user.
    @property
    def is_authenticated(self) -> bool:
        return True


def normalised_key(raw: str) -> str | None:
    """`sk-shannon-abc` and `abc` both mean `sk_abc`; None when too short to be a key."""
    key = re.sub(r"^sk-shannon-", "", raw.strip())
    key = key if key.startswith("sk_") else f"sk_{key}"
    return key if len(key) >= KEY_LEAST_CHARS else None


def key_hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def may_administer(role: str, model: str, verb: str) -> bool:
    return role in ADMINISTRATION.get(model, {}).get(verb, frozenset())


def grantable_roles(own: str) -> list[str]:
    """Nobody makes someone more than they are themselves."""
    return [role for role, rank in RANK.items() if rank <= RANK[own]]
