"""The answer of a tool that can't do what it was asked; it imports nothing, since child processes have it too."""

from __future__ import annotations


class Refused(Exception):
    """What the model asked for can't be done: `code` is stable, the message is written for the model."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)
