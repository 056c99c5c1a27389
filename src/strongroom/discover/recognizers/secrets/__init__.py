"""Secrets: keys, tokens and passwords, a file for each family of who gives them out.

In: what a key is made of, as published by its maker. Out: `RULES`, each with its own name, so that
a person knows where to revoke what was found (`secrets.github_token`).
"""

from strongroom.discover.recognizers.secrets import (
    ai,
    chat,
    cloud,
    code,
    generic,
    keys,
    money,
    stored,
    watch,
    work,
)

FAMILIES = (cloud, code, chat, work, money, ai, watch, stored, keys, generic)
RULES = tuple(rule for family in FAMILIES for rule in family.RULES)

__all__ = ["FAMILIES", "RULES"]
