"""What the very updates that a site sent give away of its rows (gradient inversion).

The attacker is the coordinator: it has the model, the parameters that it sent and what came back.
Whether a guess is right only the site can tell, so each site runs this on its own updates and
hands out shares, never rows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from strongroom.attacks._intervals import share_interval
from strongroom.attacks.reconstruction import (
    Columns,
    Pictures,
    drawn_to_mean,
    first_linear,
    invert_gradients,
    way_of,
)
from strongroom.errors import InputError
from strongroom.federate._message import Kind
from strongroom.federate.secure import Quantiser

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from strongroom.attacks.reconstruction import Criterion, Protection
    from strongroom.federate._model import Blueprint
    from strongroom.federate._recipe import Recipe
    from strongroom.federate.evidence._traffic import Exchange

Seen = Literal["update", "masked", "sum"]
_NEAREST = 16  # rows that each guess is compared with
_PICTURE = 4  # axes of a batch of images


@dataclass(frozen=True, eq=False)
class SentUpdate:
    """What somebody could see of a site's update, or of a sum with it.

    Attributes:
        site: whose; empty for a sum.
        round: which.
        parameters: that it was made from, float32 [d].
        update: float64 [d]: local minus sent parameters, or what stands for it.
        seen: the update itself, the masked vector of secure aggregation, or a sum's mean.
        sites: how many sites' updates are in it.
    """

    site: str
    round: int
    parameters: NDArray[np.float32]
    update: NDArray[np.float64]
    seen: Seen = "update"
    sites: int = 1


@dataclass(frozen=True)
class Inversion:
    """How many updates gave a row away.

    Attributes:
        updates: how many were attacked.
        recovered: how many gave a row of the site away.
        low, high: 95 % interval of the share (Clopper-Pearson).
        by_chance: of as many guesses, how many fit a row among as many that the site doesn't have.
        guesses: rows guessed for an update, at most.
        way: how updates were read.
        seen: what the attacker saw.
        words: when a row counts as recovered.
        quality: how good the best guess for an update is, the mean, by the criterion's measure.
    """

    updates: int
    recovered: int
    low: float
    high: float
    by_chance: int
    guesses: int
    way: str
    seen: Seen
    words: str
    quality: float

    @property
    def share(self) -> float:
        """Of the updates that gave a row away."""
        return self.recovered / self.updates

    @property
    def chance(self) -> float:
        """The same of rows that were not there."""
        return self.by_chance / self.updates

    @property
    def above_chance(self) -> bool:
        """Whether the share is beyond what rows that weren't there give, by its interval."""
        return self.low > self.chance

    @classmethod
    def together(cls, several: Sequence[Inversion]) -> Inversion:
        """Return what several sites' own say together.

        Raises:
            InputError: there are none, or they are of different kinds.
        """
        kinds = {(i.way, i.seen, i.words) for i in several}
        if len(kinds) != 1:
            raise InputError("only attacks of one kind, and at least one, can be put together")
        ((way, seen, words),) = kinds
        guesses = max(i.guesses for i in several)
        updates = sum(i.updates for i in several)
        recovered = sum(i.recovered for i in several)
        quality = sum(i.quality * i.updates for i in several) / updates
        return cls(
            updates, recovered, *share_interval(recovered, updates),
            sum(i.by_chance for i in several), guesses, way, seen, words, quality,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "share": self.share, "chance": self.chance}


def sent_updates(exchanges: Iterable[Exchange], recipe: Recipe) -> list[SentUpdate]:
    """Return what the coordinator saw of each site's update in each round.

    With secure aggregation that is the masked vector, read as if it weren't masked.

    Args:
        exchanges: TRAIN, and with secure aggregation SUBMIT, as they crossed.
        recipe: of the job.
    """
    parameters: dict[tuple[str, int], NDArray[np.float32]] = {}
    found = []
    for one in exchanges:
        if one.answer is None or one.answer.kind is Kind.REFUSED:
            continue
        place = (one.site, one.request.round)
        if one.request.kind is Kind.TRAIN:
            parameters[place] = np.asarray(one.request.arrays["parameters"], np.float32)
            if "update" in one.answer.arrays:
                update = one.answer.arrays["update"].astype(np.float64)
                found.append(SentUpdate(*place, parameters[place], update))
        elif "masked" in one.answer.arrays and recipe.secure is not None and place in parameters:
            masked = one.answer.arrays["masked"]
            signed = masked.view(np.dtype(f"i{masked.dtype.itemsize}")).astype(np.float64)
            step = Quantiser(recipe.secure, len(recipe.sites)).step
            found.append(SentUpdate(*place, parameters[place], signed[:-1] * step, "masked"))
    return found


def summed_updates(exchanges: Iterable[Exchange]) -> list[SentUpdate]:
    """Return the mean updates of rounds: what anybody sees who gets two models in a row.

    Holds for FedAvg with a server learning rate of 1, where the next model is the last plus that.
    """
    rounds: dict[int, NDArray[np.float32]] = {}
    sites: dict[int, set[str]] = {}
    for one in exchanges:
        if one.request.kind is Kind.TRAIN and one.answer is not None:
            rounds[one.request.round] = np.asarray(one.request.arrays["parameters"], np.float32)
            sites.setdefault(one.request.round, set()).add(one.site)
    return [
        SentUpdate(
            "", number, rounds[number], rounds[number + 1].astype(np.float64) - rounds[number],
            "sum", len(sites[number]),
        )
        for number in sorted(rounds)
        if number + 1 in rounds
    ]  # fmt: skip


def attack_updates(
    blueprint: Blueprint,
    updates: Sequence[SentUpdate],
    rows: NDArray[np.float32],
    unrelated: NDArray[np.float32],
    *,
    batch: int = 1,
    known: NDArray[np.float32] | None = None,
    protection: Protection | None = None,
    seed: int = 0,
) -> Inversion:
    """Read updates as a curious coordinator would, and count whose rows come out.

    A guess is right where it fits any row of the site: the attacker doesn't know which were drawn.
    The same guesses are held against as many rows that the site doesn't have: what fits there is
    chance. Where updates were clipped and noised, guesses are drawn to the population's mean, as
    the noise deserves (a linear estimate of least squared error).

    Args:
        blueprint: the job's model; its parameters are changed.
        updates: of one site, or sums.
        rows: float32 [n, ...], all that the updates may be made of, as the model takes them.
        unrelated: [m, ...] of the same population, m ≥ n where there are so many.
        batch: rows in one update.
        known: [k, ...] that the attacker knows of the population, for its mean; half of `unrelated`
            by default, which is then not counted against.
        protection: clip norm and noise, in units of the mean gradient's sum; None: none.
        seed: of draws in batches.

    Raises:
        InputError: no update, tokens, or a network whose updates can't be read.
    """
    network = blueprint.model.network
    if not len(updates) or not np.issubdtype(rows.dtype, np.floating):
        raise InputError("there is no update of a model of numbers or images to be read")
    if known is None:
        half = len(unrelated) // 2
        known, unrelated = unrelated[:half], unrelated[half:]
    strangers = unrelated[: len(rows)]
    shape = rows.shape[1:]
    criterion: Criterion = (
        Pictures(float(known.max() - known.min()))
        if rows.ndim == _PICTURE
        else Columns.of(getattr(blueprint.model, "encoder", None), known)
    )
    way = way_of(network, _named(blueprint, updates[0].update), shape, rows.dtype, batch)
    found, by_chance, best, most = 0, 0, [], 0
    for update in updates:
        blueprint.load(update.parameters)
        guesses = _guess(blueprint, update, shape, batch, known, protection, seed)
        most = max(most, len(guesses))
        right, quality = _fits(guesses, rows, criterion)
        found += right
        by_chance += _fits(guesses, strangers, criterion)[0]
        best.append(quality)
    return Inversion(
        len(updates), found, *share_interval(found, len(updates)), by_chance, most, way,
        updates[0].seen, criterion.words, float(np.mean(best)),
    )  # fmt: skip


def _named(blueprint: Blueprint, vector: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return an update by parameter, with the sign of a gradient."""
    found, at = {}, 0
    for name, parameter in blueprint.model.network.named_parameters():
        size = parameter.numel()
        found[name] = -vector[at : at + size].reshape(tuple(parameter.shape))
        at += size
    return found


def _guess(
    blueprint: Blueprint,
    update: SentUpdate,
    shape: tuple[int, ...],
    batch: int,
    known: NDArray[np.float32],
    protection: Protection | None,
    seed: int,
) -> NDArray[np.float32]:
    network, gradients = blueprint.model.network, _named(blueprint, update.update)
    if not any(np.any(g) for g in gradients.values()):
        return np.zeros((0, *shape), np.float32)
    bounds = float(known.min()), float(known.max())
    found = invert_gradients(
        network, gradients, shape, batch=batch, bounds=bounds, start=known.mean(axis=0), seed=seed
    )
    layer = first_linear(network, shape)
    if protection is None or found.way != "linear" or layer is None or batch != 1:
        return np.clip(found.inputs, *bounds)
    # The unit that noise is counted in: gradients as they were, whatever they were scaled with.
    flat = known.reshape(len(known), -1).astype(np.float64)
    size = np.sqrt(sum(float(np.square(g).sum()) for g in gradients.values()))
    expected = np.hypot(protection.clip_norm, protection.deviation * np.sqrt(update.update.size))
    deviation = protection.deviation * size / expected
    drawn = drawn_to_mean(
        found.inputs.reshape(len(found.inputs), -1).astype(np.float64),
        flat.mean(axis=0),
        flat.var(axis=0),
        gradients[layer.bias].astype(np.float32),
        float(deviation),
        layer.scale,
    )
    return np.clip(drawn, *bounds).astype(np.float32).reshape(-1, *shape)


def _fits(
    guesses: NDArray[np.float32], rows: NDArray[np.float32], criterion: Criterion
) -> tuple[bool, float]:
    """Return whether any guess is one of the rows, and how good the best is."""
    best, right = 0.0, False
    flat = rows.reshape(len(rows), -1)
    for guess in guesses:
        away = np.square(flat - guess.ravel()).sum(axis=1)
        near = rows[np.argsort(away)[:_NEAREST]]
        quality = criterion.quality(np.broadcast_to(guess, near.shape), near)
        right |= bool(criterion.enough(quality).any())
        best = max(best, float(quality.max()))
    return right, best
