"""A plain Python function from inputs to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.errors import InputError
from strongroom.models.foreign._base import ForeignModel, guarded, one_hot
from strongroom.models.foreign._codecs import AutoCodec, ImageCodec
from strongroom.models.foreign._table_codec import TableCodec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from strongroom.models.foreign._codecs import Codec
    from strongroom.models.foreign._reference import Options, Reference


class CallableModel(ForeignModel):
    """A function that is given inputs [n, …] and returns probabilities [n, classes].

    Args:
        function: what is asked.
        classes: names in the order of the outputs.
        fit: (inputs, labels, seed) to another such function: the recipe it was trained by.
        target, columns: for `read`, when rows come as a table.
        codec: how rows become inputs, if not as a table of numbers.

    A function that returns [n] integers says labels only. Images come to it as float32
    [n, colours, height, width] from 0 to 1.
    """

    kind: ClassVar[str] = "callable"

    def __init__(
        self,
        function: Callable[[Any], Any],
        classes: Sequence[Any],
        *,
        fit: Callable[[NDArray[Any], NDArray[Any], int], Callable[[Any], Any]] | None = None,
        target: str | None = None,
        columns: Sequence[str] | None = None,
        codec: Codec | None = None,
    ) -> None:
        super().__init__(codec or AutoCodec(TableCodec(columns), ImageCodec()), classes, target)
        self.function = function
        self.fit: Callable[..., CallableModel] | None = None
        if fit is not None:
            self._learn = fit
            self.fit = self._fit
            self.recipe = {"function": getattr(fit, "__qualname__", type(fit).__qualname__)}

    def _answer(self, inputs: Any) -> NDArray[Any]:  # noqa: ANN401
        found = np.asarray(self.function(inputs))
        if found.ndim == 1 and np.issubdtype(found.dtype, np.integer):
            self.soft = False
            return one_hot(found, len(self.classes))
        return found

    def _fit(self, inputs: NDArray[Any], labels: NDArray[Any], seed: int = 0) -> CallableModel:
        """Return a model that the recipe made of rows as `read` gives them."""
        learn = self._learn
        made = guarded(self, lambda: learn(self.codec.decode(inputs), labels, seed))
        return CallableModel(made, self.classes, fit=learn, target=self.target, codec=self.codec)

    def _content(self) -> Any:  # noqa: ANN401
        return {"classes": self.classes, "function": self.function}


class CallableAdapter:
    """Functions, given from Python with their classes."""

    name = "callable"

    def recognises(self, reference: Reference) -> bool:
        """Tell whether it can be called."""
        return callable(reference.thing)

    def open(self, reference: Reference, options: Options) -> CallableModel:
        """See `Adapter.open`."""
        if options.classes is None:
            raise InputError(
                "a function doesn't say which classes it tells apart",
                hint="name them in the order of its outputs (classes)",
            )
        return CallableModel(
            reference.thing, options.classes, target=options.target, columns=options.columns
        )
