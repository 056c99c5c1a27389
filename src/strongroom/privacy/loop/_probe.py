"""Does the loss mix the examples of a batch? Looked at once, in the user's own backward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_NEARLY = 1e-6


class Probed(Tensor):
    """The outputs of the first batch: what is computed from them is one too, up to `backward`.

    Where a loss is a sum over examples, the gradient by one example's output doesn't depend on
    another's: the second derivative across them is zero. That is looked at for two halves of the
    batch. A loss that is piecewise linear across examples would pass.
    """

    watched: Tensor | None
    done: Callable[[], None] | None

    @classmethod
    def __torch_function__(
        cls,
        func: Any,  # noqa: ANN401 - PyTorch's own signature
        types: Any,  # noqa: ANN401
        args: Any = (),  # noqa: ANN401
        kwargs: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Hand on what is watched to what is computed from it."""
        plain: Any = super().__torch_function__
        found = plain(func, types, args, kwargs or {})
        carrier = next((a for a in _flat(args) if getattr(a, "watched", None) is not None), None)
        if carrier is not None and isinstance(found, Probed):
            found.watched, found.done = carrier.watched, carrier.done
        return found

    def backward(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - PyTorch's own
        """Refuse a loss that mixes examples, else go on."""
        plain = self.as_subclass(Tensor)
        if self.watched is not None and plain.numel() == 1:
            _refuse_mixing(plain, self.watched)
            if self.done is not None:
                self.done()
        plain.backward(*args, **kwargs)  # type: ignore[no-untyped-call]


def probed(outputs: Tensor, done: Callable[[], None]) -> Tensor:
    """Return the outputs, to be looked at when their loss goes backward."""
    found = outputs.as_subclass(Probed)
    found.watched, found.done = outputs, done
    return found


def _flat(values: Any) -> list[Any]:  # noqa: ANN401 - arguments of any function
    if isinstance(values, list | tuple):
        return [inner for value in values for inner in _flat(value)]
    return [values]


def _refuse_mixing(loss: Tensor, outputs: Tensor) -> None:
    half = len(outputs) // 2
    first: Any = torch.autograd.grad(loss, outputs, create_graph=True, allow_unused=True)[0]
    if first is None or not first.requires_grad or half == 0:
        return
    towards = torch.randn(first[:half].shape, dtype=first.dtype, device=first.device)
    second: Any
    try:
        (second,) = torch.autograd.grad(
            (first[:half] * towards).sum(), outputs, retain_graph=True, allow_unused=True
        )
    except RuntimeError:  # PyTorch has no second derivative for some losses of single examples
        return
    if second is None:
        return
    across = float(second[half:].abs().max())
    if across > _NEARLY * float(second.abs().max()):
        raise InputError(
            "the loss mixes the examples of a batch, so clipping bounds no example's influence",
            hint="use a loss that is a sum or mean over examples, with weights that don't depend "
            "on the batch",
        )
