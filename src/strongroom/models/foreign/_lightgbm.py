"""A LightGBM model from its own text file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.errors import InputError
from strongroom.models.foreign._boosters import BoosterModel, lined_text, read_small

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.models.foreign._reference import Options, Reference

_START = b"tree\nversion="
_OBJECTIVES = {"binary", "multiclass", "multiclassova", "cross_entropy"}
_PARAMETER = re.compile(r"\[(\w+): (.*)\]")
_SWITCHES = {"is_unbalance", "extra_trees"}  # written as 0 and 1, read as truth values
# What a new training takes over; the rest of the text's parameters are of files and machines.
_KEPT = [
    "boosting",
    "objective",
    "num_iterations",
    "learning_rate",
    "num_leaves",
    "max_depth",
    "min_data_in_leaf",
    "min_sum_hessian_in_leaf",
    "bagging_fraction",
    "bagging_freq",
    "feature_fraction",
    "lambda_l1",
    "lambda_l2",
    "min_gain_to_split",
    "max_bin",
    "num_class",
    "is_unbalance",
    "scale_pos_weight",
    "drop_rate",
    "max_drop",
    "skip_drop",
    "extra_trees",
    "path_smooth",
    "max_cat_threshold",
    "cat_l2",
    "cat_smooth",
]


class LightGBMModel(BoosterModel):
    """A classifier of LightGBM; texts of columns become what its file lists as categories.

    Args:
        text: of the file.
        classes, target, columns: see `open_model`.

    Raises:
        InputError: not such a file, or one of a model that predicts something else than classes, or
            lightgbm isn't installed.
    """

    kind: ClassVar[str] = "lightgbm"

    def __init__(
        self,
        text: str,
        *,
        classes: Sequence[Any] | None = None,
        target: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        library = _library()
        try:
            booster = library.Booster(model_str=text)
        except Exception as error:  # the library raises its own
            raise InputError("not a LightGBM model, or a damaged one") from error
        objective = re.search(r"^objective=(\S+)", text, re.MULTILINE)
        if objective is None or objective.group(1) not in _OBJECTIVES:
            raise InputError("the model predicts something else than classes")
        count = int(booster.num_model_per_iteration())
        super().__init__(
            booster,
            classes=classes,
            outputs=count,
            names=booster.feature_name(),
            target=target,
            columns=columns,
            settings=_settings(text),
            known=booster.pandas_categorical or (),
        )
        self.fit = self._fit

    def _answer(self, inputs: Any) -> NDArray[Any]:  # noqa: ANN401
        found: NDArray[Any] = np.asarray(self.estimator.predict(inputs, num_threads=1))
        return found

    def _fit(self, inputs: NDArray[Any], labels: NDArray[Any], seed: int = 0) -> LightGBMModel:
        """Return a model that was trained anew with the settings that the file says."""
        library = _library()
        settings = dict(self.recipe["settings"])
        rounds = int(settings.pop("num_iterations", 100))
        data = library.Dataset(
            self.codec.decode(inputs), np.asarray(labels), params={"verbose": -1}
        )
        made = library.train(
            {**settings, "seed": seed, "num_threads": 1, "verbose": -1, "deterministic": True},
            data,
            num_boost_round=rounds,
        )
        again = LightGBMModel(made.model_to_string(), classes=self.classes, target=self.target)
        again.codec = self.codec
        return again


def _library() -> Any:  # noqa: ANN401 - the module lightgbm
    try:
        import lightgbm
    except ImportError as error:
        raise InputError("this needs lightgbm", hint="pip install lightgbm") from error
    return lightgbm


def _settings(text: str) -> dict[str, Any]:
    """Return what the file says that it was trained with, as far as a new training needs it."""
    _, _, rest = text.partition("\nparameters:")
    found: dict[str, Any] = {}
    for name, value in _PARAMETER.findall(rest):
        if name in _KEPT:
            try:
                found[name] = bool(int(value)) if name in _SWITCHES else json.loads(value)
            except ValueError:
                found[name] = value
    return found


class LightGBMAdapter:
    """LightGBM's text files (`save_model`)."""

    name = "lightgbm"

    def recognises(self, reference: Reference) -> bool:
        """Tell by the first lines."""
        return reference.head.replace(b"\r\n", b"\n").startswith(_START)

    def open(self, reference: Reference, options: Options) -> LightGBMModel:
        """See `Adapter.open`."""
        data = read_small(reference.path)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError("not a text file, or a damaged one", where=reference.text) from error
        model = LightGBMModel(
            text, classes=options.classes, target=options.target, columns=options.columns
        )
        model.inspection = lined_text(Path(reference.text), data, "lightgbm")
        return model
