"""A real site for the proof: `proof_site.py KIT FOLDER`; FOLDER/leak says how it leaks, if it does.

What leaks stands between the real site and the network, behind its exit, as a broken transport or
a forged build would.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.federate.proof_data import COLUMNS, FEATURES, PLANTED, of_rows

from strongroom.config import FederationSpec
from strongroom.data import read_dataset
from strongroom.federate import Kind, flare
from strongroom.federate.site import Site
from strongroom.models import TableEncoder
from strongroom.privacy import MemoryLedger
from strongroom.vault import SigningKey

if TYPE_CHECKING:
    from strongroom.federate import Answers, Message


@dataclass
class Leaky:
    """Adds something of its rows to what a real site answers, if a file says so."""

    site: Answers
    folder: Path

    @property
    def name(self) -> str:
        """The site's."""
        return self.site.name

    def answer(self, request: Message) -> Message:
        """Answer, and leak."""
        answer = self.site.answer(request)
        flag = self.folder / "leak"
        how = flag.read_text() if flag.exists() else ""
        if not how or answer.kind is not Kind.TRAIN:
            return answer
        if how == "array":
            rows = read_dataset(self.folder / "rows.csv").table
            encoder = TableEncoder.from_specs(rows.schema, FEATURES, COLUMNS)
            update = answer.arrays["update"].copy()
            update[5 : 5 + encoder.width] = encoder.encode(rows)[7]
            return answer.answer(answer.facts, {**answer.arrays, "update": update})
        return answer.answer({**answer.facts, "note": PLANTED[self.name]}, answer.arrays)


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main(kit_folder: Path, folder: Path) -> None:
    """Take part until it is ended."""
    kit = flare.read_kit(kit_folder, "site")
    rows = of_rows(read_dataset(folder / "rows.csv"))
    site = Site(
        kit.name,
        rows,
        rows.with_table(rows.table.slice(0, 50)),
        FederationSpec(site=kit.name),
        key=SigningKey(hashlib.sha256(kit.name.encode()).digest()),
        ledger=MemoryLedger(),
        account=kit.name,
        columns=COLUMNS,
    )
    flare.leave(flare.join(kit, Leaky(site, folder), lambda *_: None, _say))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
