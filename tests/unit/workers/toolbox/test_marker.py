from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from policies import inputs
from policies.engine import compile_bundle, decide, default_modules
from tests.support.marker import LOG, MarkerTool, append, marks


def test_each_effect_is_one_line_that_names_its_step_and_attempt(
    context: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOG, str(tmp_path / "log"))
    for attempt in (1, 2):
        result = asyncio.run(MarkerTool().run({"text": "päck\nit", "delay_s": 0.001}, context(attempt=attempt)))
        assert result.output == {"ok": True, "marked": "päck\nit"}
    found = marks(tmp_path / "log")
    assert [(m["key"], m["task_id"], m["step"], m["attempt"], m["text"]) for m in found] == [
        ("k1:3", "k1", 3, 1, "päck\nit"),
        ("k1:3", "k1", 3, 2, "päck\nit"),
    ]
    assert found[0]["at"] <= found[1]["at"]


def test_a_log_that_nobody_wrote_to_has_no_marks(tmp_path: Path) -> None:
    assert marks(tmp_path / "none") == []
    append(tmp_path / "some", {"text": "a"})
    assert marks(tmp_path / "some") == [{"text": "a"}]


@pytest.mark.parametrize(
    ("role", "effect"), [("owner", "allow"), ("admin", "allow"), ("user", "deny"), ("guest", "deny")]
)
def test_policy_admits_the_marker_for_those_who_administer(role: str, effect: str) -> None:
    tool = MarkerTool()
    asked = inputs.tool_call(
        principal=inputs.principal(tenant_id="t", user_id="u", role=role, scopes=[], permissions=["code_execution"]),
        task=inputs.task(id="k", mode="simple", query_chars=5, attachments=0, complexity=0.1),
        tool=inputs.tool(
            name=tool.name,
            effect=tool.effect,
            dangerous=tool.dangerous,
            permissions=sorted(tool.permissions),
            arguments={"text": "a"},
        ),
    )
    assert decide(compile_bundle(default_modules()), "tool_call", [asked])[0].effect == effect
