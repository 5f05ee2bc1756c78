"""A file's media type by its name, alike on every machine. Pure."""

from __future__ import annotations

from mimetypes import MimeTypes

UNKNOWN = "application/octet-stream"
OFFICE = "application/vnd.openxmlformats-officedocument"
KINDS = MimeTypes()  # Python's own table; that of the machine differs from one to the next
for _suffix, _kind in {
    ".md": "text/markdown", ".log": "text/plain", ".jsonl": "text/plain", ".ndjson": "text/plain",
    ".yaml": "application/yaml", ".yml": "application/yaml", ".toml": "text/plain", ".sql": "text/plain",
    ".ini": "text/plain", ".webp": "image/webp", ".docx": f"{OFFICE}.wordprocessingml.document",
    ".xlsx": f"{OFFICE}.spreadsheetml.sheet", ".pptx": f"{OFFICE}.presentationml.presentation",
}.items():  # fmt: skip
    KINDS.add_type(_kind, _suffix)


def by_name(name: str) -> str | None:
    """None: the name does not say. What is packed (`.csv.gz`) is unknown, whatever is inside."""
    kind, packed = KINDS.guess_type(name)
    return UNKNOWN if packed else kind
