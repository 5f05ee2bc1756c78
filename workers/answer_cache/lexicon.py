"""What the guard of alike questions knows of English: a short list, kept by hand, of words that mean one thing.

It has no stemmer on purpose: one takes "university" for "universe", and "is" for "are" asks for one thing where there
were several. A word that stands in no list here must stand in both questions.
"""

from __future__ import annotations

WH = ("what", "who", "when", "where", "why", "how", "which")
AUXILIARIES = (
    "is", "are", "was", "were", "am", "do", "does", "did", "can", "could", "will", "would", "should", "has", "have",
    "had", "may", "must",
)  # fmt: skip
IMPERATIVES = (
    "tell", "give", "explain", "describe", "define", "list", "name", "show", "write", "translate", "convert",
    "summarize", "summarise", "compare", "calculate", "find", "make", "create", "suggest", "recommend", "please",
)  # fmt: skip
OTHERS = ("i", "in", "on", "at", "for", "during", "hi", "hello", "hey", "let")

STARTERS = frozenset((*WH, *AUXILIARIES, *IMPERATIVES, *OTHERS))
"""English questions begin with one of these; their capital is that of a sentence and not of a name."""

FOREIGN = frozenset((
    "ist", "der", "das", "den", "dem", "und", "ein", "eine", "wie", "sind", "von", "nicht", "le", "les", "des",
    "du", "est", "et", "une", "el", "los", "las", "es", "que", "por", "para", "con", "del", "il", "che", "di",
    "est-ce", "qué", "cuál", "wer", "wo", "warum", "quel", "quelle",
))  # fmt: skip

ATTRIBUTES = (
    "capital", "capital city", "population", "currency", "area", "height", "length", "width", "depth", "weight", "age",
    "president", "prime minister", "king", "queen", "mayor", "ceo", "CEO", "author", "inventor", "founder", "composer",
    "painter", "name", "full name", "birthplace", "date of birth", "national anthem", "flag", "official language",
    "boiling point", "melting point", "atomic number", "chemical symbol", "chemical formula", "speed", "diameter",
    "distance", "location", "address", "phone number", "meaning", "definition", "purpose", "cost", "price", "GDP",
    "largest city", "biggest city", "highest mountain", "longest river", "largest lake",
)  # fmt: skip
"""Things of which there is one, so that `the capital of X` and `capital of X` are the same."""

POSSESSED = frozenset(ATTRIBUTES) - {"meaning", "definition", "purpose", "cost", "price"}
"""Of which `X's capital` is the capital of X. Not so: Plato's definition, Rembrandt's picture, the women's fear."""

KINDS = (
    "animal", "band", "book", "city", "company", "continent", "country", "day", "element", "film", "language", "month",
    "movie", "planet", "river", "state", "team", "year",
)  # fmt: skip
"""`Which country` and `what country` ask for the same. `Which should I buy` chooses from what was named before."""

NAMES = frozenset((
    "Africa", "Argentina", "Asia", "Australia", "Austria", "Belgium", "Berlin", "Brazil", "Bulgaria", "Canada",
    "Croatia", "Denmark", "Egypt", "England", "Estonia", "Europe", "Finland", "France", "Germany", "Iceland",
    "India", "Ireland", "Italy", "Japan", "Kenya", "London", "Madrid", "Mexico", "Moscow", "Netherlands",
    "Nigeria", "Norway", "Paris", "Peru", "Poland", "Portugal", "Rome", "Russia", "Scotland", "Spain", "Sweden",
    "Switzerland", "Tokyo", "Ukraine", "Vienna",
))  # fmt: skip
"""Whatever their case. Not Turkey, China or Apple, which are words too."""

ALIKE: dict[str, str] = {
    word: first
    for first, *others in (
        ("color", "colour"), ("colors", "colours"), ("favorite", "favourite"), ("center", "centre"),
        ("liter", "litre"), ("liters", "litres"), ("meters", "metres"), ("kilometers", "kilometres", "km"),
        ("organize", "organise"), ("summarize", "summarise"), ("analyze", "analyse"), ("program", "programme"),
        ("neighbor", "neighbour"), ("airplane", "aeroplane"), ("tires", "tyres"),
        ("largest", "biggest"), ("fastest", "quickest"), ("children", "kids"), ("photo", "photograph"),
        ("photos", "photographs"), ("TV", "tv", "television"),
        ("sofa", "couch"), ("okay", "ok"), ("begin", "start"),
        ("began", "started"), ("begins", "starts"),
        ("2", "two"), ("3", "three"), ("4", "four"), ("5", "five"), ("6", "six"), ("7", "seven"), ("8", "eight"),
        ("9", "nine"), ("10", "ten"), ("11", "eleven"), ("12", "twelve"), ("percent", "per-cent"),
    )
    for word in others
}  # fmt: skip
