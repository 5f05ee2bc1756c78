"""What is asked in a measurement of quotes, and how the scripted server answers each of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from tests.support.cast import Person

MIX = {  # of a hundred
    "completion, short": 20,
    "completion, long": 16,
    "simple, short": 20,
    "simple, long": 14,
    "standard": 16,
    "complex": 14,
}
SAID = "The lake was calm that morning, and nobody had yet seen the boat. "


@dataclass(frozen=True)
class Job:
    """One task: `words` and `delay_s` of each of its answers are its own, and so is how often its agents use a tool."""

    number: int
    kind: str
    query: str
    words: int
    delay_s: float
    agents: int
    uses_tool: bool

    @property
    def mark(self) -> str:
        return f"[{self.number}]"

    def rules(self) -> list[dict[str, Any]]:
        if self.kind.startswith("completion"):
            return [self._rule("", text="word " * self.words)]
        called = {"tool_calls": [{"name": "calculator", "arguments": {"expression": "2 + 2"}}]}
        answers = [self._rule("You are an agent", text="word " * self.words)]
        if self.uses_tool:
            answers.insert(0, self._rule("You are an agent", last_role="user", **called))
        return [
            self._rule("You are the planner", text=json.dumps({"subtasks": self._subtasks()})),
            *answers,
            self._rule("You are the editor", text="word " * (self.words * 2)),
        ]

    def submit(self, person: Person) -> UUID:
        from webapp.orchestration.completions import COMPLETE, ask
        from webapp.orchestration.submit import submit_task

        if self.kind.startswith("completion"):
            asked = {**self.asked(), "stream": False}
            made = ask(
                principal=person.principal, kind=COMPLETE, query=self.mark, asked=asked, session=None, place=None
            )
            return made.id
        return submit_task(principal=person.principal, submission=self.submission()).id

    def quote(self, tenant: UUID) -> Any:
        from webapp.orchestration.quotes import quote_completion
        from webapp.orchestration.submit import quote_of

        if self.kind.startswith("completion"):
            return quote_completion(tenant, self.asked())
        return quote_of(tenant, self.submission())

    def asked(self) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": self.query}], "tools": [], "options": {"max_tokens": 2000}}

    def submission(self) -> Any:
        from webapp.orchestration.submit import Submission

        return Submission(query=self.query, mode=self.kind.split(",")[0])

    def _rule(self, system: str, *, last_role: str | None = None, **reply: Any) -> dict[str, Any]:
        match = {"user_contains": self.mark, "system_contains": system or None, "last_role": last_role}
        return {"match": match, "reply": {"chunks": 4, "delay_s": self.delay_s, **reply}}

    def _subtasks(self) -> list[dict[str, str]]:
        return [{"id": f"a{n}", "description": f"Part {n} of {self.mark}"} for n in range(1, self.agents + 1)]


def jobs(count: int, draw: Random) -> list[Job]:
    """In an order that is drawn too, so that both halves have the same mix."""
    kinds = [kind for kind, share in MIX.items() for _ in range(round(count * share / 100))]
    draw.shuffle(kinds)
    return [_job(number, kind, draw) for number, kind in enumerate(kinds)]


def _job(number: int, kind: str, draw: Random) -> Job:
    long = "long" in kind
    sentences = round(draw.lognormvariate(math.log(60 if long else 2), 0.4))
    return Job(
        number=number,
        kind=kind,
        query=f"Question [{number}] {SAID * sentences}",
        words=max(10, round(draw.lognormvariate(math.log(160), 0.35))),
        delay_s=min(4.0, draw.lognormvariate(math.log(0.8), 0.35)),
        agents=draw.choice((2, 3)) if kind == "standard" else draw.choice((3, 4, 5)),
        uses_tool=draw.random() < 0.4,
    )
