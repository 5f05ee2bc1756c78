"""A whole task through Anthropic's official SDK: planned, worked on with tools, merged, billed as the server counted."""

from __future__ import annotations

from examples.submit import load_request
from tests.support.cast import Cast
from tests.support.farm import Farm
from tests.support.model_server import ModelServer
from tests.support.services import ROOT


def test_a_question_about_data_is_answered_and_billed_as_the_server_counted(
    anthropic_only: Farm, cast: Cast, model_server: ModelServer
) -> None:
    model_server.reset()
    key = cast.owner.api_key
    found = anthropic_only.finished(key, anthropic_only.submit(key, **load_request(ROOT / "examples" / "penguins")))

    assert found["status"] == "TASK_STATUS_COMPLETED", found
    assert "penguins.csv rows 344" in found["result"]
    assert found["provider"] == "anthropic" and found["usage"]["cost_usd"] > 0
    calls = model_server.log()
    assert all(call["stream"] and call["authorized"] for call in calls) and any(call["tools"] for call in calls)
    assert found["usage"]["total_tokens"] == sum(call["usage"]["total_tokens"] for call in calls)
