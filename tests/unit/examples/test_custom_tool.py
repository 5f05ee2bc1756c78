"""The example of a custom tool: its own tests, and that its request asks for what the tool can do."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from examples.submit import load_request
from tests.support.services import ROOT
from webapp.orchestration.manual import read_plan
from workers.toolbox.in_folder import tools_in
from workers.toolbox.registry import Registry, ToolContext

FOLDER = ROOT / "examples" / "custom-tool"
spec = spec_from_file_location("test_custom_analytics", FOLDER / "test_custom_analytics.py")
assert spec and spec.loader
own = module_from_spec(spec)
spec.loader.exec_module(own)
globals().update({name: value for name, value in vars(own).items() if name.startswith("test_")})


def test_its_request_is_answered() -> None:
    (tool,) = tools_in(FOLDER)
    context = load_request(FOLDER / "sales")["context"]
    files = {each["filename"]: b64decode(each["data"]) for each in context["attachments"]}
    given = ToolContext(tenant_id="t", task_id="t", step=1, attempt=1, idempotency_key="t:1", sandbox=None, files=files)
    found = {}
    for step in read_plan(context["plan"], limit=10)[:-1]:
        Registry([tool]).validate(step.input["tool"], step.input["arguments"])
        found[step.agent] = asyncio.run(tool.run(step.input["arguments"], given)).output
    assert found["describe"]["rows"] == 72 and set(found["describe"]["columns"]) == {"month", "revenue"}
    assert found["continue"]["slope"] == pytest.approx(2.5, abs=0.3)
    assert [point["month"] for point in found["continue"]["predictions"]] == [25, 26, 27]
    assert (found["choose"]["recommendation"], found["choose"]["options"][-1]["option"]) == ("web", "shop")
