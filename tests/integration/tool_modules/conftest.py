"""A crew of its own for each test, and uploads over the API."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.http import HttpResponse
from django.test import Client

from tests.support.cast import Cast, Person, make_cast
from tests.support.modules import wasm
from tests.support.services import Services

SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


@pytest.fixture
def crew(services: Services) -> Cast:
    """No version of others waits to be checked."""
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
        admin.execute("DELETE FROM tool_modules_moduleversion")
        admin.execute("DELETE FROM tool_modules_toolmodule")
    return make_cast()


@dataclass(frozen=True)
class Api:
    person: Person

    def call(self, method: str, path: str = "", **body: Any) -> HttpResponse:
        headers = {"X-API-Key": self.person.api_key}
        url = f"/api/v1/tool-modules{path}"
        return Client().generic(method, url, json.dumps(body), "application/json", headers=headers)  # type: ignore[return-value]

    def upload(self, module: bytes | None = None, **changed: Any) -> HttpResponse:
        data = wasm("echo") if module is None else module
        body = {"name": "echo", "description": "Says what it is told.", "parameters": SCHEMA}
        return self.call("POST", **body | {"wasm": base64.b64encode(data).decode()} | changed)

    def one(self, name: str = "echo") -> dict[str, Any]:
        return dict(json.loads(self.call("GET", f"/{name}").content))
