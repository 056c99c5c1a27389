"""Train a model on images: from a dataset to numbers, and what that took as public."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from strongroom.data import Role, image_column, seen_sizes
from strongroom.errors import DataError, InputError
from strongroom.models import CentredLinear, ImageModel, ImageShape, metrics
from strongroom.privacy import GaussianReleases, noisy_sum
from strongroom.train._gradient import Prepared, train_network
from strongroom.train._preparation import subject_codes, target_classes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.config import ColumnSpec, ImageSpec, TrainSpec
    from strongroom.data import Dataset
    from strongroom.models import ImageKind
    from strongroom.privacy import SecretStream
    from strongroom.train._guard import Surroundings
    from strongroom.train._result import TrainResult

_FEATURE_BYTES = 4 * 2**30  # of memory: nothing private is put on disk in the clear
_PIXELS_AT_ONCE = 256 * 28 * 28
_FEATURES_AT_ONCE = 4096 * 3969
_ROWS_SUMMED = 4096
_GROUP = 3


def train_image(
    dataset: Dataset,
    spec: TrainSpec,
    test: Dataset | None,
    columns: Mapping[str, ColumnSpec],
    around: Surroundings,
) -> TrainResult:
    """Train "scattering" (a linear layer on wavelet features) or "cnn".

    One column of images is read, and the target; no other column is. Where the dataset has a
    subject, one image of each subject is kept, chosen by secret coins, and the guarantee is per
    subject.

    Raises:
        DataError: no images, no target, one class, or an image that can't be read.
        BudgetExceededError: the budget doesn't cover the guarantee; nothing was trained.
    """
    return train_network(_prepare(dataset, spec, test, columns), spec, around)


def _prepare(
    dataset: Dataset,
    spec: TrainSpec,
    test: Dataset | None,
    columns: Mapping[str, ColumnSpec],
) -> Prepared:
    target, classes, about_classes = target_classes(dataset, columns)
    column = _image_column(dataset, spec.image)
    shape, about_size = _shape(dataset, column, spec)
    model = ImageModel(shape, column, classes, target=target)
    prepared = prepare_images(model, spec.image, dataset)
    covered = list(prepared.covered)
    centre = None
    if shape.kind == "scattering" and spec.image.centre:
        centre = Centre(spec.image.centre, shape)
        covered.insert(
            1,
            f"the mean of all features, released with noise of {spec.image.centre:g} times what "
            "one image can move it",
        )
    return replace(
        prepared,
        held_out=model.read(test) if test is not None else None,
        prelude=centre,
        skipped=_skipped(dataset, column),
        covered=tuple(covered),
        not_covered=(
            "the table's column names and types, and which one holds the images: public",
            *about_size,
            *about_classes,
        ),
    )


def prepare_images(model: ImageModel, image: ImageSpec, dataset: Dataset) -> Prepared:
    """Return a dataset's images as numbers for a model that is there; nothing is measured.

    Raises:
        DataError: no images, or one that can't be read.
    """
    shape, views = model.shape, Views(image.augment, image.shift, image.flip)
    scattering = shape.kind == "scattering"
    if scattering and views.views > 1:
        inputs, labels = _fixed_views(model, dataset, views)
    else:
        inputs, labels = model.read(dataset)
    covered = [
        "every image is decoded and brought to the size of the model by itself"
        + (
            ", and its wavelet features come from fixed filters and are normalised by themselves"
            if scattering
            else ""
        )
    ]
    if views.views > 1:
        covered.append(
            f"{views.views} views of each image count as one: their gradient is averaged before "
            "it is clipped"
        )
    return Prepared(
        model=model,
        inputs=inputs,
        labels=labels,
        subjects=subject_codes(dataset),
        initialise=initialise_image,
        measure=_measure,
        augment=(Kept(views.views) if scattering else views) if views.views > 1 else None,
        micro_batch=_together(shape, views.views),
        covered=tuple(covered),
    )


@dataclass(frozen=True)
class Views:
    """Views of images: the image itself, and others moved and perhaps mirrored by coins.

    Attributes:
        views: how many of each, at least 1.
        shift: the most pixels down or across; what comes in repeats the edge.
        flip: each view but the first is mirrored by a fair coin.
    """

    views: int
    shift: int
    flip: bool

    def __call__(
        self, rows: NDArray[np.uint8], stream: SecretStream, step: int, first: int
    ) -> NDArray[np.uint8]:
        """See `Augment`: [n * views, c, h, w] for [n, c, h, w]."""
        others = len(rows) * (self.views - 1)
        coins = stream.uniform(f"views-{first}", step, 3 * others).reshape(3, len(rows), -1)
        moves = np.floor(coins[:2] * (2 * self.shift + 1)).astype(np.intp) - self.shift
        mirrored = (coins[2] < 0.5) & self.flip  # noqa: PLR2004 - a fair coin
        return self.make(rows, moves, mirrored)

    def make(
        self, rows: NDArray[np.uint8], moves: NDArray[np.intp], mirrored: NDArray[np.bool_]
    ) -> NDArray[np.uint8]:
        """Return the views for moves [2, n, views - 1] and mirrored [n, views - 1]."""
        count, colours, height, width = rows.shape
        down = np.clip(np.arange(height) - moves[0][..., None], 0, height - 1)
        across = np.clip(np.arange(width) - moves[1][..., None], 0, width - 1)
        across = np.where(mirrored[..., None], width - 1 - across, across)
        found = np.empty((count, self.views, colours, height, width), dtype=rows.dtype)
        found[:, 0] = rows
        # Advanced indices around a slice put the colours last.
        moved = rows[
            np.arange(count)[:, None, None, None], :, down[..., :, None], across[..., None, :]
        ]
        found[:, 1:] = moved.transpose(0, 1, 4, 2, 3)
        return found.reshape(count * self.views, colours, height, width)


@dataclass(frozen=True)
class Kept:
    """Views that were made before and lie in the second axis."""

    views: int

    def __call__(
        self, rows: NDArray[Any], stream: SecretStream, step: int, first: int
    ) -> NDArray[Any]:
        """See `Augment`."""
        del stream, step, first
        return rows.reshape(-1, *rows.shape[2:])


class Centre:
    """The noisy mean of all features, which the network takes away.

    Each row has at most norm √features: groups of features have mean 0 and variance 1. Rounding
    may exceed that by a hair, so longer rows are cut to it.

    Args:
        noise_multiplier: standard deviation of the noise over what one row can move the sum.
        shape: of the model.
    """

    def __init__(self, noise_multiplier: float, shape: ImageShape) -> None:
        self.mechanism = GaussianReleases(noise_multiplier)
        self._bound = float(np.prod(shape.features)) ** 0.5

    def __call__(
        self, network: nn.Module, inputs: NDArray[Any], stream: SecretStream | None, rows: int
    ) -> None:
        """See `Prelude`; of several views of a row the mean counts."""
        total = np.zeros(inputs.shape[-1])
        for begin in range(0, len(inputs), _ROWS_SUMMED):
            part = inputs[begin : begin + _ROWS_SUMMED].astype(np.float32)
            part = part.reshape(len(part), -1, part.shape[-1]).mean(axis=1)
            norms = np.maximum(np.linalg.norm(part, axis=1), self._bound)
            total += (self._bound / norms) @ part
        if stream is not None:
            total = noisy_sum(
                total,
                sensitivity=self._bound,
                noise_multiplier=self.mechanism.noise_multiplier,
                stream=stream,
                label="centre",
                step=0,
            )
        assert isinstance(network, CentredLinear)  # noqa: S101 - no other model has a centre
        network.centre.copy_(torch.from_numpy(total / rows))


def initialise_image(network: nn.Module, stream: SecretStream) -> None:
    """Set parameters from coins: the last layer to zero, norms to identity, the rest by size.

    Linear and convolutional layers are uniform in ±1/√inputs with zero biases. With a last layer
    of zeros the first predictions are even, whatever the coins.
    """
    layers = [
        (name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.GroupNorm):
                layer.reset_parameters()
        for name, layer in layers:
            weight = layer.weight
            bound = 0.0 if layer is layers[-1][1] else weight[0].numel() ** -0.5
            coins = stream.uniform(f"initial-{name}", 0, weight.numel())
            values = ((2 * coins - 1) * bound).astype(np.float32)
            weight.copy_(torch.from_numpy(values).view_as(weight))
            if layer.bias is not None:
                layer.bias.zero_()


def _measure(
    model: Any,  # noqa: ANN401 - an image model
    inputs: NDArray[Any],
    labels: NDArray[np.int64],
) -> dict[str, Any]:
    """Return `models.metrics` on the images themselves, the first of their views."""
    flat, views = 2, 3
    if model.shape.kind == "scattering" and inputs.ndim == views > flat:
        inputs = inputs[:, 0]
    return metrics(model.predict_proba(inputs), labels)


def _image_column(dataset: Dataset, image: ImageSpec) -> str:
    unread = (Role.TARGET, Role.DIRECT_IDENTIFIER, Role.IGNORE)
    if image.column is not None:
        dataset.require(image.column)
        role = dataset.roles.get(image.column, Role.FEATURE)
        if role in unread:
            raise DataError(
                f'the column "{image.column}" has the role {role.value}, and is not learnt from',
                where=dataset.name,
                hint="name another in [train.image] column, or give it the role feature",
            )
        return image.column
    candidates = [c for c in dataset.columns if dataset.roles.get(c, Role.FEATURE) not in unread]
    found = image_column(dataset.table.select(candidates))
    if found is None:
        raise DataError(
            "no column holds images",
            where=dataset.name,
            hint="[data] source may be a folder with a subfolder of PNG or JPEG files per class, "
            "a .npz with pixels x and labels y, or a table with a column of image files",
        )
    return found


def _shape(dataset: Dataset, column: str, spec: TrainSpec) -> tuple[ImageShape, tuple[str, ...]]:
    size, seen = _size(dataset, column, spec.image)
    public = (
        "the size and colours of the images were read from the rows and are treated as public; "
        "give height, width and colours in [train.image] to close this"
    )
    return image_shape(spec, *size), (public,) if seen else ()


def image_shape(spec: TrainSpec, height: int, width: int, colours: int) -> ImageShape:
    """Return the shape that a specification asks for, for images brought to one size."""
    image = spec.image
    channels = 1 + image.scales * image.angles
    channels += image.angles**2 * image.scales * (image.scales - 1) // 2
    channels *= colours
    groups = image.groups or (channels // _GROUP if channels % _GROUP == 0 else channels)
    kind = cast("ImageKind", spec.model)
    return ImageShape(kind, height, width, colours, image.scales, image.angles, groups)


def _size(dataset: Dataset, column: str, image: ImageSpec) -> tuple[tuple[int, int, int], bool]:
    """Return the size that images are brought to, and whether looking at them gave some of it."""
    if image.height is not None and image.width is not None and image.colours is not None:
        return (image.height, image.width, image.colours), False
    sizes, colours = seen_sizes(dataset.table.column(column), where=f"{dataset.name}, {column}")
    if image.height is not None and image.width is not None:
        return (image.height, image.width, image.colours or colours), True
    if len(sizes) > 1:
        raise DataError(
            f"the images have {len(sizes):,} different sizes",
            where=dataset.name,
            hint="give the size to bring them to: height and width in [train.image]",
        )
    ((height, width),) = sizes
    return (height, width, image.colours or colours), True


def _fixed_views(
    model: ImageModel, dataset: Dataset, views: Views
) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Return the features [n, views, features] of views that are the same for every image."""
    size = dataset.rows * views.views * int(np.prod(model.shape.features)) * 2
    if size > _FEATURE_BYTES:
        raise InputError(
            f"the features of {views.views} views of each image take {size / 2**30:.1f} GiB, more "
            f"than {_FEATURE_BYTES / 2**30:.0f}",
            where="[train.image] augment",
            hint="fewer views, or a smaller height and width",
        )
    pixels = model.pixels(dataset)
    moves, mirrored = _even_moves(views)
    found = np.empty(
        (len(pixels), views.views, int(np.prod(model.shape.features))), dtype=np.float16
    )
    step = _ROWS_SUMMED
    for begin in range(0, len(pixels), step):
        part = pixels[begin : begin + step]
        made = views.make(
            part,
            np.repeat(moves[:, None], len(part), axis=1),
            np.repeat(mirrored[None], len(part), axis=0),
        )
        found[begin : begin + step] = model.shape.inputs(made).reshape(len(part), views.views, -1)
    return found, model.labels(dataset)


def _even_moves(views: Views) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return moves [2, views - 1] and mirrored [views - 1], the nearest of all there are."""
    sides = range(-views.shift, views.shift + 1)
    places = sorted(
        ((y, x, m) for y in sides for x in sides for m in ((0, 1) if views.flip else (0,))),
        key=lambda p: (p[0] ** 2 + p[1] ** 2, p[2], p),
    )
    chosen = [places[(i + 1) % len(places)] for i in range(views.views - 1)]
    table = np.array(chosen, dtype=np.intp).reshape(-1, 3)
    return table[:, :2].T, table[:, 2] == 1


def _together(shape: ImageShape, views: int) -> int:
    """Return how many images go through the network at once."""
    if shape.kind == "scattering":
        return max(1, _FEATURES_AT_ONCE // int(np.prod(shape.features)) // views)
    return max(1, _PIXELS_AT_ONCE // (shape.height * shape.width) // views)


def _skipped(dataset: Dataset, column: str) -> dict[str, str]:
    skipped = {}
    for name in dataset.columns:
        role = dataset.roles.get(name, Role.FEATURE)
        if name == dataset.subject:
            skipped[name] = "says which person a row belongs to"
        elif name != column and role is not Role.TARGET:
            skipped[name] = "only the images are read"
    return skipped
