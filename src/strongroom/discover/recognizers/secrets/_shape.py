"""How the rules of secrets are written: one line each, in a notation for what keys are made of.

`<a36>` stands for 36 letters and digits, `<h8,40>` for 8 to 40 hexadecimal digits, `<w20,>` for 20
or more, `<e2>` for two of the signs that fill up Base64; everything else is a pattern of `Rule`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers.secrets._password import unnamed
from strongroom.discover.recognizers.secrets._real import real

if TYPE_CHECKING:
    from collections.abc import Callable

_MADE_OF = {
    "a": "[A-Za-z0-9]",
    "b": "[A-Za-z0-9+/]",
    "c": "[A-Za-z]",
    "d": "[0-9]",
    "e": "=",
    "h": "[a-f0-9]",
    "H": "[A-Fa-f0-9]",
    "l": "[a-z0-9]",
    "s": "[A-Z2-7]",
    "u": "[A-Z0-9]",
    "w": "[A-Za-z0-9_-]",
}
_HEX = "[A-Fa-f0-9]"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_HEAD = re.compile(r"[A-Za-z0-9_-]{0,4}(?![?*{])")
_SPECIAL = re.compile(r"[\[\](){}.*+?|^$\\]")

ENTROPY = 2.8
"""Random keys of 16 characters and more lie above it, in hexadecimal too; filled-in ones below."""

# `_api_key": "`, ` = `, `: str = '`, `=>`, `', '`, ` value="`: between a name and its value.
ASSIGN = r"""[\w.-]*["'`\]]*[ \t]*(?:: ?[Ss]tr(?:ing)?[ \t]*|value)?[:=>,|?]+[ \t]*[("'`\[]*"""


def cased(words: str) -> str:
    """Return a pattern of words as people write names: small, in capitals, or with one in front.

    Only the first letters are held to that, since the engine waits for those: a word in any case
    would be waited for in sixteen ways.
    """
    forms = []
    for word in re.findall(r"(?:\([^)]*\)|\[[^]]*\]|[^|])+", words):
        head = _HEAD.match(word)[0]  # type: ignore[index]
        ways = sorted({head.lower(), head.upper(), head.capitalize()})
        rest = word[len(head) :]
        forms.append(f"(?:{'|'.join(ways)})" + (f"(?i:{rest})" if rest else ""))
    return f"(?:{'|'.join(forms)})"


def pattern_of(shape: str) -> str:
    """Return the pattern that a shape stands for."""

    def class_of(found: re.Match[str]) -> str:
        if found.group() == "<uuid>":
            return _UUID
        return f"{_MADE_OF[found.group(1)]}{{{found.group(2)}}}"

    return re.sub(r"<(?:uuid|([abcdehHlsuw])(\d+(?:,\d*)?))>", class_of, shape)


def token(
    name: str,
    shape: str,
    *keywords: str,
    entropy: float = ENTROPY,
    score: float = 0.95,
    lead: str = "",
    verify: Callable[[str], bool] = real,
    validated: bool = False,
    bounded: bool = True,
    against: tuple[str, ...] = (),
    lookalikes: tuple[str, ...] = (),
) -> Rule:
    """Describe a secret that can be told by itself.

    Args:
        name: becomes `secrets.NAME`.
        shape: see above.
        keywords: see `Rule`; by default what the shape begins with.
        entropy: see `Rule`.
        score: see `Rule`.
        lead: see `Rule`.
        verify: more than a placeholder? With checks where its maker put some in.
        validated: `verify` proves it.
        bounded: see `Rule`.
        against: see `Rule`.
        lookalikes: see `Rule`; by default `examples.lookalikes` makes some from the shape.
    """
    return Rule(
        name=f"secrets.{name}",
        entity="SECRET",
        pattern=pattern_of(shape),
        score=score,
        lead=lead,
        bounded=bounded,
        against=against,
        apart="",
        keywords=keywords or (_beginning(shape),),
        entropy=entropy,
        verify=verify,
        validated=validated,
        lookalikes=lookalikes,
    )


def assigned(
    name: str,
    owner: str,
    shape: str,
    *keywords: str,
    entropy: float = ENTROPY,
    score: float = 0.85,
    verify: Callable[[str], bool] = unnamed,
) -> Rule:
    """Describe a secret without a mark of its own, which a name of its owner is given (`X_KEY=…`).

    Args:
        name: becomes `secrets.NAME`.
        owner: a pattern of the owner's names (see `cased`).
        shape: see above.
        keywords: see `Rule`; by default the owner's names.
        entropy: see `Rule`.
        score: see `Rule`.
        verify: more than a placeholder?
    """
    return token(
        name,
        shape,
        *(keywords or owner.split("|")),
        entropy=entropy,
        score=score,
        lead=cased(owner) + ASSIGN,
        verify=verify,
    )


def _beginning(shape: str) -> str:
    """Return the letters that everything of this shape begins with."""
    end = _SPECIAL.search(shape.replace(r"\.", ".."))
    whole = shape if end is None else shape[: end.start()]
    return whole.partition("<")[0].replace("\\", "")
