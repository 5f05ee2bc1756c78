"""`make run` from the first start to the last Ctrl-C, and whatever is killed in between."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import psycopg
import pytest

from tests.support.farm import eventually
from tests.support.launched import APPLICATION, EVERYTHING, SERVICES, Launched, is_alive


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory, sandbox_image: Path) -> Iterator[Launched]:
    """One for the module, up or not."""
    launched = Launched(tmp_path_factory.mktemp("launcher") / "home", sandbox_image)
    try:
        yield launched
    finally:
        if launched.process:
            launched.stop()


@pytest.fixture
def stack(launched: Launched) -> Launched:
    """Up; after a test that has taken it down, again."""
    bring_up(launched)
    return launched


def bring_up(launched: Launched) -> None:
    if not launched.process or launched.process.poll() is not None:
        launched.start()
    launched.wait_up()


def answers(url: str, login: str = "") -> bool:
    headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    try:
        with urlopen(Request(url, headers=headers), timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def command_line(pid: int) -> str:
    """Empty for one that has ended: Postgres' children come and go."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def restarted(stack: Launched, name: str, old: int) -> bool:
    return stack.pids().get(name, {}).get("pid", old) != old and answers(f"{stack.credentials()['url']}/readiness")


def test_the_first_start_shows_the_plan_the_steps_and_the_answer(stack: Launched) -> None:
    for part in ("The first example:", "plan: ", "tools.call", "completed in ", " tokens, ", "Hartley is up."):
        assert part in stack.output


def test_the_credentials_are_complete_and_only_the_owner_reads_them(stack: Launched) -> None:
    wanted = {"url", "api_key", "email", "password", "flower_url", "redis_url", "database_url"}
    assert wanted <= set(stack.credentials())
    for name in ("credentials.json", "secrets.json", "run/supervisord.conf", "run/valkey.conf"):
        assert stat.S_IMODE((stack.home / name).stat().st_mode) == 0o600, name


def test_the_curl_line_works_when_pasted(stack: Launched) -> None:
    line = stack.output.rpartition("Try ")[2].partition("\n")[0].strip()
    done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout)["task_id"]


def test_flowers_own_port_opens_with_its_password_and_not_without(stack: Launched) -> None:
    secrets = json.loads((stack.home / "secrets.json").read_text())
    address = f"http://127.0.0.1:{secrets['flower_port']}/flower/"
    eventually(lambda: answers(address, f"hartley:{secrets['flower']}"))
    assert not answers(address)


def test_the_database_lets_nobody_in_without_a_password_and_the_app_role_makes_no_tables(stack: Launched) -> None:
    url = stack.credentials()["database_url"]
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE mine (id int)")
    user, _, rest = url.partition("@")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"{user.rpartition(':')[0]}@{rest}")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://postgres@{rest}")


def test_no_password_stands_in_a_command_line(stack: Launched) -> None:
    secrets = json.loads((stack.home / "secrets.json").read_text())
    lines = "".join(map(command_line, stack.all_pids()))
    assert len(lines) > 1000
    assert not [name for name, value in secrets.items() if isinstance(value, str) and value in lines]


def test_running_processes_do_not_hold_the_owners_or_the_administrators_password(stack: Launched) -> None:
    secrets = json.loads((stack.home / "secrets.json").read_text())
    held = "".join(Path(f"/proc/{stack.pids()[name]['pid']}/environ").read_text() for name in APPLICATION)
    assert secrets["app"] in held
    assert secrets["owner"] not in held
    assert secrets["superuser"] not in held


def test_pids_json_names_every_process(stack: Launched) -> None:
    found = eventually(lambda: stack.pids() if set(stack.pids()) == EVERYTHING else None)
    assert all(is_alive(entry["pid"]) for entry in found.values())
    assert found["postgres"]["children"]


def test_a_second_start_on_the_same_folder_says_so_and_disturbs_nothing(stack: Launched) -> None:
    before = stack.pids()
    second = stack.run()
    assert second.returncode == 1
    assert second.stdout == f"hartley: Hartley is already running on {stack.home}; stop it with Ctrl-C.\n"
    assert {name: entry["pid"] for name, entry in stack.pids().items()} == {n: e["pid"] for n, e in before.items()}


@pytest.mark.parametrize("name", sorted(APPLICATION | SERVICES))
def test_a_killed_process_is_started_again(stack: Launched, name: str) -> None:
    old = stack.pids()[name]["pid"]
    os.kill(old, signal.SIGKILL)
    eventually(lambda: restarted(stack, name, old), within_s=120, every_s=0.2)


def test_the_end_is_orderly_and_leaves_nothing_and_the_next_start_plays_no_first_example(stack: Launched) -> None:
    pids, temporary = stack.all_pids(), set(os.listdir(tempfile.gettempdir()))
    log = stack.home / "logs" / "supervisord.log"
    told = log.stat().st_size
    assert stack.stop() == 0
    killed = re.findall("killing '(.+?)'", log.read_text()[told:])
    assert set(killed) <= {"flower", "beat"}, "who keeps nothing is given a second"
    assert not [pid for pid in pids if is_alive(pid)]
    assert not (stack.home / "pids.json").exists()
    assert not [name for name in temporary if name.startswith(f"hartley-{os.getuid()}-")]

    stack.start()
    stack.wait_up()
    assert "The first example:" not in stack.output


def test_a_killed_launcher_takes_everything_down_in_order_and_the_next_start_works(stack: Launched) -> None:
    pids = stack.all_pids()
    assert stack.process
    stack.process.kill()
    stack.process.wait()
    stack.start()
    stack.wait_up()
    assert not [pid for pid in pids if is_alive(pid)]
    assert "stopped: postgres (exit status 0)" in (stack.home / "logs" / "supervisord.log").read_text()


def test_a_killed_supervisor_ends_everything_with_one_sentence(stack: Launched) -> None:
    pids = stack.all_pids()
    os.kill(stack.pids()["supervisord"]["pid"], signal.SIGKILL)
    assert stack.process
    assert stack.process.wait(60) == 1
    assert "hartley: The process supervisor has died, so everything was stopped." in stack.output
    assert not [pid for pid in pids if is_alive(pid)]


def test_a_lost_credentials_file_is_made_anew(launched: Launched) -> None:
    """From whatever state the last test has left: up, or ended without order."""
    if not launched.process:
        bring_up(launched)
    launched.stop()
    old = launched.credentials()
    (launched.home / "credentials.json").unlink()
    bring_up(launched)
    assert launched.credentials()["email"] == old["email"]
    assert launched.credentials()["api_key"] != old["api_key"]
    test_the_curl_line_works_when_pasted(launched)
