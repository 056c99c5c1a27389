"""If this fails, a histogram of trees moves further than its noise was made for, or lies about it.

The property that privacy rests on is checked against the compiled kernel itself: one row more or
less moves all histograms of a round together by at most the clip norm.
"""

# ruff: noqa: ANN401 - spies pass on whatever the real functions take

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.config import ColumnSpec, PrivacySpec, TrainSpec, TreesSpec
from strongroom.data import Dataset, Role
from strongroom.errors import BudgetExceededError, ConfigError, InputError
from strongroom.models import AdditiveModel
from strongroom.privacy import EntryState, Mechanism, MemoryLedger, compose
from strongroom.train import train_model
from strongroom.train._kernels import residual_histograms
from strongroom.train._trees import plan_noises

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from strongroom.train import TrainResult

PLAIN = TrainSpec(model="trees")
PRIVATE = TrainSpec(model="trees", privacy=PrivacySpec(epsilon=4, delta=1e-4))
SIZES = (5, 3, 9)
OFFSETS = np.array([1, 6, 9])


def twin(
    codes: NDArray[np.int32],
    references: NDArray[np.int64],
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    clip_norm: float,
) -> NDArray[np.float64]:
    """Do what the kernel does, in NumPy."""
    used = codes != references
    places = OFFSETS + codes
    summed = scores[0] + (scores[places] * used[:, :, None]).sum(axis=1)
    if scores.shape[1] == 1:
        residual = 1 / (1 + np.exp(-summed)) - labels[:, None]
    else:
        powers = np.exp(summed - summed.max(axis=1, keepdims=True))
        residual = powers / powers.sum(axis=1, keepdims=True) - np.eye(scores.shape[1])[labels]
    norms = np.linalg.norm(residual, axis=1) * np.sqrt(1 + used.sum(axis=1))
    residual *= np.minimum(1, clip_norm / np.maximum(norms, 1e-300))[:, None]
    out = np.zeros_like(scores)
    out[0] = residual.sum(axis=0)
    for column in range(codes.shape[1]):
        chosen = used[:, column]
        np.add.at(out, places[chosen, column], residual[chosen])
    return out


def histograms(*given: Any) -> NDArray[np.float64]:
    codes, references, labels, scores, clip_norm = given
    out: NDArray[np.float64] = np.full_like(scores, np.nan)
    residual_histograms(codes, OFFSETS, references, labels, scores, clip_norm, out)
    return out


def made_up(seed: int, outputs: int, rows: int = 40) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(SIZES, size=(rows, 3)).astype(np.int32)
    references = np.array([rng.integers(-1, s) for s in SIZES])
    labels = rng.integers(max(outputs, 2), size=rows)
    scores = rng.normal(size=(1 + sum(SIZES), outputs)) * 3
    return codes, references, labels, scores, float(rng.uniform(0.1, 3))


@given(seed=st.integers(0, 2**32), outputs=st.sampled_from([1, 3]))
@settings(max_examples=40, deadline=None)
def test_the_compiled_histograms_agree_with_their_twin(seed: int, outputs: int) -> None:
    parts = made_up(seed, outputs)
    np.testing.assert_allclose(histograms(*parts), twin(*parts), rtol=1e-10, atol=1e-12)


def widest_move(sums: Callable[..., NDArray[np.float64]], seed: int, outputs: int) -> float:
    """Return how far leaving one row out moves everything that a round releases, in clip norms."""
    codes, references, labels, scores, clip_norm = made_up(seed, outputs)
    whole = sums(codes, references, labels, scores, clip_norm)
    moves = []
    for row in range(len(labels)):
        rest = np.delete(np.arange(len(labels)), row)
        less = sums(codes[rest], references, labels[rest], scores, clip_norm)
        moves.append(float(np.linalg.norm(whole - less)))
    return max(moves) / float(clip_norm)


@given(seed=st.integers(0, 2**32), outputs=st.sampled_from([1, 3]))
@settings(max_examples=40, deadline=None)
def test_one_row_moves_a_round_by_at_most_the_clip_norm(seed: int, outputs: int) -> None:
    assert widest_move(histograms, seed, outputs) <= 1 + 1e-9


def test_a_row_that_is_counted_twice_is_caught() -> None:
    def mutant(*given: Any) -> NDArray[np.float64]:
        codes, references, labels, *rest = given
        # The first row enters again, as a sloppy augmentation would let it.
        codes, labels = np.concatenate([codes, codes[:1]]), np.append(labels, labels[:1])
        return histograms(codes, references, labels, *rest)

    assert max(widest_move(mutant, seed, 1) for seed in range(5)) > 1.5


@pytest.mark.parametrize("share", [0.01, 0.5])
@pytest.mark.parametrize("epsilon", [0.5, 8.0])
def test_counts_and_rounds_together_cost_what_was_asked(epsilon: float, share: float) -> None:
    privacy = PrivacySpec(epsilon=epsilon, delta=1e-5)
    noises = plan_noises(privacy, TreesSpec(counts=share, rounds=7))
    both = (
        Mechanism.from_json(noises.counts.to_json()),
        Mechanism.from_json(noises.rounds.to_json()),
    )
    mu2 = sum(m.steps / m.noise_multiplier**2 for m in both)
    assert share == pytest.approx(1 / both[0].noise_multiplier ** 2 / mu2, rel=1e-6)
    ledger = MemoryLedger()
    data = _two_columns(100)
    result = train_model(
        data, TrainSpec(model="trees", privacy=privacy, trees=TreesSpec(rounds=7)), ledger=ledger
    )
    spent = compose([e.spend for e in ledger.entries("")], 1e-5)
    assert result.privacy is not None
    assert result.privacy.epsilon == spent
    assert epsilon * (1 - 1e-6) <= spent <= epsilon


def _two_columns(rows: int, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    table = pa.table({"x": rng.normal(size=rows), "y": rng.permutation(["a", "b"] * (rows // 2))})
    return Dataset(table, roles={"y": Role.TARGET})


@pytest.mark.parametrize("spec", [PLAIN, PRIVATE])
def test_trees_learn_and_say_what_they_did(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], spec: TrainSpec
) -> None:
    ledger = MemoryLedger()
    result = train_model(
        people(4000), spec, test=people(seed=1), columns=columns, rows=4000, ledger=ledger
    )
    assert isinstance(result.model, AdditiveModel)
    assert result.metrics["test"]["accuracy"] > 0.85
    assert len(result.curve) == 20
    assert result.curve[-1][1] < result.curve[0][1]
    json.dumps(result.to_json())
    if spec.privacy is None:
        assert result.privacy is None
        assert not ledger.entries("")
        return
    (entry,) = ledger.entries("")
    assert entry.state is EntryState.SETTLED
    assert result.privacy is not None
    assert [e["type"] for e in result.privacy.events] == [e["type"] for e in entry.spend.events]
    assert any("noisy counts" in text for text in result.privacy.covered)
    assert "every row in every round" in str(result.privacy)


def test_more_than_two_classes_are_learnt() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, size=3000)
    table = pa.table({"x": x, "y": np.array(["low", "middle", "high"])[np.digitize(x, [-1, 1])]})
    data = Dataset(table, roles={"y": Role.TARGET})
    declared = {"x": ColumnSpec(range=(-3, 3))}
    for spec in (PLAIN, PRIVATE):
        result = train_model(data, spec, columns=declared)
        assert result.metrics["train"]["accuracy"] > 0.9


def test_a_subject_has_one_row_in_every_histogram(columns: dict[str, ColumnSpec]) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=600)
    table = pa.table(
        {
            "who": np.arange(600) // 6,
            "x": x,
            "y": np.array(["no", "yes"])[(x > 0).astype(int)],
        }
    )
    data = Dataset(table, roles={"y": Role.TARGET}, subject="who")
    result = train_model(data, PRIVATE, columns=columns)
    assert result.metrics["train"]["rows"] == 100
    assert result.privacy is not None
    assert result.privacy.unit == "subject"


class _Kept:
    """A `Checkpointer` that lives as long as the test."""

    def __init__(self) -> None:
        self.state: tuple[dict[str, NDArray[Any]], int] | None = None

    def save(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
        self.state = ({k: v.copy() for k, v in state.items()}, step)

    def load(self) -> tuple[dict[str, NDArray[Any]], int] | None:
        return self.state

    def clear(self) -> None:
        self.state = None


class _StopAt:
    def __init__(self, step: int) -> None:
        self._step = step

    def step(self, done: float, total: float, note: str = "") -> None:
        del total, note
        if done == self._step:
            raise KeyboardInterrupt


@pytest.mark.parametrize("spec", [PLAIN, PRIVATE], ids=["plain", "private"])
def test_trees_that_were_killed_and_continued_end_in_the_same_bits(
    people: Callable[..., Dataset],
    columns: dict[str, ColumnSpec],
    monkeypatch: pytest.MonkeyPatch,
    spec: TrainSpec,
) -> None:
    monkeypatch.setattr("strongroom.train._trees._CHECKPOINT_SECONDS", 0.0)
    ledger, kept = MemoryLedger(), _Kept()

    def run(**more: Any) -> TrainResult:
        return train_model(
            people(), spec, test=people(seed=1), columns=columns, ledger=ledger, key="k", **more
        )

    for stop in (9, 23):
        with pytest.raises(KeyboardInterrupt):
            run(checkpointer=kept, progress=_StopAt(stop))
        assert kept.state is not None
        assert kept.state[1] == stop
    continued = run(checkpointer=kept)
    assert kept.state is None
    assert len(ledger.entries("")) == (spec.privacy is not None)
    # The same coins without a break: the reservation is settled, so its seed is taken again.
    monkeypatch.setattr(MemoryLedger, "settle", lambda *_: None)
    ledger = MemoryLedger()
    with pytest.raises(KeyboardInterrupt):
        run(checkpointer=kept, progress=_StopAt(3))
    first = run(checkpointer=kept)
    kept.state = None
    again = run()
    assert first.model.digest() == again.model.digest()
    assert first.curve == again.curve
    if spec.privacy is None:
        assert continued.model.digest() == again.model.digest()


def test_a_budget_that_is_too_small_stops_it_before_anything_is_read(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    with pytest.raises(BudgetExceededError):
        train_model(people(), PRIVATE, columns=columns, budget=3.9)


@pytest.mark.parametrize(
    "changed",
    [
        {"canaries": 10},
        {"clipping": "automatic"},
        {"sampling": "shuffled"},
        {"noise": "banded"},
    ],
)
def test_what_trees_do_not_have_is_refused(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], changed: dict[str, Any]
) -> None:
    privacy = PrivacySpec.model_validate({"epsilon": 4.0, **changed})
    ledger = MemoryLedger()
    with pytest.raises(ConfigError, match="trees are trained with"):
        train_model(
            people(), TrainSpec(model="trees", privacy=privacy), columns=columns, ledger=ledger
        )
    assert not ledger.entries("")


def test_scores_that_run_away_are_told(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec]
) -> None:
    spec = TrainSpec(model="trees", trees=TreesSpec(learning_rate=1e308))
    with pytest.raises(InputError, match=r"not finite"):
        train_model(people(), spec, columns=columns)


def test_one_row_moves_the_counts_by_what_their_noise_was_made_for(
    people: Callable[..., Dataset], columns: dict[str, ColumnSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[tuple[NDArray[np.float64], float]] = []

    def spy(total: NDArray[np.float64], *, sensitivity: float, **_: Any) -> NDArray[np.float64]:
        released.append((total.copy(), sensitivity))
        return total

    monkeypatch.setattr("strongroom.train._boosting.noisy_sum", spy)
    once = PRIVATE.model_copy(update={"trees": TreesSpec(rounds=1)})
    whole = people(50)
    for rows in (50, 49):
        train_model(
            Dataset(whole.table.slice(0, rows), roles=whole.roles), once, columns=columns, rows=50
        )
    (counts, allowed), (less, _) = released[0], released[2]
    assert counts[0] == 50
    assert np.linalg.norm(counts - less) == pytest.approx(allowed, rel=1e-12)
    assert released[1][1] == PrivacySpec().clip_norm
