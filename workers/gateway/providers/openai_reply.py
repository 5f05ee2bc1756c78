"""What OpenAI's chunks hold. Servers that speak the protocol differ in details."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workers.gateway.providers.reply import Call, ErrorEvent, Parts, count
from workers.gateway.types import Usage


@dataclass
class OpenAIParts(Parts):
    at: dict[int, Call] = field(default_factory=dict)
    reported: Any = None

    def take(self, chunk: dict[str, Any]) -> str:
        """A refusal is an answer too."""
        if error := chunk.get("error"):
            raise ErrorEvent.of(error)
        self.reported = chunk.get("usage") or self.reported
        choices = chunk.get("choices")
        if not choices:
            return ""
        self.finish = "" + (choices[0].get("finish_reason") or self.finish)
        delta = choices[0].get("delta")
        if not delta:
            return ""
        for piece in delta.get("tool_calls") or ():
            self._add(piece)
        return "" + (delta.get("content") or delta.get("refusal") or "")

    def usage(self) -> Usage | None:
        prompt = count(self.reported, "prompt_tokens")
        completion = count(self.reported, "completion_tokens")
        if prompt is None or completion is None:
            return None
        details = self.reported.get("prompt_tokens_details")
        told = count(details, "cached_tokens") or count(self.reported, "cached_tokens")  # the latter is Kimi's
        cached = min(told or 0, prompt)
        return Usage(prompt, completion, cached, min(count(details, "cache_write_tokens") or 0, prompt - cached))

    def _add(self, piece: dict[str, Any]) -> None:
        function = piece.get("function") or {}
        call = self._call_at(piece["index"], piece.get("id"))
        call.name = "" + (call.name or function.get("name") or "")
        call.arguments += function.get("arguments") or ""

    def _call_at(self, index: int, call_id: str | None) -> Call:
        """Some servers repeat the id in every piece; others give each call the index 0 and an id of its own."""
        call = self.at.get(index)
        if call is None or (call_id and call.id and call_id != call.id):
            call = self.at[index] = Call()
            self.calls.append(call)
        call.id = "" + (call.id or call_id or "")
        return call
