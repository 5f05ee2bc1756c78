"""Reads the body of a task submission. Every refusal names the field and the limit."""

from __future__ import annotations

import base64
import binascii
import json
import os.path
import re
from typing import Any

from django.conf import settings

from webapp.agent_tasks.models import Priority
from webapp.api.bodies import an_object
from webapp.api.limits_request import BUDGET, agent_tokens_of, limits_of
from webapp.api.loop_request import ITERATIONS_LIMIT, LOOP, NAMED, STRATEGIES, read_loop
from webapp.api.window_request import WINDOW, read_window
from webapp.common.addresses import URL_CHARS, AddressRefused
from webapp.common.errors import Invalid
from webapp.common.values import JSON
from webapp.common.web_reach import web_reach
from webapp.orchestration.manual import PLAN, read_plan
from webapp.orchestration.plan import PlanInvalid
from webapp.orchestration.submit import CEILING, TOKENS_CEILING, Attachment, Submission
from webapp.orchestration.tool_choice import DATASET
from webapp.prompts.rules import PARAMETER_CHARS, PARAMETER_NAME, PARAMETERS_LIMIT

ID = re.compile(r"[A-Za-z0-9:_.-]{1,128}")
MODES = ("simple", "standard", "complex", "supervisor")
TIERS = ("small", "medium", "large")
PROVIDERS = (
    "openai", "anthropic", "google", "groq", "xai", "deepseek", "qwen", "zai", "kimi", "minimax", "ollama", "mistral",
    "cohere",
)  # fmt: skip
DENIED = re.compile(r"\.(exe|dll|bat|cmd|com|msi|scr|sh|ps1|jar|lnk|app|deb|rpm|dmg|vbs)$", re.IGNORECASE)
MEDIA = re.compile(
    r"text/[a-z0-9.+_-]+|image/(png|jpe?g|gif|webp|svg\+xml|bmp|tiff)|application/(pdf|json|xml|ya?ml|x-yaml|rtf|epub\+zip|"
    r"csv|msword|vnd\.openxmlformats-officedocument\.[a-z0-9.+_-]+|vnd\.oasis\.opendocument\.[a-z0-9.+_-]+|vnd\.ms-(excel|powerpoint))"
)
PLAN_NAMES = ("plan", "manual_decomposition")  # in the context; the second is another name of the first
SAID = {"true": True, "1": True, "false": False, "0": False}
STEPS_OF_A_PLAN = 3  # what a plan has besides its own: admission, its check, the answer
CEILING_LIMIT_USD = 1_000_000
CEILINGS = (("max_cost_usd",), ("context", "max_cost_usd"), ("context", "max_budget_usd"))  # the first that is there
ATTACHED_ONLY = "Look at the attached files and say what they contain."

SUBMISSION: JSON = {  # as OpenAPI tells it; what counts is read_submission
    "type": "object",
    "required": ["query"],
    "properties": {
        "query": {"type": "string", "minLength": 1, "maxLength": settings.QUERY_LIMIT_CHARS},
        "session_id": {"type": "string", "pattern": f"^{ID.pattern}$"},
        "mode": {"enum": list(MODES)},
        "model_tier": {"enum": list(TIERS)},
        "provider_override": {"enum": list(PROVIDERS)},
        "research_strategy": {"enum": list(STRATEGIES)},
        "model_override": {"type": "string", "maxLength": 120},
        "priority": {"enum": [priority.name.lower() for priority in Priority], "default": "normal"},
        "deadline_s": {"type": "number", "minimum": 0.001, "maximum": settings.DEADLINE_LIMIT_S},
        "max_cost_usd": {"type": "number", "minimum": 0.000001, "maximum": CEILING_LIMIT_USD},
        DATASET: {"type": "string", "format": "uri", "maxLength": URL_CHARS},
        "max_iterations": {"type": "integer", "minimum": 1, "maximum": ITERATIONS_LIMIT},
        "max_concurrent_agents": {"type": "integer", "minimum": 1, "maximum": 20},
        "context": {
            "type": "object",
            "properties": {
                "plan": PLAN,
                "budget": BUDGET,
                "token_budget_per_agent": {"type": "integer", "minimum": 0},
                "prompt_params": {
                    "type": "object",
                    "maxProperties": PARAMETERS_LIMIT,
                    "additionalProperties": {"type": "string", "maxLength": PARAMETER_CHARS},
                },
                "use_cache": {"type": "boolean", "default": True},
                **WINDOW,
                **LOOP,
                "max_budget_usd": {"type": "number", "minimum": 0.000001, "maximum": CEILING_LIMIT_USD},
                "budget_max": {"type": "integer", "minimum": 1, "description": "Tokens"},
                "attachments": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["media_type", "data"],
                        "properties": {
                            "filename": {"type": "string"},
                            "media_type": {"type": "string"},
                            "data": {"type": "string", "format": "byte"},
                        },
                    },
                },
            },
        },
    },
}


def read_submission(body: Any) -> Submission:
    """
    Raises:
        Invalid: the first field that breaks a rule.
    """
    body = an_object(body)
    context = {} if body.get("context") is None else body["context"]
    if not isinstance(context, dict):
        raise Invalid(field="context", message="must be an object")
    check_size("context", {name: value for name, value in context.items() if name != "attachments"})
    attachments = _attachments(context.get("attachments"))
    read_window(context, "context.")
    settings_ = {
        "model_tier": one_of(body, "model_tier", TIERS),
        "provider_override": one_of(body, "provider_override", PROVIDERS),
        "research_strategy": one_of(body, "research_strategy", STRATEGIES),
        "model_override": text_of(body, "model_override"),
        "max_iterations": _whole(body, "max_iterations", ITERATIONS_LIMIT),
        "max_concurrent_agents": _whole(body, "max_concurrent_agents", 20),
        DATASET: _dataset_url(body, context),
        CEILING: _ceiling_usd(body, context),
        TOKENS_CEILING: _ceiling_tokens(context),
    }
    check_prompt_params(context.get("prompt_params"))
    told = ("attachments", "max_budget_usd", DATASET, *PLAN_NAMES, *NAMED)  # and said below under their own names
    rest = {key: value for key, value in context.items() if key not in told}
    mode = one_of(body, "mode", MODES)
    return Submission(
        query=query_of(body, bool(attachments)),
        session=session_of(body),
        mode=mode,
        context={
            **rest,
            **plan_of(context, *PLAN_NAMES, within="context."),
            **_use_cache(context),
            **read_loop(context),
            **{key: value for key, value in settings_.items() if value is not None},
        },
        attachments=attachments,
        priority=_priority(body),
        deadline_s=_seconds(body, "deadline_s", settings.DEADLINE_LIMIT_S),
        limits=limits_of(context),
        agent_tokens=agent_tokens_of(context),
    )


def check_size(field: str, given: JSON) -> None:
    """
    It is kept with the task and told with its first event, and every step reads it.

    Raises:
        Invalid
    """
    size, limit = len(json.dumps(given)), settings.CONTEXT_LIMIT_BYTES
    if size > limit:
        raise Invalid(field=field, message=f"has {size} bytes as JSON; the limit is {limit}")


def check_prompt_params(given: Any) -> None:
    """
    Raises:
        Invalid
    """
    field = "context.prompt_params"
    if given is None:
        return
    if not isinstance(given, dict):
        raise Invalid(field=field, message="must be an object")
    if len(given) > PARAMETERS_LIMIT:
        raise Invalid(field=field, message=f"has {len(given)} entries; the limit is {PARAMETERS_LIMIT}")
    for name, value in given.items():
        if not PARAMETER_NAME.fullmatch(name):
            raise Invalid(field=field, message=f"{name[:40]!r} is no name: 1 to 40 of a-z, 0-9, _, first a letter")
        if not isinstance(value, str) or len(value) > PARAMETER_CHARS:
            raise Invalid(field=f"{field}.{name}", message=f"must be a string of at most {PARAMETER_CHARS} characters")


def plan_of(given: JSON, *names: str, within: str = "") -> JSON:
    """The caller's own plan, checked: a broken one is refused here and not when its turn comes. `{}` without one."""
    named = next((name for name in names if given.get(name) is not None), None)
    if named is None:
        return {}
    plan = given[named]
    plan = {"steps": plan} if isinstance(plan, list) else plan
    try:
        read_plan(plan, limit=settings.STEPS_LIMIT - STEPS_OF_A_PLAN)
    except PlanInvalid as error:
        raise Invalid(field=f"{within}{named}", message=str(error)) from None
    return {"plan": plan}


def _dataset_url(body: JSON, context: JSON) -> str | None:
    """The address by its form; where its name leads is looked at when it is downloaded."""
    within, given = ("", body) if body.get(DATASET) else ("context.", context)
    url = given.get(DATASET)
    if url in (None, ""):
        return None
    if not isinstance(url, str):
        raise Invalid(field=within + DATASET, message="must be an address, https or http")
    try:
        web_reach().target(url)
    except AddressRefused as error:
        raise Invalid(field=within + DATASET, message=str(error)) from None
    return url


def _use_cache(context: JSON) -> JSON:
    """May earlier answers of models serve? `{}` where nothing is said of it."""
    given = context.get("use_cache")
    if given is None:
        return {}
    said = SAID.get(str(given).lower())
    if said is None or not isinstance(given, bool | str):
        raise Invalid(field="context.use_cache", message="must be true or false")
    return {"use_cache": said}


def _priority(body: JSON) -> Priority:
    name = one_of(body, "priority", tuple(priority.name.lower() for priority in Priority))
    return Priority[name.upper()] if name else Priority.NORMAL


def _seconds(body: JSON, field: str, most: float) -> float | None:
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise Invalid(field=field, message=f"must be a number of seconds above 0 and up to {most:g}")
    return float(value)


def query_of(body: JSON, attached: bool) -> str:
    query = body.get("query")
    if query is None and attached:
        query = ""
    if not isinstance(query, str):
        raise Invalid(field="query", message="must be a string")
    query = query.replace("\0", "")
    if not query.strip():
        if attached:
            return ATTACHED_ONLY
        raise Invalid(field="query", message="is required")
    if len(query) > settings.QUERY_LIMIT_CHARS:
        raise Invalid(field="query", message=f"has {len(query)} characters; the limit is {settings.QUERY_LIMIT_CHARS}")
    return query


def session_of(body: JSON) -> str | None:
    session = body.get("session_id")
    if session in (None, ""):
        return None
    if not isinstance(session, str) or not ID.fullmatch(session):
        raise Invalid(field="session_id", message="must be 1 to 128 letters, digits or : _ . -")
    return session


def one_of(body: JSON, field: str, allowed: tuple[str, ...]) -> str | None:
    value = body.get(field)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or value.lower() not in allowed:
        raise Invalid(field=field, message=f"must be one of {', '.join(allowed)}")
    return value.lower()


def text_of(body: JSON, field: str) -> str | None:
    value = body.get(field)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or len(value) > 120:
        raise Invalid(field=field, message="must be a string of at most 120 characters")
    return value


def _whole(body: JSON, field: str, most: int) -> int | None:
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise Invalid(field=field, message=f"must be a whole number from 1 to {most}")
    return value


def _ceiling_usd(body: JSON, context: JSON) -> float | None:
    """Numbers as text are taken too, since some clients send contexts so."""
    for path in CEILINGS:
        value = (body if len(path) == 1 else context).get(path[-1])
        if value in (None, ""):
            continue
        try:
            usd = 0.0 if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            usd = 0.0
        if not 0 < usd <= CEILING_LIMIT_USD:
            raise Invalid(
                field=".".join(path), message=f"must be a number of USD above 0 and up to {CEILING_LIMIT_USD}"
            )
        return usd
    return None


def _ceiling_tokens(context: JSON) -> int | None:
    value = context.get(TOKENS_CEILING)
    if value in (None, ""):
        return None
    try:
        tokens = 0 if isinstance(value, bool | float) else int(value)
    except (TypeError, ValueError):
        tokens = 0
    if not 0 < tokens <= settings.TASK_TOKENS:
        raise Invalid(
            field="context.budget_max", message=f"must be a whole number of tokens from 1 to {settings.TASK_TOKENS}"
        )
    return tokens


def _attachments(given: Any) -> tuple[Attachment, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise Invalid(field="context.attachments", message="must be a list")
    read = tuple(_attachment(item, f"context.attachments[{position}]") for position, item in enumerate(given))
    total = sum(len(attachment.data) for attachment in read)
    if total > settings.ATTACHMENTS_LIMIT_BYTES:
        message = f"have {total} bytes together; the limit is {settings.ATTACHMENTS_LIMIT_BYTES}"
        raise Invalid(field="context.attachments", message=message)
    names = [attachment.name for attachment in read]
    if len(set(names)) < len(names):
        raise Invalid(field="context.attachments", message="two files have the same name")
    return read


def _attachment(item: Any, field: str) -> Attachment:
    if not isinstance(item, dict) or not isinstance(item.get("media_type"), str):
        raise Invalid(field=field, message="must be an object with a media_type")
    media_type = item["media_type"].split(";")[0].strip().lower()
    name = os.path.basename(str(item.get("filename") or "attachment")).replace("\0", "")[:200] or "attachment"
    if DENIED.search(name) or not MEDIA.fullmatch(media_type):
        raise Invalid(field=field, message=f"files of this kind are not accepted ({name}, {media_type[:80]})")
    if name in (".", ".."):
        raise Invalid(field=f"{field}.filename", message="is not a file name")
    data = item.get("data")
    if isinstance(data, bytes):  # from our own pages, which send files as files
        return Attachment(name, media_type, data)
    if not isinstance(data, str):
        raise Invalid(field=f"{field}.data", message="must be base64 text")
    try:
        decoded = base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(field=f"{field}.data", message="is not base64") from None
    return Attachment(name, media_type, decoded)
