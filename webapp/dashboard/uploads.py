"""Files that a browser sends: their kind by their name, alike on every machine, and their size before they are read."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from webapp.common.errors import Invalid
from webapp.common.media_types import UNKNOWN, by_name
from webapp.common.values import JSON
from webapp.dashboard.templatetags.hartley import size


def uploaded(files: Sequence[UploadedFile]) -> list[JSON]:
    """
    As a submission's attachments.

    Raises:
        Invalid: more than may be attached.
    """
    total, limit = sum(file.size or 0 for file in files), settings.ATTACHMENTS_LIMIT_BYTES
    if total > limit:
        message = f"have {size(total)} together; the limit is {size(limit)}"
        raise Invalid(field="context.attachments", message=message)
    return [_attachment(file) for file in files]


def media_type(name: str, given: str) -> str:
    """Browsers guess as well, by tables of their own: theirs counts where ours knows nothing."""
    return by_name(name) or given or UNKNOWN


def _attachment(file: UploadedFile) -> JSON:
    name = file.name or "attachment"
    return {"filename": name, "media_type": media_type(name, file.content_type or ""), "data": file.read()}
