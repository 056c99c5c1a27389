"""Anything fitted that speaks scikit-learn's language: estimators, pipelines, boosted trees."""

from __future__ import annotations

import contextlib
import importlib
import re
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.errors import DataError, InputError, MissingExtraError
from strongroom.models.foreign._base import ForeignModel, guarded, need_classes, one_hot
from strongroom.models.foreign._codecs import AutoCodec, ImageCodec, TextCodec
from strongroom.models.foreign._labels import class_names
from strongroom.models.foreign._table_codec import TableCodec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.models.foreign._codecs import Codec
    from strongroom.models.foreign._reference import Options, Reference

_MOST_PARTS = 10_000
_LIGHTGBM_NUMBERED = re.compile(r"Column_\d+")


class SklearnModel(ForeignModel):
    """A fitted classifier with `predict_proba`, `decision_function` or only `predict`.

    Args:
        estimator: fitted; a `Pipeline` or a search are estimators, too.
        classes: names for its outputs; its own `classes_` by default.
        target: the column that is predicted.
        columns: the columns that it takes, in order; by default those that it says it was fitted
            on.

    Raises:
        InputError: it isn't fitted, predicts numbers, or several things at once.
    """

    kind: ClassVar[str] = "sklearn"

    def __init__(
        self,
        estimator: Any,  # noqa: ANN401 - scikit-learn ships no types, and look-alikes do as well
        *,
        classes: Sequence[Any] | None = None,
        target: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        self.estimator = estimator
        self._own = _own_classes(estimator)
        names = need_classes(classes or self._own.tolist(), len(self._own))
        super().__init__(_codec(estimator, columns), names, target)
        self._ask = _way_to_ask(estimator)
        self.soft = self._ask != "predict"
        self.fit: Callable[..., SklearnModel] | None = None
        if callable(getattr(estimator, "get_params", None)):
            # Other people's estimators don't always survive being made anew: then nobody fits them.
            with contextlib.suppress(AttributeError, TypeError, ValueError, RuntimeError):
                self.recipe = _recipe(_fresh(estimator))
                self.fit = self._fit

    def __repr__(self) -> str:
        return f"SklearnModel({type(self.estimator).__name__}, {len(self.classes)} classes)"

    def _answer(self, inputs: Any) -> NDArray[Any]:  # noqa: ANN401
        with warnings.catch_warnings():
            # Fitted with names and asked without, or the other way round: the order is the same.
            warnings.filterwarnings("ignore", message=".*valid feature names.*")
            answer = getattr(self.estimator, self._ask)(inputs)
        if self._ask == "predict":
            return one_hot(self._places(np.asarray(answer)), len(self._own))
        if self._ask == "decision_function":
            return _softmax(np.asarray(answer, np.float64))
        if isinstance(answer, list):
            raise InputError("the model predicts several things at once; audit them one by one")
        return np.asarray(answer)

    def _places(self, answer: NDArray[Any]) -> NDArray[np.int64]:
        places = {c: i for i, c in enumerate(self._own.tolist())}
        try:
            return np.array([places[a] for a in answer.ravel().tolist()], np.int64)
        except KeyError as error:
            raise DataError("the model predicts a class that it doesn't list") from error

    def _fit(self, inputs: NDArray[Any], labels: NDArray[np.integer[Any]], seed: int = 0) -> Any:  # noqa: ANN401
        """Return a model like this one, fitted anew on rows as `read` gives them.

        Args:
            inputs: [n, …].
            labels: int [n], places in `classes`.
            seed: set wherever the estimator takes a `random_state`.
        """
        made = _fresh(self.estimator)
        seeds = {
            name: seed
            for name in made.get_params(deep=True)
            if name == "random_state" or name.endswith("__random_state")
        }
        made.set_params(**seeds)
        rows, own = self.codec.decode(inputs), self._own[np.asarray(labels)]

        def learn() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of convergence: it is the target's own recipe
                made.fit(rows, own)

        guarded(self, learn)
        return _Refitted(self, made)

    def _content(self) -> Any:  # noqa: ANN401
        return {"classes": self.classes, "estimator": self.estimator}

    def describe(self) -> dict[str, Any]:
        """See `ForeignModel.describe`."""
        answers = {"predict_proba": "probabilities", "decision_function": "scores"}
        return {
            **super().describe(),
            "estimator": type(last_step(self.estimator)).__name__,
            "answers": answers.get(self._ask, "labels"),
        }


class _Refitted(SklearnModel):
    """Fitted by another's recipe: it answers for that one's classes, seen or not."""

    def __init__(self, like: SklearnModel, estimator: Any) -> None:  # noqa: ANN401
        super().__init__(estimator, classes=None, target=like.target)
        theirs = {c: i for i, c in enumerate(self._own.tolist())}
        self._from = np.array([theirs.get(c, -1) for c in like._own.tolist()])  # noqa: SLF001
        self.codec, self.classes = like.codec, like.classes

    def _answer(self, inputs: Any) -> NDArray[Any]:  # noqa: ANN401
        found = np.asarray(super()._answer(inputs), np.float64)
        whole = np.concatenate([found, np.zeros((len(found), 1))], axis=1)
        whole_again: NDArray[Any] = whole[:, self._from]
        return whole_again


def last_step(estimator: Any) -> Any:  # noqa: ANN401
    """Return what predicts: the last step of pipelines, the best of searches."""
    for _ in range(10):
        inner = getattr(estimator, "best_estimator_", None)
        steps = getattr(estimator, "steps", None)
        if inner is not None:
            estimator = inner
        elif isinstance(steps, list) and steps:
            estimator = steps[-1][1]
        else:
            break
    return estimator


def _fresh(estimator: Any) -> Any:  # noqa: ANN401
    """Return an unfitted one with the same settings; of a search, the best that it found."""
    try:
        from sklearn.base import clone
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "audit") from error
    estimator = getattr(estimator, "best_estimator_", estimator)
    made = clone(estimator, safe=False)
    last, fitted = last_step(made), last_step(estimator)
    settings = last.get_params(deep=False) if hasattr(last, "get_params") else {}
    changes: dict[str, Any] = {}
    if settings.get("n_jobs") not in {None, 1}:
        changes["n_jobs"] = 1  # many are fitted side by side
    if settings.get("early_stopping_rounds"):
        # It stopped by rows that nobody here has: stop where it did.
        changes["early_stopping_rounds"] = None
        changes["n_estimators"] = int(getattr(fitted, "best_iteration", None) or 99) + 1
    if changes:
        last.set_params(**changes)
    return made


def _recipe(made: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what decides how an estimator fits, as JSON values."""
    library = type(made).__module__.split(".")[0]
    version = getattr(importlib.import_module(library), "__version__", "")
    settings = {
        name: _said(value)
        for name, value in made.get_params(deep=True).items()
        if not (name == "random_state" or name.endswith("__random_state"))
    }
    return {
        "class": _class_of(made),
        "version": version,
        "settings": dict(sorted(settings.items())),
    }


def _said(value: Any) -> Any:  # noqa: ANN401 - a setting
    """Return a setting as JSON; of an estimator within, the class: its settings stand beside it."""
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, list | tuple):
        return [_said(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _said(v) for k, v in value.items()}
    if callable(getattr(value, "get_params", None)):
        return _class_of(value)
    return _address.sub("", repr(value))


def _class_of(value: Any) -> str:  # noqa: ANN401
    return f"{type(value).__module__}.{type(value).__qualname__}"


_address = re.compile(r" at 0x[0-9a-f]+")


def _own_classes(estimator: Any) -> NDArray[Any]:  # noqa: ANN401
    if not callable(getattr(estimator, "predict", None)):
        raise InputError(f"a {type(estimator).__name__} predicts nothing")
    found = getattr(estimator, "classes_", None)
    if found is None:
        raise InputError(
            f"the {type(estimator).__name__} has no classes_",
            hint="fit it first; a model that predicts numbers can't be audited as a classifier",
        )
    if isinstance(found, list) and found and np.ndim(found[0]) == 1:
        raise InputError("the model predicts several things at once; audit them one by one")
    own = np.asarray(found)
    class_names(own.tolist())
    return own


def _way_to_ask(estimator: Any) -> str:  # noqa: ANN401
    for name in ("predict_proba", "decision_function"):
        if callable(getattr(estimator, name, None)):  # scikit-learn hides what it can't do
            return name
    return "predict"


def _codec(estimator: Any, columns: Sequence[str] | None) -> Codec:  # noqa: ANN401
    """Return how rows become what the estimator takes, by what it says of its own fitting."""
    try:
        names = getattr(estimator, "feature_names_in_", None)
        width = getattr(estimator, "n_features_in_", None)
    except Exception:  # noqa: BLE001 - properties of look-alikes raise of every kind
        names = width = None
    last = last_step(estimator)
    if names is not None and all(_LIGHTGBM_NUMBERED.fullmatch(str(n)) for n in names):
        names = None
    first = estimator.steps[0][1] if getattr(estimator, "steps", None) else estimator
    if width is None and names is None and hasattr(first, "vocabulary_"):
        return TextCodec(columns[0] if columns else None)
    if names is not None:
        listed = getattr(getattr(last, "_Booster", None), "pandas_categorical", None)
        return TableCodec(
            [str(n) for n in names],
            frame=True,
            categories=_takes_categories(last),
            known=listed or _known_texts(estimator),
        )
    table = TableCodec(columns, width=None if width is None else int(width))
    return AutoCodec(table, ImageCodec(layout="flat"))


def _known_texts(estimator: Any) -> dict[str, list[Any]]:  # noqa: ANN401
    """Return the texts that encoders within an estimator learnt, by column."""
    found: dict[str, list[Any]] = {}
    waiting: list[Any] = [estimator]
    seen: dict[int, Any] = {}
    while waiting and len(seen) < _MOST_PARTS:
        part = waiting.pop()
        many = isinstance(part, list | tuple)
        if id(part) in seen or not (many or hasattr(part, "__dict__")):
            continue
        seen[id(part)] = part
        names, known = (getattr(part, n, None) for n in ("feature_names_in_", "categories_"))
        if names is not None and isinstance(known, list) and len(known) == len(names):
            found |= {str(n): list(k) for n, k in zip(names, known, strict=True)}
        waiting += part if many else vars(part).values()
    return found


def _takes_categories(estimator: Any) -> bool:  # noqa: ANN401
    """Tell whether columns of text were pandas categories when it was fitted."""
    booster = getattr(estimator, "_Booster", None)
    return bool(
        getattr(booster, "pandas_categorical", None)
        or getattr(estimator, "enable_categorical", None)
        or getattr(estimator, "is_categorical_", None) is not None
    )


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    if scores.ndim == 1:
        scores = np.stack([-scores / 2, scores / 2], axis=1)
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return found


class SklearnAdapter:
    """Fitted estimators, given from Python."""

    name = "sklearn"

    def recognises(self, reference: Reference) -> bool:
        """Tell whether it is something with `predict` and `classes_`, or scikit-learn's own."""
        thing = reference.thing
        return callable(getattr(thing, "predict", None)) and (
            hasattr(thing, "classes_") or callable(getattr(thing, "get_params", None))
        )

    def open(self, reference: Reference, options: Options) -> SklearnModel:
        """See `Adapter.open`."""
        return SklearnModel(
            reference.thing,
            classes=options.classes,
            target=options.target,
            columns=options.columns,
        )


def settings_of(model: SklearnModel) -> Mapping[str, Any]:
    """Return the settings of a model's recipe."""
    found: Mapping[str, Any] = model.recipe.get("settings", {})
    return found
