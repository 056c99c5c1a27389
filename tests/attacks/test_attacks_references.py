# ruff: noqa: ANN401 - models and recipes of every kind
"""If this fails, shadow models are trained twice, or another model's are taken for the target's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from strongroom.attacks import NotEvaluable, Pool, Rows, Situation
from strongroom.attacks.references import (
    BankRecipe,
    FittedRecipe,
    ReferenceModels,
    Shadows,
    SignalCache,
    random_memberships,
)
from strongroom.attacks.references import _cache as cache_module
from strongroom.attacks.references._training import FARTHEST, Training
from strongroom.config import TrainSpec
from strongroom.errors import InputError, WorkspaceError
from strongroom.models.foreign import CallableModel, SklearnModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks.references._recipe import Origin

SPEC = TrainSpec(model="mlp", hidden=(8,), epochs=3, batch_size=16)


def pool(n: int = 80, seed: int = 0) -> Pool:
    coins = np.random.default_rng(seed)
    inputs = coins.random((n, 6), dtype=np.float32)
    labels = (inputs.sum(axis=1) > 3).astype(np.int64)
    return Pool(Rows(inputs, labels), n // 2)


class Scripted:
    """A recipe whose models say what a test wants; counts how often it is asked to train."""

    origin: Origin = "own"
    slow = False

    def __init__(self, says: Any = None, together: int = 4, fits: int = 1_000) -> None:
        self.says, self.together, self.fits = says, together, fits
        self.trained: list[tuple[int, int]] = []

    def identity(self) -> dict[str, Any]:
        return {"recipe": "scripted"}

    def describe(self) -> dict[str, Any]:
        return {}

    def train(self, rows: Rows, classes: int, membership: Any, **rest: Any) -> Any:
        del rows, classes
        if len(membership) > self.fits:
            raise MemoryError
        first = rest["first"]
        self.trained.append((first, len(membership)))
        says = self.says

        class Models:
            def confidence(self, asked: Rows) -> NDArray[np.float32]:
                numbers = np.arange(first, first + len(membership), dtype=np.float32)
                found = numbers[:, None] + np.arange(len(asked), dtype=np.float32)
                return found if says is None else says(found, first)

        return Models()


def trained(recipe: Any, count: int = 16, **settings: Any) -> Shadows:
    given = pool()
    made = ReferenceModels(recipe, count, 40, **settings).on(given, 2)
    assert isinstance(made, Shadows)
    return made


def test_every_row_is_learnt_from_by_half_of_the_models() -> None:
    membership = random_memberships(16, 100, 3)
    assert (membership.sum(axis=0) == 8).all()


def test_two_attacks_share_one_training() -> None:
    recipe, given = Scripted(), pool()
    references = ReferenceModels(recipe, 16, 40)
    first, second = references.on(given, 2), references.on(given, 2)
    assert first is second
    assert [n for _, n in recipe.trained] == [4, 4, 4, 4]


def test_an_unchanged_recipe_costs_nothing_the_next_time(tmp_path: Path) -> None:
    cache = SignalCache(tmp_path / "kept")
    first = trained(BankRecipe(SPEC, None, 40), cache=cache)
    recipe = BankRecipe(SPEC, None, 40)
    object.__setattr__(recipe, "train", None)  # whoever trained now would fail
    again = trained(recipe, cache=cache)
    assert np.array_equal(first.confidence(), again.confidence())
    assert again.details["shadows_from_cache"] == 16


@pytest.mark.parametrize(
    "change",
    [
        lambda _, p: (BankRecipe(SPEC.model_copy(update={"epochs": 4}), None, 40), p),
        lambda _, p: (BankRecipe(SPEC, 1.0, 40), p),
        lambda r, p: (r, Pool(Rows(p.rows.inputs + 1, p.rows.labels), p.members)),
        lambda r, p: (r, Pool(Rows(p.rows.inputs, 1 - p.rows.labels), p.members)),
    ],
)
def test_another_model_or_other_rows_never_get_these_shadows(change: Any, tmp_path: Path) -> None:
    # SACRO-ML 2.0.1 takes whatever shadows lie in its folder for those of the model at hand.
    cache, recipe, given = SignalCache(tmp_path / "kept"), BankRecipe(SPEC, None, 40), pool()
    assert isinstance(ReferenceModels(recipe, 8, 40, cache=cache).on(given, 2), Shadows)
    other_recipe, other = change(recipe, given)
    made = ReferenceModels(other_recipe, 8, 40, cache=cache).on(other, 2)
    assert isinstance(made, Shadows)
    assert "shadows_from_cache" not in made.details
    fresh = ReferenceModels(other_recipe, 8, 40).on(other, 2)
    assert isinstance(fresh, Shadows)
    assert np.array_equal(made.confidence(), fresh.confidence())


def test_another_seed_or_another_code_never_gets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, recipe = SignalCache(tmp_path / "kept"), Scripted()
    trained(recipe, cache=cache)
    trained(recipe, cache=cache, seed=1)
    assert len(recipe.trained) == 8
    monkeypatch.setattr(cache_module, "_versions", lambda: {"code": "another"})
    trained(recipe, cache=cache)
    assert len(recipe.trained) == 12


@pytest.mark.parametrize("harm", ["cut", "flip", "swap", "pickle", "empty", "shape"])
def test_an_entry_that_was_touched_is_computed_again(harm: str, tmp_path: Path) -> None:
    cache, recipe = SignalCache(tmp_path / "kept"), Scripted(together=8)
    whole = trained(recipe, cache=cache).confidence()
    one, two = sorted(cache.folder.glob("*.npz"))
    content = bytearray(one.read_bytes())
    if harm == "cut":
        one.write_bytes(content[: len(content) // 2])
    elif harm == "flip":
        content[-2000] ^= 0x40  # inside the numbers, which the archive's own checksum covers, too
        one.write_bytes(content)
    elif harm == "swap":
        one.write_bytes(two.read_bytes())
    elif harm == "pickle":
        with one.open("wb") as stream:
            np.savez(stream, about=np.array([{}], object), signals=whole)
    elif harm == "shape":
        about = json.dumps(cache_module._about(one.stem, whole[:2])).encode()
        with one.open("wb") as stream:
            np.savez(stream, about=np.frombuffer(about, np.uint8), signals=whole[:2])
    else:
        one.write_bytes(b"")
    again = trained(recipe, cache=cache)
    assert np.array_equal(again.confidence(), whole)
    assert again.details["shadows_from_cache"] == 8
    assert len(recipe.trained) == 3


def test_the_cache_holds_no_rows_and_is_its_owners_alone(tmp_path: Path) -> None:
    cache = SignalCache(tmp_path / "kept")
    given = pool()
    marked = Rows(given.rows.inputs, given.rows.labels)
    marked.inputs[:] = np.float32(1234.5678)
    references = ReferenceModels(BankRecipe(SPEC, None, 40), 8, 40, cache=cache)
    references.on(Pool(marked, given.members), 2)
    entries = list(cache.folder.iterdir())
    assert entries
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    for entry in entries:
        assert entry.stat().st_mode & 0o777 == 0o600
        assert np.float32(1234.5678).tobytes() not in entry.read_bytes()
        with np.load(entry, allow_pickle=False) as stored:
            assert set(stored.files) == {"about", "signals"}
            assert set(json.loads(bytes(stored["about"]))) == {"format", "key", "sha256"}


def test_a_folder_that_others_write_to_is_not_used(tmp_path: Path) -> None:
    cache = SignalCache(tmp_path / "kept")
    trained(Scripted(), cache=cache)
    cache.folder.chmod(0o777)
    recipe = Scripted()
    made = trained(recipe, cache=cache)
    assert len(recipe.trained) == 4
    assert "others can write" in made.details["cache"]
    with pytest.raises(WorkspaceError, match="others can write"):
        cache.put("0" * 64, np.zeros((1, 1), np.float32))


def test_the_longest_unused_go_when_the_cache_is_full(tmp_path: Path) -> None:
    cache = SignalCache(tmp_path / "kept", most_bytes=4_000)
    signals = np.zeros((10, 20), np.float32)  # about 1,300 bytes as a file
    for i in range(4):
        cache.put(f"{i:064d}", signals)
        os.utime(cache.folder / f"{i:064d}.npz", (i, i))
    assert cache.get(f"{0:064d}", (10, 20)) is None
    assert cache.get(f"{3:064d}", (10, 20)) is not None
    assert sum(p.stat().st_size for p in cache.folder.iterdir()) <= 4_000
    cache.put("a" * 64, np.zeros((100, 100), np.float32))  # larger than all: not kept
    assert cache.get("a" * 64, (100, 100)) is None
    assert cache.clear() == 2


def test_killed_in_the_middle_it_goes_on_where_it_was(tmp_path: Path) -> None:
    script = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.attacks.test_attacks_references import Scripted, trained
from strongroom.attacks.references import SignalCache
from pathlib import Path
def slow(found, first):
    time.sleep(0.0 if first < 8 else 60.0)
    return found
trained(Scripted(slow), cache=SignalCache(Path({str(tmp_path / "kept")!r})))
"""
    child = subprocess.Popen([sys.executable, "-c", script])
    folder = tmp_path / "kept"
    for _ in range(600):
        if folder.exists() and len(list(folder.glob("*.npz"))) == 2:
            break
        assert child.poll() is None
        time.sleep(0.05)
    child.kill()
    child.wait()
    recipe = Scripted()
    resumed = trained(recipe, cache=SignalCache(folder))
    assert recipe.trained == [(8, 4), (12, 4)]
    assert np.array_equal(resumed.confidence(), trained(Scripted()).confidence())


def test_out_of_memory_it_goes_on_with_fewer_at_once() -> None:
    recipe = Scripted(together=16, fits=3)
    found = trained(recipe).confidence()
    assert [n for _, n in recipe.trained] == [2] * 8
    assert np.array_equal(found, trained(Scripted()).confidence())
    with pytest.raises(InputError, match="memory doesn't do"):
        trained(Scripted(fits=0))


def test_models_that_went_wrong_are_left_out_and_counted() -> None:
    def says(found: NDArray[np.float32], first: int) -> NDArray[np.float32]:
        if first == 4:
            found[1, 7] = np.nan
        return found

    made = trained(Scripted(says))
    assert len(made) == 15
    assert made.details["shadows_that_went_wrong"] == 1
    assert np.isfinite(made.confidence()).all()
    assert 5.0 not in made.confidence()[:, 0]  # the model with that number is the one


def test_when_all_went_wrong_nothing_is_judged() -> None:
    given = pool()
    made = ReferenceModels(Scripted(lambda f, _: f * np.nan), 16, 40).on(given, 2)
    assert isinstance(made, NotEvaluable)
    assert "16 of 16 shadow models went wrong" in made.reason


def test_infinite_signals_become_large_ones_and_constant_ones_stay() -> None:
    found = trained(Scripted(lambda f, _: np.where(f % 2 == 0, np.inf, -np.inf))).confidence()
    assert set(np.unique(found)) == {-FARTHEST, FARTHEST}
    assert (trained(Scripted(lambda f, _: f * 0)).confidence() == 0).all()


def test_a_bank_that_diverges_is_not_evaluable() -> None:
    spec = SPEC.model_copy(update={"learning_rate": 1e30, "optimizer": "sgd", "epochs": 40})
    made = ReferenceModels(BankRecipe(spec, None, 40), 8, 40).on(pool(), 2)
    assert isinstance(made, NotEvaluable)


def test_progress_rises_to_the_whole() -> None:
    told: list[tuple[float, float]] = []

    class Listener:
        def step(self, done: float, total: float, note: str = "") -> None:
            del note
            told.append((done, total))

    references = ReferenceModels(BankRecipe(SPEC, None, 40), 80, 40)
    references.on(pool(), 2, Listener())
    assert [*told[-1]] == [80, 80]
    assert all(a <= b for (a, _), (b, _) in pairwise(told))


def forest() -> tuple[SklearnModel, Pool]:
    given = pool(200)
    half = given.rows.take(np.arange(100))
    fitted = RandomForestClassifier(10, random_state=0).fit(half.inputs, half.labels)
    return SklearnModel(fitted, classes=("no", "yes")), given


def test_a_foreign_models_own_fit_trains_its_shadows() -> None:
    target, given = forest()
    situation = Situation(
        target,
        given.rows.take(np.arange(100)),
        given.rows.take(np.arange(100, 200)),
        shadows=8,
    )
    made = situation.shadows_of()
    assert isinstance(made, Shadows)
    assert made.origin == "own"
    assert "grown by our own loops" in made.details["shadows_trained"]
    signal = made.confidence()
    inside = signal[made.membership].mean()
    assert inside > signal[~made.membership].mean() + 1  # a forest grown to purity remembers


def test_a_function_of_the_same_name_never_gets_anothers_shadows(tmp_path: Path) -> None:
    given, cache = pool(), SignalCache(tmp_path / "kept")

    def answers(share: float) -> Shadows:
        def fit(inputs: Any, labels: Any, seed: int) -> Any:
            del inputs, labels, seed
            return lambda rows: np.full((len(rows), 2), [1 - share, share])

        target = CallableModel(fit(None, None, 0), ("no", "yes"), fit=fit)
        made = ReferenceModels(FittedRecipe.of(target), 4, 40, cache=cache).on(given, 2)
        assert isinstance(made, Shadows)
        return made

    first, second = answers(0.9), answers(0.6)
    assert not np.array_equal(first.confidence(), second.confidence())


def test_processes_fit_the_same_models_as_one_after_another() -> None:
    target, given = forest()
    recipe, membership = FittedRecipe.of(target), random_memberships(6, 200, 0)
    models = recipe.train(
        given.rows, 2, membership, seed=1, first=0, learnt=100, progress=_silent()
    )
    models.workers = 1
    alone = models.confidence(given.rows)
    models.workers = 2
    assert np.array_equal(alone, models.confidence(given.rows))
    asked = given.rows.take(np.arange(5))
    assert np.array_equal(alone[:, :5], models.confidence(asked))


def _silent() -> Any:
    from strongroom.progress import SILENT

    return SILENT


def dies(inputs: NDArray[Any], labels: NDArray[Any], seed: int) -> Any:
    del inputs, labels, seed
    os._exit(9)


def breaks(inputs: NDArray[Any], labels: NDArray[Any], seed: int) -> Any:
    del inputs, labels, seed
    raise ValueError("a secret value")


def test_a_process_that_dies_is_said_and_so_is_a_fit_that_breaks() -> None:
    given, membership = pool(), random_memberships(4, 80, 0)

    def asked(fit: Any, workers: int) -> None:
        models = FittedRecipe(fit, {}).train(
            given.rows, 2, membership, seed=1, first=0, learnt=40, progress=_silent()
        )
        models.workers = workers
        models.confidence(given.rows)

    with pytest.raises(InputError, match="process that fitted shadow models died"):
        asked(dies, 2)
    with pytest.raises(InputError, match=r"can't be fitted on \d+ of its rows: ValueError") as told:
        asked(breaks, 2)
    assert "secret" not in str(told.value)


def test_a_training_is_asked_about_other_rows_without_a_second_training() -> None:
    recipe, given = Scripted(), pool()
    training = Training(recipe, given.rows, 2, random_memberships(8, 80, 0), 0)
    training.signals(given.rows)
    training.signals(given.rows.take(np.arange(3)))
    assert len(recipe.trained) == 2
