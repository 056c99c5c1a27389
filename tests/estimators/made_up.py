"""Rows that can be learnt in a moment, and a look at a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.privacy import PrivacyStatement


def rows(count: int = 2000, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return features [count, 3] and labels that follow from the first."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 3))
    positive = features[:, 0] + 0.3 * rng.normal(size=count) > 0
    return features, np.array(["no", "yes"])[positive.astype(int)]


def statement_of(made: Any) -> PrivacyStatement:  # noqa: ANN401 - any fitted estimator
    """Return its statement, which must be there."""
    statement: PrivacyStatement | None = made.privacy_
    assert statement is not None
    return statement
