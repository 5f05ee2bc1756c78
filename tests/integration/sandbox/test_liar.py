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


@pytest.mark.parametrize("lie", [HUGE, NO_OUTCOME, DEEP, BLANK, ENDLESS])
async def test_whatever_it_says_it_is_a_crash_and_gone_once_it_is_killed(lie: str, tmp_path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-c", HEAD + lie + FLOOD]
    child = Child(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=MIB), tmp_path)
    outcome = await child.ask(Job("1"), Limits(wall_s=20))
    child.kill()
    async with asyncio.timeout(5):
        await child.gone()
    assert outcome.status == "crash" and "unreadable" in (outcome.error or "")
