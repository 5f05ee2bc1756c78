"""
Makes the workload that is kept beside this file; the same seed makes the same file.

    python -m benchmarks.billing.generate > benchmarks/billing/workload.json

MIX says how many of what. Every request's answer is checked with the whole conversation before anything is written.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.billing.topics import AROUND, EQUITIES, HANDBOOK, INTERNET, MORE, STAFF, Topic
from tests.support.model_server.oracle import Oracle

SEED = 11
WAVES, SESSIONS, TALKS = 4, 40, 5  # sessions are of all waves, talks of one session
TURNS = {1: 140, 2: 30, 3: 12, 5: 11, 12: 4, 22: 2, 17: 1}  # how many conversations have so many
OPENINGS = {"new": 36, "repeat": 54, "at once": 8, "paraphrase": 44, "near miss": 58}
AGAIN = 0.6  # of the turns after what others have said as well: they go on as those did, the rest a little differently
AROUND_SHARE = 0.5  # of the paraphrases: the same words with something around them
NEW_TOPIC = 0.35  # of the other further turns: they lean on nothing
HARD = 0.25  # of whole questions that are new; what follows one is hard as well
REPLY_CHARS = (500, 1200)

ABOUT = {
    "format": "docs/bill.md",
    "made_by": "benchmarks/billing/generate.py",
    "shares": "400 requests, 2.0 turns to a conversation (LMSYS-Chat-1M, arXiv:2309.11998, table 1), at most 31 % of them asked "
    "before in these or other words (MeanCache, arXiv:2403.02694), answers of about 200 tokens (LMSYS-Chat-1M: 214.5). "
    "How many are hard, and how long system prompts are, is assumed.",
}
DESKS = (
    ("Harbour Research", "which looks up company figures", "analysts", EQUITIES),
    ("Brightline", "an internet provider", "its customers", INTERNET),
    ("Skylink", "an internet provider", "its customers", INTERNET),
    ("Fernwood", "a company with staff in five countries", "its staff", STAFF),
)
Values = dict[str, str]


@dataclass
class Asked:
    """One request, and what it was about. `leans`: the texts that said what it leaves out, by slot; "" is the topic's."""

    says: str
    kind: str
    topic: Topic
    values: Values
    leans: dict[str, str]
    answer: str

    @property
    def needs(self) -> list[str]:
        return [text for text in dict.fromkeys(self.leans.values()) if text != self.says]


@dataclass
class Talk:
    turns: int
    asked: list[Asked] = field(default_factory=list)
    copies: Talk | None = None


@dataclass
class Desk:
    """One tenant, with what was asked so far."""

    name: str
    trade: str
    people: str
    topics: tuple[Topic, ...]
    random: Random
    answers: dict[tuple[str, ...], str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    openings: list[Talk] = field(default_factory=list)
    facts: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)

    @property
    def system(self) -> str:
        return "\n".join(line.format(name=self.name, trade=self.trade, people=self.people) for line in HANDBOOK)

    # --- what is true ---

    def answer(self, topic: Topic, values: Values) -> str:
        """Drawn once for each combination; no two of a topic are the same."""
        place = (topic.says, *sorted(values.values()))
        while place not in self.answers:
            low, high, unit = topic.value
            drawn = f"{self.random.randint(low, high)} {unit}"
            if (drawn_at := f"{topic.says} {drawn}") not in self.used:
                self.used.add(drawn_at)
                self.answers[place] = drawn
        return self.answers[place]

    def ask(self, says: str, kind: str, topic: Topic, values: Values, leans: dict[str, str]) -> Asked:
        asked = Asked(says, kind, topic, values, leans, self.answer(topic, values))
        place = (says, *asked.needs)
        if place not in self.facts:
            self.facts[place] = self._fact(asked)
        return asked

    def _fact(self, asked: Asked) -> dict[str, Any]:
        _, high, unit = asked.topic.value
        wrong = f"{high + self.random.randint(7, 99)} {unit}"
        more = self.random.sample(MORE, len(MORE))
        return {
            "question": asked.says,
            "needs": [self.name, *asked.needs],
            "answer": asked.answer,
            "reply": self._reply(asked, asked.answer, more),
            "slip": self._reply(asked, wrong, more),
            "hard": asked.topic.hard,
        }

    def _reply(self, asked: Asked, value: str, more: list[str]) -> str:
        text, wanted = asked.topic.says.format(**asked.values, value=value), Random(asked.says).randint(*REPLY_CHARS)
        for sentence in more:
            if len(text) < wanted:
                text += f" {sentence}"
        return text

    # --- how talks begin ---

    def open(self, kind: str, talk: Talk, earlier: list[Talk]) -> None:
        """`earlier`: those that were opened before this moment; what was asked often is asked again more often."""
        begin = {"new": self._new, "repeat": self._repeat, "paraphrase": self._reworded, "near miss": self._near_miss}
        now = [other for other in self.openings if other not in earlier]
        if kind == "at once":
            kind, earlier = "repeat", now or earlier
        talk.asked.append(begin[kind](talk, earlier) if earlier else self._new(talk, earlier))
        self.openings.append(talk)

    def _new(self, _talk: Talk, _earlier: list[Talk]) -> Asked:
        seen = {(t.asked[0].topic.says, *t.asked[0].values.values()) for t in self.openings}
        while True:
            topic = self._topic()
            values = self._values(topic)
            if (topic.says, *values.values()) not in seen:
                return self._whole("new", topic, values, 0)

    def _repeat(self, talk: Talk, earlier: list[Talk]) -> Asked:
        longer = [other for other in earlier if other.turns > 1]
        talk.copies = self.random.choice(longer if talk.turns > 1 and longer else earlier)
        first = talk.copies.asked[0]
        return self.ask(first.says, "repeat", first.topic, first.values, first.leans)

    def _reworded(self, _talk: Talk, earlier: list[Talk]) -> Asked:
        """In other words, or in the same with something around them."""
        if self.random.random() < AROUND_SHARE:
            first = self.random.choice(earlier).asked[0]
            says = around(self.random.choice(AROUND), first.topic.ask[0].format(**first.values))
            return self.ask(says, "paraphrase", first.topic, first.values, dict.fromkeys(["", *first.values], says))
        first = self.random.choice([t.asked[0] for t in earlier if len(t.asked[0].topic.ask) > 1])
        said = {t.asked[0].says for t in self.openings}
        wordings = [n for n, text in enumerate(first.topic.ask) if text.format(**first.values) not in said]
        wording = self.random.choice(wordings or range(1, len(first.topic.ask)))
        return self._whole("paraphrase", first.topic, first.values, wording)

    def _near_miss(self, _talk: Talk, earlier: list[Talk]) -> Asked:
        """In the words of one that was asked, but for one of them."""
        said = {t.asked[0].says for t in self.openings}
        while True:
            first = self.random.choice(earlier).asked[0]
            slot = self.random.choice(sorted(first.topic.slots))
            values = {**first.values, slot: self.random.choice(first.topic.slots[slot])}
            wordings = [text.format(**first.values) for text in first.topic.ask]
            wording = wordings.index(first.says) if first.says in wordings else 0
            found = self._whole("near miss", first.topic, values, wording)
            if found.says not in said:
                return found

    def _whole(self, kind: str, topic: Topic, values: Values, wording: int) -> Asked:
        says = topic.ask[wording].format(**values)
        return self.ask(says, kind, topic, values, dict.fromkeys(["", *values], says))

    def _topic(self) -> Topic:
        hard = self.random.random() < HARD
        return self.random.choice([topic for topic in self.topics if topic.hard == hard])

    def _values(self, topic: Topic) -> Values:
        return {slot: self.random.choice(among) for slot, among in topic.slots.items()}

    # --- how they go on ---

    def go_on(self, talk: Talk) -> None:
        if before := self._said_next(talk):
            again = self.random.random() < AGAIN
            talk.asked.append(self._again(before) if again else self._further(talk, "near miss", besides=before.says))
        elif self.random.random() < NEW_TOPIC or not talk.asked[-1].topic.turns:
            talk.asked.append(self._elsewhere(talk))
        else:
            talk.asked.append(self._further(talk, "follow-up"))

    def _said_next(self, talk: Talk) -> Asked | None:
        """What followed in the talk that this one repeats, as long as it does."""
        before, at = talk.copies, len(talk.asked)
        if before is None or [a.says for a in before.asked[:at]] != [a.says for a in talk.asked]:
            return None
        return before.asked[at] if len(before.asked) > at else None

    def _again(self, before: Asked) -> Asked:
        return self.ask(before.says, "repeat", before.topic, before.values, before.leans)

    def _elsewhere(self, talk: Talk) -> Asked:
        said = {asked.says for asked in talk.asked}
        while True:
            topic = self._topic()
            found = self._whole("new topic", topic, self._values(topic), 0)
            if found.says not in said:
                return found

    def _further(self, talk: Talk, kind: str, *, besides: str = "") -> Asked:
        last = talk.asked[-1]
        while True:
            slot = self.random.choice(sorted(last.topic.turns))
            others = [value for value in last.topic.slots[slot] if value != last.values[slot]]
            values = {**last.values, slot: self.random.choice(others)}
            says = self.random.choice(last.topic.turns[slot]).format(**values)
            if says != besides or len(others) == 1:
                return self.ask(says, kind, last.topic, values, {**last.leans, slot: says})


def around(form: str, question: str) -> str:
    return form.format(question=question, lower=question[0].lower() + question[1:], unended=question.rstrip("?."))


def workload(seed: int) -> dict[str, Any]:
    """In the order in which things are asked, so that a repetition comes after what it repeats."""
    random = Random(seed)
    desks = [Desk(*given, Random(f"{seed} {n}")) for n, given in enumerate(DESKS)]
    turns = [length for length, times in TURNS.items() for _ in range(times)]
    openings = _opening_kinds(random)
    random.shuffle(turns)
    sessions: list[list[Talk]] = [[] for _ in range(SESSIONS)]
    at = 0
    for wave in range(WAVES):
        for _ in range(TALKS):
            known = {desk.name: list(desk.openings) for desk in desks}
            for number in range(wave, SESSIONS, WAVES):
                desk, talk = _desk_of(desks, number), Talk(turns[at])
                desk.open(openings[at], talk, known[desk.name])
                sessions[number].append(talk)
                at += 1
            for number in range(wave, SESSIONS, WAVES):
                talk = sessions[number][-1]
                while len(talk.asked) < talk.turns:
                    _desk_of(desks, number).go_on(talk)
    return {
        "about": {**ABOUT, "seed": seed, "mix": Counter(a.kind for s in sessions for t in s for a in t.asked)},
        "tenants": [{"name": desk.name, "system": desk.system} for desk in desks],
        "sessions": [_session(desks, number, talks) for number, talks in enumerate(sessions)],
        "knowledge": [fact for desk in desks for fact in desk.facts.values()],
    }


def _desk_of(desks: list[Desk], number: int) -> Desk:
    return desks[number // WAVES % len(desks)]


def _opening_kinds(random: Random) -> list[str]:
    """In a random order, but for the first round: nobody has asked anything then, so they are new."""
    kinds = [kind for kind, times in OPENINGS.items() for _ in range(times)]
    first, rest = kinds[: SESSIONS // WAVES], kinds[SESSIONS // WAVES :]
    random.shuffle(rest)
    return first + rest


def _session(desks: list[Desk], number: int, talks: list[Talk]) -> dict[str, Any]:
    told = [[{"says": a.says, "answer": a.answer, "kind": a.kind} for a in talk.asked] for talk in talks]
    return {"tenant": _desk_of(desks, number).name, "user": f"user {number % 3}", "wave": number % WAVES, "talks": told}


def check(made: dict[str, Any]) -> None:
    """Whoever knows all facts and hears the whole conversation has each answer right."""
    oracle = Oracle.parse({"facts": made["knowledge"], "small": []})
    systems = {tenant["name"]: tenant["system"] for tenant in made["tenants"]}
    for session in made["sessions"]:
        for talk in session["talks"]:
            messages = [{"role": "system", "content": systems[session["tenant"]]}]
            for asked in talk:
                messages.append({"role": "user", "content": asked["says"]})
                said = oracle.answer(messages, "large")
                assert asked["answer"] in said, f"{[m['content'] for m in messages[1:]]}: {said}, not {asked['answer']}"
                messages.append({"role": "assistant", "content": said})


if __name__ == "__main__":
    made = workload(SEED)
    check(made)
    json.dump(made, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
