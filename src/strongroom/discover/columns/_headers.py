"""The name of a column as words: `homePhone_2` is read "home phone 2", `Âge` "age"."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

WHOLE, TAIL = 1.0, 0.8
"""How clearly a name says something: as a whole, or as the end of it."""

# "user_id" is a person's key; "row_id" and "uuid" are keys of whatever the rows are.
_PERSON_WORDS = frozenset({
    "patient", "customer", "client", "user", "person", "member", "employee", "subject", "account",
    "student", "citizen", "household", "individual", "participant", "respondent", "applicant",
    "guest", "policyholder", "driver", "visitor", "encounter", "voter", "donor", "tenant", "staff",
    "beneficiary", "passenger", "defendant", "case", "kunde", "kunden", "patienten", "mitarbeiter",
    "personal", "versicherten", "cliente", "paciente", "empleado", "utente", "paziente",
    "dipendente", "klant", "werknemer", "salarie", "utilisateur", "matricule",
})  # fmt: skip
_KEY_WORDS = frozenset({
    "id", "ids", "nr", "nbr", "no", "num", "number", "key", "uuid", "guid", "code", "identifier",
    "pk", "ref", "nummer", "numero", "identifiant", "identificador", "identificativo", "kennung",
    "matricule", "oid", "hash",
})  # fmt: skip
# Around the words that carry the meaning, these change nothing.
_AROUND = re.compile(
    r"^(?:(?:the|customer|client|patient|user|employee|person|member|student|my|home|work|primary|"
    r"secondary|main|billing|shipping|contact|alternate|emergency|personal|current|applicant|raw|"
    r"src|dst|source|destination|remote|last|other|login|kunden|patienten|cust|emp|usr|c|"
    r"mobile|business|private|office|old|new|full|legal) )+|"
    r"(?: (?:\d+|number|no|nr|num|value|code|raw|full|text|status|type|name|hash|field|col|txt|str|"
    r"desc|description|key|in|at))+$"
)
# What is counted or measured of a thing isn't the thing.
_COUNTED = re.compile(
    r"(?:n|nb|nr|num|number|count|cnt|days?|hours?|minutes?|weeks?|months?|total|sum|avg|average|"
    r"mean|median|min|max|pct|percent|rate|ratio|anzahl|nombre|numero|aantal)(?: of)? "
)
# Names that say nothing: "V3", "column_7", "unnamed: 0", "x", and values that became names.
_SILENT = re.compile(
    r"(?:(?:col|column|field|var|variable|attr|attribute|feature|feat|unnamed|unknown|f|c|v|x|y|a|"
    r"att|spalte|colonne|columna|colonna|kolom|champ|campo|feld|value|values|data)(?: ?\d+)*|"
    r"[a-z]?[\d ]*)"
)


@dataclass(frozen=True)
class Said:
    """The words of a name.

    Attributes:
        full: all of them, in small letters without accents.
        readings: the same, and without the words that change nothing.
        counted: it is how many or how much of something.
        silent: it says nothing.
    """

    full: str
    readings: tuple[str, ...]
    counted: bool
    silent: bool


@lru_cache(maxsize=1 << 14)
def said(header: str) -> Said:
    """Read the name of a column; of a dotted path that is a whole name, its end counts too."""
    full = _words(header)
    readings = [full, _AROUND.sub("", full)]
    if "." in header:
        last = _words(header.rpartition(".")[2])
        readings += [last, _AROUND.sub("", last)]
    together = full.replace(" ", "")
    readings += [together] if " " in full else []
    return Said(
        full,
        tuple(dict.fromkeys(r for r in readings if r)),
        bool(_COUNTED.match(full)),
        bool(_SILENT.fullmatch(full)),
    )


def _words(header: str) -> str:
    plain = unicodedata.normalize("NFKD", header.replace("ß", "ss"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return " ".join(re.findall(r"[^\W_]+", parted.lower()))


def is_key(header: str) -> bool:
    """Say whether the name is that of a key: `id`, `patient_nbr`, `customerKey`, `customer`."""
    words = said(header).full.split()
    return bool(words) and (
        words[-1] in _KEY_WORDS
        or words[0] in {"id", "uuid", "guid", "index"}
        or words[-1] == "index"
        or words[-1].endswith("nummer")
        or (len(words) == 1 and words[0] in _PERSON_WORDS)
    )


def is_person_key(header: str) -> bool:
    """Say whether the key is named for a person: one person may then have many rows."""
    words = said(header).full.split()
    person = any(w in _PERSON_WORDS or w.removesuffix("nummer") in _PERSON_WORDS for w in words)
    return is_key(header) and person
