"""What turns a (noisy) mean gradient into a step: on one flat vector, with a state to save."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Kind = Literal["sgd", "momentum", "adam", "adam-corrected"]

_MOMENTUM = 0.9
_ADAM = (0.9, 0.999, 1e-8)
_LEAST = 0.1  # of the noise's deviation: below it a corrected moment says nothing


class Optimizer:
    """Gradient descent, with heavy-ball momentum, or Adam (Kingma & Ba 2015), decoupled decay.

    Adam comes also corrected (DP-AdamBC, Tang et al. 2024): the noise's variance is taken out of
    the second moment, which else is mostly noise.

    Args:
        kind: which.
        parameters: flat float32[p], changed in place.
        learning_rate: constant.
        weight_decay: each step shrinks the parameters by `learning_rate * weight_decay`.
        noise_deviation: of each coordinate of the gradients; for corrected Adam.
    """

    def __init__(
        self,
        kind: Kind,
        parameters: Tensor,
        learning_rate: float,
        weight_decay: float,
        noise_deviation: float = 0.0,
    ) -> None:
        self._kind = kind
        self._parameters = parameters
        self._rate = learning_rate
        self._decay = weight_decay
        self.noise_deviation = noise_deviation
        names = {"sgd": (), "momentum": ("velocity",)}.get(kind, ("first", "second"))
        self._state = {n: torch.zeros_like(parameters) for n in names}

    def step(self, gradient: Tensor, number: int) -> None:
        """Take step `number` (from 1)."""
        if self._decay:
            self._parameters.mul_(1 - self._rate * self._decay)
        match self._kind:
            case "sgd":
                self._parameters.sub_(gradient, alpha=self._rate)
            case "momentum":
                velocity = self._state["velocity"].mul_(_MOMENTUM).add_(gradient)
                self._parameters.sub_(velocity, alpha=self._rate)
            case _:
                keep, keep_square, tiny = _ADAM
                first = self._state["first"].mul_(keep).add_(gradient, alpha=1 - keep)
                second = self._state["second"].mul_(keep_square)
                second.addcmul_(gradient, gradient, value=1 - keep_square)
                square = second / (1 - keep_square**number)
                if self._kind == "adam-corrected":
                    noise = self.noise_deviation
                    square.sub_(noise**2).clamp_min_((_LEAST * noise) ** 2)
                size = square.sqrt_().add_(tiny)
                self._parameters.addcdiv_(first, size, value=-self._rate / (1 - keep**number))

    def state(self) -> dict[str, NDArray[np.float32]]:
        """Return the state to save, by name."""
        return {f"optimizer.{n}": v.numpy().copy() for n, v in self._state.items()}

    def restore(self, state: Mapping[str, NDArray[np.float32]]) -> None:
        """Take back what `state` gave."""
        for name, value in self._state.items():
            value.copy_(torch.from_numpy(state[f"optimizer.{name}"]))
