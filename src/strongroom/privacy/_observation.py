"""What the canaries of one private run saw: the input of a one-run audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CanaryObservation:
    """Scores and truths of the canaries that rode along in one private training.

    Attributes:
        scores: float64[m]; the higher, the likelier that the canary was in.
        included: bool[m]; what the fair secret coins said.
        epsilon, delta: the guarantee that was claimed for the run.
        what: the kind of canary and of score, for people.
        mechanism: the fact that the run's noise was accounted by, as JSON values; None: not known.
    """

    scores: NDArray[np.float64]
    included: NDArray[np.bool_]
    epsilon: float
    delta: float
    what: str = ""
    mechanism: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "scores": self.scores.tolist(),
            "included": self.included.tolist(),
            "epsilon": self.epsilon,
            "delta": self.delta,
            "what": self.what,
            "mechanism": None if self.mechanism is None else dict(self.mechanism),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> CanaryObservation:
        """Read back what `to_json` gave."""
        return cls(
            scores=np.asarray(document["scores"], dtype=np.float64),
            included=np.asarray(document["included"], dtype=np.bool_),
            epsilon=document["epsilon"],
            delta=document["delta"],
            what=document["what"],
            mechanism=document.get("mechanism"),
        )
