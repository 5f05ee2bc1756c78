"""The one table of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.chaos.faults import Interruption
from benchmarks.chaos.invariants import ENDED, Broken, Evidence

SHOWN = 40
SORTS = ("lost", "twice", "stuck", "failed", "order", "events", "books")


@dataclass(frozen=True)
class Run:
    title: str
    faults: Mapping[str, int]
    standing: Sequence[str]
    interruptions: Sequence[Interruption]
    notes: Mapping[str, int]
    took_s: float
    drain_s: float
    evidence: Evidence
    broken: Sequence[Broken]


def table(run: Run) -> str:
    e = run.evidence
    states = Counter(task.state for task in e.tasks)
    sorts = Counter(found.sort for found in run.broken)
    more = [step.fence - 1 for step in e.steps if step.fence > 1]
    rows = [
        ("run", f"{run.title}, {run.took_s:.0f} s, of which {run.drain_s:.0f} s without new tasks"),
        ("faults", ", ".join([*_counts(run.faults), *run.standing]) or "none"),
        ("hints", ", ".join(f"{run.notes.get(name, 0)} {name}" for name in ("dropped", "twice", "delayed"))),
        ("tasks", f"{len(e.tasks)} ({', '.join(_counts(states))})"),
        ("steps", f"{len(e.steps)}, {len(e.steps) / run.took_s:.0f} a second"),
        ("attempts beyond the first", f"{sum(more)}, of {len(more)} steps, at most {max(more, default=0)} of one"),
        ("stale completions refused", str(run.notes.get("stale", 0))),
        ("model calls", f"{sum(r.sent for r in e.requests.values())} sent, {len(e.holds)} holds of any kind"),
        ("ready until started", waits(e)),
        *(recovery(run, fault) for fault in ("kill", "freeze")),
        ("broken", ", ".join(f"{sorts[sort]} {sort}" for sort in SORTS)),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def offenders(broken: Sequence[Broken]) -> str:
    lines = [f"  {found.sort:<7} {found.where}  {found.what}" for found in broken[:SHOWN]]
    rest = len(broken) - SHOWN
    return "\n".join([*lines, *([f"  and {rest} more"] if rest > 0 else [])])


def recovery(run: Run, fault: str) -> tuple[str, str]:
    """Seconds from the fault until each step that it interrupted ran again."""
    started = {(ev.task, ev.step, ev.attempt): ev.at for ev in run.evidence.events if ev.type == "STEP_STARTED"}
    took = sorted(
        started[task, n, attempt + 1] - found.at
        for found in run.interruptions
        if found.fault == fault
        for task, n, attempt in found.attempts
        if (task, n, attempt + 1) in started
    )
    name = f"running again after a {fault}"
    if not took:
        return name, "no step was interrupted"
    return name, _spread(took)


def waits(e: Evidence) -> str:
    """Seconds from the end of a step's last parent, or of its task's beginning, until its first attempt."""
    ended = {(ev.task, ev.step): ev.at for ev in e.events if ev.type in ENDED.values()}
    began = {(ev.task, ev.step): ev.at for ev in e.events if ev.type == "STEP_STARTED" and ev.attempt == 1}
    first = {ev.task: ev.at for ev in e.events if ev.seq == 1}
    waited = []
    for step in e.steps:
        ready = max((ended.get((step.task, parent), 0.0) for parent in step.parents), default=first.get(step.task))
        if ready and (step.task, step.n) in began:
            waited.append(began[step.task, step.n] - ready)
    return _spread(sorted(waited)) if waited else "none"


def _spread(took: Sequence[float]) -> str:
    p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
    return f"p50 {p50:.1f} s, p95 {p95:.1f} s, max {took[-1]:.1f} s ({len(took)} steps)"


def _counts(found: Mapping[str, int]) -> list[str]:
    return [f"{number} {name}" for name, number in sorted(found.items())]
