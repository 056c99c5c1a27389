"""A password, or code: what may stand where a name like `password` is given a value.

Passwords have no format. What tells them from identifiers, paths, calls and words for "a password"
is that people add digits and signs to words, and machines draw letters at random.
"""

from __future__ import annotations

import re

from strongroom.discover.recognizers.secrets._real import real

_VARIABLE = re.compile(
    r"\$(?:[A-Z_][A-Z0-9_]*|[a-z_][a-z0-9_]*|[a-z]+(?:[A-Z][a-z]+)+|\d+)|\$[{(\[].*|%\w*%?|@\w+@|"
    r"[{<\[(`].*|#+|#\{.*|\*+|\.+|-+|\?+|[xX]+|_+"
)
_CODE = re.compile(
    r"[A-Za-z_$][\w$]*(?:(?:\.|->|::)[A-Za-z_$][\w$]*)+[\[(]?.*"  # config.db.password
    r"|[A-Za-z_$][\w$.]*[(\[].*"  # getenv(…
    r"|(?:[a-z]+:)?//?.*|[.~]{1,2}/.*|[A-Za-z]:\\.*|[a-z0-9_.-]+(?:/[a-z0-9_.-]+)+"  # paths
    r"|::?[A-Za-z_]\w*|!\$?[A-Za-z_]\w*|(?:x86|i[3-6]86|amd|arm)[\w-]*"
    r"|.*\.(?:pem|key|txt|json|ya?ml|crt|cer|p12|pfx|jks|toml|env|ini|conf|py|js|ts|go|java|html?)"
    r"|.*(?:\{\}|\{\w+\}|%[sdr](?!\w)|\$\{|\{\{|<%|\)\)|=>|&&|\w[=!<>]=\w|\|\|).*"
)
_KIND = re.compile(r"[A-Za-z_]++\d{0,2}[A-Za-z]*")
_NAME = re.compile(r"[A-Za-z]{2,}\d{0,4}(?:[ _.:/-][A-Za-z]*\d{0,4})*|[A-Za-z](?:_[A-Za-z]+)+")
_LONG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]*")
_HUMP = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_UNSPOKEN = re.compile(r"(?i)[bcdfghjklmnpqrstvwxz]{5}")
_VOWEL = re.compile(r"(?i)[aeiouy]")
_WORDS_FOR_ONE = re.compile(
    r"(?i)pass(?:word|wd|phrase)?|pwd|secret|token|api|key|auth|login|credential|string|null|none|"
    r"true|false|undefined|required|optional|default|test|example|sample|admin|root|user|value|text"
)
_SHORTEST_HUMP = 3.0  # letters: parts of camelCase words are longer, parts of random ones shorter
_VOWELS = 0.25  # of the letters of words; of random letters, a fifth
_FEW_DIGITS = 2
_FEW = 4


def variable(word: str) -> bool:
    """Say whether this only names where the value comes from, or is blanked out."""
    return _VARIABLE.fullmatch(word) is not None or not real(word)


def plausible(word: str) -> bool:
    """Say whether a person or a machine may have chosen this as a password."""
    return (
        len(set(word)) >= _FEW
        and not variable(word)
        and _CODE.fullmatch(word) is None
        and not word.isdigit()
        and not _named(word)
    )


def key(word: str) -> bool:
    """Say whether this was drawn at random: an API key, a token."""
    return (
        not variable(word)
        and _CODE.fullmatch(word) is None
        and any(c.isdigit() for c in word)
        and any(c.isalpha() for c in word)
        and not _named(word)
    )


def unnamed(word: str) -> bool:
    """Say whether a key of a known shape is more than a placeholder and no identifier."""
    if not real(word):
        return False
    few = sum(c.isdigit() for c in word) <= _FEW_DIGITS
    return not (few and _LONG_NAME.fullmatch(word) and _spoken(word))


def _named(word: str) -> bool:
    """Say whether this reads like an identifier: words, perhaps numbered, joined by signs."""
    if _WORDS_FOR_ONE.fullmatch(word) or (word.isalpha() and not _mixed(word)):
        return True
    if _mixed(word) and _KIND.fullmatch(word) and _WORDS_FOR_ONE.search(word):
        return True  # HTTPPasswordMgr, _PasswordType
    if _NAME.fullmatch(word) is None or not _spoken(word):
        return False
    if not any(c.isdigit() for c in word) or _WORDS_FOR_ONE.search(word):
        return True
    return len(re.findall("[A-Za-z]+", word)) > 1


def _spoken(word: str) -> bool:
    """Say whether the letters are words, in one case or in camelCase, rather than drawn."""
    if not _mixed(word) and not any(c.isdigit() for c in word):
        return True
    parts = [hump for part in re.findall("[A-Za-z]+", word) for hump in _HUMP.findall(part)]
    letters = sum(map(len, parts))
    return (
        not (_mixed(word) and letters <= _SHORTEST_HUMP * len(parts))
        and not any(_UNSPOKEN.search(part) for part in parts)
        and len(_VOWEL.findall(word)) >= _VOWELS * letters
    )


def _mixed(word: str) -> bool:
    return not (word.islower() or word.isupper())
