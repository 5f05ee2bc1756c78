"""POST /v1/embeddings: vectors for texts, in OpenAI's shape. Recorded, decided and held for like every model call."""

from __future__ import annotations

import base64
import sys
from array import array
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from webapp.api.bodies import an_object
from webapp.api.completions import OpenAIView, Whole
from webapp.api.later import LATER
from webapp.api.submission import session_of, text_of
from webapp.api.tasks import caller, ids_of
from webapp.common.errors import Invalid
from webapp.common.values import JSON
from webapp.orchestration.completions import EMBED, Outcome, ask

TEXTS_LIMIT = 256
DIMENSIONS_LIMIT = 8192
FORMATS = ("float", "base64")
EMBEDDINGS: JSON = {  # as OpenAPI tells it; what counts is read_embeddings
    "type": "object",
    "required": ["input"],
    "properties": {
        "input": {
            "oneOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "minItems": 1, "maxItems": TEXTS_LIMIT, "items": {"type": "string", "minLength": 1}},
            ]
        },
        "model": {"type": "string", "maxLength": 120},
        "dimensions": {"type": "integer", "minimum": 1, "maximum": DIMENSIONS_LIMIT},
        "encoding_format": {"enum": list(FORMATS), "default": "float"},
        "session_id": {"type": "string"},
    },
}


@dataclass(frozen=True)
class Asked:
    texts: list[str]
    model: str | None
    dimensions: int | None
    packed: bool
    session: str | None


class Embeddings(OpenAIView):
    """A vector for each text. Without `model` the first embedding model of the catalogue; all of one request by one model."""

    scopes: ClassVar = {"POST": "agents:execute"}
    bodies: ClassVar = {"POST": EMBEDDINGS}

    def post(self, request: Request) -> Response:
        who, asked = caller(request), read_embeddings(request.data)
        told = {"texts": asked.texts, "model": asked.model, "dimensions": asked.dimensions}
        query = f"Embed {len(asked.texts)} text{'s' if len(asked.texts) > 1 else ''}"
        task = ask(principal=who, kind=EMBED, query=query, asked=told, session=asked.session, place=None)
        request._request.META[LATER] = Vectors(who, task, packed=asked.packed)
        return Response({"task_id": str(task.id)}, status=202, headers=ids_of(task))


class Vectors(Whole):
    """`packed`: in base64, as the official client asks for it."""

    def __init__(self, *given: Any, packed: bool) -> None:
        super().__init__(*given, stays=False)
        self._packed = packed

    def body(self, outcome: Outcome, output: JSON) -> JSON:
        vectors = output["vectors"] if self._packed else map(unpacked, output["vectors"])
        tokens = outcome.prompt_tokens
        return {
            "object": "list",
            "data": [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)],
            "model": output["model"],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


def unpacked(text: str) -> list[float]:
    """32-bit floats, little-endian."""
    numbers = array("f", base64.b64decode(text))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def read_embeddings(body: Any) -> Asked:
    """
    Raises:
        Invalid: the first field that breaks a rule.
    """
    body = an_object(body)
    form = body.get("encoding_format") or "float"
    if form not in FORMATS:
        raise Invalid(field="encoding_format", message=f"must be one of {', '.join(FORMATS)}")
    return Asked(
        _texts(body.get("input")), text_of(body, "model"), _dimensions(body), form == "base64", session_of(body)
    )


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 1 <= len(texts) <= TEXTS_LIMIT:
        raise Invalid(field="input", message=f"must be a text or a list of 1 to {TEXTS_LIMIT} texts")
    for position, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise Invalid(field=f"input[{position}]", message="must be a text that is not empty; tokens are not taken")
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    if size > settings.COMPLETION_INPUT_BYTES:
        raise Invalid(field="input", message=f"has {size} bytes; the limit is {settings.COMPLETION_INPUT_BYTES}")
    return [text.replace("\0", "") for text in texts]


def _dimensions(body: JSON) -> int | None:
    value = body.get("dimensions")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= DIMENSIONS_LIMIT:
        raise Invalid(field="dimensions", message=f"must be a whole number from 1 to {DIMENSIONS_LIMIT}")
    return value
