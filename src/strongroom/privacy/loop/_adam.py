"""Adam whose second moment isn't swollen by the noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor


class AdamCorrected(torch.optim.Optimizer):
    """DP-AdamBC (Tang, Shpilevskiy & Lécuyer, AAAI 2024).

    The noise of private gradients adds its own variance to Adam's second moment, so that all
    coordinates get nearly the same step and Adam becomes momentum. That variance is known: it is
    taken off again. Without noise this is Adam (Kingma & Ba 2015).

    Args:
        params: as of any optimizer.
        lr: learning rate.
        betas: of the two moments.
        floor: the corrected second moment is at least this, squared: it bounds the step where only
            noise is left.
        weight_decay: decoupled.

    Attributes:
        noise_deviation: of each coordinate of the gradients; `make_private` sets it.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        floor: float = 1e-4,
        weight_decay: float = 0.0,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "floor": floor, "weight_decay": weight_decay}
        super().__init__(params, settings)
        self.noise_deviation = 0.0

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)
        return loss

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["first"] = torch.zeros_like(parameter)
            state["second"] = torch.zeros_like(parameter)
        state["step"] += 1
        keep, keep_square = group["betas"]
        state["first"].mul_(keep).add_(gradient, alpha=1 - keep)
        state["second"].mul_(keep_square).addcmul_(gradient, gradient, value=1 - keep_square)
        first = state["first"] / (1 - keep ** state["step"])
        second = state["second"] / (1 - keep_square ** state["step"])
        second.sub_(self.noise_deviation**2).clamp_min_(group["floor"] ** 2)
        if group["weight_decay"]:
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.addcdiv_(first, second.sqrt_(), value=-group["lr"])
