"""A section of an answer, and the phrases that all kinds share. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from workers.gateway.providers.offline.figures import figure, label_of
from workers.gateway.providers.offline.markdown import code, escape


class Section(NamedTuple):
    """`headline` is one paragraph; `body` may be empty. A profile is background: it never leads an answer."""

    headline: str
    body: str = ""
    background: bool = False


def where(answer: dict[str, Any]) -> str:
    return " where " + " and ".join(escape(kept, 200) for kept in answer["kept"]) if answer["kept"] else ""


def basis(answer: dict[str, Any]) -> str:
    """Which rows the figures come from."""
    text = f"From {figure(answer['rows'])} rows of {code(answer['file'])}."
    if answer["assumed"] and answer.get("measure"):
        text += f" Taken to be about {code(answer['measure'])}, the only column of numbers."
    return text


def label(column: str) -> str:
    return escape(label_of(column))


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
