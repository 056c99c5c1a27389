"""Settings that let a model grow more complex than it need be.

Rules after Smith et al., "Identifying privacy risks of machine learning models from their
hyper-parameters" (arXiv:2502.09396), as SACRO-ML 2.0.1 applies them: combinations among the
riskiest fifth by membership inference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.structure._inside import estimator_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from strongroom.attacks._situation import Situation

_KNOWLEDGE = "the settings that the model was trained with"
_DEEP = 500  # a tree without a limit


def _tree(s: Mapping[str, Any]) -> bool:
    depth, leaf, split = s["max_depth"] or _DEEP, s["min_samples_leaf"], s["min_samples_split"]
    best, every = s["splitter"] == "best", s["max_features"] is None
    if depth > 7.5 and leaf <= 7.5:  # noqa: PLR2004 - the paper's rules
        return split <= 15 or best or every  # noqa: PLR2004
    if best and every and depth > 7.5 and leaf <= 15:  # noqa: PLR2004
        return True
    return bool(best and every and 3.5 < depth <= 7.5 and leaf <= 7.5)  # noqa: PLR2004


def _forest(s: Mapping[str, Any]) -> bool:
    depth, trees, leaf = s["max_depth"] or _DEEP, s["n_estimators"], s["min_samples_leaf"]
    every, drawn = s["max_features"] is None, s["bootstrap"]
    if depth > 3.5 and trees > 35:  # noqa: PLR2004
        return not every or (s["min_samples_split"] <= 15 and bool(drawn))  # noqa: PLR2004
    return bool(depth > 7.5 and 15 < trees <= 35 and leaf <= 15 and not drawn)  # noqa: PLR2004


def _boosted(s: Mapping[str, Any]) -> bool:
    depth, trees = float(s.get("max_depth") or 6), int(s.get("n_estimators") or 100)
    weight = float(s.get("min_child_weight") or 1)
    if depth <= 3.5:  # noqa: PLR2004
        return False
    if 3.5 < trees <= 12.5:  # noqa: PLR2004
        return weight <= 1.5  # noqa: PLR2004
    return (trees > 12.5 and weight <= 3) or (trees > 62.5 and 3 < weight <= 6)  # noqa: PLR2004


_RULES: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "DecisionTreeClassifier": _tree,
    "RandomForestClassifier": _forest,
    "XGBClassifier": _boosted,
}


class RiskySettings:
    """Whether the settings are among those that were found to leak most."""

    name = "structure.settings"
    kinds = ("table", "text")
    metrics = ("structure.risky_settings",)

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Look at the settings alone."""
        estimator = estimator_of(situation.target)
        kind = type(estimator).__name__
        rule = _RULES.get(kind)
        ask = getattr(estimator, "get_params", None)
        if rule is None or not callable(ask):
            return NotEvaluable(
                f"rules are known for {', '.join(_RULES)} only"
                + (f", not for a {kind}" if estimator is not None else ""),
                concerns=False,
            )
        settings = ask(deep=False)
        shown = {
            name: settings.get(name)
            for name in (
                "max_depth",
                "n_estimators",
                "min_samples_leaf",
                "min_samples_split",
                "max_features",
                "bootstrap",
                "splitter",
                "min_child_weight",
            )
            if name in settings
        }
        value = Value(self.metrics[0], float(rule(settings)), details={"settings": shown})
        return Measured((value,), knowledge=_KNOWLEDGE)
