"""If this fails, a site gives more of its rows to a job of trees than it says, or twice."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from tests.federate.one_site import COLUMNS, Asker, Disk, people, recipe, site
from tests.federate.test_federate_site_secure import GROUP, KEYS, NAMES

from strongroom.config import TrainSpec, TreesSpec
from strongroom.data import Dataset
from strongroom.errors import InputError
from strongroom.federate import Kind, Message, SecureSpec, SitePrivacySpec
from strongroom.federate._model import Blueprint
from strongroom.federate.secure import PHASES, Quantiser, ServerRound
from strongroom.federate.site._exit import LeakError, check_leaving
from strongroom.models import AdditiveModel, TableBins, TableEncoder
from strongroom.privacy import EntryState, MemoryLedger, Unit, gaussian_mu
from strongroom.vault import VerifyKey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate import Recipe

TREES = TrainSpec(model="trees", trees=TreesSpec(leaves=6))
ROUNDS = 5
PRIVATE = SitePrivacySpec(epsilon=2.0, delta=1e-5, clip_norm=0.7)


def made() -> AdditiveModel:
    """The model of those people."""
    encoder = TableEncoder.from_specs(people(3).table.schema, ["x", "job"], COLUMNS)
    return AdditiveModel(TableBins.of(encoder), ("no", "yes"), target="y")


SIZE = 1 + sum(made().encoder.sizes)
SCORES = np.random.default_rng(5).normal(size=SIZE).astype(np.float32)


def trees(**changes: Any) -> Recipe:  # noqa: ANN401 - fields of a recipe
    """A small job of trees for the sites a, b and c."""
    plain = {"task": "trees", "train": TREES, "model": made().meta(), "rounds": ROUNDS}
    return recipe(**(plain | changes))


def asker(job: Recipe, name: str = "a", **about: Any) -> Asker:  # noqa: ANN401 - of a site
    """Who asks a fresh site that agreed."""
    found = Asker(site(name, **about), job)
    found.propose()
    return found


def grow(asked: Asker, number: int, scores: NDArray[np.float32] = SCORES) -> NDArray[np.float32]:
    """Return what a site's rows add up to, over its weight."""
    answer = asked.good(Kind.GROW, number, arrays={"parameters": scores})
    assert set(answer.arrays) == {"update"}
    assert answer.facts == {"weight": 300}
    return answer.arrays["update"]


def test_a_site_answers_with_counts_and_then_with_sums_of_residuals() -> None:
    asked, model, rows = asker(trees()), made(), people(seed=ord("a"))
    codes, labels = model.read(rows)
    counts = grow(asked, 1).astype(np.float64) * 300
    np.testing.assert_allclose(counts[0], 300, rtol=1e-6)
    width = model.encoder.sizes[0]
    np.testing.assert_allclose(
        counts[1 : 1 + width], np.bincount(codes[:, 0], minlength=width), atol=1e-4
    )
    scores = SCORES[0] + SCORES[1 + codes[:, 0]] + SCORES[1 + width + codes[:, 1]]
    residuals = 1 / (1 + np.exp(-scores.astype(np.float64))) - labels
    sums = grow(asked, 2).astype(np.float64) * 300
    np.testing.assert_allclose(sums[0], residuals.sum(), atol=1e-3)
    expected = np.bincount(codes[:, 1], weights=residuals, minlength=model.encoder.sizes[1])
    np.testing.assert_allclose(sums[1 + width :], expected, atol=1e-3)


@pytest.mark.parametrize("number", [1, 2])
def test_the_secure_sum_is_that_of_the_sums_in_the_clear_to_the_bit(number: int) -> None:
    secure = SecureSpec(threshold=2)
    job = trees(secure=secure)
    askers = {name: asker(job, name) for name in NAMES}
    clear = {name: asker(trees(), name) for name in NAMES}
    quantiser = Quantiser(secure, len(NAMES))
    expected = np.zeros(SIZE + 1, np.int64)
    for k in range(1, number + 1):
        vectors = {name: grow(one, k) for name, one in clear.items()}
        for one in askers.values():
            answer = one.good(Kind.GROW, k, facts=GROUP, arrays={"parameters": SCORES})
            assert answer.facts == {"ready": True}
            assert not answer.arrays
        expected = sum((quantiser.encode(v, 300 / 300) for v in vectors.values()), 0 * expected)
        keys = {name: VerifyKey.parse(text) for name, text in KEYS.items()}
        server = ServerRound(secure, keys, job=job.job, round=k, length=SIZE + 1)
        for phase in PHASES:
            asked = server.requests(phase)
            server.take(phase, {name: askers[name].send(r) for name, r in asked.items()})
        np.testing.assert_array_equal(server.total(), expected)


def test_noise_is_of_the_size_that_the_ledger_counts() -> None:
    ledger = MemoryLedger()
    job = trees(privacy=PRIVATE)
    private, exact = asker(job, ledger=ledger), asker(trees())
    assert not ledger.entries("people.csv")
    first = (grow(private, 1) - grow(exact, 1)).astype(np.float64) * 300
    (entry,) = ledger.entries("people.csv")
    assert entry.state is EntryState.RESERVED
    assert entry.spend.epsilon == pytest.approx(2.0, rel=1e-3)
    assert entry.spend.epsilon <= 2.0 + 1e-9
    counts, rounds = entry.spend.events
    assert (counts["steps"], rounds["steps"]) == (1, ROUNDS - 1)
    mu = gaussian_mu(2.0, 1e-5)
    assert counts["noise_multiplier"] == pytest.approx(1 / (mu * np.sqrt(TREES.trees.counts)))
    _of_deviation(first, counts["noise_multiplier"] * np.sqrt(1 + 2))
    # Where no row has a residual, what is left is noise alone.
    certain = np.zeros(SIZE, np.float32)
    yes = Dataset(
        people(300, ord("a")).table.filter(
            np.array(people(300, ord("a")).table["y"].to_pylist()) == "yes"
        ),
        roles=people(3).roles,
    )
    certain[0] = 500.0
    sure = asker(trees(privacy=PRIVATE), data=yes, rows=300)
    grow(sure, 1, certain)
    noise = np.concatenate([grow(sure, k, certain) for k in range(2, ROUNDS + 1)]) * 300.0
    _of_deviation(noise, rounds["noise_multiplier"] * PRIVATE.clip_norm)


def _of_deviation(noise: NDArray[Any], deviation: float) -> None:
    """Hold numbers to a Gaussian of mean 0: its size by a two-sided χ² test, its shape by KS."""
    ratio = float((noise.astype(np.float64) ** 2).sum()) / deviation**2
    low, high = stats.chi2.ppf([1e-5, 1 - 1e-5], noise.size)
    assert low < ratio < high
    assert stats.kstest(noise / deviation, "norm").pvalue > 1e-5


def test_one_row_more_moves_a_round_by_no_more_than_the_clip_norm() -> None:
    """The same coins at a site with and without its last row: what differs is that row's part."""
    job = trees(privacy=PRIVATE)
    whole = people(300, 3)
    fewer = Dataset(whole.table.slice(0, 299), roles=whole.roles)

    class Known(MemoryLedger):
        def reserve(self, *args: Any, **more: Any) -> Any:  # noqa: ANN401 - as there
            return replace(super().reserve(*args, **more), seed=bytes(32))

    wild = np.where(np.arange(SIZE) % 2, 3e38, -3e38).astype(np.float32)
    for scores in (SCORES, 50 * SCORES, wild):
        one, other = (asker(job, data=data, rows=300, ledger=Known()) for data in (whole, fewer))
        moved = [np.linalg.norm(300.0 * (grow(one, k, scores) - grow(other, k, scores)))
                 for k in (1, 2)]  # fmt: skip
        assert moved[0] == pytest.approx(np.sqrt(3), rel=1e-3)
        assert moved[1] <= PRIVATE.clip_norm * (1 + 1e-3)


def test_a_round_that_is_asked_again_gets_the_same_answer_and_costs_once() -> None:
    job, disk, ledger = trees(privacy=PRIVATE), Disk(), MemoryLedger()
    asked = asker(job, ledger=ledger, checkpointer=disk)
    first, second = grow(asked, 1), grow(asked, 2)
    np.testing.assert_array_equal(grow(asked, 2), second)
    assert "other parameters" in asked.why(Kind.GROW, 2, arrays={"parameters": 2 * SCORES})
    assert "don't go back" in asked.why(Kind.GROW, 1, arrays={"parameters": SCORES})
    # Killed, and started again with what was kept.
    again = asker(job, ledger=ledger, checkpointer=disk)
    np.testing.assert_array_equal(grow(again, 2), second)
    assert "other parameters" in again.why(Kind.GROW, 2, arrays={"parameters": 2 * SCORES})
    third = grow(again, 3)
    assert np.abs(third - second).max() > 0
    assert np.abs(first - second).max() > 0
    assert len(ledger.entries("people.csv")) == 1
    answer = again.good(Kind.FINISH, ROUNDS, facts={"model": "m", "outcome": "done"})
    (entry,) = ledger.entries("people.csv")
    assert entry.state is EntryState.SETTLED
    stated = _predicate(answer)
    assert stated["task"] == "trees"
    assert stated["privacy"]["epsilon"] == pytest.approx(2.0, rel=1e-3)
    assert stated["rounds"] == {"asked": ROUNDS, "last": 3}


def _predicate(answer: Message) -> dict[str, Any]:
    payload = base64.b64decode(answer.facts["statement"]["payload"])
    found: dict[str, Any] = json.loads(payload)["predicate"]
    return found


def test_what_a_site_does_not_allow_is_refused() -> None:
    def why(job: Recipe, **about: Any) -> str:  # noqa: ANN401 - of a site
        facts = {"recipe": job.model_dump(mode="json")}
        return Asker(site(**about), job).why(Kind.PROPOSE, facts=facts)

    assert "doesn't allow the task" in why(trees(), policy={"tasks": ("train",)})
    assert 'models of kind "trees"' in why(trees(), policy={"models": ("logistic",)})
    assert "wants differential privacy" in why(trees(), policy={"privacy": {"epsilon": 1.0}})
    assert "budget doesn't cover" in why(trees(privacy=PRIVATE), budget=1.0)
    assert "not trained by gradients" in why(trees(task="train"))
    assert "would send" in why(trees(), policy={"max_bytes": 4 * SIZE})
    assert "describes another model" in why(trees(task="train", train=TrainSpec(model="mlp")))
    broken = made().meta()
    broken["bins"]["edges"][0] = broken["bins"]["edges"][0][::-1]
    assert "can't be made" in why(trees(model=broken))
    fewer = people(40).table
    one = Dataset(fewer.slice(0, 0), roles=people(3).roles)
    assert "can't be read" in why(trees(), data=one)


def test_a_job_of_trees_only_grows_and_no_other_job_does() -> None:
    growing, training = asker(trees()), asker(recipe())
    sent = {"parameters": SCORES}
    assert "knows no train" in growing.why(Kind.TRAIN, 1, arrays=sent)
    assert "knows no grow" in training.why(Kind.GROW, 1, arrays=sent)
    assert "nobody looks at" in growing.why(Kind.GROW, 1, arrays={**sent, "control": SCORES})
    assert "not float32" in growing.why(Kind.GROW, 1, arrays={"parameters": SCORES[:-1]})


def test_nothing_else_leaves_by_the_door_for_trees() -> None:
    sums = Message(Kind.GROW, arrays={"update": SCORES})
    check_leaving(sums, SIZE)
    for arrays in ({"update": SCORES[:-1]}, {"control": SCORES}, {"rows": SCORES}):
        with pytest.raises(LeakError):
            check_leaving(Message(Kind.GROW, arrays=arrays), SIZE)
    with pytest.raises(LeakError):
        check_leaving(Message(Kind.GROW, facts={"count": 299}), SIZE)


def test_descriptions_of_trees_are_held_to_their_bounds() -> None:
    def bins(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        meta = made().meta()
        return {**meta, "bins": {**meta["bins"], **changes}}

    good = made().meta()["bins"]
    wrong = [
        bins(edges=good["edges"][:1]),
        bins(edges=[good["edges"][0], [0.5]]),
        bins(edges=[[], []]),
        bins(columns=[good["columns"][0]] * 2),
        bins(columns=[{**good["columns"][0], "reference": [5]}, good["columns"][1]]),
        {**made().meta(), "classes": ["one"]},
        {**made().meta(), "code": "x"},
    ]
    for meta in wrong:
        with pytest.raises(InputError):
            Blueprint.of(trees(model=meta))
    assert Blueprint.of(trees()).size == SIZE


def test_of_a_person_one_row_takes_part() -> None:
    rows = people(300, 8)
    table = rows.table.append_column("who", pa.array([f"p{k % 90}" for k in range(300)]))
    data = Dataset(table, roles=rows.roles, subject="who")
    job = trees(privacy=PRIVATE.model_copy(update={"unit": "person"}))
    ledger = MemoryLedger()
    asked = asker(job, data=data, ledger=ledger, rows=90)
    private = asked.good(Kind.GROW, 1, arrays={"parameters": SCORES}).arrays["update"]
    (entry,) = ledger.entries("people.csv")
    assert entry.spend.unit is Unit.SUBJECT
    # Noise of deviation 12 or so lies over the 90: not over 300.
    assert abs(float(private[0]) * 90 - 90) < 100
    plain = asker(trees(), data=data, rows=90)
    exact = plain.good(Kind.GROW, 1, arrays={"parameters": SCORES}).arrays["update"]
    assert float(exact[0]) == 1.0
    refused = Asker(site(), job).why(Kind.PROPOSE, facts={"recipe": job.model_dump(mode="json")})
    assert "which rows are one person's" in refused
