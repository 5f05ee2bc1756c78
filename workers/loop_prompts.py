"""What the agent loop does to a conversation: results are cut to their limit, and at the end the agent is told why. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from workers.gateway.types import Message
from workers.loop_limits import Stop
from workers.toolbox.texts import bounded

CLOSING = "No more tools can be called: {why}. Answer now with what you have, and say what is missing."
LEFT_OUT = '{{"left_out": "{chars} characters, since the conversation became too long"}}'


def chars_of(messages: Sequence[Message]) -> int:
    return sum(_chars(message) for message in messages)


def cut_results(messages: Sequence[Message], limit: int) -> list[Message]:
    """What tools brought, oldest first, until there are `limit` characters of it; then beginnings and notes."""
    cut, left = list[Message](), limit
    for message in messages:
        if message["role"] == "tool":
            text = message["content"] or ""
            message = {**message, "content": bounded(text, left)}
            left = max(0, left - len(text))
        cut.append(message)
    return cut


def closing(messages: Sequence[Message], stop: Stop, limit: int) -> list[Message]:
    """For the last turn, which answers: at most `limit` characters, as far as leaving out tools' results can do that."""
    asked: Message = {"role": "user", "content": CLOSING.format(why=stop.why)}
    fitted, excess = list[Message](), chars_of(messages) + _chars(asked) - limit
    for message in messages:
        if excess > 0 and message["role"] == "tool":
            chars = len(message["content"] or "")
            message = {**message, "content": LEFT_OUT.format(chars=chars)}
            excess -= chars - len(message["content"] or "")
        fitted.append(message)
    return [*fitted, asked]


def _chars(message: Message) -> int:
    calls = sum(len(call["function"]["arguments"]) for call in message.get("tool_calls", ()))
    return len(message["content"] or "") + calls
