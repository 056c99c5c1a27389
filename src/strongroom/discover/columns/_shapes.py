"""Shapes (RE2) and short lists that tell what the values of a column are."""

from __future__ import annotations

NAME_SHAPE = r"^\s*\pL[\pL\pM'’.-]*(?:[ ,]+\pL[\pL\pM'’.-]*){0,4}\s*$"
FULL_NAME = r"^\s*\p{Lu}[\pL\pM'’.-]*(?:[ ,]+\p{Lu}[\pL\pM'’.-]*){1,4}\s*$"
ADDRESS = (
    r"(?i)^\s*\d+[a-z]?[ ,/-].{0,60}\b"
    r"(?:street|st|avenue|ave|av|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|place|pl|square|sq|terrace|ter|highway|hwy|parkway|pkwy|circle|cir|trail|"
    r"crescent|close|grove|alley|plaza|row|walk|mews)\b"
    r"|(?:straße|strasse|str\.|gasse|weg|platz|allee|ufer|ring)\s*\d+"
    r"|^\s*(?:\d+[a-z]?,?\s+)?"
    r"(?:rue|avenue|boulevard|via|calle|avenida|av\.|rua|plaza|piazza|p\.? ?o\.? ?box)\s"
)
ADDRESSED = r"\pL.*\d|\d.*\pL"
UUID = r"(?i)^\s*\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?\s*$"
ICD10 = r"^[A-TV-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}$"
ICD_ANY = (
    r"^(?:[A-TV-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?|\d{3}(?:\.\d{1,2})?|[VE]\d{2,3}(?:\.\d{1,2})?)$"
)
CODE = r"^[\w.:/#-]+$"
SEXES = frozenset({
    "m", "f", "w", "d", "x", "u", "male", "female", "man", "woman", "men", "women", "mann",
    "frau", "männlich", "weiblich", "divers", "homme", "femme", "hombre", "mujer", "masculino",
    "femenino", "maschio", "femmina", "non-binary", "nonbinary", "other", "unknown",
    "unknown/invalid", "diverse",
})  # fmt: skip
MARITAL = frozenset({
    "single", "married", "divorced", "widowed", "separated", "never-married",
    "married-civ-spouse", "married-spouse-absent", "married-af-spouse", "ledig", "verheiratet",
    "geschieden", "verwitwet", "célibataire", "marié", "divorcé", "soltero", "casado",
    "divorciado", "viudo", "unmarried", "partnered", "unknown",
})  # fmt: skip
RACES = frozenset({
    "white", "black", "asian", "hispanic", "latino", "caucasian", "africanamerican",
    "african american", "african-american", "native american", "asian-pac-islander",
    "amer-indian-eskimo", "american indian", "pacific islander", "mixed", "two or more races",
    "other", "unknown", "hispanic or latino", "black or african american",
    "american indian or alaska native", "native hawaiian or other pacific islander",
})  # fmt: skip
STATES = frozenset({
    "al", "ak", "az", "ar", "ca", "co", "ct", "de", "fl", "ga", "hi", "id", "il", "in", "ia",
    "ks", "ky", "la", "me", "md", "ma", "mi", "mn", "ms", "mo", "mt", "ne", "nv", "nh", "nj",
    "nm", "ny", "nc", "nd", "oh", "ok", "or", "pa", "ri", "sc", "sd", "tn", "tx", "ut", "vt",
    "va", "wa", "wv", "wi", "wy", "dc", "pr",
})  # fmt: skip
