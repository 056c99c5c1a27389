"""If this fails, an audit says that a model shows nobody's face when it does, or the reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from strongroom.attacks import Measured, NotEvaluable, Rows, Situation, Value, load_attack
from strongroom.attacks._likeness import correlation, psnr, ssim
from strongroom.attacks.inversion import (
    ClassRepresentative,
    EstimatedSlope,
    Recogniser,
    gradient_slope,
    invert_classes,
    similarity_gain,
)
from strongroom.privacy import make_private

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE, PEOPLE = 12, 12


def people(images: int, seed: int, count: int = PEOPLE) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return made-up faces: what all share, what a person has, and what each picture adds."""
    coins = np.random.default_rng(seed)

    def smooth(rows: int) -> NDArray[np.float64]:
        small = coins.normal(size=(rows, 6, 6))
        return small.repeat(2, axis=1).repeat(2, axis=2)

    own, shared = smooth(count), smooth(1)
    labels = np.repeat(np.arange(count), images)
    faces = 2 * shared + own[labels] + 0.8 * smooth(len(labels))
    return np.clip(128 + 25 * faces, 0, 255).astype(np.uint8)[:, None], labels


class Softmax:
    """A softmax regression on pixels: the model that Fredrikson et al. inverted best."""

    def __init__(self, layer: nn.Linear) -> None:
        self.network = nn.Sequential(nn.Flatten(), layer).requires_grad_(requires_grad=False)
        self.classes = tuple(str(c) for c in range(layer.out_features))

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `Model`."""
        found: NDArray[np.float32] = (
            self.network(torch.from_numpy(np.asarray(batch, np.float32))).softmax(dim=1).numpy()
        )
        return found


class Answers:
    """The same model, of which only the probabilities of whole pixels are to be had."""

    def __init__(self, model: Softmax) -> None:
        self._model, self.classes = model, model.classes
        self.asked = 0

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `Model`."""
        assert batch.dtype == np.uint8
        self.asked += len(batch)
        return self._model.predict_proba(batch)


def learn(
    inputs: NDArray[Any], labels: NDArray[Any], epsilon: float | None = None, seed: int = 0
) -> Softmax:
    torch.manual_seed(seed)
    layer = nn.Linear(SIDE * SIDE, int(labels.max()) + 1)
    nn.init.zeros_(layer.weight)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01 / 255)
    x = torch.from_numpy(inputs.reshape(len(inputs), -1).astype(np.float32))
    y = torch.from_numpy(labels)
    if epsilon is None:
        for _ in range(150):
            optimizer.zero_grad()
            nn.functional.cross_entropy(layer(x), y).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return Softmax(layer)
    private, step, batches = make_private(
        layer,
        optimizer,
        (x, y),
        epsilon=epsilon,
        delta=1e-5,
        epochs=50,
        batch_size=len(x),
        seed=bytes([seed]) * 32,  # a test is the same every time, and so not private
    )
    for _ in range(50):
        for some, truth in batches:
            step.zero_grad()
            nn.functional.cross_entropy(private(some), truth).backward()  # type: ignore[no-untyped-call]
            step.step()
    made = nn.Linear(SIDE * SIDE, layer.out_features)
    made.load_state_dict(layer.state_dict())
    return Softmax(made)


def random_model(seed: int, classes: int = PEOPLE) -> Softmax:
    torch.manual_seed(seed)
    layer = nn.Linear(SIDE * SIDE, classes)
    with torch.no_grad():
        layer.weight /= 255
    return Softmax(layer)


def parted(seed: int, inside: int = 4, outside: int = 4) -> tuple[Rows, Rows]:
    images, labels = people(inside + outside, seed)
    member = np.arange(len(labels)) % (inside + outside) < inside
    return Rows(images[member], labels[member]), Rows(images[~member], labels[~member])


def attack(target: Any, members: Rows, others: Rows, **more: Any) -> Any:  # noqa: ANN401
    situation = Situation(target=target, members=members, nonmembers=others, kind="image", **more)
    return ClassRepresentative().run(situation)


def of(result: Any, metric: str) -> Value:  # noqa: ANN401 - a result
    assert isinstance(result, Measured)
    return next(v for v in result.values if v.metric.endswith(metric))


def test_an_unprotected_model_shows_its_people() -> None:
    members, others = parted(0)
    result = attack(learn(members.inputs, members.labels), members, others)
    share = of(result, "recognised_share")
    assert share.value >= 0.8
    assert share.low is not None
    assert share.low > 3 * share.details["chance"]
    assert of(result, "similarity_gain").low > 0  # type: ignore[operator]
    assert "white-box" in result.knowledge


def test_probabilities_alone_show_them_too() -> None:
    members, others = parted(0)
    target = Answers(learn(members.inputs, members.labels))
    result = attack(target, members, others)
    assert of(result, "recognised_share").value >= 0.7
    assert "black-box" in result.knowledge
    assert result.queries == target.asked > 0


def test_a_private_model_shows_far_less() -> None:
    # ε = 1 for one picture. Over 10 seeds: recognised 10 % at ε = 1, 22 % at ε = 8, 100 % without.
    members, others = parted(0)
    private = attack(learn(members.inputs, members.labels, epsilon=1.0), members, others)
    assert of(private, "recognised_share").value < 0.5
    assert of(private, "similarity_gain").low <= 0.02  # type: ignore[operator]


@pytest.mark.slow
def test_models_of_nothing_are_at_chance_in_100_repeats() -> None:
    # Each of the two intervals may miss in 2.5 % on the high side, so a sound attack has 9 of 100
    # once in 1,000 such tests. Measured: 2 and 3.
    recognised = gained = 0
    for seed in range(100):
        members, others = parted(seed)
        result = attack(random_model(seed), members, others, seed=seed)
        share = of(result, "recognised_share")
        recognised += share.low > share.details["chance"]
        gained += of(result, "similarity_gain").low > 0  # type: ignore[operator]
    assert recognised < 9
    assert gained < 9


@pytest.mark.slow
def test_other_pictures_of_the_same_people_give_no_gain_in_100_repeats() -> None:
    # The model knows the people, and none of these pictures: recognised, but no gain. Measured:
    # always recognised, 2 gains of 100.
    recognised, gained = [], 0
    for seed in range(100):
        images, labels = people(12, seed)
        place = np.arange(len(labels)) % 12
        target = learn(images[place < 4], labels[place < 4], seed=seed)
        members = Rows(images[(place >= 4) & (place < 8)], labels[(place >= 4) & (place < 8)])
        others = Rows(images[place >= 8], labels[place >= 8])
        result = attack(target, members, others, seed=seed)
        recognised.append(of(result, "recognised_share").value)
        gained += of(result, "similarity_gain").low > 0  # type: ignore[operator]
    assert np.mean(recognised) > 0.8
    assert gained < 9


def test_the_gain_of_equal_sides_is_the_difference_of_the_nearest() -> None:
    images, labels = people(6, 3, count=4)
    member = np.arange(len(labels)) % 6 < 3
    inverted = images[member][::3].astype(np.float32)  # a training image of each
    found = similarity_gain(inverted, np.arange(4), images, labels, member, seed=0)
    flat = images.reshape(len(images), -1).astype(np.float64)
    centre = flat.mean(axis=0)
    near = correlation(inverted.reshape(4, -1) - centre, flat - centre)
    nearest = [
        [near[c][(labels == c) & side].max() for c in range(4)] for side in (member, ~member)
    ]
    assert found.to_members == pytest.approx(1.0)
    assert found.gain == pytest.approx(np.mean(nearest[0]) - np.mean(nearest[1]))


def test_more_pictures_on_one_side_are_no_advantage() -> None:
    # The nearest of 20 beats the nearest of 2 by luck alone; the gain must not.
    gains = []
    for seed in range(40):
        images, labels = people(22, seed, count=6)
        member = np.arange(len(labels)) % 22 < 20
        noise = np.random.default_rng(seed).normal(size=(6, 1, SIDE, SIDE))
        gains.append(similarity_gain(noise, np.arange(6), images, labels, member, seed=0).gain)
    assert abs(np.mean(gains)) < 4 * np.std(gains) / np.sqrt(len(gains))


def test_it_says_why_it_cannot_judge() -> None:
    members, others = parted(0)
    two = np.flatnonzero(others.labels < 2)
    few = attack(random_model(0), members, others.take(two))
    assert isinstance(few, NotEvaluable)
    assert "2 classes" in few.reason
    poor = attack(Answers(random_model(0)), members, others, query_budget=1_000)
    assert isinstance(poor, NotEvaluable)
    assert "1,000 rows" in poor.reason
    blank = Rows(np.zeros_like(members.inputs), members.labels)
    assert isinstance(attack(random_model(0), blank, blank), NotEvaluable)


def test_the_budget_is_kept() -> None:
    members, others = parted(0)
    target = Answers(random_model(0))
    attack(target, members, others, query_budget=5_000)
    assert 2_000 < target.asked <= 5_000


def test_the_same_seed_gives_the_same_numbers() -> None:
    members, others = parted(1)
    target = Answers(learn(members.inputs, members.labels))
    assert attack(target, members, others, seed=3) == attack(target, members, others, seed=3)


def test_results_hold_no_image() -> None:
    members, others = parted(0)
    result = attack(learn(members.inputs, members.labels), members, others)
    details = [result.details, *(v.details for v in result.values)]
    numbers = [v for d in details for v in d.values()]
    assert all(isinstance(v, int | float) for v in numbers)


def test_climbing_stays_in_bounds_and_is_sure() -> None:
    members, _ = parted(0)
    slope = gradient_slope(learn(members.inputs, members.labels))
    assert slope is not None
    found = invert_classes(slope, np.arange(PEOPLE), (1, SIDE, SIDE), (0, 255))
    assert found.images.min() >= 0
    assert found.images.max() <= 255
    assert (found.confidence >= 0.99).all()
    smooth = invert_classes(
        slope, np.arange(PEOPLE), (1, SIDE, SIDE), (0, 255), steps=30, variation=0.5
    )
    assert np.abs(np.diff(smooth.images)).mean() < np.abs(np.diff(found.images)).mean()


def test_the_estimated_slope_points_where_the_true_one_does() -> None:
    members, _ = parted(0)
    model = learn(members.inputs, members.labels)
    exact = gradient_slope(model)
    assert exact is not None
    guess = EstimatedSlope(model, np.dtype(np.float32), 255.0, pairs=300, seed=0)
    start = np.full((3, 1, SIDE, SIDE), 128, np.float32)
    _, true = exact(start, np.arange(3))
    _, felt = guess(start, np.arange(3))
    for a, b in zip(true, felt, strict=True):
        assert float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())) > 0.75
    assert guess.queries == 3 * 601


def test_the_recogniser_knows_people_it_has_seen() -> None:
    members, others = parted(2, inside=5, outside=5)
    recogniser = Recogniser(others.inputs, others.labels)
    templates, fisher = recogniser.accuracy(members.inputs, members.labels)
    assert templates > 0.8
    assert fisher > 0.8
    single = Recogniser(others.inputs[::5], others.labels[::5])  # one picture of each
    assert single.accuracy(members.inputs, members.labels)[1] > 0.4


def test_it_is_registered() -> None:
    assert isinstance(load_attack("inversion.class_representative"), ClassRepresentative)


def pictures() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[0:24, 0:20]
    one = 128 + 100 * np.sin(x / 3) * np.cos(y / 4)
    return one, np.clip(one * 0.8 + 10 * ((3 * x + 5 * y) % 7), 0, 255)


def test_likeness_agrees_with_scikit_image() -> None:
    # scikit-image 0.26.0: structural_similarity(a, b, gaussian_weights=True, sigma=1.5,
    # use_sample_covariance=False, data_range=255), peak_signal_noise_ratio(a, b, data_range=255).
    one, two = (p[None, None] for p in pictures())
    assert ssim(one, two, 255.0)[0] == pytest.approx(0.727542042967338, abs=1e-9)
    assert psnr(one, two, 255.0)[0] == pytest.approx(21.053359077238643, abs=1e-9)
    assert ssim(one, one, 255.0)[0] == pytest.approx(1.0)
    assert ssim(one[..., :5, :4], one[..., :5, :4], 255.0)[0] == pytest.approx(1.0)


def test_a_constant_row_correlates_with_nothing() -> None:
    rows = np.array([[1.0, 1, 1], [1, 2, 3]])
    assert correlation(rows, rows)[0].tolist() == [0, 0]
    assert correlation(rows, rows)[1, 1] == pytest.approx(1.0)
