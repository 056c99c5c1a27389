"""Vehicles: identification numbers (ISO 3779) and licence plates."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS

_VIN = ("vin", "chassis", "fahrgestellnummer", "fin", "vehicle", "bastidor", "telaio", "car")
_PLATE_WORDS = (
    "plate", "plates", "registration", "registered", "reg", "vrm", "vrn",
    "vehicle", "car", "kennzeichen", "nummernschild", "immatriculation", "plaque",
    "matrícula", "matricula", "placa", "targa", "kenteken", "nummerplaat", "rejestracyjny",
)  # fmt: skip
_ES = "[BCDFGHJKLMNPRSTVWXYZ]{3}"
# Each as its country's law writes it: GB, DE, FR and IT, ES, NL, BE, PL, SE, CH, BR, IN, and the
# shapes that most of the states of the US and Australia give.
_PLATES = (
    r"[A-Z]{2}\d{2} ?[A-Z]{3}",
    r"[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2}[ -]?\d{1,4}[EH]?",
    r"[A-Z]{2}[- ]?\d{3}[- ]?[A-Z]{2}",
    rf"\d{{4}}[- ]?{_ES}",
    r"[A-Z0-9]{1,3}-[A-Z0-9]{2,3}-[A-Z0-9]{1,3}",
    r"[A-Z]{2,3} ?\d{2,5}[A-Z]{0,2}",
    r"[A-Z]{3}[- ]?\d{2}[0-9A-Z]",
    r"[A-Z]{3}[- ]?\d{4}",
    r"[A-Z]{3}\d[A-Z]\d{2}",
    r"[A-Z]{2}[ -]?\d{1,2}[ -]?[A-Z]{1,3}[ -]?\d{4}",
    r"\d[A-Z]{3}\d{3}",
)

RULES = (
    # A check digit is North American: there the tenth place is the year (49 CFR 565.15), and a
    # number has letters before it.
    Rule("vin", "VIN", "[A-HJ-NPR-Z0-9]{9}[A-HJ-NPR-TV-Y1-9][A-HJ-NPR-Z0-9]{3}[0-9]{4}", 0.75,
         check=CHECKS["vin"], compact="[A-Z0-9]{1,3}[A-Z][A-Z0-9]{0,4}[A-Z][A-Z0-9]{8,15}",
         validated=True, context=_VIN, context_score=0.98, examples=("1M8GDM9AXKP042788",),
         lookalikes=("1M8GDM9A1KP042788", "11111111111111111", "10.1137/S0895479899356080")),
    # Europe's makers give no check digit.
    Rule("vin.named", "VIN", "[A-HJ-NPR-Z0-9]{17}", 0.1, context=_VIN,
         context_score=0.75, examples=("VIN WVWZZZ1JZXW000001",),
         lookalikes=("WVWZZZ1JZXW000001", "VIN WVWZZZ1JZXO000001")),
    Rule("license_plate", "LICENSE_PLATE", "|".join(_PLATES), 0.2,
         compact="[A-ZÄÖÜ0-9]*[0-9][A-Z0-9]*", context=_PLATE_WORDS, context_score=0.6,
         examples=("plate ABC 1234", "Kennzeichen B-AB 1234", "registration AB12 CDE",
                   "kenteken 12-ABC-3"),
         lookalikes=("ABC 1234", "B-AB 1234", "a BCP47 tag", "License: CC-BY-SA",
                     "registration CC-BY-SA")),
    Rule("license_plate.fr", "LICENSE_PLATE", r"[A-HJ-NP-TV-Z]{2}-\d{3}-[A-HJ-NP-TV-Z]{2}", 0.55,
         context=_PLATE_WORDS, context_score=0.9, examples=("AB-123-CD",),
         lookalikes=("AB-1234-CD",)),
)  # fmt: skip
