"""Plans that callers give with a task: any DAG of agents, tools and waits. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from webapp.agent_tasks.beliefs import BeliefsInvalid
from webapp.agent_tasks.weighing import GIVEN, beliefs_given
from webapp.common.values import JSON
from webapp.orchestration.on_failure import COMPENSATE, ON_FAILURE, read_asks_tools, read_on_failure
from webapp.orchestration.plan import DESCRIPTION_LIMIT_CHARS, ID, PlanInvalid
from webapp.orchestration.steps import NewStep
from webapp.orchestration.tool_choice import (
    CALLS,
    FORCED,
    NAMES,
    TOOL,
    ToolChoiceInvalid,
    calls_given,
    names_given,
)

JOINS = ("all", "any", "quorum", "partial", "settled")
KINDS = ("agent", "tool", "wait")
FIELDS = {
    "id", "kind", "description", "role", "tool", "arguments", "depends_on", "join", "quorum", "delay_s", "timeout_s",
    "tries", "compensate", "on_failure", "beliefs", "tools", FORCED,
}  # fmt: skip
LONGEST_S = 7 * 86_400.0
TRIES = 20

PLAN: JSON = {  # as OpenAPI tells it; what counts is read_plan
    "type": "object",
    "required": ["steps"],
    "properties": {
        "steps": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "pattern": f"^{ID.pattern}$"},
                    "kind": {"enum": list(KINDS), "default": "agent"},
                    "description": {"type": "string"},
                    "role": {"type": "string"},
                    "beliefs": GIVEN,
                    "tools": NAMES,
                    FORCED: CALLS,
                    "tool": {"type": "string"},
                    "arguments": {"type": "object"},
                    "depends_on": {"type": "array", "items": {"type": "string"}},
                    "join": {"enum": list(JOINS), "default": "all"},
                    "quorum": {"type": "integer", "minimum": 1},
                    "delay_s": {"type": "number", "minimum": 0, "maximum": LONGEST_S},
                    "timeout_s": {"type": "number", "minimum": 0.001, "maximum": LONGEST_S},
                    "tries": {"type": "integer", "minimum": 1, "maximum": TRIES},
                    "compensate": COMPENSATE,
                    "on_failure": ON_FAILURE,
                },
            },
        },
        "compensate": {"type": "boolean", "description": "Of each step that does not say otherwise"},
        "on_failure": {**ON_FAILURE, "description": "Of each tool step that does not say otherwise"},
    },
}


def read_plan(given: Any, *, limit: int) -> list[NewStep]:
    """
    The plan's steps, each after those it depends on; the last is the heir, whose output is the task's answer.

    Args:
        given: `{"steps": [{"id", ...}]}` as in PLAN.
        limit: steps at most.

    Raises:
        PlanInvalid: names the step and the rule, e.g. a cycle, an unknown or double id, a quorum that can't be met.
    """
    items = given.get("steps") if isinstance(given, dict) else None
    if not isinstance(items, list) or not items:
        raise PlanInvalid("the plan must be an object with a list of steps, at least one")
    if len(items) > limit:
        raise PlanInvalid(f"the plan has {len(items)} steps; the limit is {limit}")
    by_id: dict[str, JSON] = {}
    for position, item in enumerate(items, 1):
        name = _id(item, position)
        if name in by_id:
            raise PlanInvalid(f"step {name}: there are two with this id")
        by_id[name] = item
        _fits(name, item)
    needs = {name: _needs(name, item, by_id) for name, item in by_id.items()}
    order = _order(needs)
    place = {name: position for position, name in enumerate(order)}
    usual = _usual(given)
    steps = [_step(name, {**usual, **by_id[name]}, needs[name], place) for name in order]
    return _with_answer(steps)


def _usual(given: JSON) -> JSON:
    """What the plan says for each of its steps."""
    asks, ways = given.get("compensate"), given.get("on_failure")
    return {"compensate": read_asks_tools("the plan", asks), "on_failure": read_on_failure("the plan", ways)}


def _id(item: Any, position: int) -> str:
    if not isinstance(item, dict):
        raise PlanInvalid(f"step {position} is not an object")
    name = item.get("id")
    if not isinstance(name, str) or not ID.fullmatch(name):
        raise PlanInvalid(f"step {position}: id must be 1 to 40 letters, digits, dots, dashes or underscores")
    if unknown := set(item) - FIELDS:
        raise PlanInvalid(f"step {name}: there is no field {min(map(str, unknown))[:40]}")
    return name


def _fits(name: str, item: JSON) -> None:
    """What a kind of step can't have is not said of it."""
    kind = item.get("kind", "agent")
    if "beliefs" in item and kind != "agent":
        raise PlanInvalid(f"step {name}: only an agent has beliefs")
    if "on_failure" in item and kind != "tool":
        raise PlanInvalid(f"step {name}: only a tool has on_failure")
    if item.get("compensate") is True and kind == "wait":
        raise PlanInvalid(f"step {name}: a wait has no tool that could say what undoes it")


def _needs(name: str, item: JSON, known: Mapping[str, JSON]) -> list[str]:
    needs = item.get("depends_on") or []
    if not isinstance(needs, list) or not all(isinstance(need, str) for need in needs):
        raise PlanInvalid(f"step {name}: depends_on must be a list of ids")
    for need in needs:
        if need not in known:
            raise PlanInvalid(f"step {name} depends on {need[:40]}, which is not in the plan")
    return list(dict.fromkeys(needs))


def _order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Parents before children, else as given."""
    open_ = {name: len(parents) for name, parents in needs.items()}
    children: dict[str, list[str]] = {name: [] for name in needs}
    for name, parents in needs.items():
        for parent in parents:
            children[parent].append(name)
    order = [name for name, count in open_.items() if count == 0]
    for name in order:
        for child in children[name]:
            open_[child] -= 1
            if open_[child] == 0:
                order.append(child)
    if len(order) < len(needs):
        stuck = sorted(set(needs) - set(order))
        raise PlanInvalid("the steps depend on each other in a circle: " + ", ".join(stuck[:20]))
    return order


def _step(name: str, item: JSON, needs: list[str], place: Mapping[str, int]) -> NewStep:
    kind = _one_of(name, item, "kind", KINDS, "agent")
    join = _one_of(name, item, "join", JOINS, "all")
    step: dict[str, Any] = {
        "agent": name,
        "description": _description(name, item, kind),
        "after": tuple(place[need] for need in needs),
        "join": join,
        "quorum": _quorum(name, item, join, needs),
        "delay_s": _number(name, item, "delay_s", least=0.0) or 0.0,
        "timeout_s": _number(name, item, "timeout_s", least=0.001),
        "tries": _whole(name, item, "tries", TRIES),
        "compensation": _compensation(name, item),
    }
    ways = read_on_failure(f"step {name}", item["on_failure"])
    asks = {"compensate": True} if item["compensate"] is True else {}
    for field in ("beliefs", "tools", FORCED):
        if kind != "agent" and field in item:
            raise PlanInvalid(f"step {name}: only an agent has {field}")
    if kind == "wait":
        return NewStep("control.wait", **step)
    if kind == "tool":
        told = {**asks, **({"on_failure": ways} if ways else {})}
        return NewStep("tools.call", input={**_call(name, item, name), **told}, **step)
    role = item.get("role", "generalist")
    if not isinstance(role, str) or len(role) > 40:
        raise PlanInvalid(f"step {name}: role must be a string of at most 40 characters")
    given = {"turn": 1, "role": role, "needs": needs, **asks, **_beliefs(name, item), **_tools(name, item)}
    return NewStep("llm.turn", input=given, **step)


def _with_answer(steps: list[NewStep]) -> list[NewStep]:
    """One agent at the end answers; else a last step puts together what the ends have brought."""
    inner = {parent for step in steps for parent in step.after}
    ends = [position for position in range(len(steps)) if position not in inner]
    if len(ends) == 1 and steps[ends[0]].kind == "llm.turn" and ends[0] == len(steps) - 1:
        return steps
    if any(steps[end].kind == "llm.turn" for end in ends):
        return [*steps, NewStep("llm.synthesise", "editor", "Write the answer", after=tuple(ends), join="partial")]
    return [*steps, NewStep("control.collect", "editor", "Put the results together", after=tuple(ends), join="partial")]


def _call(name: str, item: Any, call_id: str) -> JSON:
    tool, arguments = item.get("tool"), item.get("arguments", {})
    if not isinstance(tool, str) or not TOOL.fullmatch(tool):
        raise PlanInvalid(f"step {name}: tool must be the name of a tool")
    if not isinstance(arguments, dict):
        raise PlanInvalid(f"step {name}: arguments must be an object")
    raw = json.dumps(arguments, ensure_ascii=False)
    return {"call_id": call_id, "tool": tool, "arguments": arguments, "raw": raw, "strict": True}


def _beliefs(name: str, item: JSON) -> JSON:
    if item.get("beliefs") is None:
        return {}
    try:
        return {"beliefs": beliefs_given(item["beliefs"]).to_json()}
    except BeliefsInvalid as error:
        raise PlanInvalid(f"step {name}: {error}") from None


def _tools(name: str, item: JSON) -> JSON:
    """Which tools the agent may call, and which calls are made before it begins."""
    found: JSON = {}
    for field, read in (("tools", names_given), (FORCED, calls_given)):
        if item.get(field) is None:
            continue
        try:
            found[field] = read(item[field])  # type: ignore[operator]
        except ToolChoiceInvalid as error:
            raise PlanInvalid(f"step {name}: {field} {error}") from None
    return found


def _compensation(name: str, item: JSON) -> JSON | None:
    """What the plan itself names. `true` leaves it to the tools, who say it when they are through."""
    given = item["compensate"]
    if given is None or isinstance(given, bool):
        return None
    if not isinstance(given, dict):
        raise PlanInvalid(f"step {name}: compensate must be true, or an object with a tool")
    return undo(name, _call(name, given, f"undo-{name}"))


def undo(name: str, call: JSON) -> JSON:
    """The compensation of a step as its row keeps it, given the input of the tool call that undoes it."""
    description = f"Undo {name}: {call['tool']}"[:200]
    return {"kind": "tools.call", "queue": "tools", "description": description, "input": call}


def _description(name: str, item: JSON, kind: str) -> str:
    text = item.get("description", "")
    if not isinstance(text, str) or (kind == "agent" and not text.strip()):
        raise PlanInvalid(f"step {name}: description must say what the agent is to do")
    if len(text) > DESCRIPTION_LIMIT_CHARS:
        raise PlanInvalid(
            f"step {name}: description has {len(text)} characters; the limit is {DESCRIPTION_LIMIT_CHARS}"
        )
    return text.strip() or (f"Call {item.get('tool')}"[:200] if kind == "tool" else "Wait")


def _quorum(name: str, item: JSON, join: str, needs: Sequence[str]) -> int | None:
    quorum = _whole(name, item, "quorum", max(1, len(needs)))
    if (quorum is None) == (join == "quorum"):
        raise PlanInvalid(
            f"step {name}: quorum goes with join quorum, from 1 to the number of steps that it depends on"
        )
    if join in ("any", "quorum", "partial") and not needs:
        raise PlanInvalid(f"step {name}: join {join} needs steps that it depends on")
    return quorum


def _one_of(name: str, item: JSON, field: str, allowed: Sequence[str], default: str) -> Any:
    value = item.get(field, default)
    if value not in allowed:
        raise PlanInvalid(f"step {name}: {field} must be one of {', '.join(allowed)}")
    return value


def _number(name: str, item: JSON, field: str, *, least: float) -> float | None:
    value = item.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PlanInvalid(f"step {name}: {field} must be a number of seconds")
    if not least <= value <= LONGEST_S:
        raise PlanInvalid(f"step {name}: {field} must be from {least:g} to {LONGEST_S:g} seconds")
    return float(value)


def _whole(name: str, item: JSON, field: str, most: int) -> int | None:
    value = item.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise PlanInvalid(f"step {name}: {field} must be a whole number from 1 to {most}")
    return value
