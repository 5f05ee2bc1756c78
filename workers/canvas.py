"""Plans in Celery's own language: `python -m workers.canvas plan.json` prints the canvas of a plan.

A canvas is how a plan is written and shown. What travels is a hint per ready step, sent by the transaction that
released it: a chain's next link or a chord's body never leaves before the rows say so.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from celery import Signature, chain, chord, group, signature

from webapp.orchestration.compile import Canvas, Chain, Node, compile_steps, describe
from webapp.orchestration.plan import agent_steps, parse_plan
from webapp.orchestration.steps import NewStep

SUBTASKS = 100


def canvas_of(steps: Sequence[NewStep], *, task: str) -> Signature:
    """The signatures of the steps of one task, numbered from 1: chain, group and chord as the shape asks."""
    return _signature(compile_steps(steps), task)


def _signature(canvas: Canvas, task: str) -> Signature:
    if isinstance(canvas, Node):
        queue = canvas.kind.partition(".")[0]
        ref = [[task, canvas.position + 1]]
        return signature(f"{queue}.steps", kwargs={"items": ref}, queue=queue, immutable=True)
    if isinstance(canvas, Chain):
        return _chain([_signature(link, task) for link in canvas.links])
    return group(_signature(member, task) for member in canvas.members)


def _chain(links: list[Signature]) -> Signature:
    """A group and what follows it are a chord."""
    joined: list[Signature] = []
    for link in links:
        if joined and isinstance(joined[-1], group):
            joined[-1] = chord(joined[-1], link)
        else:
            joined.append(link)
    return joined[0] if len(joined) == 1 else chain(*joined)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workers.canvas", description="Print the canvas of a plan.")
    parser.add_argument("plan", type=Path, help='a file with {"subtasks": [{"id", "description", "depends_on"}]}')
    steps = agent_steps(parse_plan(parser.parse_args().plan.read_text(), limit=SUBTASKS))
    print(describe(compile_steps(steps)))
    print(json.dumps(canvas_of(steps, task="TASK"), indent=2, default=str))


if __name__ == "__main__":
    main()
