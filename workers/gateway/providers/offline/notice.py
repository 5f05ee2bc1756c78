"""The line that closes every answer of the offline provider."""

from __future__ import annotations

NOTICE = (
    "*Answered offline by rules, without a language model. Set `OPENAI_API_KEY` or `ANTHROPIC_API_KEY` to connect one.*"
)


def signed_off(text: str) -> str:
    return f"{unsigned(text)}\n\n{NOTICE}"


def unsigned(text: str) -> str:
    return text.replace(NOTICE, "").strip()
