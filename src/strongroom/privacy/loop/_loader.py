"""Batches drawn by secret coins, handed to a loop that thinks it has an ordinary loader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset, default_collate

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.privacy.loop._run import PrivateRun


class PrivateLoader:
    """Yields what the user's own loader would, one epoch at a time.

    A batch may come in several micro-batches: the optimizer waits for the last of them. An empty
    batch is legal (the coins said so): its step, noise alone, is taken at once and nothing is
    yielded.

    Args:
        dataset: has a length and gives examples by number.
        run: draws the batches.
        collate: makes a batch of a list of examples.
        micro_batch: examples that are yielded together; None is the whole batch.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        run: PrivateRun,
        collate: Callable[[list[Any]], Any],
        micro_batch: int | None,
    ) -> None:
        self.dataset, self._run, self._collate = dataset, run, collate
        self._micro_batch = micro_batch

    def __len__(self) -> int:
        """Return the steps of an epoch."""
        return self._run.steps_per_epoch

    def __iter__(self) -> Iterator[Any]:
        """Yield the (micro-)batches of one epoch."""
        for _ in range(self._run.steps_per_epoch):
            chosen = self._run.draw()
            if not len(chosen):
                self._run.step_on_nothing()
                continue
            size = self._micro_batch or len(chosen)
            for begin in range(0, len(chosen), size):
                part = chosen[begin : begin + size]
                self._run.expect(len(part), last=begin + size >= len(chosen))
                yield self._examples(part)
                self._run.check_used()

    def _examples(self, chosen: NDArray[np.int64]) -> Any:  # noqa: ANN401 - the user's own
        if isinstance(self.dataset, TensorDataset) and self._collate is default_collate:
            numbers = torch.from_numpy(chosen)
            return [t[numbers] for t in self.dataset.tensors]
        return self._collate([self.dataset[int(i)] for i in chosen])


def take_apart(
    data: Any,  # noqa: ANN401 - what users have
    batch_size: int | None,
) -> tuple[Dataset[Any], Callable[[list[Any]], Any], int]:
    """Return the dataset, how its examples are put together, and the batch size.

    Raises:
        InputError: it isn't a loader, a dataset or a tuple of tensors, or has no batch size.
    """
    collate: Callable[[list[Any]], Any] = default_collate
    if isinstance(data, DataLoader):
        collate = data.collate_fn
        batch_size = batch_size or data.batch_size
        data = data.dataset
    if isinstance(data, tuple) and all(isinstance(t, torch.Tensor) for t in data):
        data = TensorDataset(*data)
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise InputError(
            f"a {type(data).__name__} can't be drawn from: examples must have numbers",
            hint="pass a DataLoader, a Dataset with __len__ and __getitem__, or a tuple of tensors",
        )
    if batch_size is None:
        raise InputError("no batch size", hint="make_private(…, batch_size=256)")
    rows = len(data)
    if not 1 <= batch_size <= rows:
        raise InputError(
            f"a batch of {batch_size:,} can't be drawn from {rows:,} examples",
            hint=f"give a batch_size from 1 to {rows:,}",
        )
    return data, collate, batch_size
