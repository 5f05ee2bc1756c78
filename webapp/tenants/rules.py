"""Who may do what: roles, scopes, the form of keys. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from webapp.common.errors import HartleyError

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
    "budgets:read",
    "budgets:write",
    "policies:read",
    "policies:write",
    "audit:read",
    "queues:read",
    "queues:manage",
    "freezes:write",
)
ANYONE = "signed in"  # what a route asks for that every credential may use; no credential carries it
PLATFORM_SCOPES = frozenset({"queues:read", "queues:manage"})  # queues carry the work of all tenants
_WORK = frozenset(SCOPES[:5])
_WATCH = _WORK | {"budgets:read", "policies:read", "audit:read", "queues:read", "freezes:write"}
ROLE_SCOPES: dict[str, frozenset[str]] = {
    "user": _WORK,
    "operator": _WATCH,
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
    "policymodule": {
        "view": frozenset({"operator", "admin", "owner"}),
        **dict.fromkeys(("add", "change"), frozenset({"admin", "owner"})),
    },
    "policyversion": {"view": frozenset({"operator", "admin", "owner"}), "activate": frozenset({"admin", "owner"})},
    "prompttemplate": {"view": frozenset({"operator", "admin", "owner"})},
    "freeze": dict.fromkeys(("view", "add", "thaw"), frozenset({"operator", "admin", "owner"})),
    "catalogueversion": {
        "view": frozenset({"operator", "admin", "owner"}),
        **dict.fromkeys(("add", "activate"), frozenset({"admin", "owner"})),
    },
    "cataloguesnapshot": {"view": frozenset({"operator", "admin", "owner"})},
    "toolsetting": {
        "view": frozenset({"operator", "admin", "owner"}),
        **dict.fromkeys(("add", "change"), frozenset({"admin", "owner"})),
    },
    "providerkey": dict.fromkeys(("view", "add", "remove"), frozenset({"admin", "owner"})),
    "auditentry": {"view": frozenset({"admin", "owner"})},
    "policydecision": {"view": frozenset({"operator", "admin", "owner"})},
}
RANK = {"user": 0, "operator": 1, "admin": 2, "owner": 3}


def scopes_of(role: str, *, operates_platform: bool) -> frozenset[str]:
    """What a role may do in its tenant; only the tenant that runs the platform sees what all tenants share."""
    return ROLE_SCOPES[role] if operates_platform else ROLE_SCOPES[role] - PLATFORM_SCOPES


class ScopeMissing(HartleyError):
    """The credential may not do this, whatever else it may."""

    code = "forbidden"
    status = 403

    def __init__(self, scope: str, why: str = "") -> None:
        super().__init__(f"The credential lacks the scope {scope}" + (f": {why}" if why else ""))


@dataclass(frozen=True)
class Principal:
    """Who is calling, from the credential alone. `key_id` is the API key used, None for a person signed in."""

    tenant_id: UUID
    user_id: UUID
    role: str
    scopes: frozenset[str]
    tier: str
    email: str
    key_id: UUID | None = None

    def may(self, scope: str | None) -> bool:
        """None is what a route that names no scope asks for: nobody may."""
        return scope == ANYONE or scope in self.scopes

    def require(self, scope: str, *, why: str = "") -> None:
        """
        Raises:
            ScopeMissing
        """
        if not self.may(scope):
            raise ScopeMissing(scope, why)

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


def locked_s(left_s: list[float], limit: int) -> float:
    """
    How long until another attempt is looked at; zero when this one is.

    Args:
        left_s: for how long each attempt still counts, the oldest first, this one included.
        limit: so many within the window are looked at.
    """
    over = len(left_s) - limit
    return left_s[over - 1] if over > 0 else 0.0
