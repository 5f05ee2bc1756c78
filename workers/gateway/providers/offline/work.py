"""From a question and the attached files to what is asked for, and the tool calls for it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from workers.gateway.providers.offline.arithmetic import expressions
from workers.gateway.providers.offline.drawing import chart_code
from workers.gateway.providers.offline.guest.words import tokens
from workers.gateway.providers.offline.intent import ask_of, is_about_data
from workers.gateway.providers.offline.program import table_script, text_script
from workers.gateway.providers.offline.question import CHART, Code, is_python, split
from workers.gateway.types import FileRef

FILES_LIMIT = 5
CODE_LIMIT_CHARS = 3500  # a subtask's description holds 4,000
CHART_NAME = re.compile(r"\bchart(-[0-9]{1,2})?\.svg\b")
TABLES = {
    "csv": ("text/csv", "text/tab-separated-values", ".csv", ".tsv"),
    "json": ("application/json", "application/x-ndjson", ".json", ".jsonl", ".ndjson"),
    "text": ("text/", ".txt", ".md", ".log"),
}

Kind = Literal["data", "sum", "code", "unknown"]


@dataclass(frozen=True)
class Item:
    """
    One thing asked for, in the asker's words.

    Args:
        detail: the ask of a data item, the expressions of a sum, the block of a code item.
    """

    kind: Kind
    text: str
    detail: Any = None


@dataclass(frozen=True)
class Job:
    """A tool call for an item; `draws` when it makes the chart of what an earlier call found."""

    item: Item
    tool: str
    arguments: dict[str, Any]
    draws: bool = False

    @property
    def raw(self) -> str:
        return json.dumps(self.arguments)


def items_of(query: str, files: Sequence[FileRef]) -> list[Item]:
    """A request for a chart joins the item that it is a chart of."""
    question = split(query)
    items: list[Item] = []
    for part in question.parts:
        found = _item(part, files)
        if found.kind == "data" and CHART.search(part) and _draw_with(items, found):
            continue
        items.append(found)
    return items + [Item("code", "Run the code block.", code) for code in question.code]


def _item(part: str, files: Sequence[FileRef]) -> Item:
    sums = expressions(part)
    if sums:
        return Item("sum", part, sums)
    if any(kind_of(file) for file in files) and (is_about_data(part) or _names_column(part, files)):
        ask = ask_of(part)
        return Item("data", part, {**ask, "chart": _chart_name(part) if CHART.search(part) else None})
    return Item("unknown", part)


def _draw_with(items: list[Item], chart: Item) -> bool:
    """Give the chart to the last item with the same words; a bare request to the last trend or other data."""
    words, op = set(chart.detail["words"]), chart.detail["op"]
    data = [n for n, item in enumerate(items) if item.kind == "data" and item.detail["op"] in ("groups", "trend")]
    fits = [n for n in data if words <= set(items[n].detail["words"]) and op in ("groups", items[n].detail["op"])]
    if not fits:
        return False
    trends = [n for n in fits if items[n].detail["op"] == "trend"]
    chosen = (trends or fits)[-1] if not words or op == "trend" else fits[-1]
    item = items[chosen]
    name = chart.detail["chart"] if CHART_NAME.search(chart.text) else item.detail["chart"] or chart.detail["chart"]
    items[chosen] = replace(item, text=f"{item.text} {chart.text}", detail={**item.detail, "chart": name})
    return True


def _chart_name(part: str) -> str:
    found = CHART_NAME.search(part)
    return found[0] if found else "chart.svg"


def _names_column(part: str, files: Sequence[FileRef]) -> bool:
    first_lines = {token for file in files for token in tokens(file.head.split("\n", 1)[0])}
    return bool(first_lines & set(ask_of(part)["words"]))


def kind_of(file: FileRef) -> str | None:
    """csv, json or text; None for what rules can't read, such as an image."""
    name, media = file.name.casefold(), file.media_type.casefold().partition(";")[0].strip()
    for kind, marks in TABLES.items():
        if any(media == mark or name.endswith(mark) for mark in marks if mark[-1] != "/"):
            return kind
    return "text" if media.startswith("text/") else None


def jobs_of(items: Sequence[Item], files: Sequence[FileRef], *, root: str) -> list[Job]:
    jobs = [job for item in items for job in _jobs(item, list(files)[:FILES_LIMIT], root)]
    return list({(job.tool, job.raw): job for job in jobs}.values())


def _jobs(item: Item, files: list[FileRef], root: str) -> list[Job]:
    match item.kind:
        case "sum":
            return [Job(item, "calculator", {"expression": text}) for text in item.detail]
        case "code":
            return [Job(item, "python_executor", {"code": item.detail.text})] if runnable(item.detail) else []
        case "data":
            return _data_jobs(item, files, root)
    return []


def runnable(code: Code) -> bool:
    return is_python(code) and len(code.text) <= CODE_LIMIT_CHARS


def _data_jobs(item: Item, files: list[FileRef], root: str) -> list[Job]:
    """A profile takes each file by itself; a question takes all tables, since any of them may answer it."""
    named = [file for file in files if file.name.casefold() in item.text.casefold()]
    files = named or files
    tables = [[file.name, kind] for file in files if (kind := kind_of(file)) in ("csv", "json")]
    texts = [file.name for file in files if kind_of(file) == "text"]
    if item.detail["op"] == "profile" or not tables:
        ask = {**item.detail, "op": "profile", "chart": None}
        profiles = [_script(item, table_script({"root": root, "files": [table], "ask": ask})) for table in tables]
        return profiles + [_script(item, text_script(root=root, name=name)) for name in texts]
    return [_script(item, table_script({"root": root, "files": tables, "ask": item.detail}))]


def _script(item: Item, code: str) -> Job:
    return Job(item, "python_executor", {"code": code})


def chart_job(job: Job, result: dict[str, Any]) -> Job | None:
    """The call that draws what `job` returned, when a chart was asked for and there is something to draw."""
    if job.item.kind != "data" or not job.item.detail["chart"] or not result.get("ok"):
        return None
    try:
        code = chart_code(json.loads(result["stdout"])[0], job.item.detail["chart"])
    except (KeyError, TypeError, ValueError, IndexError):
        return None  # the write-up says that the result could not be read
    return Job(job.item, "python_executor", {"code": code}, draws=True) if code else None
