"""docker-compose.yml and the supervisor run the same processes, and no container has a default secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.embedded import programs
from workers.browser.settings import needless

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
SUPERVISED = {
    "web": programs.web(8080, 30, host="0.0.0.0"),
    **{name: programs.worker(*queues) for name, queues in programs.WORKERS.items()},
    "beat": programs.beat("/data/beat-schedule"),
    "flower": programs.flower(5555, host="0.0.0.0"),
    "browser": programs.browser(8030, host="0.0.0.0"),
}


def test_the_containers_are_the_supervisors_programs_and_one_that_prepares() -> None:
    supervised = programs.application(port=1, flower_port=2, schedule="s", drain_s=30, browser_port=3)
    assert set(OURS) == {program.name for program in supervised} | {"prepare"} == set(SUPERVISED) | {"prepare"}


@pytest.mark.parametrize("name", SUPERVISED)
def test_each_container_runs_the_supervisors_command(name: str) -> None:
    assert OURS[name]["command"] == SUPERVISED[name]


@pytest.mark.parametrize("name", SUPERVISED)
def test_each_container_is_watched_and_has_no_rights_to_lose(name: str) -> None:
    service = OURS[name]
    assert service["healthcheck"]["test"]
    assert service["user"] == "10001:10001" and service["read_only"] and service["cap_drop"] == ["ALL"]
    stop_s = float(service["environment"].get("DRAIN_S", programs.BROWSER_S))
    assert float(service["stop_grace_period"].rstrip("s")) > stop_s


def test_services_keep_their_data_and_are_waited_for() -> None:
    postgres, redis = COMPOSE["services"]["postgres"], COMPOSE["services"]["redis"]
    assert postgres["image"].startswith("pgvector/pgvector:pg18") and postgres["volumes"] and postgres["healthcheck"]
    assert "--appendonly yes" in redis["command"][-1] and redis["volumes"] and redis["healthcheck"]
    assert OURS["web"]["depends_on"]["prepare"]["condition"] == "service_completed_successfully"


def test_web_and_workers_share_the_sessions_files() -> None:
    for name in ("web", "worker-tools", "worker-control"):
        assert OURS[name]["environment"]["HARTLEY_WORKSPACE_FOLDER"] == "/workspaces"
        assert OURS[name]["volumes"] == ["workspaces:/workspaces"] and "workspaces" in COMPOSE["volumes"]


def test_no_secret_has_a_default() -> None:
    for name, fallback in re.findall(
        r"\$\{(\w*(?:PASSWORD|SECRET|ENCRYPTION_KEYS)\w*)(:?[-?]?[^}]*)\}", (ROOT / "docker-compose.yml").read_text()
    ):
        assert fallback.startswith(":?"), f"{name} may be left empty or has a default"


def test_only_the_web_is_reachable_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert list(published) == ["web"] and all(port.startswith("127.0.0.1:") for port in published["web"])


def test_the_owner_role_is_known_to_preparation_alone() -> None:
    assert [name for name, service in OURS.items() if "HARTLEY_DB_OWNER_URL" in service["environment"]] == ["prepare"]


def test_the_image_runs_as_nobody_in_particular() -> None:
    stages = (ROOT / "deploy" / "Dockerfile").read_text().split("\nFROM ")
    for stage in (stage for stage in stages if "USER" in stage):
        lines = stage.splitlines()
        users = [n for n, line in enumerate(lines) if line.startswith("USER")]
        assert lines[users[-1]] == "USER 10001"
        assert users[-1] > max(n for n, line in enumerate(lines) if line.startswith("RUN"))
    assert stages[-1].splitlines() == ["hartley"]


def test_the_browser_is_apart_with_no_secret_but_the_token_by_which_it_is_asked() -> None:
    service = OURS["browser"]
    assert service["profiles"] == ["browser"] and service["networks"] == ["browser"] and service["volumes"] == []
    assert not needless(service["environment"])
    together = [name for name, each in COMPOSE["services"].items() if "browser" in each.get("networks", [])]
    assert together == ["worker-tools", "browser"]
