"""The packages inside the sandbox do real work there, and what is missing says so."""

from __future__ import annotations

import asyncio
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.build import REQUIREMENTS
from sandbox.keeper import Job, Keeper
from sandbox.limits import Limits
from sandbox.outcome import Outcome

Run = Callable[[str], Outcome]

MATHS = """
import sympy
x, y = sympy.symbols('x y')
f = sympy.Function('f')
"""
GRAPH = """
import networkx as nx
roads = nx.Graph()
roads.add_weighted_edges_from([('a', 'b', 1), ('b', 'c', 2), ('a', 'c', 9)])
links = nx.DiGraph([(1, 2), (2, 3), (3, 1), (3, 2)])
"""
TEMPLATE = "{% for n in names %}{{ loop.index }}. {{ n|upper }} {% endfor %}{{ html }}"
TABLE = "from tabulate import tabulate\ntabulate([['a', 1.5], ['b', 20]], headers=['name', 'n'], tablefmt='github')"
TABLE_SHOWN = "| name   |    n |\n|--------|------|\n| a      |  1.5 |\n| b      | 20   |"
LAST_FRIDAYS = """
from dateutil import parser, rrule
found = rrule.rrule(rrule.MONTHLY, byweekday=rrule.FR(-1), count=3, dtstart=parser.parse('1 February 2024'))
[day.date().isoformat() for day in found]
"""
SUMMER_TIME = """
import datetime, zoneinfo
berlin, noon = zoneinfo.ZoneInfo('Europe/Berlin'), datetime.time(12)
days = [datetime.date(2024, 3, 30), datetime.date(2024, 3, 31)]
[datetime.datetime.combine(day, noon, berlin).utcoffset().seconds // 3600 for day in days]
"""
SQL = """
import sqlite3
db = sqlite3.connect(':memory:')
db.execute('create table sale(region, amount)')
db.executemany('insert into sale values (?, ?)', [('north', 3), ('south', 4), ('north', 5)])
db.execute('select region, sum(amount) over (partition by region) from sale order by 1, 2').fetchall()
"""
GATHERED = """
import asyncio
async def late(value):
    await asyncio.sleep(0.01)
    return value
async def main():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(late(n)) for n in range(3)]
    return [task.result() for task in tasks]
asyncio.run(main())
"""

LACKING = """
antigravity bz2 ctypes curses ensurepip fcntl grp idlelib lzma mmap msvcrt nt pty pwd readline resource ssl syslog
termios this tkinter tty turtle turtledemo winreg winsound
"""


@pytest.fixture(scope="module")
def run(sandbox_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    keeper = Keeper(image=sandbox_image, size=1, limits=Limits(), scratch=tmp_path_factory.mktemp("packages"))
    with asyncio.Runner() as loop:
        loop.run(keeper.start())
        yield lambda code: loop.run(keeper.run(Job(code)))
        loop.run(keeper.close())


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (MATHS + "sympy.integrate(x**2 * sympy.exp(x), x)", "(x**2 - 2*x + 2)*exp(x)"),
        (MATHS + "sympy.integrate(sympy.exp(-x**2), (x, -sympy.oo, sympy.oo))", "sqrt(pi)"),
        (MATHS + "sympy.solve(x**3 - 2*x + 1, x)", "[1, -1/2 + sqrt(5)/2, -sqrt(5)/2 - 1/2]"),
        (MATHS + "sympy.solve([x + y - 3, x - y - 1], [x, y])", "{x: 2, y: 1}"),
        (MATHS + "sympy.dsolve(f(x).diff(x) - f(x))", "Eq(f(x), C1*exp(x))"),
        (MATHS + "sympy.lambdify(x, sympy.sin(x))(0), sympy.factor(x**2 - 1)", "(0.0, (x - 1)*(x + 1))"),
        ("from sympy.physics import units\nunits.convert_to(units.mile, units.m)", "201168*meter/125"),
        (GRAPH + "nx.shortest_path(roads, 'a', 'c', weight='weight')", "['a', 'b', 'c']"),
        (GRAPH + "{n: round(rank, 3) for n, rank in nx.pagerank(links).items()}", "{1: 0.215, 2: 0.397, 3: 0.388}"),
        ("import yaml\nyaml.safe_load(yaml.safe_dump({'é': [1, 2.5, None, True]}))", "{'é': [1, 2.5, None, True]}"),
        (
            f"import jinja2\njinja2.Environment(autoescape=True).from_string({TEMPLATE!r})"
            ".render(names=['a', 'b'], html='<b>')",
            "'1. A 2. B &lt;b&gt;'",
        ),
        (
            "import markdown\nmarkdown.markdown('# T\\n\\n|a|\\n|-|\\n|1|', extensions=['tables'])",
            "'<h1>T</h1>\\n<table>\\n<thead>\\n<tr>\\n<th>a</th>\\n</tr>\\n</thead>\\n"
            "<tbody>\\n<tr>\\n<td>1</td>\\n</tr>\\n</tbody>\\n</table>'",
        ),
        (TABLE, repr(TABLE_SHOWN)),
        (LAST_FRIDAYS, "['2024-02-23', '2024-03-29', '2024-04-26']"),
        ("import mpmath\nmpmath.mp.dps = 30\nstr(mpmath.zeta(3))", "'1.20205690315959428539973816151'"),
        (SUMMER_TIME, "[1, 2]"),
        (
            "import dateutil.tz, datetime\ndateutil.tz.gettz('Asia/Tokyo').utcoffset(datetime.datetime(2024, 1, 1)).seconds",
            "32400",
        ),
        (SQL, "[('north', 8), ('north', 8), ('south', 4)]"),
        (GATHERED, "[0, 1, 2]"),
    ],
)
def test_each_does_real_work(run: Run, code: str, value: str) -> None:
    outcome = run(code)
    assert (outcome.status, outcome.value) == ("ok", value), outcome


@pytest.mark.parametrize("kind", ["Bar", "Line", "Pie", "XY", "Radar"])
def test_a_chart_comes_out_as_a_picture_that_loads_nothing(run: Run, kind: str) -> None:
    values = "[(1, 2), (3, 5)]" if kind == "XY" else "[1, 3, 2]"
    code = (
        f"import hartley, pygal\nchart = pygal.{kind}(title='Sales')\nchart.add('north', {values})\n"
        "hartley.save('chart.svg', chart.render(), media_type='image/svg+xml')"
    )
    (chart,) = run(code).artifacts
    picture = ET.fromstring(chart.data)
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert next(title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")) == "Sales"
    assert not re.findall(r"href|src|@import|xml-stylesheet", chart.data.decode())


def test_what_is_listed_is_there_and_nothing_else(run: Run) -> None:
    """Above all no package of whoever builds the image."""
    code = "import importlib.metadata as m, sys\nprint(*sorted(f'{d.name}=={d.version}'.lower() for d in m.distributions()))"
    outcome = run(code + "\n[name for name in ('django', 'celery', 'six', 'pip') if name in sys.modules]")
    assert outcome.stdout.split() == re.findall(r"^\S+==\S+", REQUIREMENTS.read_text(), re.MULTILINE)
    assert outcome.value == "[]"


def test_the_whole_standard_library_is_there(run: Run) -> None:
    code = (
        "import importlib, sys\nfor name in sys.stdlib_module_names:\n"
        " try: importlib.import_module(name)\n except ImportError: print(name)\n"
        "len([name for name in sys.modules if name.partition('.')[0] in sys.stdlib_module_names])"
    )
    outcome = run(code)
    assert {name for name in outcome.stdout.split() if not name.startswith("_")} == set(LACKING.split())
    assert int(outcome.value or 0) > 500


def test_a_collection_does_not_visit_what_was_imported(run: Run) -> None:
    """It would take half a second, and touch all of the snapshot's memory."""
    counted = run("import gc\ngc.collect()\nlen(gc.get_objects()), gc.get_freeze_count()").value or ""
    visited, frozen = map(int, re.findall(r"\d+", counted))
    assert visited < 10_000 < 100_000 < frozen


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import ssl", "No module named 'ssl'"),
        ("import ctypes", "No module named 'ctypes'"),
        ("import bz2", "No module named 'bz2'"),
        ("import lzma", "No module named 'lzma'"),
        ("import numpy", "No module named 'numpy'"),
        ("import multiprocessing\nmultiprocessing.Process(target=print).start()", "Error"),
        ("import subprocess\nsubprocess.run(['ls'])", "does not support processes"),
        ("import networkx\nnetworkx.read_edgelist('graph.bz2')", "bz2.BZ2File is missing in the sandbox"),
        ("import tarfile\ntarfile.open('a', 'w:bz2')", "bz2 module is not available"),
        ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1/')", "Error"),
        ("import zoneinfo\nzoneinfo.ZoneInfo('Europe/Nowhere')", "No time zone found with key Europe/Nowhere"),
    ],
)
def test_what_is_missing_says_so(run: Run, code: str, said: str) -> None:
    outcome = run(code)
    assert outcome.status == "error" and said in (outcome.error or ""), outcome
