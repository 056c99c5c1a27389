"""Rules: what is made of n updates, some of which may be lies.

In: updates float64 [n, d] (of sites, or of groups that were summed securely), weights, a
specification. Out: one update, and who was outvoted or cut.
Never: a rule for more liars than its source proves, or for fewer updates.

A rule is a file with one `RULE`, named here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.errors import ConfigError
from strongroom.federate.rules import (
    bulyan,
    krum,
    mean,
    median,
    multi_krum,
    norm_bound,
    trimmed_mean,
)
from strongroom.federate.rules._rule import Combined, Rule, in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.federate._recipe import RuleSpec

RULES: Mapping[str, Rule] = {
    m.RULE.name: m.RULE for m in (mean, median, trimmed_mean, krum, multi_krum, bulyan, norm_bound)
}

__all__ = ["RULES", "Combined", "Rule", "check_rule", "combine"]


def check_rule(spec: RuleSpec, count: int, what: str = "sites") -> None:
    """Check that a rule's promise can hold with so many updates.

    Args:
        spec: the rule, and how many liars it shall tolerate.
        count: of updates: sites, or groups of them.
        what: they are.

    Raises:
        ConfigError: it can't.
    """
    rule = RULES[spec.name]
    least = rule.least(spec.liars)
    if least is None:
        raise ConfigError(
            f'the rule "{spec.name}" tolerates no liar, and {spec.liars} shall be tolerated',
            where="[rule]",
            hint='name = "median", "trimmed-mean", "multi-krum" or "bulyan"',
        )
    if count < least:
        raise ConfigError(
            f'the rule "{spec.name}" needs {least} {what} to tolerate f = {spec.liars} '
            f"({rule.condition}), and there are {count}",
            where="[rule]",
            hint=f"lower liars, invite more {what}, or take a rule that needs fewer",
        )


def combine(
    spec: RuleSpec,
    names: tuple[str, ...],
    updates: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    what: str = "sites",
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Make one update of many.

    Args:
        spec: the rule.
        names: whose updates they are, n.
        updates: float64 [n, d], finite.
        weights: float64 [n], positive; only the mean looks at them.
        what: the names are of.

    Returns:
        The update float64 [d], and what was done to whom (see `in_words`).

    Raises:
        ConfigError: too few for the rule; see `check_rule`.
    """
    check_rule(spec, len(updates), what)
    found = RULES[spec.name].combine(updates, weights, spec)
    return found.update, in_words(names, found, updates)
