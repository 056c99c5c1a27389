"""Private training for scikit-learn: estimators, and searches whose cost is accounted.

In: arrays, as scikit-learn gives them. Out: estimators that work in pipelines and searches, each
with a privacy statement after `fit`.
Never: a default that learns from the rows, such as a range read from them.
"""

from __future__ import annotations

from strongroom.errors import MissingExtraError

try:
    import sklearn  # noqa: F401 - only whether it is there
except ImportError as error:  # pragma: no cover - the test environment has it
    raise MissingExtraError("scikit-learn", "sklearn") from error

from strongroom.estimators._budget import PrivacyBudget
from strongroom.estimators._classifier import PrivateClassifier
from strongroom.estimators._search import PrivateSearch

__all__ = ["PrivacyBudget", "PrivateClassifier", "PrivateSearch"]
