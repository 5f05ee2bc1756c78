"""The script's own part: read the files, answer the ask."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

from workers.gateway.providers.offline.guest.table import Table
from workers.gateway.providers.offline.guest.text import read_text

Reader = Callable[[str, str], Table]
Answer = Callable[[list[Table], dict[str, Any]], dict[str, Any]]


def run(params: dict[str, Any], readers: dict[str, Reader], answer: Answer) -> list[dict[str, Any]]:
    """The answer, then one of kind `unreadable` for each file that holds no table."""
    tables, answers = [], []
    for name, kind in params["files"]:
        try:
            tables.append(readers[kind](name, read_text(params["root"], name)))
        except (ValueError, csv.Error) as error:
            answers.append({"kind": "unreadable", "file": name, "reason": str(error)})
    return [answer(tables, params["ask"]), *answers] if tables else answers
