"""Reads JSON: a list of objects, an object of lists or holding one list, JSON lines, or one object."""

from __future__ import annotations

import json
from typing import Any

from workers.gateway.providers.offline.guest.table import Table, table_of


def json_table(file: str, text: str) -> Table:
    """Raises ValueError when it is neither JSON nor JSON lines."""
    try:
        records = as_records(parse_json(text))
    except (ValueError, RecursionError):
        raise ValueError("the file is not valid JSON") from None
    header = list(dict.fromkeys(key for record in records for key in record))
    return table_of(file, header, [[record.get(key) for key in header] for record in records], [], False)


def parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def as_records(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, list):
        return [item if isinstance(item, dict) else {"value": item} for item in data]
    lists = {k: v for k, v in data.items() if isinstance(v, list)} if isinstance(data, dict) else {}
    holders = [value for value in lists.values() if value and isinstance(value[0], dict)]
    if len(holders) == 1:
        return as_records(holders[0])
    if lists and len(lists) == len(data) and len({len(value) for value in lists.values()}) == 1:
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return [data if isinstance(data, dict) else {"value": data}]
