"""What the events of OpenAI's Responses protocol hold: text as it comes, everything else when its item is whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workers.gateway.providers.reply import Call, ErrorEvent, Parts, count
from workers.gateway.types import Block, Usage

TEXT = ("response.output_text.delta", "response.refusal.delta")
CUT = {"max_output_tokens": "length"}


@dataclass
class ResponsesParts(Parts):
    items: list[dict[str, Any]] = field(default_factory=list)
    reported: Any = None

    def take(self, event: dict[str, Any]) -> str:
        """A refusal is an answer too. Other kinds of events repeat what these say, or are news."""
        kind = event["type"]
        if kind in TEXT:
            return "" + event["delta"]
        if kind == "response.output_item.done":
            self._keep(event["item"])
        elif kind in ("response.completed", "response.incomplete"):
            self._end(event["response"])
        elif kind == "response.failed":
            raise ErrorEvent.of(event["response"].get("error"))
        elif kind == "error":
            raise ErrorEvent.of(event.get("error") or event)
        return ""

    def usage(self) -> Usage | None:
        prompt, completion = count(self.reported, "input_tokens"), count(self.reported, "output_tokens")
        if prompt is None or completion is None:
            return None
        details = self.reported.get("input_tokens_details")
        cached = min(count(details, "cached_tokens") or 0, prompt)
        return Usage(prompt, completion, cached, min(count(details, "cache_write_tokens") or 0, prompt - cached))

    def blocks(self) -> tuple[Block, ...]:
        """Reasoning is encrypted, and wants to come back with its turn; a turn without it can be made anew."""
        return tuple(self.items) if any(item["type"] == "reasoning" for item in self.items) else ()

    def _keep(self, item: dict[str, Any]) -> None:
        self.items.append(item)
        if item["type"] == "function_call":
            self.calls.append(Call("" + item["call_id"], "" + item["name"], "" + item["arguments"]))

    def _end(self, response: dict[str, Any]) -> None:
        self.reported = response.get("usage")
        if response.get("status") == "incomplete":
            reason = "" + ((response.get("incomplete_details") or {}).get("reason") or "length")
            self.finish = CUT.get(reason, reason)
        else:
            self.finish = "tool_calls" if self.calls else "stop"
