"""An XGBoost model from its own file, JSON or UBJSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.errors import InputError
from strongroom.models.foreign._boosters import BoosterModel, read_small, squash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.models.foreign._reference import Options, Reference


class XGBoostModel(BoosterModel):
    """A classifier of XGBoost; its file doesn't say how it was trained, so it can't be fitted anew.

    Args:
        data: of the file.
        classes, target, columns: see `open_model`.

    Raises:
        InputError: not such a file, one of a model that predicts something else than classes, or
            xgboost isn't installed.
    """

    kind: ClassVar[str] = "xgboost"

    def __init__(
        self,
        data: bytes,
        *,
        classes: Sequence[Any] | None = None,
        target: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        library = _library()
        booster = library.Booster()
        try:
            booster.load_model(bytearray(data))
            learner = json.loads(booster.save_config())["learner"]
        except Exception as error:  # the library raises its own
            raise InputError("not an XGBoost model, or a damaged one") from error
        objective = str(learner["learner_train_param"]["objective"])
        if not objective.startswith(("binary:", "multi:")):
            raise InputError(f"the model's objective \"{objective}\" is no classifier's")
        count = max(1, int(learner["learner_model_param"].get("num_class", 0)))
        wide = int(learner["learner_model_param"]["num_feature"])
        super().__init__(
            booster,
            classes=classes,
            outputs=count,
            names=booster.feature_names or [f"f{i}" for i in range(wide)],
            target=target,
            columns=columns,
        )
        self._names = booster.feature_names
        self._types = booster.feature_types

    def _answer(self, inputs: Any) -> NDArray[Any]:  # noqa: ANN401
        margins = self.estimator.predict(self._matrix(inputs), output_margin=True)
        return squash(np.asarray(margins))

    def _matrix(self, inputs: Any) -> Any:  # noqa: ANN401
        return _library().DMatrix(
            np.asarray(inputs, np.float64),
            feature_names=self._names,
            feature_types=self._types,
            nthread=1,
        )


def _library() -> Any:  # noqa: ANN401 - the module xgboost
    try:
        import xgboost
    except ImportError as error:
        raise InputError("this needs xgboost", hint="pip install xgboost") from error
    return xgboost


class XGBoostAdapter:
    """XGBoost's files (`save_model` to .json or .ubj)."""

    name = "xgboost"

    def recognises(self, reference: Reference) -> bool:
        """Tell by the first key: both forms are records that begin with `learner`."""
        head = reference.head
        if head.lstrip()[:1] == b"{" and b'"learner"' in head[:64]:
            return True
        return head[:1] == b"{" and b"learner{" in head[:64]

    def open(self, reference: Reference, options: Options) -> XGBoostModel:
        """See `Adapter.open`."""
        return XGBoostModel(
            read_small(reference.path),
            classes=options.classes,
            target=options.target,
            columns=options.columns,
        )
