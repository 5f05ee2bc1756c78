"""
Runs of two tenants side by side in the same processes: whether anything of one is found by the other.

    python -m benchmarks.sandbox_isolation [--pairs 10000] [--size 2] [--seed 1] [--image FOLDER]

Each run has a secret of its own in its code, input, environment, files and workspace, and leaves it wherever code can: in
files, modules, builtins, the environment, the memory. Before that it searches these places, and every so often each object
of the interpreter, for secrets other than its own. What comes back to a caller is searched as well. Ends with 1 where one
was found.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.sandbox_image import add_image, image_of
from sandbox.keeper import Job, Keeper, Outcome
from sandbox.limits import Limits

MARK = "TOPSECRET-"
SECRET = re.compile(rf"{MARK}\w+-\d+-[0-9a-f]{{16}}")
TENANTS = ("acme", "globex")
ENDLESS = "while True: pass"
ENDS = {  # by how many pairs in a hundred
    "pass": 60,
    "1 / 0": 10,
    "raise SystemExit(1)": 10,
    "import os; os._exit(1)": 10,
    "x = bytearray(10**9)": 8,
    "import os; os.abort()": 1,
    ENDLESS: 1,
}
CODE = """
import builtins, gc, os, re, sys
own, secrets = {own!r}, re.compile({secrets!r})
found = []
def look(place, what):
    text = what.decode('latin-1') if isinstance(what, (bytes, bytearray)) else str(what)
    found.extend((place, other) for other in secrets.findall(text) if other != own)
for top in ('/', '/data', '/workspace', '/tmp', '/home', '/proc', '/dev'):
    for folder, folders, names in os.walk(top):
        for name in names:
            look('name ' + folder, name)
            look('file ' + folder, open(os.path.join(folder, name), 'rb').read())
look('environment', os.environ)
look('arguments', sys.argv)
look('input', sys.stdin.read())
look('modules', list(sys.modules))
look('builtins', list(vars(builtins)))
for thing in gc.get_objects() if {thorough} else ():
    if isinstance(thing, (dict, list, tuple, set)) and thing is not globals():
        for member in thing.values() if isinstance(thing, dict) else thing:
            if isinstance(member, (str, bytes, bytearray)):
                look('memory', member)
print(own, 'FOUND' if found else 'nothing', found)
os.environ['LEFT'] = builtins.left = own
sys.modules[own] = sys
builtins.memory = [bytearray(own * 1000, 'ascii') for _ in range(20)]
for folder in ('/workspace', '/tmp'):
    open(folder + '/' + own, 'w').write(own)
sys.stderr.write(own)
import hartley
hartley.save(own, own)
{end}
"""


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--pairs", type=int, default=10_000, help="(default: 10000)")
    given.add_argument("--size", type=int, default=2, help="processes, shared by both tenants (default: 2)")
    given.add_argument("--seed", type=int, default=1, help="of secrets and ends (default: 1)")
    given.add_argument(
        "--thorough", type=int, default=50, help="every how many pairs all objects are searched (default: 50)"
    )
    options = add_image(given).parse_args()
    image = image_of(options)
    with tempfile.TemporaryDirectory(prefix="isolation-") as scratch:
        sys.exit(0 if asyncio.run(measured(options, image, Path(scratch))) else 1)


async def measured(options: argparse.Namespace, image: Path, scratch: Path) -> bool:
    keeper = Keeper(image=image, size=options.size, limits=Limits(wall_s=5), scratch=scratch)
    await keeper.start()
    chance, ends, leaks = random.Random(options.seed), Counter[str](), list[str]()
    started = time.monotonic()
    try:
        for number in range(options.pairs):
            end = chance.choices(list(ENDS), ENDS.values())[0]
            secrets = [f"{MARK}{tenant}-{number}-{chance.randbytes(8).hex()}" for tenant in TENANTS]
            thorough = number % options.thorough == 0 and end != ENDLESS
            outcomes = await asyncio.gather(*(one(keeper, secret, end, thorough) for secret in secrets))
            for secret, (outcome, heard) in zip(secrets, outcomes, strict=True):
                ends[outcome.status] += 1
                leaks += judged(secret, outcome, heard)
            if (number + 1) % 1000 == 0:
                print(f"{number + 1} pairs, {time.monotonic() - started:.0f} s, leaks: {len(leaks)}", flush=True)
    finally:
        await keeper.close()
    print(f"{options.pairs} pairs of runs, by their ends: {dict(ends.most_common())}")
    print(f"secrets of one found by the other, or lost: {len(leaks)}", *leaks[:10], sep="\n")
    return not leaks


async def one(keeper: Keeper, secret: str, end: str, thorough: bool) -> tuple[Outcome, str]:
    heard: list[str] = []
    data = secret.encode()
    job = Job(
        CODE.format(own=secret, secrets=SECRET.pattern, thorough=thorough, end=end),
        stdin=secret,
        files={secret: data},
        workspace={secret: data, f"folder/{secret}.txt": data},
        environment={"SECRET": secret},
    )
    limits = Limits(wall_s=0.5) if end == ENDLESS else None
    return await keeper.run(job, limits, lambda _, text: heard.append(text)), "".join(heard)


def judged(secret: str, outcome: Outcome, heard: str) -> list[str]:
    """What is wrong: another's secret anywhere in what came back, or the own one missing."""
    back = f"{outcome} {heard}"
    faults = [f"{secret} got {other}" for other in set(SECRET.findall(back)) - {secret}]
    if f"{secret} nothing []" not in outcome.stdout:
        faults.append(f"{secret} did not search: {outcome}"[:2000])
    return faults


if __name__ == "__main__":
    main()
