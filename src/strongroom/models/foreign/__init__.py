"""Adapters: models that Strongroom didn't train, behind the `Model` protocol.

In: a path, an address or a Python object. Out: a `Model` that reads datasets and answers with
probabilities, and what else it can: logits, gradients by inputs, being fitted anew. Never: a
pickle; code of a file; an unverified certificate; a value of the data in an error. One file per
kind of model; a stranger adds one by a class like those and an entry point in the group
`strongroom.models`. Each library is imported by its adapter alone, when it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from strongroom.models.foreign._factory import find_function
from strongroom.models.foreign._open import (
    BUILTIN,
    Opened,
    adapter_names,
    load_adapter,
    open_model,
)
from strongroom.models.foreign._reference import Adapter, Options, Reference

if TYPE_CHECKING:
    from strongroom.models.foreign._callable import CallableModel
    from strongroom.models.foreign._predictions import Predictions, split_members
    from strongroom.models.foreign._sklearn import SklearnModel, last_step
    from strongroom.models.foreign._torch import TorchModel
    from strongroom.models.foreign._walk import arrays_in, digest_object

_LATER = {
    "CallableModel": "_callable",
    "Predictions": "_predictions",
    "SklearnModel": "_sklearn",
    "arrays_in": "_walk",
    "digest_object": "_walk",
    "last_step": "_sklearn",
    "TorchModel": "_torch",
    "split_members": "_predictions",
}

__all__ = [
    "BUILTIN",
    "Adapter",
    "CallableModel",
    "Opened",
    "Options",
    "Predictions",
    "Reference",
    "SklearnModel",
    "TorchModel",
    "adapter_names",
    "arrays_in",
    "digest_object",
    "find_function",
    "last_step",
    "load_adapter",
    "open_model",
    "split_members",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _LATER:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
