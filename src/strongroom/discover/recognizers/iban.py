"""IBANs: ISO 13616 structure of the country and the mod-97 check of ISO 7064."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS
from strongroom.discover.recognizers._write import any_of

if TYPE_CHECKING:
    from strongroom.config import DiscoverSpec

# Territories that write their own code on French and Finnish accounts.
_BORROWED = {
    **dict.fromkeys(["BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"], "FR"),
    "AX": "FI",
}
_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[0-9A-Z]"}


def _structures() -> dict[str, str]:
    """Return country to the pattern of an account number there, from stdnum's list of SWIFT's."""
    from stdnum import numdb

    registry, found = numdb.get("iban"), {}
    for first in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            facts = registry.info(first + second)[0][1]
            if facts.get("bban"):
                parts = re.findall(r"(\d+)!?([nac])", facts["bban"])
                found[first + second] = "".join(f"{_CLASSES[c]}{{{n}}}" for n, c in parts)
    return found | {own: found[other] for own, other in _BORROWED.items()}


def rules_for(_spec: DiscoverSpec) -> tuple[Rule, ...]:
    """Return the rule: the same wherever one scans."""
    return _rules()


@cache
def _rules() -> tuple[Rule, ...]:
    account = any_of(f"{country}[0-9]{{2}}{rest}" for country, rest in _structures().items())
    return (
        Rule(
            "iban", "IBAN_CODE",
            r"[A-Z]{2}\d{2}(?:[ -]?[0-9A-Z]){11,30}|[a-z]{2}\d{2}(?:[ -]?[0-9a-z]){11,30}",
            1.0, compact=account, check=CHECKS["iban"], validated=True,
            examples=("to GB82 WEST 1234 5698 7654 32 today", "de89370400440532013000"),
            lookalikes=("GB82 WEST 1234 5698 7654 33 GB00", "ZZ82123456987654321234"),
        ),
    )  # fmt: skip
