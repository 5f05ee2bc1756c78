"""What a task's shape makes expect: more agents, longer prompts and longer paths expect more."""

from __future__ import annotations

from typing import Any

from webapp.orchestration.shapes import FIRST_S, of_completion, of_task


def completion(text: str, **options: Any) -> Any:
    return of_completion({"messages": [{"role": "user", "content": text}], "tools": [], "options": options})


def test_a_harder_mode_takes_more_of_everything() -> None:
    simple, standard, complex_ = (of_task("Why?", mode, {}, 0) for mode in ("simple", "standard", "complex"))
    assert (simple.calls, standard.calls, complex_.calls) == (2, 1 + 3 * 2 + 1, 1 + 5 * 2 + 1)
    assert simple.prompt_tokens < standard.prompt_tokens < complex_.prompt_tokens
    assert simple.duration_s < standard.duration_s == complex_.duration_s, "agents work side by side"


def test_a_plan_of_the_callers_counts_by_its_steps() -> None:
    agents = [{"id": name, "description": "Look"} for name in "abc"]
    side_by_side = of_task("Why?", "complex", {"plan": {"steps": agents}}, 0)
    chain = [{**agent, "depends_on": [chr(ord(agent["id"]) - 1)] if agent["id"] > "a" else []} for agent in agents]
    in_line = of_task("Why?", "complex", {"plan": {"steps": chain}}, 0)
    assert (side_by_side.calls, in_line.calls) == (3 * 2 + 1, 3 * 2), "one agent at the end answers by itself"
    assert in_line.duration_s > side_by_side.duration_s
    waits = of_task("Why?", "simple", {"plan": {"steps": [{"id": "w", "kind": "wait", "delay_s": 60}]}}, 0)
    assert (waits.calls, waits.prompt_tokens, waits.duration_s) == (0, 0, 60)


def test_long_questions_prompts_of_the_callers_and_files_are_read_again_in_each_call() -> None:
    plain = of_task("Why?", "standard", {}, 0)
    long = of_task("Why? " * 800, "standard", {}, 0)
    own = of_task("Why?", "standard", {"system_prompt": "Be brief. " * 400}, 0)
    assert long.prompt_tokens - plain.prompt_tokens >= plain.calls * 900
    assert own.prompt_tokens - plain.prompt_tokens >= plain.calls * 900
    assert of_task("Why?", "standard", {}, 2).prompt_tokens > plain.prompt_tokens


def test_a_completion_is_one_call() -> None:
    short, long = completion("Why?"), completion("Why? " * 800)
    assert short.calls == 1 and short.duration_s > FIRST_S
    assert long.prompt_tokens - short.prompt_tokens in range(990, 1010)
    assert completion("Why?", max_tokens=20).completion_tokens == 20
