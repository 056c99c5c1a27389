"""Secrets in source trees: by line and column, against a baseline, as SARIF."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.config import DiscoverSpec
    from strongroom.discover import Found, Place
    from strongroom.errors import DataError


@dataclass(frozen=True)
class Secrets:
    """What a look at the lines of all files gave.

    Attributes:
        places: known and allowed ones too.
        errors: what could not be read, or not as text.
        passed: paths of files that nobody named and that are no text.
    """

    places: tuple[Place, ...]
    errors: tuple[DataError, ...] = ()
    passed: frozenset[str] = frozenset()

    def beside(self, found: Sequence[Found]) -> int:
        """Count the secrets that a scan found in files without lines, which no baseline has."""
        return sum(
            one.entities.get("SECRET", 0)
            for one in found
            if one.name.partition("!/")[0] in self.passed
        )

    @property
    def new(self) -> int:
        """How many are neither allowed by a comment nor known."""
        return sum(not place.allowed for place in self.places)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; never a secret."""
        return {
            "new": self.new,
            "places": [
                {"path": p.path, "line": p.line, "column": p.column, "rule": p.recognizer,
                 "validated": p.validated, "allowed": p.allowed}
                for p in self.places
            ],
        }  # fmt: skip

    def __str__(self) -> str:
        lines = [
            f"  {p.path}:{p.line}:{p.column}  {p.recognizer}" for p in self.places if not p.allowed
        ]
        known = len(self.places) - self.new
        many = "secret" if self.new == 1 else "secrets"
        head = f"{self.new:,} {many} in source" + (f", {known:,} known or allowed" * bool(known))
        return "\n".join([head, *lines])


def find(
    paths: Sequence[str], spec: DiscoverSpec, *, baseline: Path | None, anew: bool, jobs: int = 1
) -> Secrets:
    """Find secrets by line; tell the known ones apart; write the baseline anew if asked to."""
    from strongroom.data.sources import PassedOver, Unreadable
    from strongroom.discover import Baseline, Place, find_in_source

    known = Baseline.new() if baseline is None or anew else Baseline.read(baseline)
    found = list(find_in_source(paths, spec, key=known.key, jobs=jobs))
    places = tuple(known.apart(one for one in found if isinstance(one, Place)))
    errors = tuple(one.error for one in found if isinstance(one, Unreadable))
    passed = frozenset(one.path for one in found if isinstance(one, PassedOver))
    if baseline is not None and anew:
        known = known.with_all(places)
        known.write(baseline)
        places = tuple(known.apart(places))
    return Secrets(places, errors, passed)


def write(secrets: Secrets, sarif: Path | None, unread: Sequence[DataError]) -> None:
    """Write SARIF with paths relative to where we are; say in it what could not be read."""
    if sarif is None:
        return
    from strongroom import __version__
    from strongroom.files import write_bytes
    from strongroom.report import render_scan_sarif

    log = render_scan_sarif(secrets.places, __version__, root=str(Path.cwd()), unread=unread)
    write_bytes(sarif, json.dumps(log, indent=1).encode())
