"""Attacks on membership behind the seam, on real models: who leaks is found, who can't is not.

If these fail, an audit names the wrong rows, counts queries wrongly, dies of an answer that never
came, or accuses a model of people whom it never saw.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from strongroom.attacks import NotEvaluable, RocResult, Rows, Situation, load_attack
from strongroom.attacks.membership import Combined, LabelOnly, Lira, LossThreshold, Quantile, Range
from strongroom.attacks.membership._judging import most_exposed, of_persons
from strongroom.attacks.membership._look import look, settle
from strongroom.attacks.membership._variations import Columns, Pictures, variations_of
from strongroom.attacks.references import random_memberships
from strongroom.audit.metrics import METRICS
from strongroom.config import TrainSpec
from strongroom.models import train_bank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks import Attack
    from strongroom.attacks._situation import Pool
    from strongroom.attacks.references import Shadows
    from strongroom.progress import Progress

ATTACKS = (
    "loss", "combined", "lira", "lira_offline", "lira_fixed", "rmia", "rmia_offline", "bavaria",
    "calibrated", "quantile", "label_only", "range",
)  # fmt: skip
LEAKY = TrainSpec(
    model="mlp", hidden=(32,), epochs=80, batch_size="full", optimizer="adam",
    learning_rate=0.02, average=False,
)  # fmt: skip
WIDTH = 16


def people(count: int, seed: int, per: int = 1) -> Rows:
    """Return rows with a label that is half signal, half coin; `per` rows to a person."""
    coins = np.random.default_rng(seed)
    x = coins.normal(size=(count, WIDTH)).astype(np.float32)
    labels = (x[:, 0] + 1.5 * coins.normal(size=count) > 0).astype(np.int64)
    subjects = np.arange(count) // per + seed * 100_000 if per > 1 else None
    return Rows(x, labels, np.arange(count) + 1_000, subjects)


class Bank:
    """Models of one bank, one of which is asked; counts the rows that it is asked for."""

    classes = ("0", "1")

    def __init__(self, learnt: Rows, models: int = 1, seed: int = 77) -> None:
        everyone = np.ones((models, len(learnt)), np.bool_)
        if models > 1:
            everyone = np.random.default_rng(seed).random(everyone.shape) < 0.7
        self.all = train_bank(LEAKY, learnt.inputs, learnt.labels, 2, everyone, seed=seed)
        self.asked = 0
        self.choose(0)

    def choose(self, one: int) -> None:
        """Be asked as this one of the models."""
        only = slice(one, one + 1)
        self.bank = replace(
            self.all,
            weights=tuple(w[only] for w in self.all.weights),
            biases=tuple(b[only] for b in self.all.biases),
        )

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        self.asked += len(batch)
        z = self.bank.logits(batch.reshape(len(batch), -1).astype(np.float32))[0]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        found: NDArray[np.float32] = e / e.sum(axis=1, keepdims=True)
        return found


@pytest.fixture(scope="module")
def leaking() -> Situation:
    members, others = people(500, 1, per=2), people(500, 2, per=2)
    return Situation(Bank(members), members, others, LEAKY, shadows=16, seed=5)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_model_that_remembers_is_found_out(leaking: Situation, name: str) -> None:
    target = leaking.target
    assert isinstance(target, Bank)
    before = target.asked
    result = load_attack(f"membership.{name}").run(leaking)
    assert isinstance(result, RocResult)
    assert result.auc_low > 0.55
    assert result.knowledge
    assert result.details["seed"] == 5
    if name in ("label_only", "range"):
        assert result.queries == target.asked - before
    else:
        # One look at the pool serves all of them, whichever comes first.
        assert result.queries == 1_000
        assert target.asked - before in (0, 1_000)
    rows = {e.row for e in result.exposed}
    assert len(rows) == 20
    assert rows <= set(range(1_000, 1_500))
    assert result.exposed[0].score >= result.exposed[-1].score
    assert 0 <= result.exposed[0].fpr <= result.exposed[0].fpr_high < 0.1
    assert result.exposed[0].subject is not None
    assert result.persons is not None
    assert result.persons.members <= 250
    assert result.persons.auc > result.auc - 0.03
    for metric in load_attack(f"membership.{name}").metrics:  # type: ignore[attr-defined]
        assert metric in METRICS
        assert metric.replace("membership.", "membership.person.") in METRICS


@pytest.mark.parametrize("name", ATTACKS)
def test_a_model_of_other_people_is_at_chance(name: str) -> None:
    """100 targets of other people (20 where a repeat is dear): chance is excluded 5 times in 100.

    More than 12 of 100, or more than 4 of 20, happen to right intervals once in 350 at most.
    """
    repeats, most = (20, 4) if name in ("quantile", "range") else (100, 12)
    # Targets of other people, and references of these; who is called a member is a coin.
    half = 500 if name == "quantile" else 200
    target, pool = Bank(people(150, 99), models=repeats), people(2 * half, 3)
    first = Situation(
        target, pool.take(np.arange(half)), pool.take(np.arange(half, 2 * half)), LEAKY, shadows=8
    )
    made = first.shadows_of()
    assert not isinstance(made, NotEvaluable)
    excluded = 0
    for repeat in range(repeats):
        order = np.random.default_rng(repeat).permutation(2 * half)
        target.choose(repeat)
        chosen = Situation(
            target, pool.take(order[:half]), pool.take(order[half:]), LEAKY, seed=repeat
        )
        references: Any = Same(made, order)
        result = load_attack(f"membership.{name}").run(replace(chosen, references=references))
        assert isinstance(result, RocResult)
        excluded += not result.auc_low <= 0.5 <= result.auc_high
    assert excluded <= most


class Same:
    """References that were trained once, asked for the same rows in another order."""

    def __init__(self, made: Shadows, order: NDArray[np.int64]) -> None:
        self.made, self.order = made, order

    def on(self, pool: Pool, classes: int, progress: Progress) -> Same:
        del classes, progress
        # `Situation.pool` keeps order, as there are no more rows than it takes.
        assert len(pool.rows) == len(self.order)
        return self

    origin = "own"
    details: ClassVar[dict[str, Any]] = {}

    @property
    def membership(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.made.membership[:, self.order]
        return found

    def __len__(self) -> int:
        return len(self.made)

    def confidence(self, rows: Rows | None = None) -> NDArray[np.float32]:
        found: NDArray[np.float32] = (
            self.made.confidence()[:, self.order] if rows is None else self.made.confidence(rows)
        )
        return found


def test_rows_without_an_answer_are_left_out_and_counted(leaking: Situation) -> None:
    class Failing(Bank):
        def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
            found = super().predict_proba(batch)
            found[::10] = np.nan
            return found

    broken = replace(leaking, target=Failing(leaking.members))
    for attack in (Combined(), LossThreshold(), Quantile()):
        result = attack.run(broken)
        assert isinstance(result, RocResult)
        assert result.details["rows_without_an_answer"] == 100
        assert result.members == 450
        assert {e.row for e in result.exposed}.isdisjoint(range(1_000, 1_500, 10))

    class Dead(Bank):
        def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
            return np.full_like(super().predict_proba(batch), np.nan)

    hopeless: tuple[Attack, ...] = (Combined(), LossThreshold(), LabelOnly(), Range())
    for one in hopeless:
        assert isinstance(one.run(replace(leaking, target=Dead(leaking.members))), NotEvaluable)


def test_references_that_diverged_are_left_out(leaking: Situation) -> None:
    pool = leaking.pool()
    coins = np.random.default_rng(0)
    target, references = coins.normal(size=1_000), coins.normal(size=(4, 1_000))
    membership = random_memberships(4, 1_000, 0)
    references[1] = np.nan
    references[2, 7] = np.nan
    references[3, 8] = np.inf
    looked = settle(target, references, membership, pool)
    assert not isinstance(looked, NotEvaluable)
    assert looked.details == {"shadows_left_out": 1, "rows_without_an_answer": 1}
    assert len(looked.references) == 3
    assert np.isfinite(looked.references).all()
    assert looked.pool.members == 499
    assert 1_007 not in looked.pool.rows.numbers[:499]
    references[2:] = np.nan
    assert isinstance(settle(target, references, membership, pool), NotEvaluable)


@pytest.mark.parametrize("name", ATTACKS)
def test_too_few_rows_say_how_many(leaking: Situation, name: str) -> None:
    few = replace(leaking, members=leaking.members.take(np.arange(5)))
    result = load_attack(f"membership.{name}").run(few)
    assert isinstance(result, NotEvaluable)
    assert "5" in result.reason
    nobody = replace(leaking, nonmembers=leaking.nonmembers.take(np.arange(0)))
    assert isinstance(load_attack(f"membership.{name}").run(nobody), NotEvaluable)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_constant_model_is_no_pass(leaking: Situation, name: str) -> None:
    class Constant:
        classes = ("0", "1")

        def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
            return np.tile(np.asarray([0.5, 0.5], np.float32), (len(batch), 1))

    result = load_attack(f"membership.{name}").run(replace(leaking, target=Constant()))
    if name == "loss":
        assert isinstance(result, NotEvaluable)
    elif not isinstance(result, NotEvaluable):
        # Scores differ by row all the same: by what the references say of it.
        assert isinstance(result, RocResult)
        assert result.auc_low <= 0.5 <= result.auc_high


def test_a_budget_of_queries_is_kept(leaking: Situation) -> None:
    target = leaking.target
    assert isinstance(target, Bank)
    for attack, least in ((LabelOnly(), 360), (Range(), 640)):
        for budget in (5_000, least):
            before = target.asked
            result = attack.run(replace(leaking, query_budget=budget))
            assert isinstance(result, RocResult)
            assert result.queries == target.asked - before <= budget
        result = attack.run(replace(leaking, query_budget=least - 1))
        assert isinstance(result, NotEvaluable)
        assert str(least) in result.reason
    # Where queries are counted the loss asks for no more than the pool.
    small = replace(leaking, query_budget=1_000, most_rows=100)
    counted = LossThreshold().run(small)
    assert isinstance(counted, RocResult)
    assert counted.queries == 200


def test_two_references_are_enough(leaking: Situation) -> None:
    for name in ("combined", "rmia", "lira", "bavaria", "calibrated"):
        result = load_attack(f"membership.{name}").run(replace(leaking, shadows=2))
        assert isinstance(result, RocResult)
        assert result.shadows == 2
        assert result.auc_low > 0.5
    assert isinstance(Combined().run(replace(leaking, shadows=1)), NotEvaluable)


def test_without_a_recipe_references_are_a_stand_ins(leaking: Situation) -> None:
    foreign = replace(leaking, train_spec=None)
    for name in ("combined", "rmia"):
        result = load_attack(f"membership.{name}").run(foreign)
        assert isinstance(result, RocResult)
        assert result.details["references"] == "surrogate"
        assert result.auc_low > 0.55


def test_a_model_of_sequences_is_asked_for_its_losses(leaking: Situation) -> None:
    """Its signal is a mean log-likelihood: log p, not log odds."""

    class Language:
        classes = ("next token",)

        def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
            raise AssertionError(batch)

        def losses(self, inputs: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
            del labels
            found: NDArray[np.float64] = np.abs(inputs[:, 0]).astype(np.float64) + 0.1
            return found

    situation = replace(leaking, target=Language(), kind="language")
    looked = look(situation, references=False)
    assert not isinstance(looked, NotEvaluable)
    p = np.exp(-np.abs(situation.pool().rows.inputs[:, 0].astype(np.float64)) - 0.1)
    np.testing.assert_allclose(looked.target, np.log(p / (1 - p)))
    assert isinstance(LossThreshold().run(situation), RocResult)

    class Told(Same):
        def confidence(self, rows: Rows | None = None) -> NDArray[np.float32]:
            del rows
            return np.full((len(self), 1_000), np.log(0.25), np.float32)

    made = leaking.shadows_of()
    assert not isinstance(made, NotEvaluable)
    stub: Any = Told(made, np.arange(1_000))
    looked = look(replace(situation, references=stub))
    assert not isinstance(looked, NotEvaluable)
    np.testing.assert_allclose(looked.references, np.log(1 / 3), rtol=1e-6)
    assert isinstance(variations_of(situation, looked.pool.rows.inputs), NotEvaluable)
    assert isinstance(LabelOnly().run(situation), NotEvaluable)


def test_a_table_of_answers_is_attacked_as_far_as_it_goes(leaking: Situation) -> None:
    class Table(Bank):
        fixed = True

    known = replace(leaking, target=Table(leaking.members))
    assert isinstance(LossThreshold().run(known), RocResult)
    for attack in (LabelOnly(), Quantile(), Range()):
        result = attack.run(known)
        assert isinstance(result, NotEvaluable)
        assert "answers" in result.reason


def test_images_are_attacked_too() -> None:
    def pictures(rows: Rows) -> Rows:
        pixels = np.clip(rows.inputs * 40 + 128, 0, 255).astype(np.uint8)
        return Rows(pixels.reshape(-1, 4, 4), rows.labels, rows.ids)

    class Eye(Bank):
        def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
            assert batch.dtype == np.uint8
            return super().predict_proba((batch.astype(np.float32) - 128) / 40)

    members, others = pictures(people(400, 1)), pictures(people(400, 2))
    seen = Rows((members.inputs.reshape(400, -1).astype(np.float32) - 128) / 40, members.labels)
    situation = Situation(Eye(seen), members, others, LEAKY, kind="image", shadows=8)
    for name in ("loss", "quantile", "label_only"):
        result = load_attack(f"membership.{name}").run(situation)
        assert isinstance(result, RocResult)
        assert result.auc_low > 0.5


def test_changed_rows_hold_columns_of_other_rows() -> None:
    coins = np.random.default_rng(0)
    donors = np.arange(60, dtype=np.float32).reshape(10, 6)
    rows = -np.ones((500, 6), np.float32)
    owner = np.asarray([0, 0, 1, 2, 2, 2])  # three columns of two, one and three positions
    for strength, columns in ((0.0, 1), (0.5, 2), (1.0, 3)):
        changed = Columns(donors, owner).changed(rows, strength, coins)
        taken = changed >= 0
        assert (taken[:, [0, 2, 3]].sum(axis=1) == columns).all()
        for start, stop in ((0, 2), (3, 6)):
            whole = taken[:, start:stop]
            assert (whole.all(axis=1) | ~whole.any(axis=1)).all()
            given = changed[whole.all(axis=1), start:stop]
            assert (given[:, 0] % 6 == start).all()
            assert (np.diff(given, axis=1) == 1).all()  # of one donor
    assert len(np.unique(changed[:, 0])) == 10


def test_changed_images_stay_images() -> None:
    coins = np.random.default_rng(0)
    image = coins.integers(0, 256, (20, 8, 8)).astype(np.uint8)
    for shape in ((20, 8, 8), (20, 8, 8, 1), (20, 1, 8, 8)):
        pictures = Pictures(60.0, 0.0, 255.0)
        for strength in (0.0, 0.3, 0.999):
            changed = pictures.changed(image.reshape(shape), strength, coins)
            assert changed.shape == shape
            assert changed.dtype == np.uint8
            assert (changed != image.reshape(shape)).any()
        gently = pictures.changed(image.reshape(shape), 0.0, coins)
        assert np.array_equal(np.sort(gently.ravel()), np.sort(image.ravel()))  # a shift alone


def test_people_are_judged_by_all_of_their_rows() -> None:
    """Ten weak rows of a person together tell more than one; order of rows doesn't matter."""
    coins = np.random.default_rng(0)
    subjects = np.repeat(np.arange(400), 10)
    member = subjects % 2 == 0
    scores = coins.normal(size=4_000) + 0.4 * member
    shuffled = coins.permutation(4_000)
    result = of_persons(scores[shuffled], subjects[shuffled], member[shuffled])
    assert isinstance(result, RocResult)
    assert (result.members, result.nonmembers) == (200, 200)
    assert result.auc > 0.75  # rows alone: 0.61
    assert result.auc == of_persons(np.exp(scores), subjects, member).auc  # type: ignore[union-attr]
    assert isinstance(of_persons(scores, np.arange(4_000), member), NotEvaluable)
    assert isinstance(of_persons(scores[:40], subjects[:40], member[:40]), NotEvaluable)


def test_people_at_chance_stay_there() -> None:
    """People with many and with few rows, none of whom leaks; more than 12 of 100: once in 700."""
    excluded = 0
    for seed in range(100):
        coins = np.random.default_rng(seed)
        subjects = np.repeat(np.arange(150), coins.integers(1, 12, 150))
        member = coins.random(150)[subjects] < 0.5
        result = of_persons(coins.normal(size=len(subjects)), subjects, member)
        assert isinstance(result, RocResult)
        excluded += not result.auc_low <= 0.5 <= result.auc_high
    assert excluded <= 12


def test_the_most_exposed_are_named_with_how_sure_that_is() -> None:
    members, others = np.asarray([3.0, 9.0, 5.0]), np.arange(8.0)
    rows = Rows(np.zeros((3, 1), np.float32), np.zeros(3, np.int64), np.asarray([70, 80, 90]))
    first, second = most_exposed(rows, members, others, 2)
    assert (first.row, second.row) == (80, 90)
    assert (first.fpr, second.fpr) == (0.0, 3 / 8)
    assert first.fpr_high == pytest.approx(1 - 0.025 ** (1 / 8))
    assert first.subject is None


def test_the_seeds_of_an_audit_repeat_it(leaking: Situation) -> None:
    for attack in (Combined(), LabelOnly(), Quantile(), Range(), Lira()):
        first, second = attack.run(leaking), attack.run(leaking)
        assert isinstance(first, RocResult)
        assert isinstance(second, RocResult)
        assert first.auc == second.auc
        assert first.exposed == second.exposed
