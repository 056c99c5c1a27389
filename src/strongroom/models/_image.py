"""Our models of images: a linear layer on wavelet scattering, and a small convolutional network.

Saved as tensors and JSON. What an image becomes depends on that image and the shape alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from strongroom.data import decode_images, image_column
from strongroom.errors import DataError, InputError, MissingExtraError, TamperedError
from strongroom.models._metrics import encode_labels
from strongroom.models._protocol import digest_of

try:
    import torch
    from torch import Tensor, nn

    from strongroom.models._scattering import Scattering
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.data import Dataset

FORMAT = "strongroom/image-model/1"
ImageKind = Literal["scattering", "cnn"]
_IMAGES_AT_ONCE = 512
_FULL = 255.0
_FEATURE_MAPS = (16, 32, 64)
_MAPS_A_GROUP = 4
_GRID = 4
_HIDDEN = 32
_LARGE = 48


@dataclass(frozen=True)
class ImageShape:
    """What an image becomes and what reads it; public.

    Attributes:
        kind: of model.
        height, width, colours: every image is brought to this size; colours are 1 or 3.
        scales, angles: of "scattering"; see `Scattering`.
        groups: of channels, of "scattering": each is brought to mean 0 and variance 1 in every
            image by itself.
    """

    kind: ImageKind
    height: int
    width: int
    colours: int
    scales: int = 2
    angles: int = 8
    groups: int = 27

    def __post_init__(self) -> None:
        if self.kind == "scattering":
            channels = self.features[0]
            if channels % self.groups:
                divisors = [g for g in range(1, channels + 1) if channels % g == 0]
                raise InputError(
                    f"{channels} scattering channels can't be parted into {self.groups} groups",
                    hint=f"groups may be {', '.join(map(str, divisors))}",
                )

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width, colours."""
        return self.height, self.width, self.colours

    @property
    def features(self) -> tuple[int, int, int]:
        """Channels, height and width of what scattering makes of an image."""
        channels, height, width = self._scattering().shape
        return self.colours * channels, height, width

    def inputs(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what the network takes for pixels uint8 [n, colours, height, width].

        The pixels themselves, or normalised scattering features float16 [n, features].
        """
        if self.kind == "cnn":
            return pixels
        scattering, width = self._scattering(), int(np.prod(self.features))
        found = np.empty((len(pixels), width), dtype=np.float16)
        for begin in range(0, len(pixels), _IMAGES_AT_ONCE):
            part = torch.from_numpy(pixels[begin : begin + _IMAGES_AT_ONCE])
            values = nn.functional.group_norm(scattering(part.float() / _FULL), self.groups)
            found[begin : begin + len(part)] = values.flatten(1).numpy()
        return found

    def network(self, classes: int) -> nn.Module:
        """Return a network of this shape with parameters of no meaning."""
        if self.kind == "scattering":
            return CentredLinear(int(np.prod(self.features)), classes)
        return convolutional(self.colours, min(self.height, self.width), classes)

    def _scattering(self) -> Scattering:
        return Scattering(self.height, self.width, scales=self.scales, angles=self.angles)


class CentredLinear(nn.Module):
    """A linear layer on features of which a constant was taken away, [n, inputs].

    The constant (zero unless somebody fills `centre`) isn't trained. Where it is near the mean,
    gradient descent is several times quicker.
    """

    centre: Tensor

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(inputs))
        self.head = nn.Linear(inputs, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Return [n, classes] for float16 or float32 [n, inputs]."""
        outputs: Tensor = self.head(features.float() - self.centre)
        return outputs


class Brightness(nn.Module):
    """Bytes to numbers in [-1, 1]."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Return float32 of the same shape."""
        return pixels.float() / (_FULL / 2) - 1


def convolutional(colours: int, side: int, classes: int) -> nn.Sequential:
    """Return a small network for [n, colours, h, w] of which `side` is the shorter side.

    Blocks of convolution, group norm, tanh (bounded activations train better under clipping:
    Papernot et al. 2021, "Tempered Sigmoid Activations for Deep Learning with Differential
    Privacy") and pooling; two, and a third for large images; then two linear layers.
    """
    layers: list[nn.Module] = [Brightness()]
    before = colours
    for maps in _FEATURE_MAPS[: 3 if side > _LARGE else 2]:
        layers += [
            nn.Conv2d(before, maps, kernel_size=5, padding=2),
            nn.GroupNorm(maps // _MAPS_A_GROUP, maps),
            nn.Tanh(),
            nn.AvgPool2d(2),
        ]
        before = maps
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(_GRID),
        nn.Flatten(),
        nn.Linear(before * _GRID * _GRID, _HIDDEN),
        nn.Tanh(),
        nn.Linear(_HIDDEN, classes),
    )


class ImageModel:
    """A `Model` of images.

    Args:
        shape: how an image is read and by what.
        column: where the images stand.
        classes: class names, in the order of the outputs.
        target: name of the column that is predicted.
    """

    def __init__(
        self, shape: ImageShape, column: str, classes: Sequence[str], *, target: str = ""
    ) -> None:
        self.shape = shape
        self.column = column
        self.classes = tuple(classes)
        self.target = target
        self.network = shape.network(len(self.classes))
        self.network.requires_grad_(requires_grad=False).eval()

    def __repr__(self) -> str:
        height, width, colours = self.shape.size
        return f"ImageModel({self.shape.kind}, {height}×{width}×{colours} → {len(self.classes)})"

    def read(self, dataset: Dataset) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the inputs of `predict_proba` and the labels int64 [n] of a dataset's rows.

        Raises:
            DataError: no such columns, a row without an image, or a label of no class.
        """
        labels = self.labels(dataset)
        return self.shape.inputs(self.pixels(dataset)), labels

    def labels(self, dataset: Dataset) -> NDArray[np.int64]:
        """Return int64 [n], the place of each row's label among the classes.

        Raises:
            DataError: no such column, or a label of no class.
        """
        dataset.require(self.target)
        return encode_labels(dataset.table.column(self.target), self.classes)

    def pixels(self, dataset: Dataset) -> NDArray[np.uint8]:
        """Return uint8 [n, colours, height, width], every image in the model's size.

        Raises:
            DataError: no such column, or a row without an image; says which.
        """
        dataset.require(self.column)
        column = dataset.table.column(self.column)
        if image_column(dataset.table.select([self.column])) is None:
            raise DataError(f'the column "{self.column}" holds no images', where=dataset.name)
        return decode_images(column, self.shape.size, where=f"{dataset.name}, {self.column}")

    def logits(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, classes] for inputs as `read` gives them."""
        parts = [
            self.network(torch.from_numpy(np.ascontiguousarray(batch[i : i + _IMAGES_AT_ONCE])))
            for i in range(0, max(len(batch), 1), _IMAGES_AT_ONCE)
        ]
        found: NDArray[np.float32] = torch.cat(parts).numpy()
        return found

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `Model.predict_proba`; inputs as `read` gives them."""
        found: NDArray[np.float32] = torch.from_numpy(self.logits(batch)).softmax(dim=1).numpy()
        return found

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters by name, copied."""
        return {k: v.numpy().copy() for k, v in self.network.state_dict().items()}

    def meta(self) -> dict[str, Any]:
        """Return everything but the tensors, as plain JSON values."""
        return {
            "format": FORMAT,
            "shape": asdict(self.shape),
            "column": self.column,
            "classes": list(self.classes),
            "target": self.target,
        }

    def digest(self) -> str:
        """See `TrainedModel.digest`."""
        return digest_of(self)

    def describe(self) -> dict[str, Any]:
        """See `TrainedModel.describe`."""
        return {
            "kind": self.shape.kind,
            "classes": list(self.classes),
            "target": self.target,
            "inputs": int(np.prod(self.shape.size)),
            "columns": [self.column],
            "parameters": sum(p.numel() for p in self.network.parameters()),
        }

    @classmethod
    def from_parts(cls, tensors: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> ImageModel:
        """Make the model again from what `tensors` and `meta` gave.

        Raises:
            TamperedError: the parts don't fit each other.
        """
        if meta.get("format") != FORMAT:
            raise TamperedError(f"not an image model of format {FORMAT}")
        try:
            shape = ImageShape(**meta["shape"])
            model = cls(shape, meta["column"], meta["classes"], target=meta["target"])
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise TamperedError(
                "the description of the image model doesn't hold together"
            ) from error
        expected = {k: tuple(v.shape) for k, v in model.network.state_dict().items()}
        if expected != {k: tuple(v.shape) for k, v in tensors.items()}:
            raise TamperedError("the tensors do not fit the architecture that the model names")
        if not all(np.isfinite(v).all() for v in tensors.values()):
            raise TamperedError("a tensor of the model holds NaN or infinite values")
        model.network.load_state_dict(
            {k: torch.tensor(v, dtype=torch.float32) for k, v in tensors.items()}
        )
        return model
