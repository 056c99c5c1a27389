"""What secrets are known in a source tree, so that only new ones are shown.

A baseline lies beside the code and is read by whoever reads that. It holds no value and nothing
that one can be guessed from: sixteen bits of a keyed digest tell that another secret has come in
the place of a known one, and fit every 65,536th guess.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.discover._source import IN_SOURCE, KNOWN, Place
from strongroom.errors import InputError
from strongroom.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SCHEMA = "strongroom/baseline/1"
_KEY_BYTES = 32


@dataclass(frozen=True)
class Baseline:
    """What is known, so that only what is new is shown.

    Attributes:
        key: of the marks; drawn once for each baseline.
        known: how often a mark of a kind stands in a file: (path, recognizer, mark) to a number.
            Paths are absolute here, and relative to the baseline's own folder in its file, so that
            it doesn't matter from where one looks.
    """

    key: bytes
    known: Counter[tuple[str, str, str]]

    @classmethod
    def new(cls) -> Baseline:
        """Return one that knows nothing yet."""
        return cls(secrets.token_bytes(_KEY_BYTES), Counter())

    @classmethod
    def read(cls, path: Path | str) -> Baseline:
        """Read a baseline.

        Raises:
            InputError: there is none, or it isn't one.
        """
        try:
            content = json.loads(Path(path).read_bytes())
        except OSError as error:
            raise InputError(
                f"this baseline can't be read: {error.strerror}",
                where=str(path),
                hint="the same command with --write-baseline makes one",
            ) from error
        except (ValueError, RecursionError) as error:
            raise _broken(path) from error
        try:
            if content["schema"] != _SCHEMA:
                raise _broken(path)
            known = Counter[tuple[str, str, str]]()
            for one in content["known"]:
                where = _absolute(str(one["path"]), Path(path).parent)
                known[where, str(one["rule"]), str(one["mark"])] += int(one["times"])
            return cls(bytes.fromhex(content["key"]), known)
        except (LookupError, TypeError, ValueError) as error:
            raise _broken(path) from error

    def write(self, path: Path | str) -> None:
        """Write it as JSON, in an order that makes small differences.

        Raises:
            WorkspaceError: that place can't be written.
        """
        folder = _absolute(str(Path(path).parent))
        content: dict[str, Any] = {
            "schema": _SCHEMA,
            "key": self.key.hex(),
            "known": [
                {"path": _relative(where, folder), "rule": rule, "mark": mark, "times": times}
                for (where, rule, mark), times in sorted(self.known.items())
            ],
        }
        write_bytes(path, json.dumps(content, indent=1).encode() + b"\n")

    def with_all(self, places: Iterable[Place]) -> Baseline:
        """Return a baseline with this key that knows these places, but for those allowed."""
        known = Counter(_name(p) for p in places if p.allowed != IN_SOURCE)
        return replace(self, known=known)

    def apart(self, places: Iterable[Place]) -> Iterator[Place]:
        """Yield the places, those known marked as such; they were found with this key."""
        left = self.known.copy()
        for place in places:
            if not place.allowed and left[_name(place)] > 0:
                left[_name(place)] -= 1
                yield replace(place, allowed=KNOWN)
            else:
                yield place


def _name(place: Place) -> tuple[str, str, str]:
    return _absolute(place.path), place.recognizer, place.mark


def _absolute(path: str, folder: Path | str = "") -> str:
    return path if "://" in path else os.path.abspath(os.path.join(folder, path))  # noqa: PTH100, PTH118 - no link is followed


def _relative(path: str, folder: str) -> str:
    return path if "://" in path else Path(os.path.relpath(path, folder)).as_posix()


def _broken(path: Path | str) -> InputError:
    return InputError(
        "this isn't a baseline", where=str(path), hint="write it again with the same command"
    )
