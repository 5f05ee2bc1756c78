"""
Whether two questions ask the same: the guard of the semantic cache. Pure.

Vectors hold "in 2020" and "in 2021", "with" and "without", "Paris" and "Lyon" for alike. So both questions are brought
to one wording by rules that each keep the meaning, and then every word, number, name and sign must be the same, in the
same order. What no rule knows stays as it is: a question that is asked in another way than the rules know is a miss.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from workers.answer_cache import rewording
from workers.answer_cache.lexicon import ALIKE, FOREIGN, NAMES, STARTERS
from workers.answer_cache.rewording import Rule

CODE = re.compile(r"[`{}=<>\\|\n]|\w\(|;$")
QUOTED = re.compile(r'"[^"]*"|\B\'[^\']+\'\B')
AS_TYPED = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})
AS_IT_STANDS = "\0"
ENDS = re.compile(r"^(.*[\w\"'%)])([.,;:?!])$")
FACTORIAL = re.compile(r"(\d|\b\w)!$")
SENTENCE_ENDS = frozenset(".!?")


def same_question(one: str, other: str) -> bool:
    """Of two questions that are asked in the same place; the answer to one must do as the answer to the other."""
    return wording(one) == wording(other)


def wording(text: str) -> tuple[str, ...]:
    """
    The question in the one form that the rules know, then what it quotes.

    Code, and what does not begin like an English question, is left as it was written.
    """
    typed = rewording.PREAMBLE.sub("", unicodedata.normalize("NFC", text).strip())
    if CODE.search(typed):
        return (AS_IT_STANDS, typed)
    quoted: list[str] = []
    plain = QUOTED.sub(lambda found: f" \0{_put(quoted, found[0])} ", typed.translate(AS_TYPED))
    words = list(_split(plain))
    if not _english(words):
        return (AS_IT_STANDS, " ".join(typed.split()))
    return (" ".join(_known(_reworded(" ".join(_cased(_unended(words)))).split())), *quoted)


def _put(into: list[str], piece: str) -> int:
    into.append(piece[1:-1])
    return len(into) - 1


def _split(text: str) -> Iterator[str]:
    """Words, and the signs after them as words of their own. Whatever is not plain stays in one piece."""
    for piece in text.split():
        if FACTORIAL.search(piece) or not (ended := ENDS.match(piece)):
            yield from _amount(piece)
            continue
        yield from _amount(ended[1])
        yield ended[2]


def _amount(piece: str) -> Iterator[str]:
    """`1,000` as 1000, `5%` as 5 percent, `$5` as 5 dollars; nothing else is taken apart."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+", piece):
        yield piece.replace(",", "")
    elif found := re.fullmatch(r"(\d+)%", piece):
        yield from (found[1], "percent")
    elif found := re.fullmatch(r"([$€])(\d+)", piece):
        yield from (found[2], "dollars" if found[1] == "$" else "euros")
    else:
        yield piece


def _english(words: list[str]) -> bool:
    first = words[0].lower().partition("'")[0] if words else ""
    return first in STARTERS and not any(word.lower() in FOREIGN for word in words)


def _unended(words: list[str]) -> list[str]:
    """The last sign says nothing more: what begins like a question is one."""
    return words[:-1] if words[-1] in SENTENCE_ENDS else words


def _cased(words: Iterable[str]) -> Iterator[str]:
    """A capital that only begins a sentence is no name; any other is one."""
    begins = True
    for word in words:
        bare, mark, rest = word.partition("'")
        if begins and bare.istitle() and bare.lower() in STARTERS and bare != "I":
            bare = bare.lower()
        elif bare.islower() and bare.title() in NAMES:
            bare = bare.title()
        yield bare + mark + rest
        begins = word in SENTENCE_ENDS


def _reworded(text: str) -> str:
    text = _by(rewording.SHORT_FORMS, text)
    text = _by(rewording.NAMES_OF_STATES, text)
    text = _by(rewording.GREETINGS, text)
    if found := rewording.ASKS_FOR_AN_ANSWER.match(text):
        text = _by(rewording.CLAUSES, text[found.end() :])
    return _by(rewording.SAME_QUESTIONS, text)


def _by(rules: Iterable[Rule], text: str) -> str:
    for pattern, becomes in rules:
        text = pattern.sub(becomes, text)
    return text


def _known(words: Iterable[str]) -> Iterator[str]:
    return (ALIKE.get(word, word) for word in words)
