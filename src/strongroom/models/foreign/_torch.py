"""A PyTorch module, given from Python or built by it with weights from a safetensors file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.errors import InputError, MissingExtraError
from strongroom.models.foreign._base import ForeignModel, guarded, in_batches, need_classes
from strongroom.models.foreign._codecs import AutoCodec, image_codec
from strongroom.models.foreign._table_codec import TableCodec

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from strongroom.models.foreign._codecs import Codec
    from strongroom.models.foreign._reference import Options, Reference

_ROWS_AT_ONCE = 4_096
_CLOSE = 1e-3
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class TorchModel(ForeignModel):
    """A module from inputs [n, …] to [n, classes], or to one output [n] or [n, 1] for two classes.

    Outputs are logits, or probabilities if every row of them sums to 1 (a single output: if all lie
    in 0..1). It is put into evaluation mode.

    Args:
        module: what is asked.
        classes: names in the order of the outputs; "0", "1", … by default.
        target: the column that is predicted.
        columns: the columns that a table's model takes, in order.
        images: how pixels become inputs; see `ImageCodec`.
        codec: how rows become inputs, if neither fits.
        outputs: logits or probabilities, where it can't be told.
        fit: (inputs, labels, seed) to another such module: the recipe that it was trained by.
    """

    kind: ClassVar[str] = "torch"
    tries: ClassVar[int] = 1_000  # by so many rows, probabilities are told from logits

    def __init__(
        self,
        module: nn.Module,
        *,
        classes: Sequence[Any] | None = None,
        target: str | None = None,
        columns: Sequence[str] | None = None,
        images: Mapping[str, Any] | None = None,
        codec: Codec | None = None,
        outputs: str | None = None,
        fit: Callable[[NDArray[Any], NDArray[Any], int], nn.Module] | None = None,
    ) -> None:
        wide, high = _ends(module)
        if codec is None:
            rounded = not any(p.dtype is torch.float64 for p in module.parameters())
            table = TableCodec(columns, width=wide, rounded=rounded)
            codec = AutoCodec(table, image_codec(images or {}))
        names = need_classes(classes, max(high, 2)) if high else classes
        if names is None:
            raise InputError(
                "it can't be told how many classes the module has",
                hint="name them in the order of its outputs (classes)",
            )
        super().__init__(codec, names, target)
        self.network = module.eval()
        self._outputs = outputs or _by_last(module)
        self._learn = fit
        self.fit: Callable[..., TorchModel] | None = None
        if fit is not None:
            self.fit = self._fit
            self.recipe = {"function": getattr(fit, "__qualname__", type(fit).__qualname__)}

    def __repr__(self) -> str:
        count = sum(p.numel() for p in self.network.parameters())
        return (
            f"TorchModel({type(self.network).__name__}, {count:,} parameters, "
            f"{len(self.classes)} classes)"
        )

    def logits(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, classes] whose softmax are the probabilities."""

        def ask(part: NDArray[Any]) -> NDArray[Any]:
            with torch.no_grad():
                found: NDArray[Any] = self._logits(self._tensor(part)).float().cpu().numpy()
            return found

        found = in_batches(
            batch, lambda part: guarded(self, lambda: _in_memory(ask, part)), _ROWS_AT_ONCE
        )
        self.queries += len(batch)
        return found

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `ForeignModel.predict_proba`."""
        found = torch.from_numpy(self.logits(batch)).softmax(dim=1).numpy()
        return self.checked(found, len(batch))

    def input_gradient(
        self, batch: NDArray[Any], labels: NDArray[np.integer[Any]]
    ) -> NDArray[np.float32]:
        """Return float32 [n, …]: each row's gradient of its own log loss by its inputs."""

        def ask(part: NDArray[np.int64]) -> NDArray[Any]:
            inputs = self._tensor(batch[part]).requires_grad_()
            targets = torch.as_tensor(np.asarray(labels)[part], device=inputs.device).long()
            with torch.enable_grad():
                loss = nn.functional.cross_entropy(self._logits(inputs), targets, reduction="sum")
                (gradient,) = torch.autograd.grad(loss, inputs)
            found: NDArray[Any] = gradient.float().cpu().numpy()
            return found

        places = np.arange(len(batch))
        return in_batches(
            places, lambda part: guarded(self, lambda: _in_memory(ask, part)), _ROWS_AT_ONCE
        )

    def _tensor(self, batch: NDArray[Any]) -> Tensor:
        first = next(self.network.parameters(), None)
        values = torch.as_tensor(np.ascontiguousarray(self.codec.decode(batch)))
        if first is not None:
            values = values.to(first.device)
        if not values.is_floating_point():
            # Pixels are numbers to a network; tokens and the like stay whole.
            return values.float() if values.dtype is torch.uint8 else values.long()
        kind = first.dtype if first is not None and first.is_floating_point() else torch.float32
        return values.to(kind)

    def _logits(self, inputs: Tensor) -> Tensor:
        found = _tensor_of(self.network(inputs))
        found = found[:, None] if found.dim() == 1 else found.flatten(1)
        if self._outputs is None:
            self._outputs = "probabilities" if _probable(found) else "logits"
        if self._outputs == "probabilities":
            found = found.clamp_min(torch.finfo(found.dtype).tiny)
            if found.shape[1] == 1:
                return torch.cat([(1 - found).clamp_min(1e-12), found], dim=1).log()
            return found.log()
        if found.shape[1] == 1:
            return torch.cat([torch.zeros_like(found), found], dim=1)
        return found

    def _fit(self, inputs: NDArray[Any], labels: NDArray[Any], seed: int = 0) -> TorchModel:
        """Return a model that the recipe made of rows as `read` gives them."""
        learn = self._learn
        if learn is None:
            raise InputError("no recipe was given for this module")
        made = guarded(self, lambda: learn(self.codec.decode(inputs), labels, seed))
        return TorchModel(
            made,
            classes=self.classes,
            target=self.target,
            codec=self.codec,
            outputs=self._outputs,
            fit=learn,
        )

    def _content(self) -> Any:  # noqa: ANN401
        return {"classes": self.classes, "network": self.network}

    def describe(self) -> dict[str, Any]:
        """See `ForeignModel.describe`."""
        return {
            **super().describe(),
            "estimator": type(self.network).__name__,
            "answers": self._outputs or "unknown",
            "parameters": sum(p.numel() for p in self.network.parameters()),
        }


def _in_memory(ask: Callable[[Any], NDArray[Any]], part: NDArray[Any]) -> NDArray[Any]:
    """Return what `ask` says; torch's many ways to say that memory is full become one."""
    try:
        return ask(part)
    except RuntimeError as error:
        if any(words in str(error).lower() for words in _NO_MEMORY):
            raise MemoryError from error
        raise


def _tensor_of(answer: Any) -> Tensor:  # noqa: ANN401 - what a module returns
    """Return the outputs among what a module returns: `logits` of a record, the first of many."""
    found = getattr(answer, "logits", answer)
    if isinstance(found, dict):
        found = found.get("logits", next(iter(found.values()), None))
    if isinstance(found, list | tuple):
        found = found[0]
    if not isinstance(found, Tensor):
        raise TypeError("not a tensor")
    return found


def _probable(found: Tensor) -> bool:
    low, high = float(found.min()), float(found.max())
    if low < 0 or high > 1 + _CLOSE:
        return False
    return found.shape[1] == 1 or bool((found.sum(dim=1) - 1).abs().max() < _CLOSE)


def _by_last(module: nn.Module) -> str | None:
    """Return what the outputs are, where the last layer says it."""
    layers = [m for m in module.modules() if not list(m.children())]
    if layers and isinstance(layers[-1], nn.Sigmoid | nn.Softmax):
        return "probabilities"
    return "logits" if layers and isinstance(layers[-1], nn.LogSoftmax) else None


def _ends(module: nn.Module) -> tuple[int | None, int]:
    """Return (columns that a table's first layer takes, outputs of the last layer or 0)."""
    layers = [m for m in module.modules() if not list(m.children())]
    linear = [m for m in layers if isinstance(m, nn.Linear)]
    wide = linear[0].in_features if linear and layers and layers[0] is linear[0] else None
    return wide, linear[-1].out_features if linear else 0


def load_weights(module: nn.Module, path: Path) -> None:
    """Put the weights of a safetensors file into a module.

    Raises:
        InputError: the file isn't one, or holds other weights than the module has.
    """
    import safetensors.torch

    try:
        found = safetensors.torch.load_file(path)
    except Exception as error:  # the library raises its own, bare
        raise InputError(
            "not a safetensors file, or a damaged one",
            where=str(path),
            hint="safetensors.torch.save_file(module.state_dict(), …) writes one",
        ) from error
    wanted = module.state_dict()
    wrong = [k for k, v in wanted.items() if k in found and found[k].shape != v.shape]
    lacking, extra = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    if lacking or extra or wrong:
        first = min([*lacking, *extra, *wrong])
        raise InputError(
            f"the weights don't fit the network that was built: {len(lacking)} are missing, "
            f"{len(extra)} have no place, {len(wrong)} have another shape",
            where=f"{path}, {first}",
            hint="build the network with the settings that it was trained with",
        )
    module.load_state_dict(found)


class TorchAdapter:
    """Modules, given from Python."""

    name = "torch"

    def recognises(self, reference: Reference) -> bool:
        """Tell whether it is a module."""
        return isinstance(reference.thing, nn.Module)

    def open(self, reference: Reference, options: Options) -> TorchModel:
        """See `Adapter.open`."""
        if options.weights is not None:
            load_weights(reference.thing, options.weights)
        about = options.mapping
        return TorchModel(
            reference.thing,
            classes=options.classes,
            target=options.target,
            columns=options.columns,
            images=about.get("input"),
            outputs=about.get("outputs"),
        )
