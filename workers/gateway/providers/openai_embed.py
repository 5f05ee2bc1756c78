"""Embeddings in OpenAI's protocol: one request for several texts, their vectors in any order."""

from __future__ import annotations

import json
from typing import Any

from workers.gateway.errors import ModelReplyMalformed
from workers.gateway.providers.reply import UNREADABLE, count
from workers.gateway.tokens import texts_upper_bound
from workers.gateway.types import EmbedReply, EmbedRequest, Usage

PATH = "/embeddings"


def body_of(request: EmbedRequest) -> dict[str, Any]:
    """As plain numbers: not every server knows the packed form."""
    body: dict[str, Any] = {"model": request.model, "input": list(request.texts), "encoding_format": "float"}
    return body if request.dimensions is None else {**body, "dimensions": request.dimensions}


def reply_of(body: bytes, request: EmbedRequest) -> EmbedReply:
    """
    Raises:
        ModelReplyMalformed: not what the protocol says.
    """
    try:
        answer = json.loads(body.decode())
        data = sorted(answer["data"], key=lambda item: item["index"])
        vectors = [[float(number) for number in item["embedding"]] for item in data]
        spent = count(answer.get("usage"), "prompt_tokens")
    except (*UNREADABLE, OverflowError) as error:
        message = f"{request.provider} sent something that is no embedding ({type(error).__name__})"
        raise ModelReplyMalformed(message, sent=True) from None
    usage = texts_upper_bound(request.texts) if spent is None else Usage(spent)
    return EmbedReply(vectors, request.provider, request.model, usage)
