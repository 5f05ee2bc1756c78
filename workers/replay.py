"""Replays an ended run: its decisions are made again by today's code, on the recorded answers of models and tools.

The same middle beats run as in a live step. Only their line to the writer and the outside is another: it writes
nothing, and serves what was recorded instead of calling.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar, cast
from uuid import UUID

import structlog

from webapp.agent_tasks.models import Step, Task
from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.decisions.models import PolicyDecision
from webapp.orchestration.completions import EMBED
from webapp.orchestration.steps import ClaimedStep, Completion, Granted, HoldRequest, NewStep
from workers.answer_cache.asked import Hit
from workers.answer_cache.cached import Cached
from workers.beats import Beats
from workers.decide import FOR_A_SUMMARY
from workers.gateway.types import EmbedReply, ModelReply, ToolCall, Usage
from workers.toolbox.tool import ToolResult
from workers.vectors import unpacked

log = structlog.get_logger()
Reply = TypeVar("Reply")
Named = TypeVar("Named")
Perform = Callable[[ClaimedStep, Beats], Awaitable[Completion]]
Decided = dict[tuple[str, str], tuple[str, str]]  # (point, subject): (effect, rule)

NOT_DECIDED = ("step.worker_lost", "step.timeout", "internal", "step.output_rejected")  # accidents, not decisions
NEVER_SENT = ("policy.denied", "tool.unknown", "tool.arguments_invalid", "token_limit_exceeded")
DIFFERENCES_KEPT = 100
SHOWN_CHARS = 300


class NothingRecorded(HartleyError):
    """Today's code would make a call that the run never made."""

    code = "replay.nothing_recorded"


class RecordedFailure(HartleyError):
    """The call failed then, and so it does now."""

    elsewhere = True

    def __init__(self, error: JSON) -> None:
        self.code = str(error.get("code", "internal"))  # type: ignore[misc]
        super().__init__(str(error.get("message", "")))


class AnsweredElsewhere(HartleyError):
    """This model was asked and failed; another one was asked then."""

    code = "replay.answered_elsewhere"
    elsewhere = True

    def __init__(self, subject: str) -> None:
        super().__init__(f"{subject} did not answer then")


@dataclass(frozen=True)
class Difference:
    """`what` is one of outcome, decision, prompt, price, agent state, beliefs, added step, output."""

    step: int
    kind: str
    agent: str
    what: str
    then: str
    now: str

    def __str__(self) -> str:
        whose = f" of {self.agent}" if self.agent else ""
        return f"Step {self.step} ({self.kind}{whose}), {self.what}: then {self.then}; now {self.now}"


@dataclass
class Report:
    task: UUID
    replayed: int = 0
    served: int = 0
    left_out: int = 0
    differences: list[Difference] = field(default_factory=list)

    def lines(self) -> list[str]:
        return [str(difference) for difference in self.differences]

    def as_text(self) -> str:
        """Markdown."""
        head = f"Replayed {self.replayed} steps; {self.served} recorded answers were served and nothing was called. "
        found = len(self.differences)
        head += f"**{found} difference{'s' if found != 1 else ''}.**" if found else "**No difference.**"
        left = (
            f"\n\n{self.left_out} steps were left out: they never came to an end by themselves."
            if self.left_out
            else ""
        )
        return head + left + "".join(f"\n- {line}" for line in self.lines()[:DIFFERENCES_KEPT])

    def to_json(self) -> JSON:
        return {
            "task": str(self.task),
            "steps": self.replayed,
            "served": self.served,
            "left_out": self.left_out,
            "model_calls": 0,
            "count": len(self.differences),
            "differences": [vars(difference) for difference in self.differences[:DIFFERENCES_KEPT]],
        }


class ReplayBeats(Beats):
    """Writes nothing; keeps what would have been recorded; serves the record in place of the call."""

    replays = True

    def __init__(self, step: ClaimedStep, past: Step, asked: Sequence[str] = ()) -> None:
        """`asked` are the models that were asked, the last of whom answered or was the last to fail."""
        super().__init__(step, _nowhere)
        self._asked = asked
        self.decisions: list[JSON] = []
        self.served = 0
        self._past = past

    async def begin(
        self,
        *,
        events: list[JSON] | None = None,
        decisions: list[JSON] | None = None,
        hold: HoldRequest | None = None,
    ) -> Granted:
        self.decisions += decisions or []
        return Granted(hold.max_tokens) if hold else Granted()

    def sending(self, call: int) -> None:
        """Nothing is sent, so nothing is paid."""

    def candidates(self, found: Sequence[Named], subject: Callable[[Named], str]) -> Sequence[Named]:
        """Those who were asked go first: the order of the others hangs on how the providers were doing."""
        place = {name: number for number, name in enumerate(self._asked)}
        ordered = sorted(found, key=lambda one: place.get(subject(one), len(place)))
        if self._past.state == "failed" and place:  # all of them failed: who was not asked then isn't now
            return [one for one in ordered if subject(one) in place] or ordered
        return ordered

    def recorded_hit(self) -> Hit | None:
        output = self._past.output
        if not isinstance(output, dict) or "cached" not in output:
            return None
        self.served += 1
        then = self._past.finished_at or self._past.created_at
        cached = Cached.of(_recorded_reply(self._past), cost_usd=Decimal(0), answered_at=then)
        return Hit(cached, output["cached"], "record")

    async def outside(self, send: Callable[[Granted], Awaitable[Reply]], granted: Granted, subject: str) -> Reply:
        if subject in self._asked[:-1] and self._past.state != "failed":
            raise AnsweredElsewhere(subject)
        answer = _recorded(self._past)
        self.served += 1
        return cast(Reply, answer)


async def _nowhere(_item: Any) -> JSON:
    raise AssertionError("a replay writes nothing")


def _recorded(past: Step) -> ModelReply | EmbedReply | ToolResult:
    if past.kind == EMBED:
        return _recorded_vectors(past)
    return _recorded_reply(past) if past.queue == "llm" else _recorded_result(past)


def _recorded_vectors(past: Step) -> EmbedReply:
    output = past.output
    if past.error and output is None:
        raise RecordedFailure(past.error)
    if not isinstance(output, dict):
        raise NothingRecorded("A model would be asked; then none was")
    return EmbedReply([unpacked(vector) for vector in output["vectors"]], output["provider"], output["model"], Usage())


def _recorded_reply(past: Step) -> ModelReply:
    output = past.output
    if past.error and output is None:
        raise RecordedFailure(past.error)
    if not isinstance(output, dict) or "model" not in output:
        raise NothingRecorded("A model would be asked; then none was")
    calls = tuple(ToolCall(**call) for call in output.get("tool_calls", []))
    return ModelReply(
        text=output["text"],
        provider=output["provider"],
        model=output["model"],
        usage=Usage(),
        finish_reason=output["finish_reason"],
        tool_calls=calls,
        blocks=tuple(output.get("blocks", ())),
    )


def _recorded_result(past: Step) -> ToolResult:
    if past.error and past.output is None:
        if past.error.get("code") in NEVER_SENT:
            raise NothingRecorded("The tool would be called; then it was not")
        raise RecordedFailure(past.error)
    shown = (past.output or {}).get("shown")
    if shown is None or (not shown.get("ok") and _code(shown.get("error")) in NEVER_SENT):
        raise NothingRecorded("The tool would be called; then it was not")
    return ToolResult(ok=bool(shown.get("ok")), output=shown)


def _code(error: Any) -> str:
    return str(error.get("code")) if isinstance(error, dict) else ""


async def replay_run(
    task: Task, past: Sequence[Step], decided: Iterable[PolicyDecision], handlers: Mapping[str, Perform]
) -> Report:
    """
    Args:
        past: all steps of the run.
        decided: all policy decisions of the run.
    """
    run = _Run(past, decided)
    report = Report(task.id)
    for step in past:
        if not _comparable(step):
            report.left_out += 1
            continue
        handler = handlers.get(step.kind)
        if handler is None:
            report.differences.append(_difference(step, "outcome", step.state, "no code for steps of this kind"))
            continue
        beats = ReplayBeats(_as_claimed(step, task, run.steps_before(step)), step, run.asked_by(step))
        now = await _perform(handler, beats)
        report.replayed += 1
        report.served += beats.served
        report.differences += run.compare(step, now, beats)
    return report


def _comparable(step: Step) -> bool:
    """It came to its end in this run, by its own doing."""
    if step.is_served or step.state not in ("done", "failed"):
        return False
    return _code(step.error) not in NOT_DECIDED and step.kind not in ("control.fork", "control.replay")


async def _perform(handler: Perform, beats: ReplayBeats) -> Completion:
    try:
        return await handler(beats.step, beats)
    except HartleyError as error:
        return Completion(beats.step, status="failed", error={"code": error.code, "message": str(error)})
    except Exception as error:
        log.exception("replay.broken", kind=beats.step.kind)
        body = {"code": "internal", "message": f"Today's code fails at this step ({type(error).__name__})"}
        return Completion(beats.step, status="failed", error=body)


def _as_claimed(step: Step, task: Task, steps: int) -> ClaimedStep:
    return ClaimedStep(
        task=step.task_id,
        n=step.n,
        fence=step.fence,
        retries=step.retries,
        kind=step.kind,
        queue=step.queue,
        agent=step.agent,
        description=step.description,
        input=step.input,
        parents=step.parents,
        is_final=step.is_final,
        timeout_s=step.timeout_s,
        tries=step.tries,
        tenant=task.tenant_id,
        session=task.session_id,
        user=task.user_id,
        principal=task.principal,
        steps_then=steps,
    )


class _Run:
    """What was recorded of a run, for looking up by step."""

    def __init__(self, past: Sequence[Step], decided: Iterable[PolicyDecision]) -> None:
        self.steps = {step.n: step for step in past}
        self.added: dict[int, list[Step]] = defaultdict(list)
        for step in past:
            if step.grown_by is not None:
                self.added[step.grown_by].append(step)
        self.decided: dict[int, Decided] = defaultdict(
            dict
        )  # without those on summaries: these are kept, not made anew
        for one in decided:
            if one.fence == self.steps[one.step].fence and not one.subject.endswith(FOR_A_SUMMARY):
                self.decided[one.step][one.point, one.subject] = (one.effect, one.rule)

    def asked_by(self, step: Step) -> list[str]:
        """The models that its last attempt asked; the one that answered is named last."""
        asked = [subject for point, subject in self.decided[step.n] if point == "model_call"]
        output = step.output if isinstance(step.output, dict) else {}
        return sorted(asked, key=f"{output.get('provider')}/{output.get('model')}".__eq__)

    def steps_before(self, step: Step) -> int:
        """How many the task had when this one was about to end."""
        if self.added[step.n]:
            return self.added[step.n][0].n - 1
        return sum(other.created_at <= step.finished_at for other in self.steps.values() if step.finished_at)

    def compare(self, step: Step, now: Completion, beats: ReplayBeats) -> list[Difference]:
        found = [
            _difference(step, what, then, today)
            for what, then, today in (
                ("outcome", _outcome(step.state, step.error), _outcome(now.status, now.error)),
                *self._decisions(step, beats),
                *_versions(step, now),
                *_inner(step, now),
                *self._steps(step, now),
                *_outputs(step, now),
            )
            if then != today
        ]
        return found

    def _decisions(self, step: Step, beats: ReplayBeats) -> Iterable[tuple[str, str, str]]:
        """A decision of the policy step before it stands as long as neither policy nor action has changed."""
        earlier = [self.decided[n] for n in step.parents if n in self.steps and self.steps[n].kind == "policy.tool"]
        then: Decided = {}
        for each in (*earlier, self.decided[step.n]):
            then |= each
        now = {(d["point"], d["subject"]): (d["effect"], d["rule"]) for d in beats.decisions}
        if step.queue == "policy" or not now:
            return
        for key in sorted(then.keys() | now.keys()):
            yield "decision", _decision(key, then.get(key)), _decision(key, now.get(key))

    def _steps(self, step: Step, now: Completion) -> Iterable[tuple[str, str, str]]:
        if step.state != "done" or now.status != "done":
            return
        then = [self._shape(new, self.added[step.n]) for new in self.added[step.n]]
        today = [_shape(new, new.after) for new in now.grow]
        for position in range(max(len(then), len(today))):
            a = then[position] if position < len(then) else "none"
            b = today[position] if position < len(today) else "none"
            yield f"added step {position + 1}", a, b

    def _shape(self, new: Step, siblings: Sequence[Step]) -> str:
        """As it was added: a parent that gave its place to a heir is named by its own."""
        place = {sibling.n: position for position, sibling in enumerate(siblings)}
        after = []
        for parent in new.parents:
            while parent not in place and parent in self.steps and self.steps[parent].replaces is not None:
                parent = cast(int, self.steps[parent].replaces)
            after.append(place.get(parent, -1))
        return _shape(new, after)


def _shape(new: Step | NewStep, after: Sequence[int]) -> str:
    whose = f" of {new.agent}" if new.agent else ""
    waits = f" after {sorted(position + 1 for position in after)}" if after else ""
    join = f" ({new.join}{f' {new.quorum}' if new.quorum else ''})" if after else ""
    given = "".join(f", {name} {_plain(value)}" for name, value in sorted((new.input or {}).items()))
    return f"{new.kind}{whose}{waits}{join}: {new.description}{given}"


def _plain(value: Any) -> str:
    """The same for what went through the database's JSON, which orders keys in its own way, and what did not."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list | tuple) else str(value)


def _outcome(status: str, error: JSON | None) -> str:
    return f"{status} with {_code(error)}" if status == "failed" else status


def _decision(key: tuple[str, str], answer: tuple[str, str] | None) -> str:
    return f"{answer[0]} for {key[1]} by {answer[1]}" if answer else f"none for {key[1]}"


def _versions(step: Step, now: Completion) -> Iterable[tuple[str, str, str]]:
    """Of what a model was asked, and at what price; runs from before these were recorded have none."""
    then, today = ((output or {}).get("versions") for output in (step.output, now.output))
    if then and today:
        yield "prompt", then["prompt_sha256"][:12], today["prompt_sha256"][:12]
        yield (
            "price",
            f"{then['input_usd']} + {then['output_usd']} USD",
            f"{today['input_usd']} + {today['output_usd']} USD",
        )


def _inner(step: Step, now: Completion) -> Iterable[tuple[str, str, str]]:
    """Runs from before it was recorded have none; how a failed step leaves its agent follows from its outcome."""
    if step.inner is None or now.inner is None:
        return
    yield "agent state", step.inner["state"], now.inner["state"]
    yield "beliefs", _believed(step.inner), _believed(now.inner)


def _believed(inner: JSON) -> str:
    if not inner["beliefs"]:
        return "none"
    sure = (f"{each['id']} {each['confidence']:.3f}" for each in inner["beliefs"]["hypotheses"])
    return ", ".join(sure) or "no hypothesis"


def _outputs(step: Step, now: Completion) -> Iterable[tuple[str, str, str]]:
    """Of steps that only compute; what models and tools bring is served as it was."""
    if step.queue == "control" and step.state == now.status == "done":
        yield "output", str(step.output), str(now.output)
    if step.queue == "policy" and step.state == now.status == "done":
        then, today = (step.output or {}), (now.output or {})
        yield "decision", f"{then.get('effect')} by {then.get('rule')}", f"{today.get('effect')} by {today.get('rule')}"


def _difference(step: Step, what: str, then: str, now: str) -> Difference:
    """Long texts are shown from a little before the place where they part."""
    begin = next((at for at, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now)))
    begin = max(0, begin - SHOWN_CHARS // 3)
    cut = [("…" if begin else "") + text[begin : begin + SHOWN_CHARS] for text in (then, now)]
    return Difference(step.n, step.kind, step.agent, what, cut[0], cut[1])
