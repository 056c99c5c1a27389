"""A scikit-learn model from a skops file, if nothing in it is of a kind that could run code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError, MissingExtraError
from strongroom.models.foreign._sklearn import SklearnModel
from strongroom.models.foreign._walk import arrays_in
from strongroom.vault import Inspection, Verdict

if TYPE_CHECKING:
    from strongroom.models.foreign._reference import Options, Reference


# Beyond what skops trusts by itself: scikit-learn's own, which hold numbers and settings. Trees
# follow the numbers of their nodes unchecked, so these are looked at before anything is asked.
_FIELDS = (("left_child", "right_child", "feature"), ("left", "right", "feature_idx"))
_PLAIN = {
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    *(
        f"sklearn.gaussian_process.kernels.{kernel}"
        for kernel in [
            "ConstantKernel",
            "Product",
            "Sum",
            "RBF",
            "Matern",
            "WhiteKernel",
            "RationalQuadratic",
        ]
    ),
}


class SkopsAdapter:
    """Files of skops (`skops.io.dump`); only types that skops itself trusts are made."""

    name = "skops"

    def recognises(self, reference: Reference) -> bool:
        """Tell whether it is an archive with that ending."""
        return reference.suffix == ".skops" and reference.head.startswith(b"PK")

    def open(self, reference: Reference, options: Options) -> SklearnModel:
        """See `Adapter.open`.

        Raises:
            InputError: it names types that skops doesn't trust; says which.
        """
        try:
            import skops.io as skops
        except ImportError as error:
            raise MissingExtraError("skops", "audit") from error
        path = Path(reference.text)
        try:
            asked = set(skops.get_untrusted_types(file=path))
            strange = sorted(asked - _PLAIN)
            if not strange:
                estimator = skops.load(path, trusted=sorted(asked))
        except Exception as error:  # the library raises of every kind
            raise InputError("not a skops file, or a damaged one", where=str(path)) from error
        if strange:
            raise InputError(
                f"the file names {len(strange)} type{'s' if len(strange) > 1 else ''} that are not "
                f"known to be harmless: {', '.join(strange[:4])}",
                where=str(path),
                hint="where you trust them, name a Python function that loads the model "
                "(package.module:function)",
            )
        _check_trees(estimator, path)
        model = SklearnModel(
            estimator, classes=options.classes, target=options.target, columns=options.columns
        )
        model.inspection = Inspection(str(path), "skops", Verdict.SAFE, ())
        return model


def _check_trees(estimator: Any, path: Path) -> None:  # noqa: ANN401
    """Refuse trees whose nodes lead out of them, in circles, or to columns that aren't there.

    Raises:
        InputError: there is one.
    """
    wide = getattr(estimator, "n_features_in_", None) or np.inf
    for name, nodes in arrays_in(estimator):
        found = next((f for f in _FIELDS if set(f) <= set(nodes.dtype.names or ())), None)
        if found is None:
            continue
        left, right, column = (nodes[f].astype(np.int64) for f in found)
        # Scikit-learn writes children after their parent: so no way leads in a circle.
        inner = np.flatnonzero((left > 0) | (right > 0))
        sound = all(((c[inner] > inner) & (c[inner] < len(nodes))).all() for c in (left, right))
        if not sound or not ((column[inner] >= 0) & (column[inner] < wide)).all():
            raise InputError("a tree in the file is damaged", where=f"{path}, {name}")
