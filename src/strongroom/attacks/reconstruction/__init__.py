"""What rows was this update, or this model, made of (reconstruction)?

In: a network and the gradient of a few rows; or a linear model and all of its training rows but
one. Out: the rows, by `invert_gradients` and `missing_rows`, to who calls them; the share that was
recovered, by the attacks: results hold no rows. Reading updates needs torch; linear models don't.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from strongroom.attacks.reconstruction._criteria import Columns, Criterion, Pictures, token_recall
from strongroom.attacks.reconstruction._gradient import GradientInversion
from strongroom.attacks.reconstruction._linear import LinearReconstruction
from strongroom.attacks.reconstruction._linear_layer import drawn_to_mean, one_row, several_rows
from strongroom.attacks.reconstruction._missing_row import LinearModel, missing_rows

if TYPE_CHECKING:
    from strongroom.attacks.reconstruction._features import feature_layer, match_features
    from strongroom.attacks.reconstruction._first_layer import FirstLayer, first_linear
    from strongroom.attacks.reconstruction._invert import Reconstruction, invert_gradients, way_of
    from strongroom.attacks.reconstruction._labels import labels_of
    from strongroom.attacks.reconstruction._matching import match_gradients
    from strongroom.attacks.reconstruction._tokens import Tokens, tokens_of
    from strongroom.attacks.reconstruction._updates import (
        Protection,
        gradients_of_update,
        send_update,
    )

_NEED_TORCH = {
    "FirstLayer": "_first_layer",
    "Protection": "_updates",
    "Reconstruction": "_invert",
    "Tokens": "_tokens",
    "feature_layer": "_features",
    "first_linear": "_first_layer",
    "gradients_of_update": "_updates",
    "invert_gradients": "_invert",
    "labels_of": "_labels",
    "match_features": "_features",
    "match_gradients": "_matching",
    "send_update": "_updates",
    "tokens_of": "_tokens",
    "way_of": "_invert",
}

__all__ = [
    "Columns",
    "Criterion",
    "FirstLayer",
    "GradientInversion",
    "LinearModel",
    "LinearReconstruction",
    "Pictures",
    "Protection",
    "Reconstruction",
    "Tokens",
    "drawn_to_mean",
    "feature_layer",
    "first_linear",
    "gradients_of_update",
    "invert_gradients",
    "labels_of",
    "match_features",
    "match_gradients",
    "missing_rows",
    "one_row",
    "send_update",
    "several_rows",
    "token_recall",
    "tokens_of",
    "way_of",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _NEED_TORCH:
        module = importlib.import_module(f"{__name__}.{_NEED_TORCH[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
