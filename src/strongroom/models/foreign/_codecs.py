"""What rows become for a model, and back: attacks see arrays of numbers, models what they know."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa

from strongroom.data import Dataset, Kind, decode_images, image_column, seen_sizes
from strongroom.errors import DataError, InputError, did_you_mean
from strongroom.models.foreign._table_codec import TableCodec, TableColumn, require_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class Codec(Protocol):
    """Turns a dataset into an array with one row a record, and such an array into inputs."""

    def encode(self, dataset: Dataset, target: str) -> NDArray[Any]:
        """Return an array whose first axis is the row.

        Raises:
            DataError: the rows don't fit the model; says which column or shape.
        """

    def decode(self, batch: NDArray[Any]) -> Any:  # noqa: ANN401 - what the model takes
        """Return what the model takes for such an array."""


class TextCodec:
    """One column of text: int64 [n, 1], each text's number, and back to a list of texts.

    Args:
        column: its name; the only column of text by default.
    """

    takes = "text"

    def __init__(self, column: str | None = None) -> None:
        self.column = column
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}

    def encode(self, dataset: Dataset, target: str) -> NDArray[np.int64]:
        """See `Codec.encode`."""
        self.column = self.column or text_column(dataset, target)
        require_column(dataset, self.column)
        codes = np.empty((dataset.rows, 1), np.int64)
        for row, text in enumerate(dataset.table.column(self.column).to_pylist()):
            plain = str(text or "")
            if plain not in self._codes:
                self._codes[plain] = len(self.texts)
                self.texts.append(plain)
            codes[row, 0] = self._codes[plain]
        return codes

    def decode(self, batch: NDArray[Any]) -> list[str]:
        """See `Codec.decode`; a number of no text is the empty one."""
        known = len(self.texts)
        return [self.texts[i] if 0 <= i < known else "" for i in batch[:, 0].astype(int)]


def text_column(dataset: Dataset, target: str) -> str:
    """Return the column named `text`, or the only one of text beside the target.

    Raises:
        DataError: there is none, or there are several.
    """
    found = [
        f.name for f in dataset.table.schema if pa.types.is_string(f.type) and f.name != target
    ]
    if "text" in found:
        return "text"
    if len(found) != 1:
        raise DataError(
            f"the model reads one column of text, and these rows have {len(found)}",
            where=dataset.name,
            hint="name it (columns)",
        )
    return str(found[0])


@dataclass
class ImageCodec:
    """Images as float32 of the shape that the model takes.

    Attributes:
        layout: nchw, nhwc, nhw or flat.
        size: height, width, colours; None is the size of the first images that are read.
        scale: a pixel of 255 becomes 255 · scale.
        mean, std: per colour, of the scaled pixels: taken off, then divided by.
        column: where the images stand; found by default.
    """

    layout: str = "nchw"
    size: tuple[int, int, int] | None = None
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    column: str | None = None
    takes: ClassVar[str] = "image"

    def encode(self, dataset: Dataset, target: str) -> NDArray[np.float32]:
        """See `Codec.encode`."""
        del target
        column = self.column or image_column(dataset.table)
        if column is None:
            raise DataError("the model reads images, and these rows hold none", where=dataset.name)
        where = f"{dataset.name}, {column}"
        if self.size is None:
            sizes, colours = seen_sizes(dataset.table.column(column), where=where)
            self.size = (*max(sizes), colours)
        pixels = decode_images(dataset.table.column(column), self.size, where=where)
        mean, std = (np.array(v, np.float32).reshape(1, -1, 1, 1) for v in (self.mean, self.std))
        found = (pixels.astype(np.float32) * np.float32(self.scale) - mean) / std
        if self.layout == "nhwc":
            found = found.transpose(0, 2, 3, 1)
        elif self.layout == "nhw":
            found = found[:, 0]
        elif self.layout == "flat":
            found = found.reshape(len(found), -1)
        return np.ascontiguousarray(found)

    def decode(self, batch: NDArray[Any]) -> NDArray[Any]:
        """See `Codec.decode`: it is what the model takes already."""
        return batch


class AutoCodec:
    """A table's codec or an image's, by the first dataset that is read.

    Args:
        table: for tables.
        image: for images.
    """

    def __init__(self, table: TableCodec, image: ImageCodec) -> None:
        self._table, self._image = table, image
        self._chosen: Codec | None = None

    @property
    def table(self) -> TableCodec | None:
        """The table's codec, if a table was read."""
        return self._table if self._chosen is self._table else None

    @property
    def takes(self) -> str | None:
        """What it reads, once something was read."""
        return getattr(self._chosen, "takes", None)

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """The columns of the table, once one was read."""
        return self._table.columns

    @property
    def width(self) -> int | None:
        """How many columns the model takes, if it says so."""
        return self._table.width

    def encode(self, dataset: Dataset, target: str) -> NDArray[Any]:
        """See `Codec.encode`."""
        images = dataset.kind is Kind.IMAGE and self._table.names is None
        chosen: Codec = self._image if images else self._table
        found = chosen.encode(dataset, target)
        self._chosen = chosen
        return found

    def decode(self, batch: NDArray[Any]) -> Any:  # noqa: ANN401 - what the model takes
        """See `Codec.decode`; an array that nobody read goes in as it is."""
        return batch if self._chosen is None else self._chosen.decode(batch)


def image_codec(about: Mapping[str, Any], layout: str = "nchw") -> ImageCodec:
    """Return the codec that a mapping's `input` table describes.

    Raises:
        InputError: a key or a value that can't be.
    """
    known = {f.name for f in fields(ImageCodec)}
    for key in about:
        if key not in known:
            raise InputError(
                f'unknown key "{key}"', where="input", hint=did_you_mean(key, known) or None
            )
    made = ImageCodec(**{"layout": layout, **about})
    if made.layout not in {"nchw", "nhwc", "nhw", "flat"}:
        raise InputError(
            f'"{made.layout}" is no layout of images',
            where="input.layout",
            hint="nchw, nhwc, nhw or flat",
        )
    made.mean, made.std = tuple(made.mean), tuple(made.std)
    made.size = None if made.size is None else (made.size[0], made.size[1], made.size[2])
    return made
