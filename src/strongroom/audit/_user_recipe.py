"""A recipe that the user names: a function from rows and labels to a trained model."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks.references import FittedRecipe
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.models import Model


def user_recipe(given: Any, target: Model) -> FittedRecipe:  # noqa: ANN401 - a name or a function
    """Return the recipe that a function makes.

    Args:
        given: `package.module:function`, or the function. It is called with rows as the target
            takes them and the places of their classes, int [n], and with a seed if it has room for
            a third argument; it returns something with `predict_proba`, or a function of rows.
        target: whose recipe it is.

    Raises:
        InputError: there is no such function.
    """
    function = given
    if isinstance(given, str):
        from strongroom.models.foreign import find_function

        function = find_function(given)
    if not callable(function):
        raise InputError(
            "a recipe is a function from rows and labels to a model",
            where=str(given),
            hint="def fit(rows, labels): …; return something with predict_proba",
        )
    _send_whole(function)
    name = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}"
    return FittedRecipe(UserFit(function, target), {"function": name, "source": _source(function)})


@dataclass(frozen=True)
class UserFit:
    """Calls the function as `FittedRecipe` wants it; can be sent to another process.

    Attributes:
        function: the user's.
        target: whose inputs and classes it works with.
    """

    function: Callable[..., Any]
    target: Model

    def __call__(self, inputs: NDArray[Any], labels: NDArray[np.integer], seed: int) -> Model:
        """Return the model that the function makes of these rows."""
        decode = _decoder(self.target)
        more = (seed,) if _takes_seed(self.function) else ()
        made = self.function(decode(inputs), np.asarray(labels), *more)
        return Made(made, tuple(self.target.classes), decode)


@dataclass(frozen=True)
class Made:
    """What the function made, as a `Model` of the target's inputs and classes."""

    thing: Any
    classes: tuple[str, ...]
    decode: Callable[[NDArray[Any]], Any]

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, classes]; a class that it never saw has none."""
        ask = getattr(self.thing, "predict_proba", self.thing)
        answer = np.asarray(ask(self.decode(batch)), np.float32)
        if answer.ndim == 1:
            answer = np.stack([1 - answer, answer], axis=1)
        known = getattr(self.thing, "classes_", None)
        if known is None or answer.shape[1] == len(self.classes):
            return answer
        found = np.zeros((len(answer), len(self.classes)), np.float32)
        found[:, np.asarray(known, np.int64)] = answer
        return found


def _decoder(target: Model) -> Callable[[NDArray[Any]], Any]:
    codec = getattr(target, "codec", None)
    return codec.decode if codec is not None else np.asarray


def _takes_seed(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(named) > 2 or any(p.kind is p.VAR_POSITIONAL for p in parameters)  # noqa: PLR2004 - rows and labels


def _source(function: Callable[..., Any]) -> str:
    """Return a digest of the function's file: a recipe that was changed is another recipe."""
    with contextlib.suppress(OSError, TypeError):
        module = inspect.getmodule(function)
        text = inspect.getsource(module if module is not None else function)
        return hashlib.sha256(text.encode()).hexdigest()
    return ""


def _send_whole(function: Callable[..., Any]) -> None:
    """Let other processes have the code of a file that they can't import."""
    module = sys.modules.get(getattr(function, "__module__", ""))
    with contextlib.suppress(ImportError, ValueError):
        from joblib.externals import cloudpickle

        if module is not None and "site-packages" not in str(getattr(module, "__file__", "")):
            cloudpickle.register_pickle_by_value(module)
