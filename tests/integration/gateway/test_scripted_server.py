"""The scripted server itself: what tests of the whole platform rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from urllib.error import HTTPError

import anthropic
import openai
import pytest

from tests.support.model_server.server import ModelServer
from tests.support.services import ROOT

PENGUINS = ROOT / "examples" / "penguins" / "penguins.csv"
TOOLS = [{"type": "function", "function": {"name": "python_executor", "parameters": {"type": "object"}}}]


@pytest.fixture
def client(server):
    with openai.OpenAI(api_key="none", base_url=server.base_url, max_retries=0) as opened:
        yield opened


def said(client: openai.OpenAI, system: str, *users: str, **more: Any) -> Any:
    messages: list[Any] = [{"role": "system", "content": system}, *({"role": "user", "content": u} for u in users)]
    messages += more.pop("after", [])
    return client.chat.completions.create(model="scripted", messages=messages, **more).choices[0].message


def test_a_planner_gets_a_plan_of_two_agents(client):
    plan = json.loads(said(client, "You are the planner of a team.", "How heavy?").content)
    assert [task["id"] for task in plan["subtasks"]] == ["a1", "a2"]
    assert all("How heavy?" in task["description"] and task["depends_on"] == [] for task in plan["subtasks"])


def test_an_agent_calls_python_on_each_file_and_answers_with_its_figures(client, tmp_path):
    question = "Weigh them\n\nAttached files:\n- /data/penguins.csv (text/csv, 13478 bytes), begins:\n    species"
    asked = said(client, "You are an agent (analyst).", question, tools=TOOLS)
    (call,) = asked.tool_calls
    code = json.loads(call.function.arguments)["code"].replace("main('/data/", f"main('{PENGUINS.parent}/")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    result = {"role": "tool", "tool_call_id": call.id, "content": json.dumps({"ok": True, "stdout": ran.stdout})}
    after = [asked.model_dump(exclude_none=True), result]
    answer = said(client, "You are an agent (analyst).", question, tools=TOOLS, after=after).content
    assert "penguins.csv rows 344" in answer and "body_mass_g by species" in answer and "mean 5,076.02" in answer


def test_an_agent_whose_tool_failed_says_so(client):
    failed = {"ok": False, "error": {"code": "tool.timeout", "message": "took too long"}}
    call = {"id": "c", "type": "function", "function": {"name": "python_executor", "arguments": "{}"}}
    after = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": json.dumps(failed)},
    ]
    assert said(client, "You are an agent", "Go", after=after).content == "The tool failed: took too long"


def test_an_editor_merges_what_the_agents_found(client):
    bodies = [
        json.dumps({"agent": "a1", "answer": "It is 42."}),
        json.dumps({"agent": "a2", "answer": None, "error": "lost"}),
    ]
    merged = said(client, "You are the editor of a team", "What is it?", *bodies).content
    assert "It is 42." in merged and "failed: lost" in merged


def test_rules_match_by_content_role_and_count_and_run_out(server, client):
    server.script(
        [
            {"match": {"user_contains": "cat", "nth": 2}, "reply": {"text": "second cat"}},
            {"match": {"system_contains": "boss"}, "reply": {"text": "yes"}, "times": 1},
            {"match": {"last_role": "user"}, "reply": {"text": "else"}},
        ]
    )
    heard = [
        said(client, "x", "cat"),
        said(client, "x", "cat"),
        said(client, "boss", "dog"),
        said(client, "boss", "dog"),
    ]
    assert [message.content for message in heard] == ["else", "second cat", "yes", "else"]


def test_a_script_with_an_unknown_key_is_refused(server):
    with pytest.raises(HTTPError, match="400"):
        server.script([{"match": {"user_includes": "typo"}}])


def test_the_log_tells_each_request_in_order(server, client):
    said(client, "x", "first")
    server.script([{"fault": {"status": 500}}])
    with pytest.raises(openai.InternalServerError):
        said(client, "x", "second")
    first, second = server.log()
    assert (first["n"], first["outcome"], first["messages"][-1]["content"]) == (1, "completed", "first")
    assert (second["n"], second["outcome"], second["usage"]) == (2, "faulted", None)
    assert first["started_at"] <= first["finished_at"] <= second["started_at"]


def test_models_are_listed_and_a_log_file_is_kept(tmp_path):
    server = ModelServer(log_file=tmp_path / "log")
    try:
        with openai.OpenAI(api_key="none", base_url=server.base_url) as client:
            assert "gpt-4o-mini" in [model.id for model in client.models.list()]
            said(client, "x", "y")
    finally:
        server.stop()
    assert [json.loads(line)["outcome"] for line in (tmp_path / "log").read_text().splitlines()] == ["completed"]


def test_a_share_of_the_requests_is_drawn_by_what_they_say_and_how_often(client, server):
    """In any order: a run with many calls at once can be repeated."""

    def met(questions: list[int]) -> set[tuple[int, str]]:
        server.script([{"match": {"share": 0.4, "seed": 7}, "reply": {"text": "drawn"}}])
        return {(n, said(client, "x", f"Question {n}").content) for n in questions}

    forth = met([*range(20)])
    assert met([*reversed(range(20))]) == forth
    assert 2 < sum(answer == "drawn" for _, answer in forth) < 16
    again = [said(client, "x", "Question 3").content for _ in range(20)]
    assert 0 < again.count("drawn") < 20, "each time is a draw of its own"


def taught(server: ModelServer) -> None:
    fact = {"question": "How many?", "needs": ["Acme"], "answer": "12", "reply": "12.", "slip": "13.", "hard": True}
    server.teach([fact], small=["gpt-4o-mini"])
    server.script([{"reply": {"taught": True, "usage": "cached"}}])


def test_what_it_was_taught_depends_on_the_prompt_and_the_model(server, client):
    taught(server)
    assert said(client, "You work for Acme", "How many?").content == "12."
    assert "can't tell" in said(client, "You work for Globex", "How many?").content
    said_small = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Acme"}, {"role": "user", "content": "How many?"}]
    )
    assert said_small.choices[0].message.content == "13."
    server.reset()
    assert "12." not in said(client, "You work for Acme", "How many?").content


def test_it_bills_kept_prompts_as_openai_does_until_they_are_forgotten(server, client):
    taught(server)
    system = "You work for Acme. " + "Be brief. " * 800
    for _ in range(2):
        said(client, system, "How many?")
    server.forget_prompts()
    said(client, system, "How many?")
    assert [entry["usage"]["prompt_tokens_details"]["cached_tokens"] > 1024 for entry in server.log()] == [
        False,
        True,
        False,
    ]


def test_it_bills_kept_prompts_as_anthropic_does(server):
    taught(server)
    marked = [{"type": "text", "text": "Acme. " * 1000, "cache_control": {"type": "ephemeral"}}]
    with anthropic.Anthropic(api_key="none", base_url=server.root_url, max_retries=0) as opened:
        for _ in range(2):
            reply = opened.messages.create(
                model="claude-opus-5-5",
                max_tokens=10,
                system=marked,
                messages=[{"role": "user", "content": "How many?"}],
            )
    written, read = (entry["usage"]["cache_write_tokens"] for entry in server.log())
    assert reply.content[0].text == "12." and reply.usage.cache_read_input_tokens == written > 1024 and read == 0
