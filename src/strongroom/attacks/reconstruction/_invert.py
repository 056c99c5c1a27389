"""From an update back to the rows that it was made of, by the surest way there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from strongroom.attacks.reconstruction._features import feature_layer, match_features
from strongroom.attacks.reconstruction._first_layer import first_linear
from strongroom.attacks.reconstruction._labels import labels_of
from strongroom.attacks.reconstruction._linear_layer import one_row, several_rows
from strongroom.attacks.reconstruction._matching import match_gradients
from strongroom.attacks.reconstruction._tokens import tokens_of
from strongroom.attacks.reconstruction._updates import log_loss
from strongroom.errors import InputError
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from strongroom.attacks.reconstruction._first_layer import FirstLayer
    from strongroom.attacks.reconstruction._matching import Distance
    from strongroom.attacks.reconstruction._tokens import Tokens
    from strongroom.attacks.reconstruction._updates import Gradients, Loss
    from strongroom.progress import Progress

Way = Literal["tokens", "linear", "features", "matching"]


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What an update gave away.

    Attributes:
        way: how it was read.
        inputs: float32 [found, ...], in no order; empty for tokens.
        labels: int64 [batch], in rising order, where the last layer tells.
        tokens: what an embedding's gradient says of the tokens in the batch.
        distance: of the gradients of `inputs` from those seen, where they were searched for.
    """

    way: Way
    inputs: NDArray[np.float32]
    labels: NDArray[np.int64] | None = None
    tokens: Tokens | None = None
    distance: float | None = None


def way_of(
    network: nn.Module,
    gradients: Gradients,
    shape: tuple[int, ...],
    dtype: Any,  # noqa: ANN401 - a NumPy type
    batch: int = 1,
) -> Way:
    """Return the surest way to read such updates."""
    if np.issubdtype(dtype, np.integer) and tokens_of(network, gradients) is not None:
        return "tokens"
    layer = first_linear(network, shape)
    if layer is not None and layer.weight in gradients and layer.bias in gradients:
        return "linear"
    if batch == 1 and feature_layer(network, gradients, shape) is not None:
        return "features"
    return "matching"


def invert_gradients(
    network: nn.Module,
    gradients: Gradients,
    shape: tuple[int, ...],
    *,
    batch: int = 1,
    bounds: tuple[float, float] = (0.0, 1.0),
    dtype: Any = np.float32,  # noqa: ANN401 - a NumPy type
    labels: NDArray[np.integer[Any]] | None = None,
    expected: NDArray[np.float64] | None = None,
    way: Way | None = None,
    distance: Distance = "cosine",
    steps: int = 400,
    start: NDArray[np.floating[Any]] | None = None,
    seed: int = 0,
    loss: Loss = log_loss,
    trained: Iterable[Tensor] | None = None,
    progress: Progress = SILENT,
) -> Reconstruction:
    """Return the rows that an update of `network` was made of.

    The attacker is the server: it holds the parameters that the update was made with, and the
    architecture. Where the input goes into a linear layer the rows are read off exactly; tokens are
    read off an embedding. Else inputs are searched for: of one row, those with the same features
    before a later linear layer; of several, those with the same gradients.

    Args:
        network: with the parameters that the update was made with.
        gradients: the mean gradient of the batch by parameter; see `gradients_of_update` where
            weights were sent.
        shape: of one input.
        batch: rows in the update.
        bounds: the least and the most an input's value may be.
        dtype: of the network's inputs: whole numbers are tokens where there is an embedding.
        labels: int [batch], if they are known; else read off the last layer.
        expected: see `labels_of`.
        way: to take; the surest by default.
        distance: of the search; see `match_gradients`.
        steps: of the search.
        start: [*shape], the first guess of a search by features; the middle by default.
        seed: of the search, or of the draws that batches take.
        loss: of outputs and targets, one per row.
        trained: see `parameters_of`.
        progress: told about the search.

    Raises:
        InputError: the way that was asked for isn't open.
    """
    if any(not np.isfinite(np.asarray(g)).all() for g in gradients.values()):
        raise InputError("the update holds NaN or infinite values: there is nothing to read in it")
    way = way or way_of(network, gradients, shape, dtype, batch)
    known = None if labels is None else np.asarray(labels, np.int64)
    read = known if known is not None else labels_of(network, gradients, batch, expected)
    if way == "tokens":
        tokens = tokens_of(network, gradients)
        if tokens is None:
            raise InputError("no embedding is in this update, so no token can be read off it")
        return Reconstruction(way, np.zeros((0, *shape), np.float32), read, tokens)
    if way == "linear":
        layer = first_linear(network, shape)
        if layer is None or layer.weight not in gradients or layer.bias not in gradients:
            raise InputError(
                "the network doesn't begin with a linear layer with a bias that is trained",
                hint='way="matching" searches for inputs with the same gradients',
            )
        found = _off_the_layer(layer, gradients, batch, np.random.default_rng(seed))
        return Reconstruction(way, layer.inputs(found, shape).astype(np.float32), read)
    if way == "features":
        name = feature_layer(network, gradients, shape)
        if name is None or batch != 1:
            raise InputError(
                "features are read off updates of one row, by a linear layer with a bias",
                hint='way="matching" searches for inputs with the same gradients',
            )
        middle = np.full(shape, sum(bounds) / 2)
        first = np.asarray(middle if start is None else start, np.float32)
        inputs, away = match_features(
            network, [gradients], name, first, bounds, steps=steps, progress=progress
        )
        return Reconstruction(way, inputs, read, distance=float(away[0]))
    if read is None:
        raise InputError(
            "the labels can't be read off this update, and the search needs them",
            hint="give labels",
        )
    inputs, away = match_gradients(
        network,
        [gradients],
        read[None],
        shape,
        bounds,
        distance=distance,
        steps=steps,
        seed=seed,
        loss=loss,
        trained=trained,
        progress=progress,
    )
    return Reconstruction(way, inputs[0], read, distance=float(away[0]))


def _off_the_layer(
    layer: FirstLayer, gradients: Gradients, batch: int, coins: np.random.Generator
) -> NDArray[np.float64]:
    weight, bias = gradients[layer.weight], gradients[layer.bias]
    if batch == 1:
        found: NDArray[np.float64] = one_row(weight, bias)[None]
        return found
    return several_rows(weight, bias, batch, coins)
