"""Watches the parameters of somebody else's training, step by step, for canaries in columns.

After every step the update of the first layer's weights in a canary's column is projected on the
canary's own gradient at the parameters before it. The gradient comes from a copy of the network in
which the first layer is a leaf; where the training shows arrays instead of a network, its direction
is estimated from all canaries of the same label, which sees less.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from strongroom.attacks.privacy._columns import Columns

_LAGS = 2
_CLEAR = 4.0  # deviations at which a lag is taken to be there
_FLOOR = 1e-3  # of the largest signal: no noise at all still gives finite scores
_TINY = 1e-12
_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs",
)


class Watcher:
    """What `on_step` of an audited training is.

    Called with a torch module or with a mapping of names to arrays: once before the first step and
    once after each.

    Args:
        columns: where the canaries are.
        clip_norm: that gradients are cut to, if known.

    Attributes:
        problem: why nothing could be read, if so.
    """

    def __init__(self, columns: Columns, clip_norm: float | None = None) -> None:
        self._columns, self._clip_norm = columns, clip_norm
        self.problem = ""
        self._steps: list[NDArray[np.float32]] = []
        self._parts: list[NDArray[np.float32]] = []
        self._weights: NDArray[np.float32] | None = None
        self._own: NDArray[np.float32] | None = None
        self._updates: list[NDArray[np.float32]] = []
        self._moved: NDArray[np.float32] | None = None
        self._copy: _Copy | None = None

    @property
    def steps(self) -> int:
        """How many updates were seen."""
        return len(self._steps)

    @property
    def signals(self) -> NDArray[np.float32]:
        """float32 [steps, m]: updates along each canary's gradient, in deviations of the noise."""
        return np.stack(self._steps)

    @property
    def parts(self) -> NDArray[np.float32]:
        """float32 [steps, m]: each canary's gradient as a part of the clip norm, at most 1."""
        return np.stack(self._parts)

    def __call__(self, state: nn.Module | Mapping[str, Any]) -> None:
        """Take in the parameters as they are now; what can't be read is said in `problem`."""
        if self.problem:
            return
        try:
            weights, own = self._read(state)
        except InputError as error:
            # The training goes on: what comes out of it can still be judged from outside.
            self.problem = f"{error.what}; {error.hint}"
            self._steps.clear()
            return
        if self._weights is not None:
            self._update(weights - self._weights)
        self._weights, self._own = weights, own

    def _read(
        self, state: nn.Module | Mapping[str, Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return the weights [h, m + blanks] of the extra columns and the canaries' directions."""
        begin = self._columns.width
        if hasattr(state, "named_parameters"):
            network = unwrapped(state)
            if self._copy is None:
                self._copy = _Copy.of(network, self._columns)
            weights = self._copy.take(network)
            return weights[:, begin:], self._copy.directions(weights[:, begin:])
        for value in state.values():
            array = np.asarray(value, np.float32)
            if array.ndim == 1 and len(array) == self._columns.total:
                return array[None, begin:].copy(), None
            if array.ndim == 2 and self._columns.total in array.shape:  # noqa: PLR2004 - a matrix
                rows = array if array.shape[1] == self._columns.total else array.T
                return rows[:, begin:].copy(), None
        raise no_layer(self._columns)

    def _update(self, moved: NDArray[np.float32]) -> None:
        count = self._columns.canaries
        fresh = moved - self._foretold(moved)
        deviation = float(np.sqrt(np.square(fresh[:, count:], dtype=np.float64).mean()))
        own = self._own if self._own is not None else self._estimated(fresh[:, :count])
        length = np.linalg.norm(own, axis=0)
        own = own / np.maximum(length, _TINY)
        known = self._own is not None and self._clip_norm is not None
        self._parts.append(
            np.minimum(length / self._clip_norm, 1) if known else np.ones_like(length)
        )
        signal = -(fresh[:, :count] * own).sum(axis=0)
        floor = max(_FLOOR * float(np.abs(signal).max(initial=0.0)), _TINY)
        self._steps.append(signal / max(deviation, floor))
        self._updates = [moved, *self._updates][:_LAGS]

    def _foretold(self, moved: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the last updates say of this one, as learnt from the blank columns."""
        found = np.zeros_like(moved)
        count = self._columns.canaries
        lags = [one[:, count:].ravel().astype(np.float64) for one in self._updates]
        if not lags:
            return found
        known, seen = np.stack(lags, axis=1), moved[:, count:].ravel().astype(np.float64)
        factors = np.linalg.lstsq(known, seen, rcond=1e-6)[0]
        left = float(np.square(seen - known @ factors).sum())
        # By chance the lags explain a share of about 1 / n each.
        if float(np.square(seen).sum()) - left > _CLEAR**2 * len(lags) * left / len(seen):
            for factor, one in zip(factors, self._updates, strict=True):
                found += np.float32(factor) * one
        return found

    def _estimated(self, fresh: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return directions [h, m]: away from where each label's canaries have moved so far."""
        moved = fresh if self._moved is None else self._moved + fresh
        self._moved = moved
        own = np.zeros_like(fresh)
        for label in np.unique(self._columns.labels):
            these = self._columns.labels == label
            own[:, these] = -moved[:, these].mean(axis=1, keepdims=True)
        return own


def unwrapped(state: Any) -> Any:  # noqa: ANN401 - torch is optional
    """Return the network inside what Opacus, torch.compile or data-parallel put around it."""
    for name in ("_orig_mod", "module" if type(state).__name__.endswith("DataParallel") else ""):
        state = getattr(state, name, state) if name else state
    return getattr(state, "_module", state)


def no_layer(columns: Columns) -> InputError:
    """Return the error of a model that doesn't take the columns as they are."""
    return InputError(
        f"no first layer with {columns.total:,} inputs was shown to on_step: canaries in columns "
        f"of their own need one ({columns.width:,} of the data, {columns.canaries:,} canaries, "
        f"{columns.blanks:,} blank)",
        where="on_step",
        hint="let the training function build its model for inputs.shape[1] columns, and call "
        "on_step(model) before the first step and after each",
    )


class _Copy:
    """A copy of the network that gives the gradients of all canaries in one backward pass.

    The first layer is replaced by its outputs for the canaries, a leaf: a canary's gradient in its
    own column is `scale` times the gradient there.
    """

    def __init__(self, network: nn.Module, name: str, columns: Columns) -> None:
        import torch  # only trainings that show a network come here

        self._network, self._name, self._columns = network, name, columns
        self._dummy = torch.zeros(1, columns.total).expand(columns.canaries, -1)
        self._labels = torch.from_numpy(columns.labels)

    @classmethod
    def of(cls, network: nn.Module, columns: Columns) -> _Copy:
        """Copy a network, hooks left out; nothing of it is touched.

        Raises:
            InputError: it has no linear layer that takes all columns.
        """
        from torch import nn  # only trainings that show a network come here

        name = next(
            (
                name
                for name, part in network.named_modules()
                if getattr(part, "in_features", None) == columns.total and hasattr(part, "weight")
            ),
            None,
        )
        if name is None:
            raise no_layer(columns)
        kept = [(part, {k: part.__dict__.get(k) for k in _HOOKS}) for part in network.modules()]
        try:
            for part, hooks in kept:
                part.__dict__.update({k: OrderedDict() for k, v in hooks.items() if v is not None})
            clone = copy.deepcopy(network)
        finally:
            for part, hooks in kept:
                part.__dict__.update({k: v for k, v in hooks.items() if v is not None})

        class Given(nn.Module):
            """Returns what it was given, whatever comes in."""

            leaf: Tensor

            def forward(self, _: Tensor) -> Tensor:
                return self.leaf

        if name:
            parent, _, last = name.rpartition(".")
            setattr(clone.get_submodule(parent), last, Given())
        else:
            clone = Given()
        clone = clone.cpu().float().eval()
        clone.requires_grad_(requires_grad=False)
        return cls(clone, name, columns)

    def take(self, network: nn.Module) -> NDArray[np.float32]:
        """Take the parameters over and return the first layer's weights [h, total]."""
        import torch

        with torch.no_grad():
            live = dict(network.named_parameters()) | dict(network.named_buffers())
            mine = dict(self._network.named_parameters()) | dict(self._network.named_buffers())
            for name, value in mine.items():
                value.copy_(live[name])
        first: Any = network.get_submodule(self._name)
        bias = getattr(first, "bias", None)
        self._bias = None if bias is None else bias.detach().float().cpu().clone()
        found: NDArray[np.float32] = first.weight.detach().float().cpu().clone().numpy()
        return found

    def directions(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return each canary's gradient in its own column, [h, m]."""
        import torch
        from torch.nn import functional

        columns = self._columns
        leaf = torch.from_numpy(weights[:, : columns.canaries].T * np.float32(columns.scale))
        if self._bias is not None:
            leaf = leaf + self._bias
        leaf = leaf.requires_grad_()
        given: Any = self._network.get_submodule(self._name)
        given.leaf = leaf
        with torch.enable_grad():
            outputs = self._network(self._dummy)
            if outputs.shape[-1] == 1 or outputs.dim() == 1:
                logits = outputs.reshape(-1)
                loss = functional.binary_cross_entropy_with_logits(
                    logits, self._labels.to(logits.dtype), reduction="sum"
                )
            else:
                loss = functional.cross_entropy(outputs, self._labels, reduction="sum")
            gradient: Tensor = torch.autograd.grad(loss, leaf)[0]
        found: NDArray[np.float32] = gradient.numpy().T * np.float32(columns.scale)
        return found
