"""What a part of a question asks of the data, as plain data for the script. Pure."""

from __future__ import annotations

import re
from typing import Any

from workers.gateway.providers.offline.guest.words import tokens
from workers.gateway.providers.offline.question import CHART

HIGHEST = (
    "highest most largest biggest greatest maximum max top best heaviest longest tallest oldest warmest hottest fastest"
)
LOWEST = "lowest least smallest fewest minimum min bottom worst lightest shortest youngest coldest cheapest slowest"
NOUNS = {
    "heaviest": "mass weight",
    "lightest": "mass weight",
    "longest": "length duration",
    "shortest": "length duration height",
    "tallest": "height",
    "oldest": "age",
    "youngest": "age",
    "warmest": "temperature temp",
    "hottest": "temperature temp",
    "coldest": "temperature temp",
    "cheapest": "price cost",
    "fastest": "speed",
    "slowest": "speed",
}
HOWS = (
    ("count", r"\bhow many\b|\bnumber of\b|\bcount\b"),
    ("median", r"\bmedian\b"),
    ("mean", r"\baverage|\bmean\b|\btypical"),
    ("total", r"\btotal|\bsum\b|\baltogether\b|\boverall\b|\bmost\b(?! \w+est)|\bleast\b"),
)
OPERATIONS = (
    (
        "profile",
        r"\bprofile|\bsummar|\banaly[sz]e|\bdescribe\b|\boverview\b|\bcolumns?\b|\bmissing\b|"
        r"\bwhat('s| is) in\b",
    ),
    ("relation", r"\bcorrelat|\brelat(e|ed|ion|ionship)\b|\bdepends?\b"),
    (
        "trend",
        r"\btrends?\b|\bover (the )?(time|years|months|days|period)|\bchang(e|ed|es|ing)\b|"
        r"\bgr[eo]w(n|s|th|ing)?\b|\bdevelop|\bevol|\bincreas|\bdecreas|\brise|\brose\b|\bf[ae]ll(en)?\b|\bdeclin",
    ),
    ("distinct", r"\b(different|distinct|unique)\b"),
)
VERBS = "has have had is are was were do does did with shows sold earned made got gets grew rose fell changed produced"
WHICH = re.compile(rf"\b(?:which|what)\s+((?:(?!(?:{'|'.join(VERBS.split())})\b)[\w-]+\s+){{1,4}})", re.IGNORECASE)
BY = re.compile(r"\b(?:by|per|each|every|across|between|among)\s+((?:[\w-]+\s*){1,3})", re.IGNORECASE)
YEAR = r"((?:1[5-9]|20|21)[0-9]{2})"
RANGE = re.compile(rf"\b(?:from|between)?\s*{YEAR}\s*(?:to|and|until|through|-|–)\s*{YEAR}\b", re.IGNORECASE)
SINCE = re.compile(rf"\b(since|after|before|until|in|during)\s+(?:the year\s+)?{YEAR}\b", re.IGNORECASE)
STOP = set(
    tokens(
        "the a an and or of to in is it that for on as with was at by be this are from not but which what "
        "how who do does did has have had there here each every per i me my we you please them their its "
        "than then into any no yes highest lowest most least average mean total sum count many much show "
        "make give tell compare all only "
        "draw plot chart graph bar line diagram visualise visualize save svg trend change over"
    )
)


def ask_of(part: str) -> dict[str, Any]:
    """
    "Which species has the highest mean mass?" gives op groups, group ["specy"], how mean, direction highest.

    `words` and `group` are tokens as `guest/words.py` makes them; columns and values are matched there.
    """
    text = part.casefold()
    direction = _direction(text)
    operation = next((op for op, pattern in OPERATIONS if re.search(pattern, text)), "groups")
    how = next((name for name, pattern in HOWS if re.search(pattern, text)), None)
    return {
        "op": operation,
        "words": _words(part),
        "group": [] if operation == "relation" else _group(part),
        "direction": direction,
        "how": how,
        "counts": bool(re.search(r"\b(most|fewest|least)\b", text)),
        "years": _years(text),
        "chart": None,
    }


def is_about_data(part: str) -> bool:
    """Whether a rule can answer it from a table: it names an operation, a figure, a direction or a group."""
    text = part.casefold()
    patterns = [pattern for _, pattern in (*HOWS, *OPERATIONS)]
    patterns += [r"\bvar(y|ies)\b|\bcompare\b|\bdiffer", CHART.pattern]
    return bool(_direction(text) or BY.search(part) or any(re.search(pattern, text) for pattern in patterns))


def _direction(text: str) -> str | None:
    words = set(re.findall(r"[a-z]+", text))
    if words & set(HIGHEST.split()):
        return "highest"
    return "lowest" if words & set(LOWEST.split()) else None


def _words(part: str) -> list[str]:
    plain = tokens(part)
    superlatives = [word for word in NOUNS if re.search(rf"\b{word}\b", part, re.IGNORECASE)]
    meant = [noun for word in superlatives for noun in tokens(NOUNS[word])]
    return list(dict.fromkeys(word for word in plain + meant if word not in STOP))[:60]


def _group(part: str) -> list[str]:
    found = [match[1] for match in (*BY.finditer(part), *WHICH.finditer(part))]
    return list(dict.fromkeys(word for text in found for word in tokens(text) if word not in STOP))[:12]


def _years(text: str) -> list[Any]:
    """First and last year that count and the words for it, or nothing when the question names none."""
    between = RANGE.search(text)
    if between:
        first, last = sorted([int(between[1]), int(between[2])])
        return [first, last, f"from {first} to {last}"]
    found = SINCE.search(text)
    if not found:
        return []
    year = int(found[2])
    spans = {"since": (year, 9999), "after": (year + 1, 9999), "before": (0, year - 1), "until": (0, year)}
    return [*spans.get(found[1], (year, year)), f"{found[1]} {year}"]
