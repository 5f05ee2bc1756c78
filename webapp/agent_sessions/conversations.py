"""Stores conversations as a tree of messages by content hash: a whole history that is sent again adds only what is new."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connections

from webapp.agent_sessions.models import ConversationNode
from webapp.agent_sessions.window import Weight, chars_of
from webapp.common.errors import NotFound
from webapp.common.tenancy import one_statement
from webapp.common.values import JSON, storable

KEEP = """
WITH kept AS (
  INSERT INTO agent_sessions_conversationnode (tenant_id, sha256, parent, role, chars, message)
  SELECT %s::uuid, sha256, parent, role, chars, message
    FROM jsonb_to_recordset(%s::jsonb) AS n(sha256 text, parent text, role text, chars int, message jsonb)
  ON CONFLICT DO NOTHING RETURNING 1
) SELECT count(*) FROM kept
"""
BACK = """
WITH RECURSIVE back AS (
  SELECT sha256, parent, role, chars, pg_column_size(message) AS bytes, 1 AS place FROM agent_sessions_conversationnode
   WHERE tenant_id = %s AND sha256 = %s
  UNION ALL
  SELECT n.sha256, n.parent, n.role, n.chars, pg_column_size(n.message), place + 1 FROM back b
    JOIN agent_sessions_conversationnode n ON n.tenant_id = %s AND n.sha256 = b.parent
) SELECT sha256, parent, role, chars, bytes FROM back ORDER BY place DESC
"""


@dataclass(frozen=True)
class Place:
    """A message of a conversation, without its text. `stored_bytes`: of the text, as it is compressed."""

    key: str
    weight: Weight
    stored_bytes: int = 0


def node_key(parent: str, message: Mapping[str, Any]) -> str:
    """Of a message after those that `parent` ends, the empty text for none."""
    canonical = json.dumps(message, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{parent}{canonical}".encode()).hexdigest()


def keep(tenant: UUID, messages: Iterable[Mapping[str, Any]], parent: str = "") -> str:
    """
    Store what of it is new, in one statement; returns the conversation's key. Told twice it is the same.

    Args:
        parent: the conversation that the messages go on with.
    """
    nodes: list[JSON] = []
    for message in storable(list(messages)):
        key = node_key(parent, message)
        nodes.append(
            {"sha256": key, "parent": parent, "role": message["role"], "chars": chars_of(message), "message": message}
        )
        parent = key
    if nodes:
        one_statement(tenant, KEEP, [tenant, json.dumps(nodes)])
    return parent


def places_of(tenant: UUID, key: str) -> list[Place]:
    """
    The messages of a conversation in their order; none for the empty key.

    Raises:
        NotFound: of this tenant.
    """
    if not key:
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute(BACK, [tenant, key, tenant])
        rows = cursor.fetchall()
    if not rows or rows[0][1]:
        raise NotFound("conversation")
    return [Place(sha256, Weight.of(role, chars), size) for sha256, _, role, chars, size in rows]


def messages_at(tenant: UUID, places: Sequence[Place]) -> list[JSON]:
    """As they were said, in the order of their places."""
    wanted = [place.key for place in places]
    rows = ConversationNode.objects.filter(tenant_id=tenant, sha256__in=wanted).values_list("sha256", "message")
    found = dict(rows)
    return [found[key] for key in wanted]


def whole(tenant: UUID, key: str) -> list[JSON]:
    """
    Raises:
        NotFound: of this tenant.
    """
    return messages_at(tenant, places_of(tenant, key))
