"""An event in one line: most carry their news in the payload. Pure."""

from __future__ import annotations

from typing import Any

from webapp.common.values import JSON

GIST_CHARS = 300


def gist(type_: str, message: str, payload: Any) -> str:
    body: JSON = payload if isinstance(payload, dict) else {}
    facts = _facts(type_, body)
    text = f"{facts}: {message}" if facts and message else facts or message
    return text if len(text) <= GIST_CHARS else text[: GIST_CHARS - 1] + "…"


def _facts(type_: str, body: JSON) -> str:
    if type_ in ("BUDGET_HELD", "BUDGET_SETTLED", "BUDGET_RELEASED"):
        return f"{_tokens(body)}{_usd(body)}{_model(body)}"
    if type_.startswith("STEP_"):
        took = f", {body['duration_ms']} ms" if "duration_ms" in body else ""
        return f"{body.get('kind', '')}, attempt {body.get('attempt', 1)}{took}"
    if type_ == "CACHE_HIT":
        return f"{_tokens({'tokens': body.get('saved_tokens')})}{_usd({'cost_usd': body.get('saved_usd')})} saved"
    if type_ == "POLICY_DECISION":
        return f"rule {body.get('rule')}"
    if type_ == "LLM_OUTPUT" and body.get("tool_calls"):
        return f"asks for {body['tool_calls']} tool call{'s' if body['tool_calls'] > 1 else ''}"
    return ""


def _tokens(body: JSON) -> str:
    tokens = body.get("tokens", body.get("total_tokens"))
    return f"{tokens:,} tokens" if isinstance(tokens, int) else ""


def _usd(body: JSON) -> str:
    return f", ${float(body['cost_usd']):.4f}" if body.get("cost_usd") is not None else ""


def _model(body: JSON) -> str:
    return f", {body['provider']}/{body['model']}" if body.get("model") else ""
