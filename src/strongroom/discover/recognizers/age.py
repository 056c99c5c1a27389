"""Ages, as people write them in English, German, French, Spanish, Italian and Dutch."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._label import alone

_AGE = r"(?:1[01]\d|[1-9]?\d)"
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_WORDS = (
    rf"(?i:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:{_ONES}))?|"
    rf"{_ONES}|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen)"
)
_OLD = (
    r"(?:[ -]?(?i:years?|yrs?\.?|months?|weeks?|days?)[ -](?i:old)|[ -]?(?i:y/o|y\.o\.|yrs?/o)|"
    r"(?i:yo)|[ -](?i:yo)[^A-Za-z]|"
    r"[ -]?(?i:jahre?|monate?)[ -](?i:alte?[rsnm]?)|[ -]?(?i:jährige?[rsnm]?)|"
    r" (?i:jaar oud)|-?(?i:jarige)| (?i:años de edad)| (?i:anni di età))"
)
_SAID = alone(
    "aged", "age of", "age", "at the age of", "patient age", "alter von", "alter", "âgé de",
    "âgée de", "à l'âge de", "edad de", "edad", "età di", "età", "leeftijd van", "leeftijd",
) + r"""["']?\s{0,2}(?::|=)?\s{0,2}["']?"""  # fmt: skip
_TURNS = r"""(?:['’]ll turn|[ "](?i:turned|turns|turning|will turn)) """
_NO_AGE = (
    "degrees", "degree", "percent", "pages", "page", "miles", "km", "times", "minutes", "hours",
    "dollars", "points", "tables", "stone",
)  # fmt: skip

RULES = (
    Rule("age.old", "AGE", f"{_AGE}|{_WORDS}", 0.85, follow=_OLD,
         keywords=("old", "y/o", "yo", "y.o", "/o", "alt", "jährig", "jarige", "oud", "edad",
                   "età"),
         apart=".,", examples=("45 years old", "a 45-year-old man", "forty-five years old",
                               "45 y/o", "eine 45-jährige Frau", "45 jaar oud"),
         lookalikes=("450 years old", "45 years ago", "3.45 years old", "than one you have")),
    # Programs begin to count at 0.
    Rule("age.said", "AGE", r"1[01]\d|[1-9]\d?", 0.75, lead=_SAID, apart=".,-/:",
         keywords=("age", "alter", "âgé", "âge", "edad", "età", "leeftijd"),
         examples=("a man aged 45", "Age: 45", "im Alter von 45 Jahren", "elle, âgée de 45 ans",
                   '"age": 45'),
         lookalikes=("page 45", "average 45", "image: 45", "aged 450", "max_age=0")),
    Rule("age.turns", "AGE", r"[1-9]\d", 0.5, lead=_TURNS,
         follow=r"(?:[.,;!?]|\s(?i:on|in|this|next|today|tomorrow|last|and|now|when)\s)",
         apart=".,-/:", keywords=("turn",), against=_NO_AGE, against_score=0.2,
         examples=("I just turned 42, so", "I'll turn 40 this year"),
         lookalikes=("he turned 90 degrees, fast", "return 20, 30")),
)  # fmt: skip
