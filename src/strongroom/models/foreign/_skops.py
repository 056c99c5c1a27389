"""A scikit-learn model from a skops file, if nothing in it is of a kind that could run code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError, MissingExtraError
from strongroom.models.foreign._sklearn import SklearnModel
from strongroom.models.foreign._walk import parts_of
from strongroom.vault import Inspection, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.models.foreign._reference import Options, Reference


# Beyond what skops trusts by itself: scikit-learn's and SciPy's own, which hold numbers and
# settings. Trees follow the numbers of their nodes unchecked: these are looked at before any
# question is asked.
_FIELDS = (("left_child", "right_child", "feature"), ("left", "right", "feature_idx"))
_PLAIN = {
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.compose._column_transformer.make_column_selector",
    "scipy.sparse._csr.csr_matrix",
    "scipy.sparse._csr.csr_array",
    "scipy.sparse._csc.csc_matrix",
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


def _check_trees(
    thing: Any,  # noqa: ANN401 - an estimator, and whatever is in it
    path: Path,
    wide: float = np.inf,
    seen: dict[int, Any] | None = None,
) -> None:
    """Refuse trees whose nodes lead out of them, in circles, or to columns that aren't there.

    Raises:
        InputError: there is one.
    """
    seen = {} if seen is None else seen
    if id(thing) in seen or isinstance(thing, str | bytes | int | float | None | type):
        return
    seen[id(thing)] = thing
    if isinstance(thing, np.ndarray):
        if thing.dtype.names is not None and not _sound(thing, wide):
            raise InputError("a tree in the file is damaged", where=str(path))
        parts: Any = enumerate(thing.flat) if thing.dtype.hasobject else ()
    else:
        # The nearest estimator around a tree says how many columns it was given.
        told = getattr(thing, "n_features_in_", None)
        wide = wide if told is None else float(told)
        parts = parts_of(thing)
    for _, part in parts:
        _check_trees(part, path, wide, seen)


def _sound(nodes: NDArray[Any], wide: float) -> bool:
    found = next((f for f in _FIELDS if set(f) <= set(nodes.dtype.names or ())), None)
    if found is None:
        return True
    left, right, column = (nodes[f].astype(np.int64) for f in found)
    # Scikit-learn writes children after their parent: so no way leads in a circle.
    inner = np.flatnonzero((left > 0) | (right > 0))
    ordered = all(((c[inner] > inner) & (c[inner] < len(nodes))).all() for c in (left, right))
    return ordered and bool(((column[inner] >= 0) & (column[inner] < wide)).all())
