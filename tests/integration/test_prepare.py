"""`python -m deploy.prepare`: what the containers run before anything else, on a real server."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg

from tests.support.services import ROOT, Services


def prepare(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.prepare"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def environment_for(services: Services, database: str) -> dict[str, str]:
    roles = {f"HARTLEY_DB_{role}_URL": services.env[f"HARTLEY_DB_{role}_URL"] for role in ("APP", "SYSTEM", "OWNER")}
    return {
        **os.environ,
        **{name: url.replace("/hartley?", f"/{database}?") for name, url in roles.items()},
        "DATABASE_URL": services.env["HARTLEY_TEST_ADMIN_URL"],
        "HARTLEY_OWNER_PASSWORD": "a long enough password",
    }


def test_an_empty_server_is_prepared_and_a_second_time_changes_nothing(services: Services) -> None:
    environment = environment_for(services, "prepared")
    first, second = prepare(environment), prepare(environment)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "sign in as owner@hartley.local" in first.stdout and "created" not in second.stdout
    assert "sk_" not in first.stdout + first.stderr, "no key in a log"
    with psycopg.connect(environment["HARTLEY_DB_SYSTEM_URL"]) as database:
        assert database.execute("SELECT count(*) FROM tenants_tenant").fetchone() == (1,)


def test_what_is_missing_is_named(services: Services) -> None:
    environment = environment_for(services, "never")
    del environment["DATABASE_URL"]
    refused = prepare(environment)
    assert refused.returncode == 2 and "DATABASE_URL" in refused.stderr
