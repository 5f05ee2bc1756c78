"""Ways to say the same in English, each as a pattern and what it becomes. Words have one space between them.

Each is narrow: where one of its readings would be another question, it is left out.
"""

from __future__ import annotations

import re

from workers.answer_cache.lexicon import ATTRIBUTES, AUXILIARIES, IMPERATIVES, KINDS, POSSESSED, WH

Rule = tuple[re.Pattern[str], str]

_wh = "|".join(WH)
_starts = "|".join((*WH, *AUXILIARIES))
_be = "is|are|was|were|am"
_attribute = "|".join(sorted(ATTRIBUTES, key=len, reverse=True))
_possessed = "|".join(sorted(POSSESSED, key=len, reverse=True))
_kind = "|".join(KINDS)
_name = r"(?:[A-Z][\w-]*|@\w+)(?: [A-Z][\w-]*)*"
_asked_of_us = "|".join(word for word in IMPERATIVES if word != "please")


def _rules(*pairs: tuple[str, str]) -> tuple[Rule, ...]:
    return tuple((re.compile(pattern), becomes) for pattern, becomes in pairs)


SHORT_FORMS = _rules(
    (rf"\b({_wh})'s(?= (?:the|an?|my|your|his|her|its|our|their|this|that|[A-Z@]))", r"\1 is"),  # not: who's left
    (r"\b([Cc])an't\b", r"\1an not"),
    (r"\b([Cc])annot\b", r"\1an not"),
    (r"\b([Ww])on't\b", r"\1ill not"),
    (r"\b(is|are|was|were|do|does|did|has|have|had|could|would|should)n't\b", r"\1 not"),
    (r"\b([Ii])'m\b", r"\1 am"),
    (r"\b([Ii])'d like\b", r"\1 would like"),
    (r"\b(you|we|they)'re\b", r"\1 are"),
)

NAMES_OF_STATES = _rules(
    (r"\b(?:the )?(?:United States(?: of America)?|USA|US|U\.S\.A|U\.S)(?=\b|')(?![\w.-])", "@usa"),
    (r"\b(?:the )?(?:United Kingdom|UK|U\.K)(?=\b|')(?![\w.-])", "@uk"),
)

PREAMBLE = re.compile(
    r"^(?:(?:a |one )?(?:quick )?question|please tell me|tell me|sorry to bother you|excuse me)\s*[:,.!]\s+",
    re.IGNORECASE,
)
"""Said before a question, and no part of it."""

GREETINGS = _rules(
    (rf"^(?:hi|hello|hey)(?: there)? (?:[,.!] |(?=(?:{_starts}) ))", ""),
    (r" [,.!] (?:thanks|thank you)$", ""),
    (r"^please (?:, )?", ""),
    (r" , please$", ""),
    (r"^(can|could|would|will) you please ", "could you "),
    (rf"^(?:could|would) you (?={_asked_of_us} )", ""),
)

ASKS_FOR_AN_ANSWER = re.compile(
    rf"^(?:can you tell me|can you explain|do you know|(?:I|i) (?:would like|want|need) to know|(?:I|i) wonder|"
    rf"(?:I|i) (?:am|was) wondering|tell me|let me know|explain|explain to me) (?=(?:{_wh}) )"
)
"""Before a question that is then told as a clause: `tell me what X is`."""

CLAUSES = _rules(
    (rf"^how (old|tall|heavy) (.+) ({_be})$", r"how \1 \3 \2"),
    (rf"^(what|who|where) (?!{_be})(.+) ({_be})$", r"\1 \3 \2"),
    (rf"^why (?!(?:{_be}) )(.+?) ({_be}) ", r"why \2 \1 "),
    (r"^how (?!to |does |do )(.+) works$", r"how does \1 work"),
    (r"^what (?!does |do )(.+) means$", r"what does \1 mean"),
    (r"^(when|where) (?!was )(.+) was born$", r"\1 was \2 born"),
)

SAME_QUESTIONS = _rules(
    (rf"^(in|on|at|during) ([^,.]+) , ((?:{_wh}) .+)$", r"\3 \1 \2"),
    (r"^in (?:what|which) year ", "what year "),
    (rf"^which (?=(?:{_kind}) )", "what "),
    (r"^what (?:sort|type) of ", "what kind of "),
    (rf"(?<!\S)(?:the )?({_name})'s ({_possessed})(?= |$)", r"\2 of \1"),
    (rf"\bthe ({_attribute}) of ", r"\1 of "),
    (r"\bcapital city of ", "capital of "),
    (rf"^(?:tell me|give me|name) ((?:{_attribute}) of )", r"what is \1"),
    (r"^what city is capital of ", "what is capital of "),
    (r"^how tall is ", "what is height of "),
    (r"^how heavy is ", "what is weight of "),
    (r"^how old is ", "what is age of "),
    (r"^how many people live in ", "what is population of "),
    (r"^how much does (.+) cost$", r"what is cost of \1"),
    (r"^who (?:is|was) author of ", "who wrote "),
    (r"^who (?:is|was) inventor of ", "who invented "),
    (r"^who (?:is|was) founder of ", "who founded "),
    (r"^who (?:is|was) composer of ", "who composed "),
    (r"^who (?:is|was) painter of ", "who painted "),
    (r"^what is date of birth of (.+)$", r"when was \1 born"),
    (r"^what is birthplace of (.+)$", r"where was \1 born"),
    (r"^what is location of ", "where is "),
    (r"^where is (.+) (?:located|situated)$", r"where is \1"),
    (r"^what does (.+) mean$", r"what is meaning of \1"),
    (r"^define ", "what is definition of "),
    (r"^what is (.+) short for$", r"what does \1 stand for"),
    (r"^how (?:do I|do i|can I|can i|does one|could I) (?!look|sound|seem|feel|smell|die|rank|compare)", "how to "),
    (r"^what is (?:the|a) way to ", "how to "),
    (r"^how much time ", "how long "),
    (r"^how do ([^,]+?) and ([^,]+?) differ$", r"what is the difference between \1 and \2"),
    (r"^how (?:does|do) ([^,]+?) differ from ([^,]+)$", r"what is the difference between \1 and \2"),
    (r"^how (?:is|are) ([^,]+?) different from ([^,]+)$", r"what is the difference between \1 and \2"),
    (r"\btook place\b", "happened"),
    (r"\btake place\b", "happen"),
    (r"^(?:give me|make|write|show me) a list of ", "list "),
    (r"^(?:give me|make|write) a summary of ", "summarize "),
    (r"^(translate|convert) (.+) into ([\w]+)$", r"\1 \2 to \3"),
)
