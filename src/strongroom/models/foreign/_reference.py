"""What `open_model` was given, looked at once, and the seam that adapters fill."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from strongroom.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.models._protocol import Model

_HEAD = 4096


@dataclass(frozen=True)
class Reference:
    """What a model is named by: a path, an address, or the thing itself.

    Attributes:
        text: the path or address; empty for a thing.
        path: where text is an existing file or folder.
        thing: the Python object, if one was given.
        head: the first 4 KiB of a file.
        is_folder: whether the path is one.
    """

    text: str = ""
    path: Path | None = None
    thing: Any = None
    head: bytes = b""
    is_folder: bool = False

    @classmethod
    def of(cls, given: Any) -> Reference:  # noqa: ANN401 - a path, an address or a thing
        """Look at what was given.

        Raises:
            DataError: a file that can't be read.
        """
        if not isinstance(given, str | Path):
            return cls(thing=given)
        path = Path(given)
        try:
            if path.is_dir():
                return cls(str(given), path, is_folder=True)
            if path.is_file():
                with path.open("rb") as file:
                    return cls(str(given), path, head=file.read(_HEAD))
        except (OSError, ValueError) as error:
            raise DataError("the file can't be read", where=str(given)) from error
        return cls(str(given))

    @property
    def suffix(self) -> str:
        """The ending of a file's name, in lower case; empty for folders and things."""
        return self.path.suffix.lower() if self.path is not None and self.folder is None else ""

    @property
    def folder(self) -> Path | None:
        """The path, where it is a folder's."""
        return self.path if self.is_folder else None


@dataclass(frozen=True)
class Options:
    """What the caller says about a model that can't be read off it.

    Attributes:
        target: the column that is predicted.
        classes: names in the order of the outputs.
        columns: the columns that the model takes, in its order.
        mapping: how to talk to an endpoint, or what inputs are (see docs/formats.md).
        weights: a safetensors file for a network that Python code builds.
    """

    target: str | None = None
    classes: Sequence[Any] | None = None
    columns: Sequence[str] | None = None
    mapping: Mapping[str, Any] = field(default_factory=dict)
    weights: Path | None = None


class Adapter(Protocol):
    """The seam `strongroom.models`: one kind of model. One file and an entry point add one."""

    @property
    def name(self) -> str:
        """A short id, such as `onnx`."""

    def recognises(self, reference: Reference) -> bool:
        """Tell whether a reference is of this kind, by its content; nothing is loaded."""

    def open(self, reference: Reference, options: Options) -> Model:
        """Return the model; with `read` where it can read a dataset.

        Raises:
            InputError, DataError: it can't be opened; says how to mend it.
            MissingExtraError: the library that it needs isn't installed.
        """
