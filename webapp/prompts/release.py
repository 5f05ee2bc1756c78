"""The release's own templates, in force until a tenant saves its own: shipped/*.txt."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from webapp.prompts.rules import KINDS

FOLDER = Path(__file__).parent / "shipped"


@cache
def shipped(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n")


def all_shipped() -> dict[str, str]:
    return {name: shipped(name) for name in KINDS}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
