"""Starts the real Postgres and Valkey once for the whole run, before Django reads its settings."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.support.services import ROOT, Services, start_services

# A machine that is busy is no mistake of the code; all else is as Hypothesis has it there.
hypothesis.settings.register_profile(
    "busy", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")

SERVICES = start_services()
atexit.register(SERVICES.stop)
for _provider in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
    os.environ.pop(_provider, None)  # tests say themselves which model answers
os.environ.update(SERVICES.env)
subprocess.run(
    [sys.executable, "manage.py", "migrate", "--database=owner", "--no-input", "-v", "0"],
    cwd=ROOT,
    check=True,
    timeout=120,
)

import django  # noqa: E402

django.setup()

from tests.support.states import refuse_other_changes  # noqa: E402

refuse_other_changes(SERVICES.env["HARTLEY_DB_OWNER_URL"])


@pytest.fixture(scope="session", autouse=True)
def _database_allowed(django_db_blocker: Any) -> Iterator[None]:
    """The database is the real one and its tenants keep the tests apart: nothing is rolled back or flushed."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def services() -> Services:
    return SERVICES


@pytest.fixture(scope="session")
def sandbox_image(services: Services) -> Path:
    """Built once, kept between runs."""
    folder = Path(services.env["HARTLEY_SANDBOX_IMAGE"])
    subprocess.run([sys.executable, "-m", "sandbox.build", "--out", str(folder)], cwd=ROOT, check=True, timeout=900)
    return folder
