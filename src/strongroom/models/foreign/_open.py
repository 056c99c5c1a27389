"""`open_model`: from a path, an address or a Python object to a `Model`."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.errors import InputError, MissingExtraError
from strongroom.models.foreign._reference import Adapter, Options, Reference
from strongroom.vault import Inspection, inspect_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.models._protocol import Model

GROUP = "strongroom.models"

BUILTIN = {
    "strongroom": "_released:ReleasedAdapter",
    "onnx": "_onnx:OnnxAdapter",
    "xgboost": "_xgboost:XGBoostAdapter",
    "lightgbm": "_lightgbm:LightGBMAdapter",
    "skops": "_skops:SkopsAdapter",
    "endpoint": "_endpoint:EndpointAdapter",
    "predictions": "_predictions:PredictionsAdapter",
    "sklearn": "_sklearn:SklearnAdapter",
    "factory": "_factory:FactoryAdapter",
    # Last, since they bring torch.
    "huggingface": "_huggingface:HuggingFaceAdapter",
    "torch": "_torch:TorchAdapter",
    "callable": "_callable:CallableAdapter",
}
"""Our adapters, in the order in which they are asked whether they know a model."""

_PICKLES = {
    "pickle": "a pickle",
    "torch": "a torch checkpoint (a pickle)",
    "torch-legacy": "a torch checkpoint (a pickle)",
    "torchscript": "TorchScript, which is code",
    "keras": "a Keras archive, which can name code",
}
_PICKLE_NAMES = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".ckpt", ".dill"}
_CONVERT = {
    "torch": "save its state_dict with safetensors and name who builds the network "
    "(package.module:function and weights), or export it to ONNX",
    "torchscript": "export the module to ONNX, or save its state_dict with safetensors",
}
_CONVERT_ANY = (
    "where you trust it, convert it once, elsewhere: skops (skops.io.dump), ONNX (skl2onnx) or the "
    "library's own text format; or name a Python function that makes it (package.module:function)"
)


@dataclass(frozen=True)
class Opened:
    """A model that was opened.

    Attributes:
        model: what attacks see.
        kind: the adapter that opened it.
        inspection: of its file, where there is one.
        reference: what it was named by; empty for a Python object.
        about: what its own files say of it, JSON values; of a folder that Strongroom released, its
            description with `train` and `privacy`.
    """

    model: Model
    kind: str
    inspection: Inspection | None = None
    reference: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    def read(self, dataset: Dataset) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return inputs and labels for the rows of a dataset.

        Raises:
            DataError: they don't fit the model; says which column, shape or rows.
            InputError: the model reads arrays only.
        """
        read = getattr(self.model, "read", None)
        if not callable(read):
            raise InputError(
                f"a {type(self.model).__name__} reads no datasets", hint="give it arrays instead"
            )
        found: tuple[NDArray[Any], NDArray[np.int64]] = read(dataset)
        return found


def adapter_names() -> tuple[str, ...]:
    """Return the names of all adapters, ours first."""
    foreign = sorted({point.name for point in entry_points(group=GROUP)} - set(BUILTIN))
    return (*BUILTIN, *foreign)


def load_adapter(name: str) -> Adapter:
    """Return an adapter by its name.

    Raises:
        KeyError: there is none.
        MissingExtraError: the library that it needs isn't installed.
    """
    if name in BUILTIN:
        module, _, attribute = BUILTIN[name].partition(":")
        made: Adapter = getattr(import_module(f"strongroom.models.foreign.{module}"), attribute)()
        return made
    point = next((p for p in entry_points(group=GROUP) if p.name == name), None)
    if point is None:
        raise KeyError(name)
    foreign: Adapter = point.load()()
    return foreign


def open_model(
    reference: Any,  # noqa: ANN401 - a path, an address, or the thing itself
    *,
    target: str | None = None,
    classes: Sequence[Any] | None = None,
    columns: Sequence[str] | None = None,
    mapping: Mapping[str, Any] | None = None,
    weights: Path | str | None = None,
) -> Opened:
    """Open a model of any kind that an adapter knows. No pickle is read.

    Args:
        reference: a folder that Strongroom released, or one of Hugging Face; a file of ONNX,
            XGBoost (JSON, UBJ), LightGBM (text) or skops; a table of predicted probabilities; an
            endpoint's address or its mapping (TOML); `package.module:function`; or, from Python, an
            estimator, a torch module or a function.
        target: the column that it predicts.
        classes: names in the order of its outputs, where it doesn't say them.
        columns: the columns that it takes, in its order, where it doesn't say them.
        mapping: how to talk to an endpoint, or what inputs and outputs are.
        weights: a safetensors file for the network that a function builds.

    Raises:
        InputError: no adapter knows it, or it can't be opened; the hint says how to mend it.
        MissingExtraError: the library that it needs isn't installed.
    """
    options = Options(
        target, classes, columns, mapping or {}, None if weights is None else Path(weights)
    )
    if _is_model(reference):
        return Opened(reference, str(getattr(reference, "kind", "model")))
    given = Reference.of(reference)
    inspection = None
    if given.path is not None and given.folder is None:
        inspection = inspect_file(str(given.path))
        _refuse_pickles(given, inspection)
    name, adapter = _adapter_for(given)
    model = adapter.open(given, options)
    own = getattr(model, "inspection", None)
    return Opened(
        model,
        name,
        own if isinstance(own, Inspection) else inspection,
        given.text,
        getattr(model, "about", None) or {},
    )


def open_thing(thing: Any, options: Options) -> Model:  # noqa: ANN401 - a Python object
    """Return the model of a Python object; what is a `Model` already stays as it is."""
    if _is_model(thing):
        made: Model = thing
        return made
    given = Reference(thing=thing)
    return _adapter_for(given)[1].open(given, options)


def _is_model(thing: Any) -> bool:  # noqa: ANN401 - a Python object
    answers = callable(getattr(thing, "predict_proba", None))
    return answers and hasattr(thing, "classes") and not hasattr(thing, "classes_")


def _adapter_for(given: Reference) -> tuple[str, Adapter]:
    missing: MissingExtraError | None = None
    for name in adapter_names():
        try:
            adapter = load_adapter(name)
        except MissingExtraError as error:
            missing = error  # of a kind that it may not be
            continue
        if adapter.recognises(given):
            return name, adapter
    if given.thing is not None:
        raise missing or InputError(
            f"no adapter knows what a {type(given.thing).__name__} is",
            hint="give a fitted estimator, a torch module, or a function with its classes",
        )
    if given.path is None:
        raise InputError(
            "no such file or folder, and neither an address nor package.module:function",
            where=given.text,
            hint="check the path and its spelling",
        )
    if given.suffix == ".safetensors":
        raise InputError(
            "a safetensors file holds weights, and doesn't say of which network",
            where=given.text,
            hint="name who builds it, package.module:function, and this file as its weights",
        )
    raise InputError(
        "no adapter knows this kind of model",
        where=given.text,
        hint=f"known kinds: {', '.join(adapter_names())}",
    )


def _refuse_pickles(given: Reference, inspection: Inspection) -> None:
    """Refuse what runs code when it is read, and say what is in it.

    Raises:
        InputError: it is such a file.
    """
    kind = inspection.format
    if kind == "zip" and given.suffix == ".pt2":
        raise InputError(
            "a torch.export archive (.pt2) can't be loaded without pickle and eval",
            where=given.text,
            hint="torch.onnx.export(…) from the same module; or save its state_dict with "
            "safetensors and name who builds the network",
        )
    named = kind == "unknown" and given.suffix in _PICKLE_NAMES
    if kind not in _PICKLES and not named:
        return
    inside = "; ".join(inspection.reasons[:3]) or "nothing in it was found to be harmful"
    family = "torchscript" if kind == "torchscript" else kind.partition("-")[0]
    raise InputError(
        f"{_PICKLES.get(kind, 'perhaps a pickle')}: reading it could run code, and it is never "
        f"read (inspection: {inspection.verdict}; {inside})",
        where=given.text,
        hint=_CONVERT.get(family, _CONVERT_ANY),
    )
