"""The supervisor's configuration is what its own parser makes of it."""

from __future__ import annotations

import stat
from configparser import RawConfigParser
from pathlib import Path

from deploy.embedded.home import Home
from deploy.embedded.programs import APP, BEAT, POSTGRES, VALKEY, application, services
from deploy.embedded.supervise import Program, configure, groups_of


def written(tmp_path: Path, programs: list[Program]) -> RawConfigParser:
    home = Home(tmp_path)
    home.run.mkdir(exist_ok=True)
    path = configure(home, programs, "secret", tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = RawConfigParser(interpolation=None)
    found.read(path)
    return found


def test_words_of_a_command_stay_apart_and_percent_signs_mean_nothing(tmp_path: Path) -> None:
    program = Program("p", ["run", "a b", "100%"], 1, 1)
    section = written(tmp_path, [program])["program:p"]
    assert section["command"] == "run 'a b' 100%%"


def test_the_application_stops_first_then_beat_valkey_and_postgres(tmp_path: Path) -> None:
    app = application(port=1, flower_port=2, schedule="s", drain_s=7)
    all_of_them = [*services(postgres=["pg"], valkey=["vk"]), *app]
    found = written(tmp_path, all_of_them)
    order = {name: int(found[name]["priority"]) for name in ("group:app", "program:beat", "program:valkey")}
    assert order == {"group:app": APP, "program:beat": BEAT, "program:valkey": VALKEY}
    assert POSTGRES < VALKEY < BEAT < APP
    assert found["program:postgres"]["stopsignal"] == "INT"
    assert groups_of(all_of_them) == ["postgres", "valkey", "app", "beat"]


def test_the_longest_end_is_within_ten_seconds_for_all_but_a_postgres_with_much_to_write() -> None:
    app = application(port=1, flower_port=2, schedule="s", drain_s=7)
    valkey = services(postgres=None, valkey=["vk"])
    together = max(program.drain_s for program in app if program.group == "app")
    assert together + sum(program.drain_s for program in (*app, *valkey) if not program.group) <= 9


def test_a_service_that_others_run_is_not_started() -> None:
    assert services(postgres=None, valkey=None) == []
