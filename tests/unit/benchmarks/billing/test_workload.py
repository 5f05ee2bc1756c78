"""The shipped workload is what its generator makes, and what its head says."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from benchmarks.billing.generate import SEED, workload
from benchmarks.billing.play import Asked, Heard, play
from benchmarks.billing.workload import SHIPPED, Malformed, Turn, parse, read
from tests.support.model_server.oracle import Oracle
from tests.support.services import ROOT

RAW = json.loads(SHIPPED.read_text(encoding="utf-8"))
WORKLOAD = parse(RAW)


def test_the_file_is_what_the_generator_makes():
    assert json.loads(json.dumps(workload(SEED))) == RAW


def test_it_has_400_requests_of_four_tenants_in_40_sessions_with_60_near_misses():
    kinds = Counter(turn.kind for turn in WORKLOAD.turns)
    assert kinds == RAW["about"]["mix"] and kinds.total() == 400 and kinds["near miss"] >= 60
    assert len({talk.session for talk in WORKLOAD.talks}) == 40 and len(WORKLOAD.tenants) == 4
    assert [turn.number for turn in sorted(WORKLOAD.turns, key=lambda turn: turn.number)] == list(range(400))


def test_no_more_is_asked_again_than_in_what_was_published():
    kinds = RAW["about"]["mix"]
    assert (kinds["repeat"] + kinds["paraphrase"]) / 400 <= 0.31


def test_a_right_answer_is_wrong_for_every_other_question_of_its_kind():
    """Else a cache that mixes up two questions would not be found out."""
    turns = [Turn(0, fact["question"], fact["answer"], "") for fact in WORKLOAD.facts]
    alike = {turn.answer: {t.answer for t in turns if unit(t) == unit(turn)} for turn in turns}
    for turn, fact in zip(turns, WORKLOAD.facts, strict=True):
        others = [Turn(0, "", answer, "") for answer in alike[turn.answer] - {turn.answer}]
        assert turn.answered_by(fact["reply"]) and not any(other.answered_by(fact["reply"]) for other in others)
        assert not turn.answered_by(fact["slip"])


def unit(turn: Turn) -> str:
    """All but the number, e.g. "euros a share": what answers of one kind have in common."""
    return turn.answer.partition(" ")[2]


def test_one_providers_answers_are_wrong_for_the_other_providers_customers():
    answers = {
        name: {f["question"]: f["answer"] for f in RAW["knowledge"] if f["needs"] == [name]}
        for name in ("Brightline", "Skylink")
    }
    both = answers["Brightline"].keys() & answers["Skylink"].keys()
    assert len(both) >= 5 and all(answers["Brightline"][q] != answers["Skylink"][q] for q in both)


def test_who_knows_all_facts_has_everything_right_and_who_hears_no_history_has_not():
    oracle = Oracle.parse({"facts": WORKLOAD.facts, "small": ["small"]})

    def whole(_talk, messages):
        return Heard(oracle.answer(messages, "large"), "")

    def cut(_talk, messages):
        return Heard(oracle.answer([messages[0], messages[-1]], "large"), "")

    def small(_talk, messages):
        return Heard(oracle.answer(messages, "small"), "")

    def right(ask):
        return sum(asked.right for asked in play(WORKLOAD, ask, between=lambda: None))

    hard = {(fact["question"], fact["answer"]) for fact in WORKLOAD.facts if fact["hard"]}
    follow_ups = RAW["about"]["mix"]["follow-up"]
    assert right(whole) == 400
    assert right(cut) < 400 - follow_ups / 2
    assert right(small) == sum((turn.says, turn.answer) not in hard for turn in WORKLOAD.turns)


def test_turns_hear_what_was_said_before_them_in_their_own_talk_only():
    heard = {}

    def ask(talk, messages):
        heard[talk.session, messages[-1]["content"]] = [m["content"] for m in messages[:-1]]
        return Heard(f"so much for {messages[-1]['content']}", "x")

    turns = [[{"says": "a", "answer": "a"}, {"says": "b", "answer": "c"}], [{"says": "d", "answer": "d"}]]
    session = {"tenant": "Acme", "user": "ann", "wave": 0, "talks": turns}
    small = parse({"tenants": [{"name": "Acme", "system": "Be"}], "sessions": [session], "knowledge": []})
    waves = []
    asked: list[Asked] = play(small, ask, between=lambda: waves.append(1))
    assert heard == {
        ("session-0", "a"): ["Be"],
        ("session-0", "b"): ["Be", "a", "so much for a"],
        ("session-0", "d"): ["Be"],
    }
    assert [one.right for one in asked] == [True, False, True] and waves == [1]


def test_a_file_without_its_parts_is_refused(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"tenants": [], "sessions": []}))
    with pytest.raises(Malformed, match="knowledge"):
        read(path)


def test_a_number_is_no_part_of_another():
    turn = Turn(0, "How many?", "9 euros", "")
    assert turn.answered_by("It is 9 euros.") and not turn.answered_by("It is 89 euros.")


def test_the_workload_in_the_docs_is_one():
    told = re.search(
        r"^    (\{\"tenants\".*?\}\]\})$", (ROOT / "docs" / "bill.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert told
    small = parse(json.loads(told[1]))
    oracle = Oracle.parse({"facts": small.facts, "small": []})
    asked = play(small, lambda _talk, messages: Heard(oracle.answer(messages, "large"), ""), between=lambda: None)
    assert [one.right for one in asked] == [True, True]
