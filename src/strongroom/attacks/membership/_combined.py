"""One attack from all clues, weighed as the references teach: the default.

A fixed score and a learnt correction. The fixed score adds two likelihood ratios: RMIA's
(Zarifzadeh et al. 2024), and LiRA's (Carlini et al. 2022) with one variance for both sides and an
effect that is never negative: being learnt from makes a model surer of a row, and few references
say by how much only together with rows of the same difficulty. The correction is learnt by
attacking each reference with the others, since the attacker knows what the references learnt from,
and is then turned on the target. Nothing is ever tuned on the target's own members.

To leave a reference out of the others' statistics would tell whether it had learnt from a row:
that side would be one short. So, per row, a reference of the other side is left out with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks.membership._judging import judge
from strongroom.attacks.membership._look import METRICS, WITH_REFERENCES, look
from strongroom.attacks.membership._sides import FLOOR, IN, OUT, log_probability, probability
from strongroom.attacks.membership._stacking import Stacking, fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Situation

_LEVELS = 20  # bins of rows of one difficulty
_DRAWN = 32.0  # pseudo-observations that draw a row's variance to that of its difficulty
_LEAST_EFFECT = 0.1  # of the usual effect of rows of one difficulty
_FEWEST_TO_LEARN = 4
_PSEUDO_TARGETS = 64
_ROWS_TO_LEARN = 64_000
_LIKE = 0.8  # of the target's rows: with fewer a model is another model
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over the references on each side (out, in) of each row: all float64 [2, n].

    Attributes:
        count: how many.
        signal, square: of the signal less the row's centre, and of its square.
        p: of the probability.
    """

    count: NDArray[np.float64]
    signal: NDArray[np.float64]
    square: NDArray[np.float64]
    p: NDArray[np.float64]

    @classmethod
    def of(
        cls, apart: NDArray[np.float64], p: NDArray[np.float64], membership: NDArray[np.bool_]
    ) -> _Sums:
        inside = membership.astype(np.float64)
        sums = []
        for values in (np.ones_like(apart), apart, apart * apart, p):
            total_in = np.einsum("mn,mn->n", inside, values)
            sums.append(np.stack([values.sum(axis=0) - total_in, total_in]))
        return cls(*sums)

    def take(self, rows: NDArray[np.integer]) -> _Sums:
        return _Sums(*(v[:, rows] for v in (self.count, self.signal, self.square, self.p)))

    def without(
        self,
        side: NDArray[np.int64],
        apart: NDArray[np.float64],
        p: NDArray[np.float64],
        dropped: NDArray[np.bool_],
    ) -> _Sums:
        """Return the sums less one reference a row, on `side` [n], where `dropped`."""
        at = np.arange(len(side))
        weight = dropped.astype(np.float64)
        parts = []
        for values, gone in (
            (self.count, weight),
            (self.signal, weight * apart),
            (self.square, weight * apart * apart),
            (self.p, weight * p),
        ):
            less = values.copy()
            less[side, at] -= gone
            parts.append(less)
        return _Sums(*parts)


@dataclass(frozen=True, eq=False)
class _World:
    """What the references say of each row, sides without any filled in; all [n] or [2, n].

    Attributes:
        mean: of the signal, out and in.
        p: mean probability, out and in.
        side_variance: of the signal, out and in, drawn to that of rows of the same difficulty.
        variance: the same with both sides as one.
        effect: how much surer learning from the row makes a model, above 0.
    """

    mean: NDArray[np.float64]
    p: NDArray[np.float64]
    side_variance: NDArray[np.float64]
    variance: NDArray[np.float64]
    effect: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Curves:
    """What is usual for rows of one difficulty: [levels], `level` ascending."""

    level: NDArray[np.float64]
    effect: NDArray[np.float64]
    variance: NDArray[np.float64]
    side_variance: NDArray[np.float64]  # [2, levels]

    @classmethod
    def of(cls, sums: _Sums, centre: NDArray[np.float64]) -> _Curves:
        held = sums.count > 0
        some = np.maximum(sums.count, 1)
        mean = sums.signal / some
        both = held.all(axis=0).astype(np.float64)
        level = centre + (mean * held).sum(axis=0) / np.maximum(held.sum(axis=0), 1)
        edges = np.quantile(level, np.linspace(0, 1, _LEVELS + 1)[1:-1])
        bins = np.searchsorted(edges, level)

        def per_level(values: Any) -> NDArray[np.float64]:  # noqa: ANN401 - arrays of floats
            return np.bincount(bins, values, _LEVELS).astype(np.float64)

        rows, pairs = per_level(np.ones_like(level)), np.maximum(per_level(both), 1)
        apart = mean[IN] - mean[OUT]
        effect = per_level(both * apart) / pairs
        spread = per_level(both * (apart - effect[bins]) ** 2) / pairs
        inverse = per_level(both * np.sum(1 / some, axis=0)) / pairs
        squares = np.maximum(sums.square - sums.signal * mean, 0)
        degrees = np.stack([per_level(np.maximum(c - 1, 0)) for c in sums.count])
        within = np.stack([per_level(s) for s in squares])
        # With one reference a side nothing varies within a side: then the two sides' difference.
        variance = np.where(
            degrees.sum(axis=0) > _LEVELS,
            within.sum(axis=0) / np.maximum(degrees.sum(axis=0), 1),
            spread / np.maximum(inverse, FLOOR),
        )
        apiece = np.where(degrees > _LEVELS, within / np.maximum(degrees, 1), variance)
        here = rows > 0
        return cls(
            (per_level(level) / np.maximum(rows, 1))[here],
            np.maximum(effect, 0)[here],
            np.maximum(variance, FLOOR)[here],
            np.maximum(apiece, FLOOR)[:, here],
        )


def _world(sums: _Sums, centre: NDArray[np.float64], curves: _Curves) -> _World:
    held, some = sums.count > 0, np.maximum(sums.count, 1)
    mean, p = sums.signal / some + centre, sums.p / some
    level = (mean * held).sum(axis=0) / np.maximum(held.sum(axis=0), 1)
    usual = np.interp(level, curves.level, curves.effect)
    variance = np.interp(level, curves.level, curves.variance)
    apiece = np.stack([np.interp(level, curves.level, v) for v in curves.side_variance])
    for side, other, sign in ((OUT, IN, -1.0), (IN, OUT, 1.0)):
        missing = ~held[side]
        if missing.any():
            guess = mean[other] + sign * usual
            moved = p[other] + probability(guess) - probability(mean[other])
            mean[side] = np.where(missing, guess, mean[side])
            p[side] = np.where(missing, moved, p[side])
    squares = np.maximum(sums.square - sums.signal**2 / some, 0)
    degrees = np.maximum(sums.count - 1, 0)
    both = (squares.sum(axis=0) + _DRAWN * variance) / (degrees.sum(axis=0) + _DRAWN)
    # Effects scatter about the usual one by about as much as it is; what the references of this
    # very row say counts by its precision.
    doubt = both * (1 / some).sum(axis=0)
    share = usual**2 / (usual**2 + doubt + FLOOR)
    effect = usual + share * (mean[IN] - mean[OUT] - usual)
    return _World(
        mean=mean,
        p=np.clip(p, _TINY, 1.0),
        side_variance=(squares + _DRAWN / 2 * apiece) / (degrees + _DRAWN / 2),
        variance=both,
        effect=np.maximum(effect, _LEAST_EFFECT * usual + FLOOR),
    )


def _clues(target: NDArray[np.float64], world: _World) -> NDArray[np.float64]:
    """Return [n, 9]; the first two make the fixed score. asinh keeps order and tames tails."""
    middle = world.mean.mean(axis=0)
    log_p = log_probability(target)
    deviation = np.sqrt(world.variance)
    apart = target - world.mean
    own = np.log(world.side_variance) + apart**2 / world.side_variance
    return np.stack(
        [
            np.arcsinh(3 * (log_p - np.log(world.p.mean(axis=0)))),
            np.arcsinh(world.effect * (target - middle) / world.variance),
            np.arcsinh(3 * (log_p - np.log(world.p[OUT]))),
            np.arcsinh((target - middle) / deviation),
            np.arcsinh((own[OUT] - own[IN]) / 2),
            np.arcsinh(target),
            np.arcsinh(middle),
            np.log(world.variance),
            np.arcsinh((world.mean[IN] - world.mean[OUT]) / deviation),
        ],
        axis=1,
    )


def combined_scores(
    target: NDArray[np.floating],
    references: NDArray[np.floating],
    membership: NDArray[np.bool_],
    *,
    align: bool = False,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return a score of each row, high for members.

    Args:
        target: [n], log(p / (1 - p)) under the target.
        references: [M, n], the same under the references, M at least 2.
        membership: bool [M, n], which reference learnt from which row.
        align: see `aligned`; for references that aren't made like the target.
        seed: of the rows that the weighing is learnt from.
    """
    return combine(target, references, membership, align=align, seed=seed)[0]


def combine(
    target: NDArray[np.floating],
    references: NDArray[np.floating],
    membership: NDArray[np.bool_],
    *,
    align: bool = False,
    seed: int = 0,
) -> tuple[NDArray[np.float64], Stacking | None]:
    """Return `combined_scores` and what was learnt, None with fewer than 4 references."""
    signals = np.asarray(references, np.float64)
    if align:
        target = aligned(target, signals)
    centre = signals.mean(axis=0)
    apart, p = signals - centre, probability(signals)
    sums = _Sums.of(apart, p, membership)
    curves = _Curves.of(sums, centre)
    clues = _clues(np.asarray(target, np.float64), _world(sums, centre, curves))
    ruler = _Ruler.of(clues)
    base = ruler(clues)
    if len(signals) < _FEWEST_TO_LEARN:
        return base, None
    taught, member = _lessons(signals, apart, p, membership, sums, centre, curves, seed)
    learnt = fit(ruler(taught), taught, member)
    return learnt(base, clues), learnt


def aligned(target: NDArray[np.floating], references: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the target's signals [n] on the references' scale, their order kept.

    A stand-in is surer of everything than the target, or less sure: the k-th smallest signal
    becomes what the references' k-th smallest is on average. Equal signals stay equal: they must
    not be told apart by where they stand, as members stand first.
    """
    usual = np.sort(references, axis=1).mean(axis=0, dtype=np.float64)
    rising = np.sort(target)
    first = np.searchsorted(rising, target, side="left")
    last = np.searchsorted(rising, target, side="right") - 1
    found: NDArray[np.float64] = np.interp((first + last) / 2, np.arange(len(usual)), usual)
    return found


@dataclass(frozen=True)
class _Ruler:
    """Makes the fixed score: two clues, each in units of how it scatters over the rows."""

    first: float
    second: float

    @classmethod
    def of(cls, clues: NDArray[np.float64]) -> _Ruler:
        return cls(float(clues[:, 0].std()) + FLOOR, float(clues[:, 1].std()) + FLOOR)

    def __call__(self, clues: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = clues[:, 0] / self.first + clues[:, 1] / self.second
        return found


def _lessons(
    signals: NDArray[np.float64],
    apart: NDArray[np.float64],
    p: NDArray[np.float64],
    membership: NDArray[np.bool_],
    sums: _Sums,
    centre: NDArray[np.float64],
    curves: _Curves,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return clues and membership of rows of references that were attacked with the others."""
    coins = np.random.default_rng(seed)
    models, rows = signals.shape
    pupils = coins.permutation(models)[:_PSEUDO_TARGETS]
    each = min(rows, _ROWS_TO_LEARN // len(pupils))
    clues, member = [], []
    for i in pupils:
        chosen = coins.choice(rows, each, replace=False)
        side = membership[i, chosen].astype(np.int64)
        partner = _partner(membership, i, chosen, coins)
        left = sums.take(chosen).without(side, apart[i, chosen], p[i, chosen], np.ones(each, bool))
        spare = left.count[1 - side, np.arange(each)] > 1
        left = left.without(1 - side, apart[partner, chosen], p[partner, chosen], spare)
        clues.append(_clues(signals[i, chosen], _world(left, centre[chosen], curves)))
        member.append(side == IN)
    return np.concatenate(clues), np.concatenate(member)


def _partner(
    membership: NDArray[np.bool_],
    model: int,
    rows: NDArray[np.integer],
    coins: np.random.Generator,
) -> NDArray[np.int64]:
    """Return, per row, a random reference on the other side of it than `model`; itself if none."""
    found = np.full(len(rows), model, np.int64)
    open_, models = np.arange(len(rows)), len(membership)
    for _ in range(64):  # half of all references are right: 64 misses in a row don't happen
        guess = coins.integers(0, models, len(open_))
        right = membership[guess, rows[open_]] != membership[model, rows[open_]]
        found[open_[right]] = guess[right]
        open_ = open_[~right]
        if not len(open_):
            break
    return found


def _differ(details: Mapping[str, Any]) -> bool:
    """Return whether the references aren't like the target: by a stand-in, or of fewer rows."""
    learnt, target = (details.get(k, 0) for k in ("rows_per_shadow", "rows_of_the_target"))
    return details.get("references") == "surrogate" or learnt < _LIKE * target


class Combined:
    """`combined_scores` behind the attack seam."""

    name = "membership.combined"
    metrics = METRICS

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Attack the rows of the situation with its shadows."""
        looked = look(situation)
        if isinstance(looked, NotEvaluable):
            return looked
        align = _differ(looked.details)
        scores, learnt = combine(
            looked.target, looked.references, looked.membership, align=align, seed=situation.seed
        )
        details: dict[str, Any] = {
            "rule": "fixed: too few shadow models to learn from"
            if learnt is None
            else "learnt by attacking each shadow model with the others",
            "aligned": align,
        }
        if learnt is not None:
            details |= {"trust_in_the_fixed_score": learnt.trust, "ridge": learnt.ridge}
        return judge(looked, scores, WITH_REFERENCES, details)
