"""Scores of membership against independent implementations, and what chance makes of them.

If these fail, audits report numbers that aren't the published attacks', accuse where nothing
leaks, or die of a degenerate model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import integrate, special, stats

from strongroom.attacks import NotEvaluable, RocResult, auc, judge_scores
from strongroom.attacks.membership import (
    bavaria_scores,
    calibrated_scores,
    choose_a,
    combined_scores,
    lira_offline_scores,
    lira_scores,
    range_scores,
    rmia_scores,
)
from strongroom.attacks.membership._bavaria import predictive
from strongroom.attacks.membership._combined import aligned, combine
from strongroom.attacks.membership._range import trimmed_mean
from strongroom.attacks.membership._sides import Sides, log_probability, logit_of_log
from strongroom.attacks.membership._stacking import fit, products
from strongroom.attacks.references import random_memberships

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Score = Callable[[NDArray[Any], NDArray[Any], NDArray[np.bool_]], NDArray[np.float64]]

SCORES: dict[str, Score] = {
    "lira": lira_scores,
    "lira row": lambda t, r, m: lira_scores(t, r, m, "row"),
    "lira fixed": lambda t, r, m: lira_scores(t, r, m, "global"),
    "lira offline": lira_offline_scores,
    "rmia": rmia_scores,
    "rmia offline": lambda t, r, m: rmia_scores(t, r, m, a=0.3),
    "calibrated": calibrated_scores,
    "bavaria": bavaria_scores,
    "combined": combined_scores,
}


def world(
    models: int, rows: int, seed: int, *, effect: float = 1.0, leak: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (target, references, membership, member): rows of many difficulties.

    `effect` is what learning from a row adds in the references, `leak` how much of it in the
    target.
    """
    coins = np.random.default_rng(seed)
    hard, spread = coins.normal(1, 2, rows), coins.uniform(0.5, 2, rows)
    gain = effect * coins.exponential(1, rows)
    membership = random_memberships(models, rows, seed)
    member = coins.permutation(rows) < rows // 2
    references = hard + gain * membership + spread * coins.normal(size=(models, rows))
    target = hard + leak * gain * member + spread * coins.normal(size=rows)
    return target, references, membership, member


@pytest.mark.parametrize("variance", ["row", "global"])
def test_lira_is_a_loop_over_scipys_normal_distribution(variance: str) -> None:
    target, references, membership, _ = world(12, 40, 0)
    found = lira_scores(target, references, membership, variance)  # type: ignore[arg-type]
    offline = lira_offline_scores(target, references, membership, variance)  # type: ignore[arg-type]
    pooled = [
        np.mean([references[s[:, i], i].var(ddof=1) for i in range(40)]) ** 0.5
        for s in (membership, ~membership)
    ]
    for i in range(40):
        sides = references[membership[:, i], i], references[~membership[:, i], i]
        deviations = pooled if variance == "global" else [s.std(ddof=1) for s in sides]
        bells = [stats.norm(s.mean(), d) for s, d in zip(sides, deviations, strict=True)]
        assert found[i] == pytest.approx(bells[0].logpdf(target[i]) - bells[1].logpdf(target[i]))
        # The paper's offline score is one minus the tail; ours is its quantile, which orders alike.
        assert special.ndtr(offline[i]) == pytest.approx(bells[1].cdf(target[i]))


@pytest.mark.parametrize("a", [None, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_rmia_by_sorting_is_rmia_by_comparing_all_pairs(a: float | None, gamma: float) -> None:
    target, references, membership, _ = world(8, 60, 1)
    population = np.arange(60) % 3 == 0
    found = rmia_scores(target, references, membership, a=a, gamma=gamma, population=population)
    ratios = []
    for i in range(60):
        p = 1 / (1 + np.exp(-references[:, i]))
        outside = p[~membership[:, i]].mean()
        inside = p[membership[:, i]].mean()
        everywhere = (inside + outside) / 2 if a is None else ((1 + a) * outside + 1 - a) / 2
        ratios.append(1 / (1 + np.exp(-target[i])) / everywhere)
    others = [r for r, z in zip(ratios, population, strict=True) if z]
    for i in range(60):
        assert found[i] == pytest.approx(np.mean([ratios[i] / z >= gamma - 1e-12 for z in others]))


def test_the_population_does_not_change_rmias_order() -> None:
    target, references, membership, member = world(8, 500, 2)
    everyone = rmia_scores(target, references, membership)
    some = rmia_scores(target, references, membership, population=~member)
    assert (np.diff(some[np.argsort(everyone)]) >= 0).all()


def test_rmias_a_is_chosen_by_the_references_alone() -> None:
    """In a world that memorises, p(in) is 1 whatever p(out) is: a is 0."""
    coins = np.random.default_rng(0)
    membership = random_memberships(8, 2_000, 0)
    hard = coins.normal(0, 1, 2_000)
    noise = coins.normal(size=(8, 2_000))
    assert choose_a(np.where(membership, 8.0, hard) + 0.3 * noise, membership) <= 0.2
    # Nothing to choose by: with one reference a side none can be attacked with the others.
    assert choose_a(noise[:2], random_memberships(2, 2_000, 0)) == 1.0


def test_calibrated_loss_is_the_papers() -> None:
    target, references, membership, _ = world(6, 50, 3)
    membership[:, 0] = True  # a row that all references know is held against all of them
    found = calibrated_scores(target, references, membership)
    for i in range(50):
        outside = references[~membership[:, i], i] if i else references[:, i]
        losses = np.log1p(np.exp(-outside))
        assert found[i] == pytest.approx(losses.mean() - np.log1p(np.exp(-target[i])))


def test_bavaria_is_the_predictive_of_the_conjugate_posterior() -> None:
    """Held against scipy's Student t, and against the integral over mean and variance."""
    target, references, membership, _ = world(6, 30, 4)
    found = bavaria_scores(target, references, membership, prior=8.0)
    total = np.zeros(30)
    for side, sign in ((membership, 1), (~membership, -1)):
        pooled = np.mean([references[side[:, i], i].var(ddof=1) for i in range(30)])
        for i in range(30):
            seen = references[side[:, i], i]
            shape, rate = 4 + len(seen) / 2, 4 * pooled + ((seen - seen.mean()) ** 2).sum() / 2
            scale = np.sqrt(rate * (len(seen) + 1) / (shape * len(seen)))
            total[i] += sign * stats.t.logpdf(target[i], 2 * shape, seen.mean(), scale)
    np.testing.assert_allclose(found, total)

    seen, centre, kappa, alpha, beta = np.asarray([0.3, 1.1, 2.0]), 0.5, 0.7, 3.0, 2.0

    means, variances = np.linspace(-8, 10, 1_500), np.geomspace(1e-2, 300, 1_500)
    mean, variance = means[:, None], variances[None]
    joint = stats.invgamma.pdf(variance, alpha, scale=beta)
    joint = joint * stats.norm.pdf(mean, centre, (variance / kappa) ** 0.5)
    for value in seen:
        joint = joint * stats.norm.pdf(value, mean, variance**0.5)

    def integral(of: NDArray[np.float64]) -> float:
        return float(integrate.trapezoid(integrate.trapezoid(of, variances, axis=1), means))

    wanted = integral(joint * stats.norm.pdf(1.7, mean, variance**0.5)) / integral(joint)
    one = predictive(
        np.asarray([1.7]), np.asarray([3.0]), np.asarray([seen.mean()]),
        np.asarray([((seen - seen.mean()) ** 2).sum()]),
        centre=centre, kappa=kappa, alpha=alpha, beta=beta,
    )  # fmt: skip
    assert np.exp(one[0]) == pytest.approx(wanted, rel=1e-3)


def test_sides_are_sums_over_either_side() -> None:
    _, references, membership, _ = world(7, 20, 5)
    membership[:, 3] = True
    sides = Sides.of(references + 1e6, membership)  # far from zero digits would be lost
    for i in range(20):
        for side, chosen in ((0, ~membership[:, i]), (1, membership[:, i])):
            seen = references[chosen, i] + 1e6
            assert sides.count[side, i] == len(seen)
            if len(seen):
                assert sides.mean[side, i] == pytest.approx(seen.mean())
                assert sides.squares[side, i] == pytest.approx(
                    ((seen - seen.mean()) ** 2).sum(), rel=1e-5
                )
    assert np.isnan(sides.mean[0, 3])


def test_signals_and_probabilities_are_the_same_thing() -> None:
    p = np.asarray([1e-9, 0.1, 0.5, 0.999])
    np.testing.assert_allclose(np.exp(log_probability(np.log(p / (1 - p)))), p)
    np.testing.assert_allclose(logit_of_log(np.log(p)), np.log(p / (1 - p)), rtol=1e-9)
    assert np.isfinite(logit_of_log(np.asarray([0.0, -1e5]))).all()


def test_a_range_scores_by_the_highest_half_of_its_candidates() -> None:
    scores = np.asarray([[1.0, 4.0, 2.0, np.nan], [np.nan] * 4])
    found = trimmed_mean(scores)
    assert found[0] == 3.0
    assert np.isnan(found[1])
    target, references, membership, _ = world(6, 40, 6)
    three = np.repeat(target[:, None], 3, axis=1)
    ranges = range_scores(three, np.repeat(references[:, :, None], 3, axis=2), membership, a=1.0)
    single = rmia_scores(target, references, membership, a=1.0)
    assert (ranges.argsort() == single.argsort()).all()


@pytest.mark.parametrize("name", SCORES)
def test_every_score_finds_members_where_there_is_a_leak(name: str) -> None:
    target, references, membership, member = world(32, 2_000, 7)
    scores = SCORES[name](target, references, membership)
    assert auc(scores[member], scores[~member])[1] > 0.6


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("leak_in_references", [0.0, 1.0])
def test_type_one_error_over_100_repeats(name: str, leak_in_references: float) -> None:
    """A target that learnt from none of the rows: 95 % intervals exclude chance 5 times in 100.

    More than 12 of 100 happen to a right interval once in 700 (binomial).
    """
    excluded = 0
    for seed in range(100):
        target, references, membership, member = world(
            8, 300, seed, effect=leak_in_references, leak=0.0
        )
        scores = SCORES[name](target, references, membership)
        _, low, high = auc(scores[member], scores[~member])
        excluded += not low <= 0.5 <= high
    assert excluded <= 12


@pytest.mark.parametrize("models", [2, 4, 8, 64])
def test_the_combined_score_is_as_good_as_the_best(models: int) -> None:
    """On eight targets: no other score's mean AUC lies above by two paired standard errors."""
    gaps: dict[str, list[float]] = {name: [] for name in SCORES}
    for seed in range(8):
        target, references, membership, member = world(models, 3_000, 100 + seed)
        areas = {}
        for name, score in SCORES.items():
            scores = score(target, references, membership)
            areas[name] = auc(scores[member], scores[~member])[0]
        for name, area in areas.items():
            gaps[name].append(areas["combined"] - area)
    for name, each in gaps.items():
        error = np.std(each, ddof=1) / len(each) ** 0.5
        assert np.mean(each) >= -2 * error - 0.003, (name, np.mean(each), error)


def test_the_weighing_is_never_shown_the_targets_members() -> None:
    """What is learnt depends on the references alone: another target, the same weights."""
    target, references, membership, _ = world(8, 500, 9)
    _, one = combine(target, references, membership)
    _, other = combine(target[::-1].copy(), references, membership)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.centre, other.centre)
    np.testing.assert_allclose(one.weights, other.weights, atol=0.05)
    assert combine(target, references[:3], membership[:3])[1] is None


def test_a_leak_that_is_all_but_certain_is_weighed_too() -> None:
    """Clues that give members away have no largest likelihood: a Newton step overshoots."""
    for models in (4, 8, 32):
        target, references, membership, member = world(models, 1_500, 11, effect=20.0)
        scores, learnt = combine(target, references, membership)
        assert learnt is not None
        best = max(
            auc(
                s(target, references, membership)[member],
                s(target, references, membership)[~member],
            )[0]
            for n, s in SCORES.items()
            if n != "combined"
        )
        assert auc(scores[member], scores[~member])[0] > max(0.9, best - 0.005)


def test_a_stand_ins_scale_is_brought_to_the_targets() -> None:
    """A target that is surer of everything: order is kept, and ties are, members first or not."""
    target, references, membership, member = world(16, 2_000, 10)
    stretched = 5 * target + 3
    wanted = combined_scores(target, references, membership, align=True)
    found = combined_scores(stretched, references, membership, align=True)
    np.testing.assert_allclose(found, wanted)
    raw = combined_scores(stretched, references, membership)
    assert auc(found[member], found[~member])[0] > auc(raw[member], raw[~member])[0]
    own = combined_scores(target, references, membership)
    assert auc(own[member], own[~member])[0] == pytest.approx(
        auc(wanted[member], wanted[~member])[0], abs=0.01
    )
    told = aligned(np.round(target), references)
    assert len(np.unique(told)) == len(np.unique(np.round(target)))
    assert np.ptp(aligned(np.zeros(2_000), references)) == 0


def test_no_lesson_tells_by_its_count_who_was_left_out() -> None:
    """References that learnt nothing: the learnt correction vanishes, or it found a giveaway."""
    trusts = []
    for seed in range(5):
        target, references, membership, member = world(6, 2_000, seed, effect=0.0, leak=0.0)
        scores, learnt = combine(target, references, membership)
        assert learnt is not None
        trusts.append(learnt.trust)
        assert 0.46 < auc(scores[member], scores[~member])[0] < 0.54
        assert np.abs(learnt.weights).max() < 0.1
    assert np.mean(trusts) < 0.1


def test_stacking_finds_what_logistic_regression_finds() -> None:
    """Newton's method on the penalised likelihood, against scikit-learn at the ridge it chose."""
    linear = pytest.importorskip("sklearn.linear_model")
    coins = np.random.default_rng(0)
    clues = coins.normal(size=(4_000, 3))
    base = clues[:, 0] + coins.normal(size=4_000)
    odds = 0.5 * base + 0.7 * clues[:, 1] * clues[:, 2]
    member = coins.random(4_000) < 1 / (1 + np.exp(-odds))
    learnt = fit(base, clues, member)
    wide = (products(clues) - learnt.centre) / learnt.scale
    peer = linear.LogisticRegression(C=1 / learnt.ridge, tol=1e-8, max_iter=1_000)
    # A base score of huge units is all but free of the penalty there, as it is here.
    peer.fit(np.column_stack([base * 1e3, wide]), member)
    np.testing.assert_allclose(peer.coef_[0][0] * 1e3, learnt.trust, rtol=0.02)
    np.testing.assert_allclose(peer.coef_[0][1:], learnt.weights, atol=0.01)


def broken() -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    coins = np.random.default_rng(0)
    plain, many = coins.normal(size=200), coins.normal(size=(8, 200))
    certain = np.full((8, 200), 90.0)
    return {
        "references that agree to the last bit": (plain, np.broadcast_to(many[:1], (8, 200))),
        "a target like every reference": (many[0], np.broadcast_to(many[:1], (8, 200))),
        "everything certain": (np.full(200, 90.0), certain),
        "saturated": (np.where(plain > 0, 1e4, -1e4), np.where(many > 0, 1e4, -1e4)),
        "float32": (plain.astype(np.float32), many.astype(np.float32)),
    }


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("case", broken())
def test_degenerate_signals_give_finite_scores(name: str, case: str) -> None:
    target, references = broken()[case]
    membership = random_memberships(8, 200, 0)
    membership[:, 0], membership[:, 1] = True, False  # a row that all know, one that none knows
    with np.errstate(all="raise", under="ignore"):
        scores = SCORES[name](target, references, membership)
    assert np.isfinite(scores).all()
    result = judge_scores(scores[:100], scores[100:])
    if case == "everything certain":
        assert isinstance(result, NotEvaluable) or result.auc == pytest.approx(0.5, abs=0.05)
    else:
        assert isinstance(result, RocResult | NotEvaluable)
