"""Processes get the addresses they need, and no more rights than that."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.embedded import environment, roles
from deploy.embedded.home import Home

SECRETS = {
    name: f"{name}-secret"
    for name in ("superuser", "owner", "app", "system", "valkey", "django", "flower", "encryption", "browser")
}
PORTS = {"valkey": 7001, "flower": 7002, "browser": 7003}
HOME = Home(Path("/data/hartley"))


def set_up(**environ: str) -> dict[str, str]:
    return environment.for_set_up(environ, HOME, SECRETS, PORTS)


def test_the_three_roles_have_a_url_each_to_the_same_database() -> None:
    assert set_up()["HARTLEY_DB_APP_URL"] == "postgresql://hartley_app:app-secret@/hartley?host=/data/hartley/run/pg"
    assert set_up()["REDIS_URL"] == "redis://:valkey-secret@127.0.0.1:7001/0"


def test_running_processes_can_not_change_the_schema() -> None:
    given = {"DATABASE_URL": "postgresql://admin:root-secret@db/prod", "HARTLEY_OWNER_PASSWORD": "first-secret"}
    running = environment.for_running(set_up(**given))
    assert "owner-secret" not in str(running)
    assert "root-secret" not in str(running)
    assert "first-secret" not in str(running)
    assert running["HARTLEY_DB_APP_URL"] == "postgresql://hartley_app:app-secret@db/prod"


def test_the_web_process_knows_flower_and_its_password() -> None:
    assert set_up()["FLOWER_URL"] == "http://127.0.0.1:7002"
    assert set_up()["FLOWER_BASIC_AUTH"] == "hartley:flower-secret"


def test_workers_know_a_browser_only_where_one_is_asked_for() -> None:
    assert "HARTLEY_BROWSER_URL" not in set_up()
    given = set_up(HARTLEY_BROWSER="1")
    assert given["HARTLEY_BROWSER_URL"] == "http://127.0.0.1:7003"
    assert given["HARTLEY_BROWSER_TOKEN"] == "browser-secret"


def test_the_encryption_key_is_our_own_until_others_are_given() -> None:
    assert set_up()["HARTLEY_ENCRYPTION_KEYS"] == "encryption-secret"
    assert set_up(HARTLEY_ENCRYPTION_KEYS="new,old")["HARTLEY_ENCRYPTION_KEYS"] == "new,old"


def test_given_servers_are_used() -> None:
    given = set_up(DATABASE_URL="postgresql://a:b@db:5433/prod?sslmode=require", REDIS_URL="redis://cache/3")
    assert given["HARTLEY_DB_OWNER_URL"] == "postgresql://hartley_owner:owner-secret@db:5433/prod?sslmode=require"
    assert given["REDIS_URL"] == "redis://cache/3"


@pytest.mark.parametrize(
    ("url", "name"), [("", "hartley"), ("postgresql://a@b", "hartley"), ("postgresql://b/x%20y", "x y")]
)
def test_the_database_is_the_one_that_the_url_names(url: str, name: str) -> None:
    assert environment.database_name({"DATABASE_URL": url}) == name


def test_work_drains_in_less_than_the_time_after_which_it_is_killed() -> None:
    assert set_up(DRAIN_S="7")["DRAIN_S"] == "5"
    assert set_up(DRAIN_S="1")["DRAIN_S"] == "1"


def test_model_keys_are_passed_on_and_temporary_files_stay_in_the_data_folder() -> None:
    given = set_up(OPENAI_API_KEY="k", TMPDIR="/elsewhere")
    assert given["OPENAI_API_KEY"] == "k"
    assert given["TMPDIR"] == "/data/hartley/tmp"


def test_a_database_with_an_odd_name_is_quoted() -> None:
    assert roles.with_database("postgresql://a:b@db/x?y=1", "a b") == "postgresql://a:b@db/a%20b?y=1"
