"""What an agent answers once its tools have returned: their figures, and honest words about errors. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from workers.gateway.providers.offline.figures import figure
from workers.gateway.providers.offline.markdown import block, code, escape
from workers.gateway.providers.offline.notice import signed_off
from workers.gateway.providers.offline.report.render import section
from workers.gateway.providers.offline.report.section import Section
from workers.gateway.providers.offline.work import Item, Job, kind_of, runnable
from workers.gateway.types import FileRef

NEEDS_MODEL = "this needs a language model; set `OPENAI_API_KEY` or `ANTHROPIC_API_KEY` (or a base URL) to connect one"
RULES = "By rules alone, attached CSV, JSON and text files are analysed, sums done and Python code blocks run."


def write_up(
    items: Sequence[Item],
    files: Sequence[FileRef],
    done: Sequence[tuple[Job, dict[str, Any]]],
    left: Sequence[tuple[Job, str]],
) -> str:
    """
    Args:
        done: jobs with what their tool returned; left: jobs that were not called, each with the reason.
    """
    sections = [part for job, result in done for part in _sections(job, result)]
    sections += [Section(f"Not done: “{escape(job.item.text, 300)}” ({reason}).") for job, reason in left]
    sections += [part for item in items if (part := _without_tool(item, files))]
    sections += [_unread(file) for file in files if kind_of(file) is None and items]
    return signed_off(_joined(sections or [Section(f"There is nothing here that a rule answers. {RULES}")]))


def _joined(sections: list[Section]) -> str:
    """The headlines first, as one paragraph or list, then what stands behind them."""
    front = [part for part in sections if not part.background] or sections
    behind = [part for part in sections if part not in front]
    leads = [part.headline for part in front if part.headline]
    lead = leads[0] if len(leads) == 1 else "\n".join(f"- {headline}" for headline in leads)
    bodies = [part.body for part in front] + [f"{part.headline}\n\n{part.body}" for part in behind]
    return "\n\n".join([lead, *(body for body in bodies if body)])


def _sections(job: Job, result: dict[str, Any]) -> list[Section]:
    if not result.get("ok"):
        return [_failed(job, result)]
    if job.draws:
        return [_with_files(Section(""), result)]
    match job.item.kind:
        case "sum":
            return [_sum(job, result)]
        case "code":
            return [_code(result)]
    try:
        answers = json.loads(result["stdout"])
        found = [section(answer, job.item.detail) for answer in answers]
    except (KeyError, TypeError, ValueError, IndexError):
        return [Section("The analysis ran, but what it printed could not be read.")]
    return [_with_files(found[0], result), *found[1:]] if found else [Section("The analysis found nothing to report.")]


def _failed(job: Job, result: dict[str, Any]) -> Section:
    error = result.get("error")
    error = error if isinstance(error, dict) else {}
    what = "the code block" if job.item.kind == "code" else f"“{escape(job.item.text, 300)}”"
    reason = f"{code(str(error.get('code', 'tool.failed')))}: the tool `{job.tool}` failed on {what}."
    return Section(f"Error {reason}", block(str(error.get("message", "no reason was given")), 1500))


def _sum(job: Job, result: dict[str, Any]) -> Section:
    value = next((result[key] for key in ("result", "value", "answer") if key in result), None)
    return Section(f"{code(job.arguments['expression'])} = **{escape(_exact(value))}**")


def _exact(value: Any) -> str:
    """A result keeps the calculator's own decimals; only thousands are marked."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
    return figure(number) if number.is_integer() else f"{number:,.15g}"


def _code(result: dict[str, Any]) -> Section:
    printed, value = str(result.get("stdout") or ""), result.get("value")
    bodies = [block(printed)] if printed.strip() else []
    if value not in (None, "None"):
        bodies.append("Value of the last line:\n\n" + block(str(value)))
    headline = "The code ran; this is its output:" if bodies else "The code ran and printed nothing."
    return _with_files(Section("\n\n".join([headline, *bodies])), result)


def _with_files(part: Section, result: dict[str, Any]) -> Section:
    artifacts = [a for a in result.get("artifacts") or [] if isinstance(a, dict)]
    lines = [file_line(artifact) for artifact in artifacts]
    return part._replace(body="\n\n".join([text for text in (part.body, *lines) if text]))


def file_line(artifact: dict[str, Any]) -> str:
    """E.g. `Chart: chart.svg`."""
    word = "Chart" if artifact.get("media_type") == "image/svg+xml" else "File"
    return f"{word}: {escape(str(artifact.get('name') or artifact.get('filename') or 'unnamed'))}"


def _without_tool(item: Item, files: Sequence[FileRef]) -> Section | None:
    """What no tool call stands for: questions that need a model, and blocks that can't be run."""
    if item.kind == "code" and not runnable(item.detail):
        return Section("A code block was not run: only Python blocks of up to 3,500 characters are.")
    if item.kind != "unknown":
        return None
    hint = "" if any(kind_of(file) for file in files) else f" {RULES}"
    return Section(f"“{escape(item.text, 300)}”: {NEEDS_MODEL}.{hint}")


def _unread(file: FileRef) -> Section:
    return Section(f"{code(file.name)} ({escape(file.media_type)}) is of a kind that rules can't read.")
