"""If this fails, an audit says that a model remembers nobody when it does, or the reverse."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np
import pytest

from strongroom.attacks import NotEvaluable, RocResult, Rows, Situation
from strongroom.attacks.membership import (
    Lira,
    LossThreshold,
    confidence,
    confidence_of_logits,
    lira,
    lira_scores,
    loss_threshold,
)
from strongroom.attacks.references import BankRecipe, random_memberships
from strongroom.config import PrivacySpec, TrainSpec
from strongroom.privacy import PrivacyStatement, Relation, Unit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.attacks.conftest import MakePlain

LEAKY = TrainSpec(
    model="mlp", hidden=(64,), epochs=120, batch_size="full", optimizer="adam",
    learning_rate=0.02, average=False,
)  # fmt: skip
TAME = TrainSpec(epochs=10, batch_size="full", optimizer="sgd", learning_rate=0.5)


def rows(count: int, seed: int, width: int = 40) -> Rows:
    """Return rows whose labels are coin tosses: nothing can be learnt, only remembered."""
    coins = np.random.default_rng(seed)
    return Rows(coins.normal(size=(count, width)).astype(np.float32), coins.integers(0, 2, count))


def scalar_lira(
    target: float, shadows: list[float], seen: list[bool], spread: tuple[float, float] | None
) -> float:
    """One row's score, from the paper's text and the standard library's normal distribution."""
    total = 0.0
    for sign, wanted in ((1, True), (-1, False)):
        values = [s for s, m in zip(shadows, seen, strict=True) if m is wanted]
        deviation = statistics.stdev(values)
        if spread is not None:
            deviation = spread[0] if wanted else spread[1]
        bell = statistics.NormalDist(statistics.fmean(values), deviation)
        total += sign * (-(((target - bell.mean) / bell.stdev) ** 2) / 2 - np.log(bell.stdev))
    return total


def stack() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    coins = np.random.default_rng(0)
    membership = random_memberships(12, 30, 3)
    return coins.normal(size=30), coins.normal(size=(12, 30)) + membership, membership


def test_scores_are_the_papers_row_by_row() -> None:
    target, shadows, membership = stack()
    found = lira_scores(target, shadows, membership, "row")
    for i in range(30):
        wanted = scalar_lira(target[i], shadows[:, i].tolist(), membership[:, i].tolist(), None)
        assert found[i] == pytest.approx(wanted)


def test_global_variance_is_pooled_over_all_rows() -> None:
    target, shadows, membership = stack()
    found = lira_scores(target, shadows, membership, "global")
    pooled = []
    for side in (membership, ~membership):
        variances = [statistics.variance(shadows[side[:, i], i].tolist()) for i in range(30)]
        pooled.append(statistics.fmean(variances) ** 0.5)
    for i in range(30):
        wanted = scalar_lira(
            target[i], shadows[:, i].tolist(), membership[:, i].tolist(), (pooled[0], pooled[1])
        )
        assert found[i] == pytest.approx(wanted)


def test_shrunk_variance_lies_between() -> None:
    coins = np.random.default_rng(0)
    membership = random_memberships(2_000, 5, 3)
    shadows = coins.normal(size=(2_000, 5)) * np.asarray([1, 2, 3, 4, 5])
    target = coins.normal(size=5)
    row = lira_scores(target, shadows, membership, "row")
    np.testing.assert_allclose(lira_scores(target, shadows, membership, "shrunk"), row, atol=0.05)


def test_each_row_is_in_its_share_of_the_models() -> None:
    membership = random_memberships(16, 500, 0)
    assert (membership.sum(axis=0) == 8).all()
    assert membership.sum(axis=1).min() > 200


def test_confidence_is_the_log_odds_of_the_true_class() -> None:
    coins = np.random.default_rng(0)
    logits = coins.normal(size=(4, 20, 3))
    labels = coins.integers(0, 3, 20)
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    own = np.take_along_axis(p, np.broadcast_to(labels[:, None], (4, 20, 1)), axis=-1)[..., 0]
    np.testing.assert_allclose(confidence_of_logits(logits, labels), np.log(own / (1 - own)))


def test_confidence_does_not_saturate() -> None:
    logits = np.asarray([[900.0, -900.0], [-900.0, 900.0], [40.0, 0.0]])
    np.testing.assert_allclose(
        confidence_of_logits(logits, np.asarray([0, 0, 0])), [1800, -1800, 40]
    )


def test_confidence_from_probabilities_agrees(plain_model: MakePlain) -> None:
    data = rows(50, 1)
    model = plain_model(TAME, data.inputs, data.labels, 2)
    wanted = confidence_of_logits(model.bank.logits(data.inputs)[0], data.labels)
    np.testing.assert_allclose(confidence(model, data), wanted, atol=1e-4)

    class Open:
        classes = model.classes
        predict_proba = model.predict_proba

        def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            found: NDArray[np.float32] = model.bank.logits(batch)[0]
            return found

    assert np.array_equal(confidence(Open(), data), wanted)


def test_a_model_that_remembers_is_found_out(plain_model: MakePlain) -> None:
    members, nonmembers = rows(300, 1), rows(300, 2)
    model = plain_model(LEAKY, members.inputs, members.labels, 2)
    told: list[float] = []

    class Listener:
        def step(self, done: float, total: float, note: str = "") -> None:
            del note
            told.append(done / total)

    result = lira(model, members, nonmembers, LEAKY, shadows=16, seed=3, progress=Listener())
    assert isinstance(result, RocResult)
    assert result.auc_low > 0.9
    assert result.tpr_at[0.01].tpr > 0.3
    assert result.tpr_at[0.01].low > 0.05
    assert result.shadows == 16
    assert result.queries == 600
    assert told[-1] == 1.0
    simple = loss_threshold(model, members, nonmembers)
    assert isinstance(simple, RocResult)
    assert simple.auc_low > 0.8


def test_a_model_of_other_people_is_not_accused(plain_model: MakePlain) -> None:
    """Neither side was trained on: 95 % intervals must cover chance nearly always."""
    other = rows(200, 99)
    model = plain_model(LEAKY, other.inputs, other.labels, 2)
    covered = high_rates = 0
    for seed in range(20):
        members, nonmembers = rows(120, 2 * seed), rows(120, 2 * seed + 1)
        result = lira(model, members, nonmembers, TAME, shadows=8, seed=seed)
        assert isinstance(result, RocResult)
        covered += result.auc_low <= 0.5 <= result.auc_high
        high_rates += result.tpr_at[0.01].low > 0.01
    # Of 20 at 95 %, fewer than 16 would happen 3 times in a thousand.
    assert covered >= 16
    assert high_rates <= 4


def test_attacks_behind_the_seam_take_a_sample(plain_model: MakePlain) -> None:
    members, nonmembers = rows(200, 1), rows(150, 2)
    model = plain_model(TAME, members.inputs, members.labels, 2)
    private = PrivacyStatement(
        unit=Unit.EXAMPLE, relation=next(iter(Relation)), epsilon=1.0, delta=1e-5,
        accountant="", sampling="", sampling_rate=1.0, noise_multiplier=2.0, clip_norm=1.0,
        steps=10, noise_source="", events=(),
    )  # fmt: skip
    spec = TAME.model_copy(update={"privacy": PrivacySpec()})
    place = Situation(
        model, members, nonmembers, spec, statement=private, shadows=6, most_rows=100, seed=4
    )
    result = Lira().run(place)
    assert isinstance(result, RocResult)
    assert (result.members, result.nonmembers) == (100, 100)
    assert result.details["seed"] == 4
    assert result.details["shadows_trained"] == "privately, like the target"
    assert "100 rows, where the target learnt from 200" in result.details["shadow_population"]
    simple = LossThreshold().run(place)
    assert isinstance(simple, RocResult)
    assert simple.queries == 350


def test_what_cannot_be_judged_says_why(plain_model: MakePlain) -> None:
    data = rows(60, 1)
    model = plain_model(TAME, data.inputs, data.labels, 2)
    nobody = Rows(data.inputs[:0], data.labels[:0])
    for members, shadows in ((data, 1), (nobody, 8)):
        assert isinstance(lira(model, members, data, TAME, shadows=shadows), NotEvaluable)

    class Constant:
        classes = ("a", "b")

        def predict_proba(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.tile(np.asarray([1.0, 0.0], np.float32), (len(batch), 1))

    flat = Rows(data.inputs, np.zeros(60, np.int64))
    assert isinstance(loss_threshold(Constant(), flat, flat), NotEvaluable)
    few = Situation(Constant(), nobody, data, TAME)
    assert isinstance(Lira().run(few), NotEvaluable)


@pytest.mark.parametrize(
    ("batch", "learnt", "target_rows", "kept", "noise"),
    [
        (100, 1_000, 5_000, 100, 3.0),
        ("full", 1_000, 5_000, "full", 3.0 / 5),
        (2_000, 1_000, 5_000, "full", 3.0 / 2),
    ],
)
def test_the_noise_on_the_mean_gradient_is_the_targets(
    batch: int | str, learnt: int, target_rows: int, kept: int | str, noise: float
) -> None:
    spec = TrainSpec.model_validate({"batch_size": batch, "privacy": {}})
    found, multiplier = BankRecipe(spec, 3.0, target_rows).for_rows(learnt)
    assert found.batch_size == kept
    assert multiplier == pytest.approx(noise)
    assert BankRecipe(spec, None, target_rows).for_rows(learnt)[1] is None
