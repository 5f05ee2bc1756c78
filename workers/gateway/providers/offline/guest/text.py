"""The text of an attached file."""

from __future__ import annotations

import os


def read_text(root: str, name: str) -> str:
    """UTF-8 or, by its mark, UTF-16; what can't be decoded is replaced."""
    with open(os.path.join(root, name), "rb") as file:
        data = file.read()
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, errors="replace").replace("\x00", "")
