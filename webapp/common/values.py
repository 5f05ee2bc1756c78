"""Value types that every room shares. Pure."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]  # an object as it leaves or enters the process
