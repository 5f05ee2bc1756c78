"""Tells whether somebody has changed a source since it was looked at."""

from __future__ import annotations

import hashlib
import json

from webapp.tool_sources.models import ToolSource


def mark_of(source: ToolSource) -> str:
    """Another one after each change that people make; what a worker found does not count, nor whether it is switched on."""
    sealed = hashlib.sha256(bytes(source.sealed or b"")).hexdigest()  # each sealing differs, of the same secret too
    said = [source.address, source.document, source.settings, sealed]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:20]
