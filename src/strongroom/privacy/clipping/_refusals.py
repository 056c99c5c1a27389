"""What can't be private is refused before the first step, with the mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH_NORM = nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - the only base class
_INSTANCE_NORM = nn.modules.instancenorm._InstanceNorm  # noqa: SLF001


def refuse_mixing(module: nn.Module) -> None:
    """Refuse layers that are known to mix the examples of a batch or to remember them.

    Raises:
        InputError: says which layer and what to use instead.
    """
    for name, layer in module.named_modules():
        for refused, what, hint in _REFUSED:
            if refused(layer):
                raise InputError(f'layer "{name}" ({type(layer).__name__}) {what}', hint=hint)


_REFUSED: tuple[tuple[Callable[[nn.Module], bool], str, str], ...] = (
    (
        # Also an InstanceNorm: it has the same base, but keeps to one example.
        lambda m: isinstance(m, _BATCH_NORM) and not isinstance(m, _INSTANCE_NORM),
        "mixes the examples of a batch, so no example's influence is bounded",
        "use nn.GroupNorm, which looks at one example at a time",
    ),
    (
        lambda m: isinstance(m, nn.LazyLinear | nn.modules.lazy.LazyModuleMixin),
        "has no parameters yet",
        "run the model once on made-up input before making it private",
    ),
    (
        lambda m: isinstance(m, _INSTANCE_NORM) and m.track_running_stats,
        "keeps running statistics of the examples it has seen, unclipped and without noise",
        "set track_running_stats=False",
    ),
    (
        lambda m: isinstance(m, nn.Embedding | nn.EmbeddingBag) and m.max_norm is not None,
        "rescales the rows that a batch uses (max_norm), unclipped and without noise",
        "set max_norm=None",
    ),
    (
        lambda m: isinstance(m, nn.Embedding | nn.EmbeddingBag) and m.scale_grad_by_freq,
        "weighs an example by what the rest of the batch holds (scale_grad_by_freq)",
        "set scale_grad_by_freq=False",
    ),
    (
        lambda m: bool(getattr(m, "parametrizations", None)),
        "computes its parameters from others, so the layer's own gradient isn't theirs",
        "remove the parametrization (torch.nn.utils.parametrize.remove_parametrizations)",
    ),
)
