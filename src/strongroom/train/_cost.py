"""What a training would spend, known before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.privacy import MemoryLedger
from strongroom.train._run import train_model

if TYPE_CHECKING:
    from strongroom.config import TrainSpec
    from strongroom.data import Dataset
    from strongroom.privacy import Reservation, Spend


class _Asked(Exception):  # noqa: N818 - no error: the answer
    def __init__(self, spend: Spend) -> None:
        super().__init__()
        self.spend = spend


class _Listening(MemoryLedger):
    """A ledger that grants nothing: a training that asks it ends there."""

    def reserve(self, account: str, spend: Spend, *, budget: float | None, key: str) -> Reservation:  # noqa: ARG002 - the ledger's signature
        raise _Asked(spend)


def spend_of(dataset: Dataset, spec: TrainSpec, **around: Any) -> Spend | None:  # noqa: ANN401 - those of `train_model`
    """Return what `train_model` would reserve, without training; None for one without privacy.

    Every trainer asks the ledger before its first private step, so it is started and stopped
    there: the answer is the one that the real run will give.

    Args:
        dataset: the rows.
        spec: model and guarantee.
        around: `columns` and `rows`, as for `train_model`.

    Raises:
        DataError: the rows can't be trained on.
    """
    if spec.privacy is None:
        return None
    try:
        train_model(dataset, spec, ledger=_Listening(), **around)
    except _Asked as asked:
        return asked.spend
    raise AssertionError("a private training began without asking the ledger")
