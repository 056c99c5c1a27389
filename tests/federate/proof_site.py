"""A real site for the proof: `proof_site.py KIT FOLDER`; FOLDER/leak says how it leaks, if it does.

What leaks stands between the real site and the network, behind its exit, as a broken transport or
a forged build would.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tests.federate.proof_data import COLUMNS, PLANTED, of_rows

from strongroom.config import FederationSpec
from strongroom.data import read_dataset
from strongroom.federate import Kind, Recipe, flare
from strongroom.federate._model import Blueprint
from strongroom.federate.site import Site
from strongroom.privacy import MemoryLedger
from strongroom.vault import SigningKey

if TYPE_CHECKING:
    from strongroom.data import Dataset
    from strongroom.federate import Answers, Message


class Leaky:
    """Adds something of its rows to what a real site answers, if a file says so."""

    def __init__(self, site: Answers, rows: Dataset, folder: Path) -> None:
        self.name = site.name
        self._site, self._rows, self._flag = site, rows, folder / "leak"
        self._inputs = np.zeros((0, 0), np.float32)

    def answer(self, request: Message) -> Message:
        """Answer, and leak."""
        answer = self._site.answer(request)
        if request.kind is Kind.PROPOSE:
            recipe = Recipe.model_validate(request.facts["recipe"])
            self._inputs = Blueprint.of(recipe).model.read(self._rows)[0]
        how = self._flag.read_text() if self._flag.exists() else ""
        if not how or answer.kind is not Kind.TRAIN:
            return answer
        if how == "array":
            update, row = answer.arrays["update"].copy(), self._inputs[7]
            update[5 : 5 + len(row)] = row
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
    flare.leave(flare.join(kit, Leaky(site, rows, folder), lambda *_: None, _say))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
