"""Which messages of a long conversation a model is told. Pure: what a message weighs in, where to cut out.

The cut follows from the conversation alone: message by message, as it grew. So a retry, a replay and a fork see the same,
and between two compressions a prompt only grows at its end, which providers' prompt caches need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from webapp.common.errors import Invalid

CHARS_PER_TOKEN = 4  # by rule of thumb, wherever no tokenizer counts
TOKENS_PER_MESSAGE = 5
SHARE_OF_ONE = 8
SUMMARY_TOKENS = 600  # of a summary, at most
IMAGE_CHARS = 6_000  # what an image counts as: providers bill some 1,500 tokens
SIZE, DEBUGGING, LEAST, MOST = 50, 75, 5, 200
NAMES = (
    "history_window_size", "use_case_preset", "primers_count", "recents_count", "compression_trigger_ratio",
    "compression_target_ratio",
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """
    Args:
        messages: more than so many are compressed; system messages at the beginning don't count.
        primers, recents: how many of the first and of the last messages stay as they are.
        trigger, target: shares of `tokens`: above the one it is compressed, to the other.
    """

    messages: int = SIZE
    primers: int = 3
    recents: int = 20
    trigger: float = 0.75
    target: float = 0.375
    tokens: int = 32_000

    @classmethod
    def of(cls, told: Mapping[str, Any], *, tokens: int, within: str = "") -> Window:
        """
        As a request words it; what it doesn't say has a default that fits the rest.

        Args:
            within: before the field's name in a refusal, e.g. `context.`.
        Raises:
            Invalid
        """
        size = _whole(told, "history_window_size", LEAST, MOST, within) or _preset(told, within)
        primers = _whole(told, "primers_count", 0, size - 2, within)
        recents = _whole(told, "recents_count", 1, size - 2, within)
        trigger = _share(told, "compression_trigger_ratio", 0.2, 1.0, within) or cls.trigger
        target = _share(told, "compression_target_ratio", 0.1, round(0.8 * trigger, 3), within) or trigger / 2
        if primers is None:
            primers = min(cls.primers, size // 5, size - 2 - (recents or 1))
        if recents is None:
            recents = min(cls.recents, max(1, (size - primers - 2) // 2))
        if primers + recents > size - 2:
            limit = f"must be at most {size - 2} together with primers_count, two below history_window_size"
            raise Invalid(field=f"{within}recents_count", message=limit)
        return cls(size, primers, recents, trigger, target, tokens)

    def within(self, tokens: int | None) -> Window:
        """Not larger than a model's context; None is not known."""
        return self if tokens is None or tokens >= self.tokens else replace(self, tokens=tokens)

    @property
    def longest(self) -> int:
        """Tokens of one text of an earlier task, at most: what is longer is shortened."""
        return self.tokens // SHARE_OF_ONE

    @property
    def name(self) -> str:
        """Under which summaries made for it are kept."""
        return "/".join(
            f"{value:g}"
            for value in (self.messages, self.primers, self.recents, self.trigger, self.target, self.tokens)
        )


def _preset(told: Mapping[str, Any], within: str) -> int:
    preset = told.get("use_case_preset")
    if preset is not None and not isinstance(preset, str):
        raise Invalid(field=f"{within}use_case_preset", message="must be a string")
    return DEBUGGING if preset == "debugging" else SIZE


def _whole(told: Mapping[str, Any], name: str, least: int, most: int, within: str) -> int | None:
    value = told.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(field=f"{within}{name}", message=f"must be a whole number from {least} to {most}")
    return value


def _share(told: Mapping[str, Any], name: str, least: float, most: float, within: str) -> float | None:
    value = told.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Invalid(field=f"{within}{name}", message=f"must be a number from {least:g} to {most:g}")
    return float(value)


@dataclass(frozen=True)
class Weight:
    """Of a message, what the cut depends on."""

    role: str
    tokens: int

    @classmethod
    def of(cls, role: str, chars: int) -> Weight:
        return cls(role, chars // CHARS_PER_TOKEN + TOKENS_PER_MESSAGE)

    def at_most(self, tokens: int) -> Weight:
        """Of a message that is shortened to so many."""
        return Weight(self.role, min(self.tokens, tokens + TOKENS_PER_MESSAGE))


@dataclass(frozen=True)
class Cut:
    """
    Attributes:
        head: so many first messages are told as they are.
        points: after each compression so far, the first message behind the summary; empty: all are told.
    """

    count: int
    head: int
    points: tuple[int, ...]
    tokens_before: int
    tokens_after: int

    @property
    def since(self) -> int:
        return self.points[-1] if self.points else self.head

    @property
    def left_out(self) -> int:
        """Messages that the summary stands for."""
        return self.since - self.head


def chars_of(message: Mapping[str, Any]) -> int:
    """What counts of a message: its text, calls and files; an image as IMAGE_CHARS."""
    calls = (call["function"] for call in message.get("tool_calls", ()))
    return (
        len(message.get("content") or "")
        + sum(len(call["name"]) + len(call["arguments"]) for call in calls)
        + sum(_part_chars(part) for part in message.get("parts", ()))
    )


def _part_chars(part: Mapping[str, Any]) -> int:
    if part["type"] == "image":
        return IMAGE_CHARS
    return len(part.get("data", "")) * 3 // 4  # text is in the message's content


def cut(weights: Sequence[Weight], window: Window) -> Cut:
    """
    The messages in their order; the result for a beginning of them never has a point that the whole has not.

    Calls and their results stay together. What alone is larger than the window is told all the same: the model's
    provider then says so.
    """
    system = next((at for at, each in enumerate(weights) if each.role != "system"), len(weights))
    sums = [0, *accumulate(each.tokens for each in weights)]
    head = _head(weights, sums, system, window)
    points: list[int] = []
    since, summary = head, 0
    for last in range(head, len(weights)):
        shown = head - system + bool(points) + last + 1 - since
        tokens = sums[head] + summary + sums[last + 1] - sums[since]
        if shown <= window.messages and tokens <= window.trigger * window.tokens:
            continue
        found = _boundary(weights, sums, head, since, last, window)
        if found > since:
            points.append(found)
            since, summary = found, SUMMARY_TOKENS
    told = sums[head] + summary + sums[-1] - sums[since]
    return Cut(len(weights), head, tuple(points), sums[-1], told)


def _head(weights: Sequence[Weight], sums: Sequence[int], system: int, window: Window) -> int:
    """Not more than half of what is left after a compression; a call goes with its results."""
    head = system
    room = sums[system] + window.target * window.tokens / 2
    while head < min(system + window.primers, len(weights)) and sums[head + 1] <= room:
        head += 1
    while system < head < len(weights) and weights[head].role == "tool":
        head -= 1
    return head


def _boundary(weights: Sequence[Weight], sums: Sequence[int], head: int, since: int, last: int, window: Window) -> int:
    """The first of the recent messages: as many as there may be and as fit; it answers no call."""
    at = max(since, last + 1 - window.recents)
    room = window.target * window.tokens - sums[head] - SUMMARY_TOKENS
    while at < last and sums[last + 1] - sums[at] > room:
        at += 1
    while at > since and weights[at].role == "tool":
        at -= 1
    return at
