"""What a site keeps of a job, so that a process that is killed goes on where it was.

Kept *before* anything is computed for a round: which round, and what it was asked with. Kept before
its answer leaves: the answer. So a round is never answered twice in different ways, however the
site ended in between.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import WorkspaceError
from strongroom.federate.site._exit import Traffic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.train import Checkpointer

_FACTS = "facts"


@dataclass
class Record:
    """A job's state at the site. As secret as the rows: it holds coins.

    Attributes:
        digest: of the recipe.
        secret: hex, for coins that no ledger gives.
        round: the last that was begun.
        asked: digest of what it was asked with.
        done: its answer is there.
        revealed: its secure sum may be known.
        reserved: the ledger was asked.
        peers: site to public key, as used in secure sums.
        refusals: what was refused and why.
        traffic: what went through the door.
        over: "finished" or "stopped".
        statement: what was signed at the end.
        arrays: "update" and "control" of the answer, float32 [d]; "vector" for a secure sum, int64
            [d + 1]; "own", SCAFFOLD's control variate, float32 [d].
    """

    digest: str
    secret: str
    round: int = 0
    asked: str = ""
    done: bool = False
    revealed: bool = False
    reserved: bool = False
    peers: dict[str, str] = field(default_factory=dict)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)
    over: str = ""
    statement: dict[str, Any] | None = None
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)


def save(record: Record, checkpointer: Checkpointer | None) -> None:
    """Keep a record, whole or not at all.

    Raises:
        WorkspaceError: it can't be kept; what was kept before is still there.
    """
    if checkpointer is None:
        return
    facts = {k: v for k, v in asdict(record).items() if k != "arrays"}
    state: dict[str, NDArray[Any]] = dict(record.arrays)
    state[_FACTS] = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    try:
        checkpointer.save(state, record.round)
    except OSError as error:
        raise WorkspaceError(
            f"the site can't keep its state: {error.strerror or type(error).__name__}",
            hint="make room at the site and ask again: nothing was lost",
        ) from error


def load(checkpointer: Checkpointer | None) -> Record | None:
    """Return what was kept, or None.

    Raises:
        TamperedError: what is there isn't what was kept.
    """
    kept = checkpointer.load() if checkpointer is not None else None
    if kept is None:
        return None
    arrays = dict(kept[0])
    facts = json.loads(arrays.pop(_FACTS).tobytes())
    facts["traffic"] = Traffic(**facts["traffic"])
    return Record(**facts, arrays=arrays)
