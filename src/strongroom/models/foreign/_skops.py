"""A scikit-learn model from a skops file, if nothing in it is of a kind that could run code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.errors import InputError, MissingExtraError
from strongroom.models.foreign._sklearn import SklearnModel
from strongroom.vault import Inspection, Verdict

if TYPE_CHECKING:
    from strongroom.models.foreign._reference import Options, Reference


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
            strange = sorted(skops.get_untrusted_types(file=path))
            if not strange:
                estimator = skops.load(path)
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
        model = SklearnModel(
            estimator, classes=options.classes, target=options.target, columns=options.columns
        )
        model.inspection = Inspection(str(path), "skops", Verdict.SAFE, ())
        return model
