"""What a submission may say: every refusal names the field."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.api.submission import ATTACHED_ONLY, read_submission
from webapp.common.errors import Invalid


def attached(**changes: Any) -> dict[str, Any]:
    file = {"filename": "a.csv", "media_type": "text/csv", "data": base64.b64encode(b"x\n1").decode()}
    return {"query": "q", "context": {"attachments": [{**file, **changes}]}}


def test_top_level_settings_win_over_the_context() -> None:
    read = read_submission({"query": "q", "model_tier": "LARGE", "context": {"model_tier": "small", "own": 1}})
    assert read.context == {"model_tier": "large", "own": 1}


@pytest.mark.parametrize(("said", "read"), [(True, True), ("True", True), ("0", False), ("false", False)])
def test_whether_earlier_answers_may_serve_is_read_from_words_too(said: Any, read: bool) -> None:
    assert read_submission({"query": "q", "context": {"use_cache": said}}).context == {"use_cache": read}


def test_an_empty_query_is_fine_with_a_file() -> None:
    read = read_submission({**attached(), "query": ""})
    assert read.query == ATTACHED_ONLY and read.attachments[0].data == b"x\n1"


def test_unpadded_base64_and_paths_in_names_are_taken() -> None:
    read = read_submission(attached(filename="../../etc/passwd.csv", data="eDE"))
    assert (read.attachments[0].name, read.attachments[0].data) == ("passwd.csv", b"x1")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "query"),
        ({"query": "  "}, "query"),
        ({"query": "q", "context": {"use_cache": "maybe"}}, "context.use_cache"),
        ({"query": "q", "context": {"use_cache": 1.5}}, "context.use_cache"),
        ({"query": 3}, "query"),
        ({"query": "x" * 200_001}, "query"),
        ({"query": "q", "context": []}, "context"),
        ({"query": "q", "session_id": "a b"}, "session_id"),
        ({"query": "q", "session_id": "x" * 129}, "session_id"),
        ({"query": "q", "mode": "hard"}, "mode"),
        ({"query": "q", "model_tier": "huge"}, "model_tier"),
        ({"query": "q", "provider_override": "acme"}, "provider_override"),
        ({"query": "q", "max_concurrent_agents": 21}, "max_concurrent_agents"),
        ({"query": "q", "max_iterations": True}, "max_iterations"),
        ({"query": "q", "context": {"max_iterations": 51}}, "context.max_iterations"),
        ({"query": "q", "context": {"research_strategy": "wild"}}, "context.research_strategy"),
        ({"query": "q", "context": {"allowed_tools": "all"}}, "context.allowed_tools"),
        ({"query": "q", "context": {"forced_tools": [{}]}}, "context.forced_tools"),
        ({"query": "q", "context": {"forced_tool_calls": "x"}}, "context.forced_tool_calls"),
        ({"query": "q", "context": {"attachments": {}}}, "context.attachments"),
        (attached(media_type=None), "context.attachments[0]"),
        (attached(media_type="application/x-msdownload"), "context.attachments[0]"),
        (attached(filename="run.EXE"), "context.attachments[0]"),
        (attached(data="***"), "context.attachments[0].data"),
        (attached(data=None), "context.attachments[0].data"),
    ],
)
def test_a_broken_rule_names_its_field(body: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_submission(body)
    assert refused.value.field == field and str(refused.value).startswith(f"{field}: ")


def test_what_is_said_of_the_agents_loop_is_kept_under_its_first_name() -> None:
    context = {"forced_tool_calls": [{"tool": "x"}], "allowed_tools": ["y", "y"], "max_iterations": 4}
    read = read_submission({"query": "q", "max_iterations": 7, "context": context}).context
    assert read["forced_tools"] == [{"tool": "x", "arguments": {}}] and "forced_tool_calls" not in read
    assert read["allowed_tools"] == ["y"] and read["max_iterations"] == 7


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@given(
    st.fixed_dictionaries(
        {"query": JSON}, optional=dict.fromkeys(("context", "mode", "session_id", "max_iterations"), JSON)
    )
)
def test_any_json_is_read_or_refused_by_name(body: dict[str, Any]) -> None:
    try:
        assert read_submission(body).query
    except Invalid as error:
        assert error.field
