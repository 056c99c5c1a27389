"""If this fails, image features aren't what was published, or one image's depend on another's."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from strongroom.errors import DataError
from strongroom.models import Scattering

DATA = Path(__file__).parents[1] / "data"
REFERENCE = np.load(DATA / "scattering" / "reference.npz")
DIGITS = np.load(DATA / "mnist_digits" / "digits.npz")["x"]


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


@pytest.mark.parametrize("name", ["digit", "odd", "deep"])
def test_it_agrees_with_kymatio(name: str) -> None:
    image = torch.from_numpy(REFERENCE[f"{name}_image"])
    scales, angles = (int(v) for v in REFERENCE[f"{name}_shape"])
    scattering = Scattering(*image.shape, scales=scales, angles=angles)
    found = scattering(image[None, None])[0].numpy()
    expected = REFERENCE[f"{name}_features"]
    assert found.shape == expected.shape == scattering.shape
    # kymatio 0.3.0 writes 3.1415 for π in each filter's factor: order m was divided by it m + 1
    # times.
    order = np.full(len(found), 3)
    order[0], order[1 : 1 + scales * angles] = 1, 2
    expected = expected * (3.1415 / math.pi) ** order[:, None, None]
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_published_size() -> None:
    assert Scattering(28, 28).shape == (81, 7, 7)  # 3,969 features: Tramèr & Boneh 2021
    assert Scattering(32, 32).shape == (81, 8, 8)
    assert Scattering(40, 33, scales=3, angles=6).shape == (1 + 18 + 108, 5, 4)


def test_every_image_and_colour_is_transformed_by_itself() -> None:
    batch = images(70, 3, 16, 20)
    scattering = Scattering(16, 20)
    whole = scattering(batch)
    for row in (0, 31, 32, 69):
        for colour in range(3):
            alone = scattering(batch[row : row + 1, colour : colour + 1])[0]
            part = whole[row, colour * 81 : (colour + 1) * 81]
            torch.testing.assert_close(part, alone, rtol=1e-5, atol=1e-6)


def test_an_empty_batch() -> None:
    assert Scattering(16, 16)(images(0, 1, 16, 16)).shape == (0, 81, 4, 4)


def test_it_never_moves_two_images_apart() -> None:
    # Sampled at every 4th pixel, a feature stands for 16 of them. Reflected borders count twice.
    first, second = images(20, 1, 32, 32), images(20, 1, 32, 32, seed=1)
    scattering = Scattering(32, 32)
    apart = (scattering(first) - scattering(second)).flatten(1).norm(dim=1) * 4
    assert (apart < 1.05 * (first - second).flatten(1).norm(dim=1)).all()


def test_small_shifts_change_it_little() -> None:
    digits = torch.from_numpy(DIGITS[:100].astype(np.float32) / 255)[:, None]
    moved = torch.roll(digits, 1, dims=-1)
    scattering = Scattering(28, 28)

    def change(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(((a - b).flatten(1).norm(dim=1) / a.flatten(1).norm(dim=1)).mean())

    assert change(scattering(digits), scattering(moved)) < 0.5 * change(digits, moved)


def test_brightness_scales_it_and_a_plain_image_has_no_texture() -> None:
    batch = images(3, 1, 24, 24)
    scattering = Scattering(24, 24)
    torch.testing.assert_close(scattering(2 * batch), 2 * scattering(batch))
    plain = scattering(torch.ones(1, 1, 24, 24))[0]
    torch.testing.assert_close(plain[0], torch.ones(6, 6), rtol=1e-4, atol=1e-4)
    assert float(plain[1:].abs().max()) < 1e-5


def test_too_small_images_are_refused_with_the_least_size() -> None:
    with pytest.raises(DataError, match="too small for scattering") as caught:
        Scattering(28, 15, scales=3)
    assert "at least 16 pixels" in (caught.value.hint or "")
