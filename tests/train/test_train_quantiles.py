"""If this fails, knots are learnt from private numbers for less than they cost."""

# ruff: noqa: ANN401 - spies pass on whatever the real functions take

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec, TreesSpec
from strongroom.data import Dataset, Role
from strongroom.errors import ConfigError
from strongroom.models import AdditiveModel, TableModel
from strongroom.privacy import GaussianReleases, MemoryLedger, SecretStream, compose
from strongroom.train import _quantiles as quantiles
from strongroom.train import train_model
from strongroom.train._preparation import rows_each

QUIET = GaussianReleases(1e-6)
DECLARED = {"y": ColumnSpec(categories=("no", "yes"))}


def table(rows: int, seed: int = 0) -> Dataset:
    """Return people of whom a number decides that fixed knots can't tell apart."""
    rng = np.random.default_rng(seed)
    x, z = rng.uniform(1000, 1100, size=rows), rng.normal(size=rows)
    columns = {
        "x": pa.array(x, pa.float64(), mask=rng.random(rows) < 0.05),
        "z": z,
        "y": np.array(["no", "yes"])[(np.abs(x - 1050) < 25).astype(int)],
    }
    return Dataset(pa.table(columns), roles={"y": Role.TARGET})


@given(
    values=st.lists(st.floats(-30, 30), min_size=1, max_size=60),
    seed=st.integers(0, 2**32),
    columns=st.integers(1, 4),
)
@settings(max_examples=40, deadline=None)
def test_one_row_moves_all_counts_by_exactly_what_their_noise_was_made_for(
    values: list[float], seed: int, columns: int
) -> None:
    rng = np.random.default_rng(seed)
    numbers = [np.array(values)[rng.permutation(len(values))] for _ in range(columns)]
    whole = np.concatenate([quantiles.dyadic_counts(n, -16.5, 16.5) for n in numbers])
    less = np.concatenate([quantiles.dyadic_counts(n[1:], -16.5, 16.5) for n in numbers])
    assert np.linalg.norm(whole - less) ** 2 == pytest.approx(quantiles.LEVELS * columns)


def test_the_noise_is_made_for_that_move(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def spy(total: Any, *, sensitivity: float, **_: Any) -> Any:
        seen.append(sensitivity)
        return total

    monkeypatch.setattr(quantiles, "noisy_sum", spy)
    numbers = [np.arange(10.0)] * 3
    quantiles.private_knots(numbers, -16.5, 16.5, QUIET, SecretStream(bytes(32)))
    assert seen == [pytest.approx(np.sqrt(3 * quantiles.LEVELS))]


@pytest.mark.parametrize("seed", range(3))
def test_without_much_noise_they_are_the_quantiles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = rng.gamma(2.0, size=20_000)
    (knots,) = quantiles.private_knots([numbers], -16.5, 16.5, QUIET, SecretStream(bytes(32)))
    np.testing.assert_allclose(knots, np.quantile(numbers, quantiles.KNOTS), atol=33 / 2048)


@pytest.mark.parametrize("numbers", [[], [0.0] * 50, [-99.0, 99.0]])
@pytest.mark.parametrize("noise", [1e-6, 100.0])
def test_knots_rise_whatever_the_numbers_and_the_noise(numbers: list[float], noise: float) -> None:
    for seed in range(5):
        stream = SecretStream(bytes([seed]) * 32)
        release = GaussianReleases(noise)
        (knots,) = quantiles.private_knots([np.array(numbers)], -16.5, 16.5, release, stream)
        assert len(knots) >= 2
        assert (np.diff(knots) > 0).all()
        assert -17 < knots[0] < knots[-1] < 17


@pytest.mark.parametrize("model", ["logistic", "trees"])
def test_private_knots_see_what_fixed_ones_cannot(model: str) -> None:
    privacy = PrivacySpec(epsilon=8, delta=1e-5, preprocessing=0.2)
    spec = TrainSpec.model_validate(
        {"model": model, "epochs": 100, "learning_rate": 0.3, "privacy": privacy}
    )
    blind = spec.model_copy(update={"privacy": privacy.model_copy(update={"preprocessing": 0.0})})
    ledger, data, test = MemoryLedger(), table(4000), table(1000, 1)
    seeing = train_model(data, spec, test=test, columns=DECLARED, ledger=ledger)
    fixed = train_model(data, blind, test=test, columns=DECLARED)
    assert seeing.metrics["test"]["accuracy"] > fixed.metrics["test"]["accuracy"] + 0.1
    spent = compose([e.spend for e in ledger.entries("")], 1e-5)
    assert seeing.privacy is not None
    assert 8 * 0.999 < spent == seeing.privacy.epsilon <= 8
    assert seeing.privacy.events[0]["type"] == "gaussian"
    assert any("private quantiles" in text for text in seeing.privacy.covered)
    assert not any("fixed rules" in text for text in seeing.privacy.covered)
    # What was measured on the encoded rows is what the kept model says of the table.
    kept = type(seeing.model).from_parts(seeing.model.tensors(), seeing.model.meta())
    assert isinstance(kept, TableModel | AdditiveModel)
    found = kept.predict_table(test.table).argmax(axis=1)
    truth = np.array(test.table.column("y").to_pylist()) == "yes"
    assert (found == truth).mean() == pytest.approx(seeing.metrics["test"]["accuracy"], abs=0.005)
    if isinstance(kept, TableModel):
        assert len(kept.encoder.names) == kept.encoder.width


def test_nothing_is_released_where_everything_is_declared() -> None:
    declared = {"x": ColumnSpec(range=(0, 2000)), "z": ColumnSpec(range=(-3, 3)), **DECLARED}
    privacy = PrivacySpec(epsilon=4, delta=1e-5, preprocessing=0.2)
    spec = TrainSpec(model="trees", privacy=privacy, trees=TreesSpec(rounds=2))
    result = train_model(table(200), spec, columns=declared)
    assert result.privacy is not None
    assert len(result.privacy.events) == 2
    assert not any("private quantiles" in text for text in result.privacy.covered)


def test_early_stopping_beside_it_is_refused() -> None:
    privacy = PrivacySpec(epsilon=4, delta=1e-5, preprocessing=0.2)
    with pytest.raises(ConfigError, match="don't go together"):
        train_model(
            table(100),
            TrainSpec(privacy=privacy, patience=2),
            validation=table(50, 1),
            columns=DECLARED,
        )


@given(
    codes=st.lists(st.integers(0, 6), min_size=1, max_size=40).map(
        lambda c: np.unique(c, return_inverse=True)[1]
    ),
    most=st.integers(1, 5),
    seed=st.binary(min_size=32, max_size=32),
)
@settings(max_examples=60, deadline=None)
def test_a_subject_has_at_most_so_many_rows_and_all_are_its_own(
    codes: np.ndarray, most: int, seed: bytes
) -> None:
    rows, real = rows_each(codes, most, SecretStream(seed))
    counts = np.bincount(codes)
    assert rows.shape == real.shape == (len(counts), most)
    np.testing.assert_array_equal(codes[rows], np.arange(len(counts))[:, None] * np.ones_like(rows))
    np.testing.assert_array_equal(real.sum(axis=1), np.minimum(counts, most))
    chosen = rows[real]
    assert len(np.unique(chosen)) == len(chosen)
