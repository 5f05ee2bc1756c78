"""`python -m sandbox`: a run from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from sandbox.fence import CREATE_RULESET, VERSION, libc
from tests.support.services import ROOT


def sandbox(image: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", "--image", str(image), *arguments]
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_a_program_prints_and_its_facts_are_told(sandbox_image: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("7")
    code = "print(input())\nopen('made', 'w').write('12')\nopen('/data/a.csv').read()"
    ran = sandbox(sandbox_image, "-c", code, "--data", str(tmp_path / "a.csv"), "--fuel", "1000000000", stdin="hello")
    assert (ran.returncode, ran.stdout) == (0, "hello\n'7'\n")
    facts = json.loads(ran.stderr.splitlines()[-1])
    confined = json.loads(ran.stderr.splitlines()[0].removeprefix("confined: "))
    assert confined["fence"] == max(0, libc.syscall(CREATE_RULESET, None, 0, VERSION))
    assert (facts["status"], facts["files"], facts["fuel"] > 0) == ("ok", {"made": 2}, True)


def test_a_program_that_fails_tells_its_traceback(sandbox_image: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("1 / 0")
    ran = sandbox(sandbox_image, str(tmp_path / "program.py"))
    assert ran.returncode == 1 and "ZeroDivisionError" in ran.stderr and "Hartley" not in ran.stderr


def test_a_missing_image_is_one_sentence(tmp_path: Path) -> None:
    ran = sandbox(tmp_path, "-c", "1")
    assert ran.returncode == 1 and ran.stderr.startswith("There is no sandbox image in") and ran.stderr.count("\n") == 1
