"""Frames of a stream."""

import json

import pytest

from webapp.progress.rules import frame, passes, resume_after, wanted_types

BODY = {
    "workflow_id": "t",
    "type": "X",
    "agent_id": "a",
    "message": "m",
    "timestamp": "now",
    "seq": 7,
    "stream_id": "7",
}


def parsed(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.strip().splitlines())


def test_an_ordinary_event_keeps_its_name_and_whole_body() -> None:
    lines = parsed(frame(BODY))
    assert (lines["id"], lines["event"], json.loads(lines["data"])) == ("7", "X", BODY)


def test_the_end_is_done() -> None:
    assert parsed(frame({**BODY, "type": "STREAM_END"})) == {"id": "7", "event": "done", "data": "[DONE]"}


def test_a_models_answer_is_mapped_and_has_no_type() -> None:
    lines = parsed(frame({**BODY, "type": "LLM_OUTPUT", "payload": {"model_used": "x"}}))
    data = json.loads(lines["data"])
    assert lines["event"] == "thread.message.completed"
    assert data["response"] == data["message"] == "m" and data["metadata"] == {"model_used": "x"} and "type" not in data


def test_frames_are_ascii_on_one_line() -> None:
    text = frame({**BODY, "message": "a\u2028b\nc\x85"})
    assert text.isascii() and len(text.strip().splitlines()) == 3


@pytest.mark.parametrize(
    ("header", "query", "after"),
    [(None, None, 0), ("5", "9", 5), ("junk", "9", 9), (None, "12-0", 12), (None, "junk", None), ("", "", 0)],
)
def test_where_to_go_on(header: str | None, query: str | None, after: int | None) -> None:
    assert resume_after(header, query) == after


def test_filters_take_both_spellings_and_never_stop_the_end() -> None:
    wanted = wanted_types("workflow.paused, LLM_OUTPUT")
    assert wanted == {"WORKFLOW_PAUSED", "LLM_OUTPUT"}
    assert passes("STREAM_END", wanted) and not passes("X", wanted) and wanted_types("") is None
