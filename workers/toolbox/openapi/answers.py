"""
What is made of a server's answer: a value or a text that the model reads, or a file of the session. Pure.

A file's name tells its content, so no call ever takes the place of a file that is there.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from mimetypes import guess_extension
from urllib.parse import urlsplit

from workers.toolbox.blotting import blotted, forms
from workers.toolbox.egress import Answer
from workers.toolbox.texts import bounded, value_of
from workers.toolbox.tool import ToolResult

VALUE_CHARS, ERROR_CHARS = 60_000, 2_000
READABLE = ("text/", "application/json", "application/xml", "application/yaml", "application/problem")
HOST_CHARS = 100  # of where a redirect leads
LEAST_IN_FILE = 8  # bytes of a secret that are no accident in a file
UNKNOWN = "application/octet-stream"
KIND_CHARS = 100
MARK_CHARS = 12  # of the hash in a file's name


def result_of(answer: Answer, *, name: str, secret: str, done: str) -> ToolResult:
    """
    Args:
        name: the tool's, with which its files' names begin.
        secret: what is never repeated; "" for none.
        done: what is added where the session has no room for the file.
    """

    def clean(text: str) -> str:
        return str(blotted(text, secret))

    if to := answer.redirects_to:
        return ToolResult.failure("openapi.redirected", f"It points to {_host(to)} instead, which is not followed")
    if answer.status >= 400:
        said = bounded(clean(answer.body.decode("utf-8", "replace")), ERROR_CHARS)
        code, message = f"openapi.http_{answer.status}", f"The server answered {answer.status}: {said}"
        return ToolResult.failure(code, message, outage=answer.status >= 500)
    if not answer.whole:
        return ToolResult.failure(
            "openapi.answer_too_large", f"Its answer has more than {len(answer.body)} bytes{done}"
        )
    if not answer.body:
        return ToolResult.success({"status": answer.status})
    kind = clean(answer.headers.get("content-type", "").partition(";")[0].strip().lower())[:KIND_CHARS]
    if _is_readable(kind, answer.body):
        text = clean(answer.body.decode("utf-8", "replace"))
        return ToolResult.success({"status": answer.status, **value_of(text, VALUE_CHARS, otherwise="text")})
    return _file(answer, kind or UNKNOWN, name=name, secret=secret, done=done)


def _is_readable(kind: str, body: bytes) -> bool:
    """What is of no kind is read if it is text."""
    if kind:
        return kind.startswith(READABLE) or "+json" in kind or "+xml" in kind
    try:
        return "\0" not in body.decode()
    except UnicodeDecodeError:
        return False


def _file(answer: Answer, kind: str, *, name: str, secret: str, done: str) -> ToolResult:
    if any(word.encode() in answer.body for word in forms(secret) if len(word) >= LEAST_IN_FILE):
        message = f"Its answer is a file that holds the secret of its source, so it is not kept.{done}"
        return ToolResult.failure("openapi.secret_in_file", message)
    sha256 = hashlib.sha256(answer.body).hexdigest()
    path = f"{name}-{sha256[:MARK_CHARS]}{guess_extension(kind) or '.bin'}"
    shown = {"path": path, "media_type": kind, "size_bytes": len(answer.body), "sha256": sha256}
    result = ToolResult.success({"status": answer.status, **shown, "workspace": {"changed": [path]}})
    return replace(result, changed={path: answer.body}, besides=done)


def _host(to: str) -> str:
    try:
        return (urlsplit(to).hostname or "another path")[:HOST_CHARS]
    except ValueError:
        return "no address"
