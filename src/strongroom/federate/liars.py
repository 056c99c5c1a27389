"""Sites that lie, for simulations: does your rule bear them?

Two change what a real site's work comes to, in the message; one lies in its data, and is honest
from there on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.federate._message import Message
    from strongroom.federate._seams import Answers

    Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Liar:
    """A site whose updates in the clear leave changed; all else is the real site's.

    Args:
        site: whose work it is.
        change: the update to the lie, float32 [d].
    """

    def __init__(self, site: Answers, change: Change) -> None:
        self._site, self._change = site, change

    @property
    def name(self) -> str:
        """The site's."""
        return self._site.name

    def answer(self, request: Message) -> Message:
        """Answer as the site does, and change the update."""
        found = self._site.answer(request)
        if "update" not in found.arrays:
            return found
        lie = self._change(found.arrays["update"])
        return found.answer(found.facts, {**found.arrays, "update": lie})


def sign_flip(size: float = 4.0) -> Change:
    """Go the other way, `size` times as far (Li et al. 2019, "RSA: Byzantine-Robust …")."""
    return lambda update: (-size * update).astype(np.float32)


def scaled(factor: float = 10.0) -> Change:
    """Push one's own update through: model replacement (Bagdasaryan et al. 2020)."""
    return lambda update: (factor * update).astype(np.float32)


def flip_labels(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """Return the rows with each label moved on to the next class (Tolpegin et al. 2020)."""
    target = dataset.target
    if target is None:
        return dataset
    following = {name: classes[(k + 1) % len(classes)] for k, name in enumerate(classes)}
    labels = [following.get(str(v), v) for v in dataset.table.column(target).to_pylist()]
    place = dataset.columns.index(target)
    return dataset.with_table(dataset.table.set_column(place, target, pa.array(labels)))
