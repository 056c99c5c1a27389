"""`make_private`: the guarantee is computed, paid for, and wired into the user's own objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from strongroom.errors import InputError
from strongroom.privacy._ledger import MemoryLedger, Spend
from strongroom.privacy._noise import SecretStream
from strongroom.privacy._relation import Unit
from strongroom.privacy._sampling import PoissonSampler
from strongroom.privacy._schedule import Schedule
from strongroom.privacy._statement import PrivacyStatement, guarantee_warnings
from strongroom.privacy.clipping import ClippedGradient
from strongroom.privacy.loop._loader import PrivateLoader, take_apart
from strongroom.privacy.loop._run import PrivateRun

if TYPE_CHECKING:
    import torch
    from torch import nn

    from strongroom.privacy._ledger import Ledger
    from strongroom.privacy.clipping import Clipping

    Module = TypeVar("Module", bound=nn.Module)

_NOT_COVERED = (
    "model, optimizer and their settings: taken as chosen without looking at these examples",
    "whatever the loop prints or keeps of losses and outputs on these examples: exact, not noised",
    "rounding inside single-precision sums, about 1e-6 of the clip norm; timing",
)


def make_private(
    model: Module,
    optimizer: torch.optim.Optimizer,
    data: Any,  # noqa: ANN401 - a loader, a dataset, or tensors
    *,
    epsilon: float | None = None,
    delta: float = 1e-5,
    epochs: float = 1,
    noise_multiplier: float | None = None,
    clipping: Clipping | float = 1.0,
    batch_size: int | None = None,
    micro_batch: int | None = None,
    rows: int | None = None,
    loss_reduction: str = "mean",
    ledger: Ledger | None = None,
    account: str = "",
    budget: float | None = None,
    seed: bytes | None = None,
) -> tuple[Module, torch.optim.Optimizer, PrivateLoader]:
    """Make a training loop private, without changing it (Abadi et al. 2016).

        model, optimizer, loader = make_private(
            model, optimizer, loader, epsilon=3, delta=1e-5, epochs=10
        )

    The loop then iterates over the returned loader for at most `epochs`, and calls `backward` and
    `optimizer.step` once for every batch. Batches are Poisson samples: each example by its own
    secret coin, so their sizes vary. `optimizer.private` tells what was paid and proved.

    Args:
        model: any module whose layers look at one example at a time; changed in place.
        optimizer: any `torch.optim` optimizer over its parameters; changed in place.
        data: a DataLoader, a Dataset with a length, or a tuple of tensors.
        epsilon: the guarantee at `delta` over all epochs; or give `noise_multiplier`.
        delta: of the guarantee.
        epochs: how many the loop will run, in expectation.
        noise_multiplier: deviation of the noise over the clip norm, instead of `epsilon`.
        clipping: a mode, or the norm of flat clipping.
        batch_size: expected size of a batch; the DataLoader's by default.
        micro_batch: examples that the loader yields at a time, for less memory: the optimizer
            waits until a batch is complete, and is called as often as the loader yields.
        rows: the declared, public number of examples, from which rate and normaliser come; the
            true number by default, and the statement says so.
        loss_reduction: "mean" or "sum": how the loop's loss adds up examples. A wrong one makes
            the clipping too strong or too weak to learn well, never less private.
        ledger: where the spend is kept; one that lasts as long as the run by default.
        account: the data source that is spent on.
        budget: the most ε that may ever be spent on the account.
        seed: 32 bytes that make the run repeatable, and not private.

    Returns:
        The same model and optimizer, and the loader.

    Raises:
        InputError: something can't be private, or doesn't fit; says what to change.
        BudgetExceededError: the budget doesn't cover it; nothing was trained.
    """
    if (epsilon is None) == (noise_multiplier is None):
        raise InputError(
            "give the guarantee or the noise, one of them",
            hint="make_private(…, epsilon=3) or make_private(…, noise_multiplier=1.1)",
        )
    if loss_reduction not in {"mean", "sum"}:
        raise InputError(f'loss_reduction is "mean" or "sum", not "{loss_reduction}"')
    if hasattr(optimizer, "private"):
        raise InputError("this optimizer is private already")
    dataset, collate, batch_size = take_apart(data, batch_size)
    sized: Any = dataset  # `take_apart` saw that it has a length
    units = len(sized)
    public = rows or units
    sampler = PoissonSampler(min(1.0, batch_size / public))
    steps = max(1, round(epochs / sampler.rate))
    schedule = (
        Schedule(sampler, noise_multiplier, steps)
        if noise_multiplier is not None
        else Schedule.calibrated(epsilon or 0.0, delta, sampler, steps)
    )
    engine = ClippedGradient(model, clipping)
    _check_parameters(engine, optimizer)
    mechanism = schedule.mechanism
    ledger = ledger or MemoryLedger()
    spend = Spend(
        mechanism.epsilon(delta), delta, relation=mechanism.relation, events=(mechanism.to_json(),)
    )
    reservation = ledger.reserve(account, spend, budget=budget, key="")
    statement = _state(
        schedule, spend, engine, public, declared=rows is not None, seeded=bool(seed)
    )
    run = PrivateRun(
        engine,
        optimizer,
        schedule,
        SecretStream(seed or reservation.seed),
        units=units,
        normaliser=sampler.expected(public),
        mean_loss=loss_reduction == "mean",
        statement=statement,
        settle=lambda: ledger.settle(reservation),
    )
    _wire(optimizer, run)
    return model, optimizer, PrivateLoader(dataset, run, collate, micro_batch)


def _check_parameters(engine: ClippedGradient, optimizer: torch.optim.Optimizer) -> None:
    known = {id(p) for p in engine.parameters.values()}
    held = [p for group in optimizer.param_groups for p in group["params"]]
    if not any(id(p) in known for p in held):
        raise InputError(
            "the optimizer holds none of the model's trainable parameters",
            hint="make it over model.parameters()",
        )
    for name, parameter in engine.parameters.items():
        if not parameter.is_floating_point():
            raise InputError(
                f'parameter "{name}" has type {parameter.dtype}, which has no gradient'
            )


def _wire(optimizer: torch.optim.Optimizer, run: PrivateRun) -> None:
    """Let the optimizer step on private gradients: its class becomes one with another `step`."""
    plain = type(optimizer)
    # A learning-rate schedule that came first has put its own step on the instance.
    scheduled = optimizer.__dict__.pop("step", None)

    def plain_step(self: Any) -> Any:  # noqa: ANN401 - an optimizer's own
        return scheduled() if scheduled else plain.step(self)

    def step(self: Any, closure: Any = None) -> Any:  # noqa: ANN401 - an optimizer's own
        if closure is not None:
            raise InputError(
                "an optimizer that runs the loss again (a closure) can't be private",
                hint="call optimizer.step() without one",
            )
        return self.private.release() if self.private.collect() else None

    step._wrapped_by_lr_sched = True  # type: ignore[attr-defined] # noqa: SLF001 - as schedules look for

    def zero_grad(self: Any, set_to_none: bool = True) -> None:  # noqa: ANN401, FBT001, FBT002
        del self, set_to_none  # every step writes the gradients anew

    made = type(
        f"Private{plain.__name__}",
        (plain,),
        {"step": step, "zero_grad": zero_grad, "plain_step": plain_step},
    )
    optimizer.__class__ = made
    optimizer.private = run  # type: ignore[attr-defined]


def _state(
    schedule: Schedule,
    spend: Spend,
    engine: ClippedGradient,
    public: int,
    *,
    declared: bool,
    seeded: bool,
) -> PrivacyStatement:
    mechanism = schedule.mechanism
    covered = [f"all {schedule.steps} steps from the first batch to the parameters"]
    not_covered = list(_NOT_COVERED)
    rows = f"sampling rate and normaliser come from {public:,} examples"
    if declared:
        covered.append(f"{rows}, declared")
    else:
        not_covered.append(f"{rows}: their true number, treated as public")
    warnings = list(guarantee_warnings(spend.epsilon, spend.delta, public))
    if seeded:
        warnings.append("not private: a seed was given, and who knows it can remove the noise")
    return PrivacyStatement(
        unit=Unit.EXAMPLE,
        relation=mechanism.relation,
        epsilon=spend.epsilon,
        delta=spend.delta,
        accountant=mechanism.accountant,
        sampling=schedule.sampler.words,
        sampling_rate=mechanism.sampling_rate,
        noise_multiplier=mechanism.noise_multiplier,
        clip_norm=engine.sensitivity,
        steps=schedule.steps,
        noise_source="AES-256 in counter mode "
        + ("with a given seed" if seeded else "seeded by the operating system"),
        events=(mechanism.to_json(),),
        covered=tuple(covered),
        not_covered=tuple(not_covered),
        warnings=tuple(warnings),
        private=not seeded,
    )
