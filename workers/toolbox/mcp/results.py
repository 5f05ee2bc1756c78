"""What a server answers to a call, as the result that an agent reads. Pure; every part of it has a limit."""

from __future__ import annotations

import base64
import json
import re
from binascii import Error as NotBase64
from mimetypes import MimeTypes
from typing import Any

from mcp_types import AudioContent, CallToolResult, EmbeddedResource, ImageContent, ResourceLink, TextContent
from mcp_types import BlobResourceContents as Blob

from sandbox.keeper import Artifact
from sandbox.limits import Limits
from webapp.common.values import storable
from workers.toolbox.texts import bounded
from workers.toolbox.tool import ToolResult

TEXT_CHARS, VALUE_CHARS, NAME_CHARS = 40_000, 20_000, 150
PARTS = 100
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,80}")
UNKNOWN = "application/octet-stream"
KINDS = MimeTypes()  # Python's own table; that of the machine differs from one to the next


def result_of(answer: CallToolResult) -> ToolResult:
    """
    `{"ok": true, "text": ..., "value": ..., "resources": [...], "artifacts": [...]}` with what there is of them; a
    failure that the tool tells of is one that the agent reads.
    """
    parts = _Parts(Limits())
    for content in answer.content[:PARTS]:
        parts.add(content)
    text = bounded("\n".join(parts.texts), TEXT_CHARS)
    if answer.is_error:
        return ToolResult.failure("mcp.tool_failed", text or "The tool failed and did not say why")
    output: dict[str, Any] = {}
    value = None if answer.structured_content is None else _value(answer.structured_content)
    if value is not None:
        output["value"] = value
    if text and not _repeats(text, value):
        output["text"] = text
    if parts.resources:
        output["resources"] = parts.resources
    if parts.artifacts:
        output["artifacts"] = [
            {"name": a.name, "media_type": a.media_type, "size_bytes": len(a.data)} for a in parts.artifacts
        ]
    left_out = parts.left_out + max(0, len(answer.content) - PARTS)
    if left_out:
        output["left_out"] = f"{left_out} parts: too many, too long or not readable"
    return ToolResult.success(output, tuple(parts.artifacts))


class _Parts:
    def __init__(self, limits: Limits) -> None:
        self._left_files, self._left_bytes = limits.artifacts, limits.artifact_bytes
        self.texts: list[str] = []
        self.resources: list[dict[str, str]] = []
        self.artifacts: list[Artifact] = []
        self.left_out = 0

    def add(self, content: object) -> None:
        match content:
            case TextContent():
                self.texts.append(content.text)
            case ImageContent() | AudioContent():
                self._file(content.data, content.mime_type, "")
            case EmbeddedResource(resource=Blob() as blob):
                self._file(blob.blob, blob.mime_type or UNKNOWN, str(blob.uri))
            case EmbeddedResource():
                self._resource(str(content.resource.uri), text=getattr(content.resource, "text", ""))
            case ResourceLink():
                self._resource(str(content.uri), name=content.name, media_type=content.mime_type or "")
            case _:
                self.left_out += 1

    def _resource(self, uri: str, **more: str) -> None:
        told = {key: bounded(value, VALUE_CHARS // 4) for key, value in more.items() if value}
        if len(self.resources) < self._left_files + 20:
            self.resources.append({"uri": bounded(uri, 500), **told})
        else:
            self.left_out += 1

    def _file(self, encoded: str, media_type: str, uri: str) -> None:
        try:
            data = base64.b64decode(encoded, validate=True)
        except (NotBase64, ValueError):
            self.left_out += 1
            return
        if self._left_files < 1 or len(data) > self._left_bytes:
            self.left_out += 1
            return
        self._left_files, self._left_bytes = self._left_files - 1, self._left_bytes - len(data)
        kind = media_type.lower().partition(";")[0].strip()
        kind = kind if MEDIA_TYPE.fullmatch(kind) else UNKNOWN
        self.artifacts.append(Artifact(_name(uri, kind, len(self.artifacts) + 1), kind, data))


def _name(uri: str, media_type: str, number: int) -> str:
    last = re.sub(r"[^A-Za-z0-9._-]", "-", uri.rpartition("/")[2])[:NAME_CHARS].lstrip(".-")
    return last or f"file-{number}{KINDS.guess_extension(media_type) or ''}"


def _value(value: Any) -> Any:
    """As it is, if it can be kept and isn't long, else its text."""
    try:
        text = json.dumps(value, allow_nan=False)
        return storable(value) if len(text) <= VALUE_CHARS else bounded(text, VALUE_CHARS)
    except (ValueError, RecursionError):
        return None


def _repeats(text: str, value: Any) -> bool:
    """Servers write the value as text too, for clients that read no other."""
    if value is None:
        return False
    try:
        return bool(json.loads(text) == value)
    except (ValueError, RecursionError):
        return False
