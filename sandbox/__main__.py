"""
Run a piece of Python in the sandbox from the command line, as a tool call would.

Example: python -m sandbox --image .hartley/sandbox -c "import sympy; sympy.integrate('x**2')"
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.job import Job
from sandbox.keeper import Keeper
from sandbox.limits import MIB, Limits
from sandbox.outcome import Outcome


def main() -> None:
    asked = _parser().parse_args()
    try:
        outcome = asyncio.run(_run(asked))
    except SandboxError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("cancelled")
    _tell(outcome)
    sys.exit(0 if outcome.status == "ok" else 1)


async def _run(asked: argparse.Namespace) -> Outcome:
    keeper = Keeper(image=asked.image, size=1, limits=Limits())
    try:
        await keeper.start()
        print(f"confined: {json.dumps(keeper.confined())}", file=sys.stderr)
        return await keeper.run(_job(asked), _limits(asked), heard=_print)
    finally:
        await keeper.close()


def _job(asked: argparse.Namespace) -> Job:
    return Job(
        code=asked.file.read_text() if asked.c is None else asked.c,
        stdin="" if sys.stdin.isatty() else sys.stdin.read(),
        files={path.name: path.read_bytes() for path in asked.data},
        clock=asked.clock,
        seed=asked.seed,
    )


def _limits(asked: argparse.Namespace) -> Limits:
    return replace(Limits(), wall_s=asked.wall_s, fuel=asked.fuel, memory_bytes=asked.memory_mib * MIB)


def _print(kind: str, text: str) -> None:
    print(text, end="", flush=True, file=sys.stderr if kind == "stderr" else sys.stdout)


def _tell(outcome: Outcome) -> None:
    """What was not printed while it ran."""
    if outcome.value is not None:
        print(outcome.value)
    facts = {
        "status": outcome.status,
        "wall_s": round(outcome.wall_s, 4),
        "memory_bytes": outcome.memory_bytes,
        "fuel": outcome.fuel,
        "files": {path: len(data) for path, data in outcome.files.items()},
        "artifacts": {made.name: len(made.data) for made in outcome.artifacts},
    }
    print(outcome.error or "", json.dumps(facts), sep="\n" if outcome.error else "", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    limits = Limits()
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", type=Path, help="the program")
    what.add_argument("-c", metavar="CODE", help="the program itself")
    parser.add_argument("--image", type=Path, required=True, metavar="FOLDER", help="what sandbox.build wrote to")
    parser.add_argument(
        "--data", type=Path, action="append", default=[], metavar="FILE", help="readable at /data/<name>"
    )
    parser.add_argument("--wall-s", type=float, default=limits.wall_s, help="default: %(default)s")
    parser.add_argument("--memory-mib", type=int, default=limits.memory_bytes // MIB, help="default: %(default)s")
    parser.add_argument("--fuel", type=int, help="counts it, and stops the program when it is used up")
    parser.add_argument("--seed", type=int, help="of everything random")
    parser.add_argument("--clock", type=float, help="the time that it always is, in seconds since 1970")
    return parser


if __name__ == "__main__":
    main()
