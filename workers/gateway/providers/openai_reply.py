"""What OpenAI's chunks hold. Servers that speak the protocol differ in details."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from openai.types.chat import ChatCompletionChunk

from workers.gateway.providers.reply import Call, Parts, count
from workers.gateway.types import Usage


@dataclass
class OpenAIParts(Parts):
    at: dict[int, Call] = field(default_factory=dict)
    reported: Any = None

    def take(self, chunk: ChatCompletionChunk) -> str:
        """A refusal is an answer too."""
        self.reported = chunk.usage or self.reported
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.finish = choice.finish_reason or self.finish
        if choice.delta is None:
            return ""
        for piece in choice.delta.tool_calls or ():
            call = self._call_at(piece.index, piece.id)
            call.name = call.name or (piece.function and piece.function.name) or ""
            call.arguments += (piece.function and piece.function.arguments) or ""
        return "" + (choice.delta.content or choice.delta.refusal or "")

    def usage(self) -> Usage | None:
        prompt = count(self.reported, "prompt_tokens")
        completion = count(self.reported, "completion_tokens")
        if prompt is None or completion is None:
            return None
        cached = count(getattr(self.reported, "prompt_tokens_details", None), "cached_tokens")
        return Usage(prompt, completion, min(cached or 0, prompt))

    def _call_at(self, index: int, call_id: str | None) -> Call:
        """Some servers repeat the id in every piece; others give each call the index 0 and an id of its own."""
        call = self.at.get(index)
        if call is None or (call_id and call.id and call_id != call.id):
            call = self.at[index] = Call()
            self.calls.append(call)
        call.id = call.id or call_id or ""
        return call
