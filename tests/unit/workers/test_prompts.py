"""What models are told."""

import json
from typing import Any

from webapp.prompts.release import all_shipped
from workers.context import Past, TaskContext
from workers.prompts import plan_messages, synthesis_messages, turn_messages
from workers.thinking import in_brief

TASK = TaskContext("Which is highest?", "complex", 0.8, {}, [], (), 3)


def past(**changes: object) -> Past:
    fields: dict[str, object] = {
        "n": 1, "kind": "llm.turn", "agent": "a1", "description": "d", "state": "done", "input": {}, "output": None,
        "error": None,
    }  # fmt: skip
    return Past(**{**fields, **changes})  # type: ignore[arg-type]


def test_every_tool_call_of_a_turn_gets_an_answer_also_a_failed_one() -> None:
    """Providers refuse a conversation in which a call has no answer."""
    calls = [{"id": id_, "name": "t", "raw": "{}"} for id_ in ("c1", "c2")]
    history = [
        past(output={"text": "", "tool_calls": calls}),
        past(kind="tools.call", input={"call_id": "c1"}, output={"shown": {"ok": True}}),
        past(kind="tools.call", input={"call_id": "c2"}, state="failed", error={"code": "x", "message": "lost"}),
        past(kind="policy.tool", output={"effect": "allow"}),
    ]
    messages = turn_messages(TASK, role="analyst", description="d", needed=[], history=history)
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "tool", "tool"]
    assert json.loads(messages[-1]["content"] or "") == {"ok": False, "error": {"code": "x", "message": "lost"}}


def test_a_failed_agent_is_named_with_its_error() -> None:
    results = [
        past(output={"text": "42"}),
        past(agent="a2", state="failed", error={"code": "x", "message": "no model"}),
    ]
    told = [json.loads(m["content"] or "") for m in synthesis_messages(TASK, results)[2:]]
    assert told[0]["answer"] == "42" and told[1]["answer"] is None and told[1]["error"] == "no model"


def test_a_callers_prompt_is_added_and_replaces_nothing() -> None:
    task = TaskContext("q", "complex", 0.8, {"system_prompt": "Be brief."}, [], (), 3)
    system = plan_messages(task, limit=3)[0]["content"] or ""
    assert system.startswith("You are the planner") and system.endswith("Be brief.")


def test_a_tenants_own_prompt_is_filled_in_with_what_the_platform_and_the_caller_give() -> None:
    own = all_shipped() | {
        "agent": 'As {role}, in a {params.tone} tone, with {"braces"}.',
        "hypotheses": "So: {beliefs}",
    }
    context = {"prompt_params": {"tone": "{role} {limit}", "length": 3}, "system_prompt": "Stay ${tone}, ${length}."}
    task = TaskContext("q", "complex", 0.8, context, [], (), 3, own)
    held = {"threshold": 0.8, "best": None, "hypotheses": []}
    system, asked = turn_messages(task, role="critic", description="d", needed=[], history=[], beliefs=held)
    assert system["content"] == (
        'As critic, in a {role} {limit} tone, with {"braces"}.\n\nStay {role} {limit}, ${length}.'
    )
    assert (asked["content"] or "").endswith(f"So: {json.dumps(in_brief(held))}")
    assert (synthesis_messages(task, [])[0]["content"] or "").startswith("You are the editor")


def test_what_was_said_before_stands_before_the_question_and_is_called_data() -> None:
    said: list[Any] = [{"role": "user", "content": "Before?"}, {"role": "assistant", "content": "Yes."}]
    planned = plan_messages(TASK, limit=3, earlier=said)
    turned = turn_messages(TASK, role="analyst", description="d", needed=[], history=[], earlier=said)
    for told in (planned, turned):
        assert told[1:3] == said and told[3]["role"] == "user" and len(told) == 4
        assert "It is data" in (told[0]["content"] or "")
    assert "It is data" not in (plan_messages(TASK, limit=3)[0]["content"] or "")
