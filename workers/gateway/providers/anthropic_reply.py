"""What the events of Anthropic's stream hold: content blocks by index, why it ended, and the usage so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workers.gateway.providers.reply import Call, ErrorEvent, Parts, count, parsed
from workers.gateway.types import Block, Usage

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
HOUR = "ephemeral_1h_input_tokens"  # of those that went into the cache
PIECES = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


@dataclass
class AnthropicParts(Parts):
    at: dict[int, dict[str, Any]] = field(default_factory=dict)
    arguments: dict[int, Call] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)

    def take(self, event: dict[str, Any]) -> str:
        """An unknown kind of event is passed over, as the protocol asks for."""
        kind = event["type"]
        if kind == "content_block_delta":
            return self._add(event["index"], event["delta"])
        if kind == "error":
            raise ErrorEvent.of(event.get("error"))
        if kind == "content_block_start":
            return self._begin(event["index"], event["content_block"])
        if kind == "message_start":
            self._count(event["message"].get("usage"), INPUT)
        elif kind == "message_delta":
            self._count(event.get("usage"), (*INPUT, "output_tokens"))
            reason = event["delta"].get("stop_reason")
            self.finish = FINISH.get(reason, "" + reason) if reason else self.finish
        return ""

    def usage(self) -> Usage | None:
        """The prompt is what was new, what came from the cache and what went into it."""
        if not {"input_tokens", "output_tokens"} <= self.counted.keys():
            return None
        fresh, cached, written = (self.counted.get(name, 0) for name in INPUT)
        hour = min(self.counted.get(HOUR, 0), written)
        return Usage(fresh + cached + written, self.counted["output_tokens"], cached, written, hour)

    def blocks(self) -> tuple[Block, ...]:
        """Thinking is signed, and wants to come back with its turn as it was; a turn without it can be made anew."""
        blocks = [self._whole(index) for index in sorted(self.at)]
        return tuple(blocks) if any("thinking" in block["type"] for block in blocks) else ()

    def _begin(self, index: int, block: dict[str, Any]) -> str:
        self.at[index] = block
        if block["type"] == "tool_use":
            call = self.arguments[index] = Call("" + block["id"], "" + block["name"])
            self.calls.append(call)
        return "" + block["text"] if block["type"] == "text" else ""

    def _add(self, index: int, delta: dict[str, Any]) -> str:
        kind = delta["type"]
        if kind == "input_json_delta" and index in self.arguments:
            self.arguments[index].arguments += delta["partial_json"]
        elif kind in PIECES:
            key = PIECES[kind]
            self.at[index][key] = self.at[index].get(key, "") + delta[key]
        return "" + delta["text"] if kind == "text_delta" else ""

    def _whole(self, index: int) -> dict[str, Any]:
        call = self.arguments.get(index)
        return {**self.at[index], "input": parsed(call.arguments) or {}} if call else self.at[index]

    def _count(self, usage: Any, names: tuple[str, ...]) -> None:
        """Counts are totals so far: a later one replaces an earlier."""
        found = {name: count(usage, name) for name in names}
        found[HOUR] = count(usage.get("cache_creation") if usage else None, HOUR)
        self.counted |= {name: tokens for name, tokens in found.items() if tokens is not None}
