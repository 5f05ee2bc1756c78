"""Text as it streams, in the forms that readers get."""

from __future__ import annotations

import json

import pytest

from webapp.progress.followed import TEXT_LIMIT_CHARS, FollowedTask, TaskListener
from webapp.progress.streamed import Source, streamed_body, streamed_frame

PRINTED = Source("a1", 4, "python_executor", "stderr")


def test_what_a_tool_prints_names_its_step_and_stream() -> None:
    assert streamed_body("t", PRINTED, "x\n") == {
        "workflow_id": "t",
        "type": "TOOL_OUTPUT",
        "agent_id": "a1",
        "message": "x\n",
        "payload": {"step": 4, "tool": "python_executor", "stream": "stderr"},
    }


def test_an_agents_text_has_no_payload() -> None:
    body = streamed_body("t", Source("a1"), "x")
    assert body == {"workflow_id": "t", "type": "LLM_PARTIAL", "agent_id": "a1", "message": "x"}


@pytest.mark.parametrize(("source", "name"), [(Source("a1"), "thread.message.delta"), (PRINTED, "TOOL_OUTPUT")])
def test_a_frame_is_ascii_on_one_line_and_has_no_id_to_resume_from(source: Source, name: str) -> None:
    event, data = streamed_frame("t", source, "a\u2028b\nc\x85").strip().splitlines()
    assert event == f"event: {name}" and data.isascii()
    assert json.loads(data.removeprefix("data: "))["message"] == "a\u2028b\nc\x85"


@pytest.fixture
def listener() -> TaskListener:
    return TaskListener(FollowedTask.__new__(FollowedTask))


def test_pieces_of_one_source_are_joined_and_streams_stay_apart(listener: TaskListener) -> None:
    for source, text in ((PRINTED, "1"), (PRINTED._replace(stream="stdout"), "x"), (PRINTED, "2")):
        listener.hear(source, text)
    assert listener.take_text() == {PRINTED: "12", PRINTED._replace(stream="stdout"): "x"}
    assert listener.take_text() == {}


def test_a_slow_reader_of_many_tools_costs_bounded_memory_and_hears_again_once_it_has_read(
    listener: TaskListener,
) -> None:
    for step in range(100):
        listener.hear(PRINTED._replace(step=step), "x" * 50_000)
    assert sum(map(len, listener.take_text().values())) == TEXT_LIMIT_CHARS
    listener.hear(PRINTED, "more")
    assert listener.take_text() == {PRINTED: "more"}
