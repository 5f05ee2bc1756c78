"""The last words of a start: where everything is, and a first request to paste."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from deploy.embedded.credentials import Credentials

QUESTION = {"query": "What is (12.5 + 7.5) * 3?"}


def welcome(credentials: Credentials, kept_in: Path) -> None:
    print(block(credentials, kept_in), flush=True)


def block(credentials: Credentials, kept_in: Path) -> str:
    return f"""
Hartley is up.
  Open      {credentials["url"]}          the dashboard; Admin and Flower are linked there
  Sign in   {credentials["email"]}  {credentials["password"]}
  API       {credentials["url"]}/api/v1          health: {credentials["url"]}/readiness
  Try       {curl(credentials)}
  Secrets   {kept_in}
  Stop      Ctrl-C
"""


def curl(credentials: Credentials) -> str:
    """A line for any POSIX shell."""
    headers = (f"X-API-Key: {credentials['api_key']}", "Content-Type: application/json")
    words = ["curl", "-s", f"{credentials['url']}/api/v1/tasks"]
    for header in headers:
        words += ["-H", header]
    return shlex.join([*words, "-d", json.dumps(QUESTION)])
