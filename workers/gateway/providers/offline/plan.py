"""The plan: which agents, with what to find out. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workers.gateway.providers.offline.work import CODE_LIMIT_CHARS, Item, items_of, kind_of
from workers.gateway.types import FileRef

PROFILE = "Profile the attached data: columns, types, missing values and statistics."
SUBTASKS_LIMIT = 5  # of a request that names none
ROLES = {"data": "analyst", "sum": "calculator", "code": "programmer", "unknown": "writer"}


def plan_text(query: str, files: Sequence[FileRef], limit: int) -> str:
    """
    The plan as JSON: each thing asked of the data beside a profile of it; sums together; code by itself.

    Nothing depends on anything else, so all of it runs side by side.
    """
    subtasks = [(ROLES[item.kind], _description(item)) for item in _joined(items_of(query, files))]
    if any(kind_of(file) for file in files) and not any(_is_profile(item) for item in items_of(query, files)):
        subtasks.insert(0, ("analyst", PROFILE))
    subtasks = _folded(
        _numbered(subtasks) or [("writer", " ".join(query.split())[:CODE_LIMIT_CHARS] or "Answer.")],
        limit,
    )
    plan = [
        {"id": f"a{number}", "description": text, "role": role, "depends_on": []}
        for number, (role, text) in enumerate(subtasks, 1)
    ]
    return json.dumps({"subtasks": plan})


def _joined(items: list[Item]) -> list[Item]:
    """Sums are one subtask, whose calls run side by side, and so is what no rule answers."""
    joined: dict[str, Item] = {}
    for number, item in enumerate(items):
        key = item.kind if item.kind in ("sum", "unknown") else str(number)
        before = joined.get(key)
        joined[key] = item if before is None else Item(item.kind, f"{before.text}\n{item.text}", item.detail)
    return list(joined.values())


def _description(item: Item) -> str:
    if item.kind != "code":
        return item.text[:CODE_LIMIT_CHARS]
    if len(item.detail.text) > CODE_LIMIT_CHARS:
        return f"Run the code block: it has more than the {CODE_LIMIT_CHARS:,} characters of a subtask."
    return f"{item.text}\n```{item.detail.language}\n{item.detail.text}\n```"


def _is_profile(item: Item) -> bool:
    return item.kind == "data" and item.detail["op"] == "profile"


def _numbered(subtasks: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Charts of several agents get names of their own."""
    named, charts = [], 0
    for role, text in subtasks:
        item = next((i for i in items_of(text, [_ANY_TABLE]) if i.kind == "data" and i.detail["chart"]), None)
        charts += item is not None
        named.append((role, f"{text}\nSave the chart as chart-{charts}.svg." if item and charts > 1 else text))
    return named


_ANY_TABLE = FileRef(name="any.csv", media_type="text/csv", size_bytes=0, head="")


def _folded(subtasks: list[tuple[str, str]], limit: int) -> list[tuple[str, str]]:
    """What exceeds the limit is given to the last agent, one thing to a line."""
    kept, rest = subtasks[:limit], subtasks[limit:]
    role, text = kept[-1]
    return [*kept[:-1], (role, "\n".join([text, *(more for _, more in rest)])[:4000])]
