"""Wholes that hold nothing personal, whatever a part of them looks like.

Ten digits of a coefficient are no phone, twelve of a certificate's fingerprint no network card.
A rule can't see what goes on beside its span; these see it: they name no entity, win where they
are longer, and are left out in the end, with what they hid.
"""

from __future__ import annotations

from strongroom.discover._rule import Rule

_PAIR, _FOUR = "[0-9A-Fa-f]{2}", "[0-9A-Fa-f]{4,5}"
_LETTER = "[0-9A-F]*[A-F][0-9A-F]*"
# The data of a path (SVG 2, 9.3): numbers need nothing between them where a sign or a second point
# begins the next.
_NUMBER = r"-?(?:\d{1,6}(?:\.\d{0,9})?|\.\d{1,9})"
_NUMBERS = rf"{_NUMBER}(?:[\s,]{{0,3}}{_NUMBER})*"
_DRAWN = rf"\s?(?:[Zz]|[HhVvLlCcSsQqTtAaMm]\s?{_NUMBERS})"


def _whole(
    name: str,
    pattern: str,
    *examples: str,
    lead: str = "",
    compact: str = "",
    lookalikes: tuple[str, ...] = (),
) -> Rule:
    return Rule(
        f"whole.{name}", "", pattern, 1.0, lead=lead, compact=compact, apart="", validated=True,
        examples=examples, lookalikes=lookalikes,
    )  # fmt: skip


RULES = (
    # Longer than an address of hardware: digests, keys, sessions.
    _whole("pairs", rf"{_PAIR}(?::{_PAIR}){{6,255}}:?|{_PAIR}(?:-{_PAIR}){{6,255}}",
           "SHA1 75:9A:4A:CE:7C:DA:7E:89:1B:B2:72:4B:E3:76:EA:47:0A:1B:2C:3D",
           lookalikes=("00:1B:44:11:3A:B7", "2024-01-02")),
    _whole("table", rf"{_FOUR}(?:\s{{1,2}}{_FOUR}){{7,255}}",
           "8142 8143 8144 8145 8146 8147 8148 8149 814A 814B", compact=_LETTER,
           lookalikes=("4111 1111 1111 1111 5555 5555 5555 4444",)),
    _whole("drawing", rf"[Mm]\s?{_NUMBERS}{_DRAWN}{_DRAWN}(?:{_DRAWN})*",
           'd="M98.196 1.65.588 2.255c.223.2.223.55 0 .75l-6.302 5.672z"',
           lookalikes=("M 212-555-0143, M 312-555-0199", "M 07700 900123 a 1", "m 12 at 3")),
    # A letter and what stands on it, by code points.
    _whole("letter", r"00[0-9A-F]{2}(?: 03[0-6][0-9A-F]){2,3}", "0069 0307 0301",
           lookalikes=("0044 0351 123456", "0049 0351 4567")),
    # Weights of the Unicode Collation Algorithm (UTS 10).
    _whole("weights", r"[.*][0-9A-F]{4}(?:\.[0-9A-F]{4}){2,3}", "[.38D0.0020.0002]",
           lookalikes=("001B.4411.3AB7",)),
    # Numbers of programs: below zero, behind a point, in a product, at the end of their type.
    _whole("negative", r"-\d{9,18}", "x = -2144206796", "(-2147467244)",
           lead=r"[=(,\[{|&<>?]\s{0,2}", lookalikes=("Mob:-9876543210", "call -2125550143")),
    _whole("fraction", r"\.\d{9,32}", "[-.5650069742788596, 1]",
           lookalikes=("0.5650069742788596",)),
    _whole("product", r"\d{6,32}(?:\.\d{1,32})?\*{1,2}[A-Za-z_(]\w{0,31}",
           "+ 4828147466240000*t**12", "3630137104.0*ctp[9]", lookalikes=("4111111111111111*",)),
    _whole("limit", "2147483647|2147483648|4294967295|4294967296", "text <= 2147483647",
           lookalikes=("2147483646",)),
)  # fmt: skip
