"""One private training in a user's own loop: what was drawn, what came back, what was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strongroom.errors import InputError
from strongroom.privacy._ledger import SEED_BYTES
from strongroom.privacy.clipping import verify_gradients
from strongroom.privacy.loop._adam import AdamCorrected
from strongroom.privacy.loop._probe import probed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from strongroom.privacy._noise import SecretStream
    from strongroom.privacy._schedule import Schedule
    from strongroom.privacy._statement import PrivacyStatement
    from strongroom.privacy.clipping import ClippedGradient

_VERIFIED = 3


class PrivateRun:
    """What stands between a user's loop and the private gradients; `optimizer.private` is one.

    Attributes:
        statement: what the whole training proves, once all its steps are done and from the start.
        steps: how many are paid for.
        done: how many were taken.
        steps_per_epoch: what the loader yields at a time.
    """

    def __init__(
        self,
        engine: ClippedGradient,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        stream: SecretStream,
        *,
        units: int,
        normaliser: float,
        mean_loss: bool,
        statement: PrivacyStatement,
        settle: Callable[[], None],
    ) -> None:
        self.statement = statement
        self.steps, self.done = schedule.steps, 0
        self.steps_per_epoch = max(1, round(units / normaliser))
        self._engine, self._optimizer, self._schedule = engine, optimizer, schedule
        self._stream, self._units, self._normaliser = stream, units, normaliser
        self._mean_loss, self._settle = mean_loss, settle
        self._sum = engine.accumulator()
        self._noise = schedule.noise(stream, self._sum.flat.numel(), engine.sensitivity)
        self._gradient = engine.accumulator()
        self._expected, self._last = 0, True
        self._verified = self._probed = False
        self._inside = False
        engine.tape.by_hook = True
        engine.tape.attach()
        engine.module.register_forward_pre_hook(self._begin, with_kwargs=True)
        engine.module.register_forward_hook(self._end)

    def draw(self) -> NDArray[np.int64]:
        """Return the examples of the next batch.

        Raises:
            InputError: all steps that were paid for are done.
        """
        if self.done >= self.steps:
            raise InputError(
                f"all {self.steps:,} steps that were paid for are done",
                hint="make_private(…, epochs=…) with as many epochs as the loop runs",
            )
        # A batch that the loop left half-way is drawn again: what came of it must not count twice.
        self._sum.flat.zero_()
        self._engine.tape.uses = []
        self._expected = 0
        return self._schedule.sampler.batch(self._stream, self.done + 1, self._units)

    def expect(self, rows: int, *, last: bool) -> None:
        """Note what the loop was given: a (micro-)batch of so many rows."""
        self._expected, self._last = rows, last

    def check_used(self) -> None:
        """See that the loop took a step on what it was given.

        Raises:
            InputError: it didn't.
        """
        if self._expected:
            raise InputError(
                "the loop took no optimizer step on a batch",
                hint="call loss.backward() and optimizer.step() once for every batch; for larger "
                "batches in less memory use make_private(…, micro_batch=…)",
            )

    def step_on_nothing(self) -> None:
        """Take the step of an empty batch: noise alone."""
        self._last = True
        self.release()

    def collect(self) -> bool:
        """Clip what a backward has brought; tell whether the batch is complete.

        Raises:
            InputError: nothing came back, or it isn't finite; nothing was released.
        """
        if not self._expected:
            raise InputError(
                "optimizer.step() without a batch of the private loader",
                hint="iterate over the loader that make_private returned, one step a batch",
            )
        if not self._engine.tape.uses:
            raise InputError(
                f"no gradient came back at step {self.done + 1}",
                hint="run the model in training mode on the loader's batch, then loss.backward()",
            )
        rows = self._engine.tape.rows
        if rows != self._expected:
            raise InputError(
                f"the model ran on {rows:,} rows, the loader gave {self._expected:,}: an example "
                "that stands in a batch twice would count twice",
                hint="give the model one row for every example of the batch, and no other",
            )
        scale = float(rows) if self._mean_loss else 1.0
        with torch.no_grad():
            norms = self._engine.collect(self._sum, rows, scale)
        self._expected = 0
        if not torch.isfinite(norms).all():
            raise InputError(
                f"the gradients at step {self.done + 1} are not finite; nothing was released",
                hint="lower the learning rate, or look for inputs that are not finite",
            )
        return self._last

    def release(self) -> Any:  # noqa: ANN401 - an optimizer's own
        """Make the sum noisy, hand it to the optimizer, and let it step."""
        self.done += 1
        noisy = self._noise.noisy_sum(self._sum.flat.numpy(force=True), self.done)
        self._gradient.flat.copy_(torch.from_numpy(noisy))
        self._gradient.flat.div_(self._normaliser)
        self._sum.flat.zero_()
        for name, parameter in self._engine.parameters.items():
            parameter.grad = self._gradient.views[name]
        if isinstance(self._optimizer, AdamCorrected):
            self._optimizer.noise_deviation = (
                self._schedule.draw_deviation * self._engine.sensitivity / self._normaliser
            )
        optimizer: Any = self._optimizer  # whose class `make_private` has changed
        found = optimizer.plain_step()
        if self.done == self.steps:
            self._settle()
        return found

    def state_dict(self) -> dict[str, Any]:
        """Return what continues this run elsewhere. As secret as the data: it holds the coins."""
        return {"done": self.done, "seed": self._stream.seed, **self._noise.state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue a run that `state_dict` described.

        Raises:
            InputError: it has another number of steps behind it than this run can take.
        """
        if not 0 <= state["done"] <= self.steps or len(state["seed"]) != SEED_BYTES:
            raise InputError("the state is that of another private training")
        self.done = int(state["done"])
        self._stream.reseed(state["seed"])
        self._noise.restore(state)

    def _begin(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._inside or not (module.training and torch.is_grad_enabled()):
            return
        tape = self._engine.tape
        if tape.uses:
            raise InputError(
                "the model ran twice before the optimizer's step",
                hint="put forwards that aren't learnt from under torch.no_grad() or model.eval()",
            )
        rows = _rows(args, kwargs)
        if not self._verified and rows >= 1:
            self._verify(args, kwargs, rows)
        tape.begin(rows)

    def _end(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401
        del module, args
        if self._inside or not self._engine.tape.recording:
            return None
        self._engine.tape.recording = False
        if not self._probed and isinstance(output, Tensor) and len(output) > 1:
            return probed(output, self._was_probed)
        return None

    def _was_probed(self) -> None:
        self._probed = True

    def _verify(self, args: tuple[Any, ...], kwargs: dict[str, Any], rows: int) -> None:
        module, few = self._engine.module, min(_VERIFIED, rows)
        towards: list[Tensor] = []

        def losses(part: slice) -> Tensor:
            def cut(value: Any) -> Any:  # noqa: ANN401 - the model's own arguments
                whole = isinstance(value, Tensor) and value.shape[:1] == (rows,)
                return value[part] if whole else value

            output = module(*map(cut, args), **{k: cut(v) for k, v in kwargs.items()})
            values = _outputs(output)
            if not towards:
                towards.append(torch.randn_like(values[:1]))
            return (values * towards[0]).flatten(1).sum(1)

        self._inside, self._engine.tape.by_hook = True, False
        try:
            verify_gradients(self._engine, losses, few)
        finally:
            self._inside, self._engine.tape.by_hook = False, True
        self._verified = True


def _rows(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor) and value.dim():
            return len(value)
    raise InputError(
        "the model was called without a tensor, so it is unknown how many examples it saw",
        hint="give it the batch as a tensor whose first axis counts the examples",
    )


def _outputs(output: Any) -> Tensor:  # noqa: ANN401 - whatever a model returns
    """Return the tensor of a model's output that has a row for every example."""
    if isinstance(output, Tensor):
        return output
    values = output.values() if hasattr(output, "values") else output
    for value in values:
        if isinstance(value, Tensor) and value.dim() > 1:
            return value
    raise InputError(
        "the model returns no tensor with a row for every example",
        hint="return the outputs, and compute the loss from them",
    )
