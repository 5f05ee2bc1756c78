"""The failure that editing a policy can have. A failure while deciding is not an error: it is a denial."""

from __future__ import annotations

from typing import ClassVar


class PolicyInvalid(Exception):
    """The modules can't be put in force: the message names the module and line, or the tests that failed."""

    code: ClassVar[str] = "policy.invalid"
