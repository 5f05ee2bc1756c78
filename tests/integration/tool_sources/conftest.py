"""A crew of its own for each test, and sources over the API; nobody else's source waits to be looked at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.http import HttpResponse
from django.test import Client

from tests.support.cast import Cast, Person, make_cast
from tests.support.documents import LAB, LAB_AT
from tests.support.services import Services

LAB_SOURCE = {"name": "lab", "kind": "openapi", "document": LAB, "server": LAB_AT}


@pytest.fixture
def crew(services: Services) -> Cast:
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
        admin.execute("DELETE FROM tool_sources_toolsource")
    return make_cast()


@dataclass(frozen=True)
class Api:
    person: Person

    def call(self, method: str, path: str = "", **body: Any) -> HttpResponse:
        headers = {"X-API-Key": self.person.api_key}
        url = f"/api/v1/tool-sources{path}"
        return Client().generic(method, url, json.dumps(body), "application/json", headers=headers)  # type: ignore[return-value]

    def register(self, **changed: Any) -> HttpResponse:
        return self.call("POST", **LAB_SOURCE | changed)

    def one(self, name: str = "lab") -> dict[str, Any]:
        return dict(json.loads(self.call("GET", f"/{name}").content))
