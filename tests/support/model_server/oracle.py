"""Answers from a table of facts, by what the prompt that came in says: a prompt without what a question leans on gets no answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.model_server.rules import Messages

AT_A_LOSS = "I can't tell what this refers to. Please say more."
SUMMED_UP = "They have talked about this so far:"
SUMMARY_CHARS = 1600  # some 300 words; of more only the newest


@dataclass(frozen=True)
class Fact:
    """
    Attributes:
        question: the last message of the user's, word for word.
        needs: what the prompt must say elsewhere for this to be the answer: earlier questions, words of the system prompt.
        answer: the words or figures that make an answer right.
        reply: the whole text, with the answer in it.
        slip: what a model says that is too small for the question.
        hard: only large models know.
    """

    question: str
    needs: tuple[str, ...]
    answer: str
    reply: str
    slip: str
    hard: bool

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Fact:
        return cls(**{**raw, "needs": tuple(raw["needs"])})

    def leans_on(self, told: str) -> tuple[int, ...] | None:
        """Where its needs stand last in the text, the latest first; None where one is missing."""
        places = sorted((told.rfind(need) for need in self.needs), reverse=True)
        return None if places and places[-1] < 0 else tuple(places)


class Oracle:
    """
    Args:
        small: the models that don't know what is hard.
    """

    def __init__(self, facts: Sequence[Fact], small: Collection[str]) -> None:
        self._small = frozenset(small)
        self._facts: dict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            self._facts[fact.question].append(fact)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Oracle:
        """
        Raises:
            KeyError, TypeError: a key is missing or unknown.
        """
        return cls([Fact.parse(fact) for fact in raw["facts"]], raw["small"])

    def answer(self, messages: Messages, model: str) -> str:
        """What asks none of the questions but tells some of them wants them summed up."""
        *before, last = [str(message.get("content") or "") for message in messages]
        if last not in self._facts:
            return self._summed_up("\n".join([*before, last]))
        fact = self.fact("\n".join(before), last)
        if fact is None:
            return AT_A_LOSS
        return fact.slip if fact.hard and model in self._small else fact.reply

    def fact(self, before: str, question: str) -> Fact | None:
        """Of those that the question may ask for the one whose needs stand last: talk goes on from its latest turn."""
        found = [(place, fact) for fact in self._facts[question] if (place := fact.leans_on(before)) is not None]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def _summed_up(self, told: str) -> str:
        lines = [f"- {question} {answer}".rstrip() for question, answer in self._told(told)]
        while sum(map(len, lines)) > SUMMARY_CHARS:
            del lines[0]
        return "\n".join([SUMMED_UP, *lines]) if lines else AT_A_LOSS

    def _told(self, text: str) -> Iterator[tuple[str, str]]:
        """The questions in the order in which they were last asked, with the answer where that is told too."""
        asked = sorted((text.rfind(question), question) for question in self._facts if question in text)
        for at, question in asked:
            fact = self.fact(text[:at], question)
            yield question, f"({fact.answer})" if fact and fact.answer in text[at:] else ""
