"""What a prompt template may say, and how it is filled in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webapp.common.errors import Invalid
from webapp.common.values import JSON, storable

SHIPPED = "shipped"  # the version of the release's own text
PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w.]*)\}", re.ASCII)
PARAMETER = re.compile(r"params\.([a-z][a-z0-9_]{0,39})", re.ASCII)
VARIABLE = re.compile(r"\$\{([a-z][a-z0-9_]{0,39})\}", re.ASCII)  # of a parameter, in a caller's own prompt
PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
PARAMETERS_LIMIT = 20
PARAMETER_CHARS = 2000
NOTE_CHARS = 200


@dataclass(frozen=True)
class Kind:
    """
    A template that the platform asks for.

    Attributes:
        about: what it is told to whom.
        required: placeholders that it must have, and the only ones besides the tenant's own parameters.
        words: what it must say, since the platform reads the answer by it.
        example: a value for each placeholder, for previews.
    """

    about: str
    required: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    example: tuple[str, ...] = ()


KINDS = {
    "planner": Kind("Splits a question into subtasks", ("limit",), ('"subtasks"', '"depends_on"'), ("3",)),
    "agent": Kind("Tells an agent how to work", ("role",), (), ("analyst",)),
    "hypotheses": Kind("Added for an agent that works with hypotheses", ("beliefs",), (), ("[]",)),
    "editor": Kind("Writes the answer from the agents' results"),
}


def check(name: str, text: str, limit: int) -> None:
    """
    Args:
        limit: characters that it may have.
    Raises:
        Invalid: the first rule that it breaks.
    """
    if name not in KINDS:
        raise Invalid(field="name", message=f"must be one of {', '.join(KINDS)}")
    if not text.strip():
        raise Invalid(field="text", message="is required")
    if len(text) > limit:
        raise Invalid(field="text", message=f"has {len(text)} characters; the limit is {limit}")
    if storable(text) != text:
        raise Invalid(field="text", message="has characters that can't be stored: NUL, or half of a pair")
    _check_placeholders(KINDS[name], text)


def _check_placeholders(kind: Kind, text: str) -> None:
    found = placeholders(text)
    known = [f"{{{name}}}" for name in (*kind.required, "params.name")]
    for name in found:
        if name not in kind.required and not PARAMETER.fullmatch(name):
            raise Invalid(field="text", message=f"{{{name}}} is unknown; it may have {', '.join(known)}")
    for name in kind.required:
        if name not in found:
            raise Invalid(field="text", message=f"{{{name}}} is missing")
    for word in kind.words:
        if word not in text:
            raise Invalid(field="text", message=f"must say {word}: the plan is read by it")


def placeholders(text: str) -> list[str]:
    """Each once, in the order in which they come. Other braces are text."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def parameters(text: str) -> list[str]:
    """The names of the tenant's own parameters in it."""
    return [found[1] for name in placeholders(text) if (found := PARAMETER.fullmatch(name))]


def fill(text: str, values: Mapping[str, str], params: Mapping[str, str]) -> str:
    """
    Each placeholder's value in its place, as it is: what a value says is never filled in itself.

    A parameter that was not given is empty; a placeholder that nobody knows stays as it stands.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if parameter := PARAMETER.fullmatch(name):
            return params.get(parameter[1], "")
        return values.get(name, match[0])

    return PLACEHOLDER.sub(value, text)


def fill_own(text: str, params: Mapping[str, str]) -> str:
    """A caller's own prompt: each `${name}` whose parameter was given; all else stays as it stands."""
    return VARIABLE.sub(lambda match: params.get(match[1], match[0]), text)


def preview(name: str, text: str) -> str:
    """Filled in with examples; parameters by their names."""
    kind = KINDS[name]
    params = {each: f"[{each}]" for each in parameters(text)}
    return fill(text, dict(zip(kind.required, kind.example, strict=True)), params)


def parameters_of(context: JSON) -> dict[str, str]:
    """What a task's context gives them; what is no text is left out."""
    given = context.get("prompt_params")
    return {name: value for name, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}


def check_parameters(given: Mapping[str, str], texts: Sequence[str], own: str = "") -> None:
    """
    Args:
        texts: the templates that the task will use.
        own: the caller's own prompt.
    Raises:
        Invalid: some that none of them uses.
    """
    known = {name for text in texts for name in parameters(text)}
    if unknown := sorted(set(given) - known - set(VARIABLE.findall(own))):
        told = f"the prompts in force use {', '.join(sorted(known))}" if known else "no prompt in force uses any"
        raise Invalid(field="context.prompt_params", message=f"unknown: {', '.join(unknown)}; {told}")
