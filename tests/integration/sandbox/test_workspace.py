"""A run's workspace: what it is given, what comes back, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.errors import FilesRefused
from sandbox.keeper import Job, Keeper

GIVEN = {"a.txt": b"a", "charts/b.svg": b"<svg/>", "kept/c": b"c"}
CHANGE = """
import os, shutil
open('a.txt', 'a').write('b')
os.makedirs('new/deep'); open('new/deep/é.csv', 'w').write('1')
shutil.rmtree('charts')
os.rename('kept/c', 'kept/d')
sorted(os.listdir('.')), os.getcwd()
"""


async def test_what_the_code_changed_comes_back_and_the_rest_does_not(keeper: Keeper) -> None:
    outcome = await keeper.run(Job(CHANGE, workspace={**GIVEN, "same": b"1"}))
    assert outcome.value == "(['a.txt', 'kept', 'new', 'same'], '/workspace')"
    assert outcome.files == {"a.txt": b"ab", "new/deep/é.csv": b"1", "kept/d": b"c"}
    assert outcome.deleted == ("charts/b.svg", "kept/c")


async def test_a_change_that_hides_itself_is_seen(keeper: Keeper) -> None:
    code = "import os\ns = os.stat('a.txt')\nopen('a.txt', 'w').write('b')\nos.utime('a.txt', ns=(s.st_atime_ns, s.st_mtime_ns))"
    assert (await keeper.run(Job(code, workspace={"a.txt": b"a"}))).files == {"a.txt": b"b"}


async def test_what_code_that_failed_has_written_comes_back_too(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("open('a', 'w').write('1')\n1 / 0"))
    assert (outcome.status, outcome.files) == ("error", {"a": b"1"})


async def test_nothing_comes_back_from_code_that_was_stopped(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("open('a', 'w').write('1')\nwhile True: pass"), replace(keeper.limits, wall_s=0.3))
    assert (outcome.status, outcome.files) == ("timeout", {})


async def test_links_devices_and_odd_names_are_left_out_and_told(keeper: Keeper) -> None:
    code = "import os\nfor n in ('-rf', 'a\\nb', 'fine'): open(n, 'w').close()\nos.symlink('fine', 'link')\nos.symlink('../../x', 'out')"
    outcome = await keeper.run(Job(code))
    assert outcome.files == {"fine": b""} and set(outcome.left_out) == {"-rf", "a\nb", "link", "out"}


async def test_too_many_files_are_said_and_none_is_kept(keeper: Keeper) -> None:
    limits = replace(keeper.limits, workspace_files=5)
    outcome = await keeper.run(Job("for n in range(6): open(str(n), 'w')"), limits)
    assert (outcome.status, outcome.files) == ("files", {}) and "more than 5 files" in (outcome.error or "")


async def test_too_many_bytes_are_said(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("open('a', 'w').write('12')"), replace(keeper.limits, workspace_bytes=1))
    assert (outcome.status, outcome.files) == ("files", {}) and "1 bytes together" in (outcome.error or "")


async def test_a_tree_without_end_is_cleared_away(keeper: Keeper) -> None:
    code = "import os\nfor n in range(3000):\n os.mkdir('d'); os.chdir('d')\n open('f', 'w').close()"
    before = keeper.pids()
    for _ in range(2):
        await keeper.run(Job(code, workspace={"x": b""}), replace(keeper.limits, wall_s=20))
        assert (await keeper.run(Job("import os; os.listdir('.')"))).value == "[]"
    assert keeper.pids() == before


async def test_temporary_files_work_and_are_gone(keeper: Keeper) -> None:
    code = "import os, tempfile\nf = tempfile.NamedTemporaryFile(delete=False); f.write(b'1'); f.name.startswith('/tmp'), len(os.listdir('/tmp'))"
    for _ in range(4):
        outcome = await keeper.run(Job(code))
        assert (outcome.value, outcome.files) == ("(True, 1)", {})


async def test_a_workspace_that_does_not_fit_is_refused_before_anything_runs(keeper: Keeper) -> None:
    with pytest.raises(FilesRefused, match="limit is 1 bytes"):
        await keeper.run(Job("1", workspace={"a": b"12"}), replace(keeper.limits, workspace_bytes=1))
