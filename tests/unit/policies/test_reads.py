"""What a decision can depend on, so that the same answer serves the next task."""

from __future__ import annotations

import pytest

from policies import ask
from policies.bundle import reads_of
from policies.engine import compile_bundle, decide, default_modules

MODEL = "package hartley.model_call\nimport rego.v1\n"
TOOL = "package hartley.tool_call\nimport rego.v1\nmet if input.task.id == input.tool.name\n"
ASKED = {
    "principal": {"tenant_id": "t1", "user_id": "u1", "role": "user", "scopes": [], "permissions": []},
    "model": {"provider": "openai", "model": "gpt", "tier": "small", "max_tokens": 100, "worst_usd": 0.01},
}


def test_hartleys_own_modules_judge_who_asks_and_for_what():
    assert reads_of(default_modules()) == {
        "task_admission": {"principal", "task"},
        "model_call": {"principal", "model"},
        "tool_call": {"principal", "tool"},
    }


@pytest.mark.parametrize(
    "line",
    [
        "x := input",
        "f(input)",
        'x := input["task"]',
        "x := input . task",
        "x if walk(input, [_, 1])",
        "# of the input",
    ],
)
def test_a_module_that_speaks_of_the_input_as_a_whole_reads_all_of_it(line):
    assert reads_of({"m.rego": MODEL + line})["model_call"] is None


@pytest.mark.parametrize("line", ["import data.hartley.tool_call", 'x := data["hartley"]["tool_call"].met'])
def test_another_points_module_counts_where_it_is_imported(line):
    apart = reads_of({"m.rego": MODEL + "x := input.model", "t.rego": TOOL})
    assert (apart["model_call"], apart["tool_call"]) == ({"model"}, {"task", "tool"})
    together = reads_of({"m.rego": f"{MODEL}{line}\ny := input.model", "t.rego": TOOL})
    assert together["model_call"] == {"model", "task", "tool"}


def test_what_was_answered_for_one_task_is_remembered_for_the_next_and_each_has_its_own_hash():
    bundle = compile_bundle(default_modules())
    first, again = (decide(bundle, "model_call", [{**ASKED, "task": {"id": id_}}])[0] for id_ in ("a", "b"))
    before = ask._remembered.cache_info().misses
    third = decide(bundle, "model_call", [{**ASKED, "task": {"id": "c"}}])[0]
    assert ask._remembered.cache_info().misses == before
    assert {first.effect, again.effect, third.effect} == {"allow"}
    assert len({first.input_sha256, again.input_sha256, third.input_sha256}) == 3


def test_what_a_policy_reads_still_decides():
    bundle = compile_bundle(default_modules())
    cheap, dear = (
        decide(bundle, "model_call", [{**ASKED, "model": {**ASKED["model"], "worst_usd": usd}}])[0]
        for usd in (0.01, 1e9)
    )
    assert (cheap.effect, dear.effect) == ("allow", "deny")
