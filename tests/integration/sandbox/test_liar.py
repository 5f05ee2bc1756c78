"""A child that was taken over says what it likes: the answer is a crash, and the process can be killed and waited for."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from sandbox.job import Job
from sandbox.limits import MIB, Limits
from sandbox.process import Child

HEAD = "import struct, sys\nsay = sys.stdout.buffer.write\n"
FLOOD = "while True: say(b'x' * 10**6)"
HUGE = "say(struct.pack('!II', 10**9, 10**9))\n"
NO_OUTCOME = "say(struct.pack('!II', 24, 0) + b'{\"value\": {}, \"sizes\": []}')\n"
BLANK = """body = b'{"value": {"news": []}, "sizes": []}'
while True: say(struct.pack('!II', len(body), 0) + body)\n"""
ENDLESS = """import json
body = json.dumps({"value": {"news": [["stdout", "x" * 10**5]]}, "sizes": []}).encode()
while True: say(struct.pack('!II', len(body), 0) + body)\n"""
DEEP = "say(struct.pack('!II', 10**5, 0) + b'[' * 10**5)\n"


ANSWER = """import json, time
answer = {"status": "ok", "stdout": "", "stderr": "", "value": None, "error": None, "artifacts": [], "files": [],
    "deleted": [], "left_out": [], "wall_s": 0.1, "memory_bytes": None, "fuel": None}
def send(value):
    body = json.dumps({"value": value, "sizes": []}).encode()
    say(struct.pack('!II', len(body), 0) + body)
    sys.stdout.flush()
send(answer)
"""


@pytest.mark.parametrize(
    ("then", "tidy"),
    [
        ("time.sleep(0.1)\nsend({'tidy': True})\ntime.sleep(60)", True),
        ("time.sleep(60)", False),
        ("pass", False),
        ("say(b'x' * 100)", False),
    ],
)
async def test_a_child_has_no_other_job_before_it_says_that_it_is_tidy(then: str, tidy: bool, tmp_path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-c", HEAD + ANSWER + then]
    child = Child(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=MIB), tmp_path)
    assert (await child.ask(Job("1"), Limits(wall_s=20))).status == "ok" and child.untidy
    assert await child.tidied(within_s=5 if tidy else 0.5) is tidy
    child.kill()
    await child.gone()


@pytest.mark.parametrize("lie", [HUGE, NO_OUTCOME, DEEP, BLANK, ENDLESS])
async def test_whatever_it_says_it_is_a_crash_and_gone_once_it_is_killed(lie: str, tmp_path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-c", HEAD + lie + FLOOD]
    child = Child(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=MIB), tmp_path)
    outcome = await child.ask(Job("1"), Limits(wall_s=20))
    child.kill()
    async with asyncio.timeout(30):
        await child.gone()
    assert outcome.status == "crash" and "unreadable" in (outcome.error or "")
