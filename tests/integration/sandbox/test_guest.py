"""What Python in the sandbox can do."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from sandbox.keeper import Artifact, Job, Keeper
from sandbox.limits import MIB

STATISTICS = "import csv, statistics\nrows = list(csv.DictReader(open('/data/a.csv')))\nstatistics.mean(int(r['n']) for r in rows)"
ASYNC = "import asyncio\nasync def f(): return await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0.01, 2))\nasyncio.run(f())"
SQL = "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('create table t(a)')\nc.execute('insert into t values (1)')\nc.execute('select sum(a) + 1 from t').fetchone()"
DATACLASS = "from dataclasses import dataclass\nimport pickle\n@dataclass\nclass P:\n  x: 'int'\npickle.loads(pickle.dumps(P(1)))"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", "2"),
        ("None", None),
        ("''", "''"),
        ("x = 5", None),
        ("", None),
        (STATISTICS, "2"),
        (SQL, "(2,)"),
        (ASYNC, "[1, 2]"),
        (DATACLASS, "P(x=1)"),
        ("import json\njson.load(open('/data/a.json'))['k']", "'é'"),
        ("import pathlib\nsorted(p.name for p in pathlib.Path('/data').iterdir())", "['a.csv', 'a.json']"),
        ("import datetime\ndatetime.datetime.strptime('2024-02-29', '%Y-%m-%d').isoformat()", "'2024-02-29T00:00:00'"),
        ("import decimal\ndecimal.Decimal('0.1') + decimal.Decimal('0.2')", "Decimal('0.3')"),
        ("import gzip\ngzip.decompress(gzip.compress(b'x'))", "b'x'"),
        ("import ast\nast.unparse(ast.parse('1+1'))", "'1 + 1'"),
        ("import sys\nsys.exit()", None),
        ("input(), input()", "('one', 'two')"),
        ("__name__", "'__main__'"),
    ],
)
async def test_usual_python_works(keeper: Keeper, code: str, value: str | None) -> None:
    files = {"a.csv": b"n\n1\n3\n", "a.json": '{"k": "é"}'.encode()}
    outcome = await keeper.run(Job(code, stdin="one\ntwo\n", files=files))
    assert (outcome.status, outcome.value) == ("ok", value), outcome


async def test_a_database_file_can_be_queried(keeper: Keeper, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("db") / "a b.db"
    with sqlite3.connect(path) as made:
        made.execute("create table t as select 7 as a")
    made.close()
    code = "import sqlite3\nsqlite3.connect('/data/a b.db').execute('select a from t').fetchall()"
    assert (await keeper.run(Job(code, files={"a b.db": path.read_bytes()}))).value == "[(7,)]"


async def test_both_outputs_are_told_apart(keeper: Keeper) -> None:
    code = "import sys\nprint('out', 'é')\nprint('err', file=sys.stderr)\nsys.stdout.buffer.write(b'raw')\nNone"
    outcome = await keeper.run(Job(code))
    assert (outcome.stdout, outcome.stderr) == ("out é\nraw", "err\n")


async def test_a_long_table_is_not_too_many_pieces(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("for n in range(100_000): print(n)"), replace(keeper.limits, wall_s=20))
    assert outcome.status == "ok" and outcome.stdout.split() == list(map(str, range(100_000)))


async def test_saved_files_are_artifacts(keeper: Keeper) -> None:
    code = (
        "import hartley\nhartley.save('chart.svg', '<svg/>', media_type='image/svg+xml')\nhartley.save('b', bytes(3))"
    )
    outcome = await keeper.run(Job(code))
    assert outcome.artifacts == (
        Artifact("chart.svg", "image/svg+xml", b"<svg/>"),
        Artifact("b", "text/plain", bytes(3)),
    )


async def test_a_file_of_the_largest_size_arrives_whole(keeper: Keeper) -> None:
    size = keeper.limits.artifact_bytes
    code = f"import hartley\nhartley.save('big', bytes(range(256)) * {size // 256})"
    (made,) = (await keeper.run(Job(code), replace(keeper.limits, wall_s=20))).artifacts
    assert made.data == bytes(range(256)) * (size // 256)


async def test_an_odd_name_is_explained_to_the_author(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("import hartley\nhartley.save('../x', '')"))
    assert outcome.status == "error" and "cannot be a file's name" in (outcome.error or "")


async def test_a_traceback_begins_with_the_authors_own_line(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("def f():\n    return 1 / 0\nf()"))
    lines = (outcome.error or "").splitlines()
    assert lines[1] == '  File "<code>", line 3, in <module>' and lines[-1] == "ZeroDivisionError: division by zero"


async def test_large_files_are_read(keeper: Keeper) -> None:
    data = bytes(range(256)) * (keeper.limits.files_bytes // 256)
    code = "data = open('/data/big', 'rb').read()\nlen(data), data[-2:]"
    outcome = await keeper.run(Job(code, files={"big": data}), replace(keeper.limits, wall_s=20))
    assert outcome.value == str((len(data), data[-2:])), outcome


async def test_the_memory_a_run_touched_is_told(keeper: Keeper) -> None:
    small, large = await keeper.run(Job("1")), await keeper.run(Job("x = b'1' * 100_000_000"))
    assert small.memory_bytes and large.memory_bytes
    assert 90 * MIB < large.memory_bytes - small.memory_bytes < 130 * MIB


async def test_modules_that_others_import_late_are_there(keeper: Keeper) -> None:
    names = "_strptime _ast_unparse colorsys concurrent.futures.thread email.mime.text encodings.cp1252 gettext "
    names += "html.entities importlib.metadata logging.handlers tomllib unittest.mock wsgiref.util xml.sax zoneinfo"
    code = f"import importlib\nfor name in {names.split()!r}: importlib.import_module(name)"
    assert (await keeper.run(Job(code))).error is None
