"""One real site with made-up rows, asked as over a wire."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom import __version__
from strongroom.config import ColumnSpec, FederationSpec, TrainSpec
from strongroom.data import Dataset, Role
from strongroom.federate import Kind, Message, Recipe
from strongroom.federate._model import Blueprint
from strongroom.federate.site import Site
from strongroom.models import TableEncoder, TableModel
from strongroom.privacy import MemoryLedger
from strongroom.vault import SigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

COLUMNS = {
    "x": ColumnSpec(range=(-3, 3), knots=(-1, 0, 1)),
    "job": ColumnSpec(categories=("cook", "smith")),
    "y": ColumnSpec(categories=("no", "yes")),
}
SGD = TrainSpec(model="logistic", optimizer="sgd", learning_rate=1.0, average=False)


def people(rows: int = 300, seed: int = 0) -> Dataset:
    """People whose y follows from x and job, with every role."""
    rng = np.random.default_rng(seed)
    x, job = rng.normal(size=rows), rng.integers(2, size=rows)
    yes = x + job - 0.5 + 0.3 * rng.normal(size=rows) > 0
    table = pa.table(
        {
            "name": [f"person {i}" for i in range(rows)],
            "x": x,
            "job": np.array(["cook", "smith"])[job],
            "y": np.array(["no", "yes"])[yes.astype(int)],
        }
    )
    return Dataset(table, roles={"name": Role.DIRECT_IDENTIFIER, "y": Role.TARGET})


def table_model(hidden: tuple[int, ...] = ()) -> TableModel:
    """The model of those people."""
    encoder = TableEncoder.from_specs(people(3).table.schema, ["x", "job"], COLUMNS)
    return TableModel(encoder, hidden, ("no", "yes"), target="y")


SIZE = sum(p.numel() for p in table_model().network.parameters())


def recipe(**changes: Any) -> Recipe:  # noqa: ANN401 - fields of a recipe
    """A small job for the sites a, b and c."""
    train = changes.get("train", SGD)
    plain: dict[str, Any] = {
        "job": secrets.token_hex(16),
        "project": "clinic",
        "version": __version__,
        "train": SGD,
        "model": table_model(train.hidden if train.model == "mlp" else ()).meta(),
        "features": {"x": "double", "job": "string"},
        "rounds": 5,
        "sites": ("a", "b", "c"),
    }
    return Recipe(**(plain | changes))


def site(name: str = "a", policy: Mapping[str, Any] | None = None, **changes: Any) -> Site:  # noqa: ANN401
    """A site with 300 rows."""
    plain: dict[str, Any] = {
        "data": people(seed=ord(name)),
        "test": people(200, seed=1),
        "key": SigningKey(name.encode() * 32),
        "ledger": MemoryLedger(),
        "account": "people.csv",
        "columns": COLUMNS,
    }
    return Site(name, policy=FederationSpec(**(policy or {})), **(plain | changes))


class Asker:
    """Asks one site about one job, through bytes, with fresh nonces.

    Args:
        asked: the site.
        job: the recipe.
    """

    def __init__(self, asked: Site, job: Recipe) -> None:
        self.site, self.job = asked, job

    def send(self, request: Message) -> Message:
        """Return the site's answer, read from its bytes."""
        answer = Message.decode(self.site.answer(Message.decode(request.encode())).encode())
        assert answer.answers(request)
        return answer

    def __call__(
        self,
        kind: Kind,
        round: int = 0,  # noqa: A002 - as in messages
        facts: Mapping[str, Any] | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
    ) -> Message:
        """Ask."""
        nonce = secrets.token_hex(16)
        return self.send(Message(kind, self.job.job, round, nonce, facts or {}, arrays or {}))

    def good(self, kind: Kind, *args: Any, **more: Any) -> Message:  # noqa: ANN401 - as `__call__`
        """Ask for what isn't refused."""
        answer = self(kind, *args, **more)
        assert answer.kind is kind, answer.facts
        return answer

    def why(self, kind: Kind, *args: Any, **more: Any) -> str:  # noqa: ANN401 - as `__call__`
        """Ask for what is refused, and return the reason."""
        answer = self(kind, *args, **more)
        assert answer.kind is Kind.REFUSED
        assert not answer.arrays
        return str(answer.facts["why"])

    def propose(self) -> Message:
        """Propose the job."""
        return self.good(Kind.PROPOSE, facts={"recipe": self.job.model_dump(mode="json")})

    def train(self, number: int, parameters: NDArray[np.float32], **arrays: Any) -> Message:  # noqa: ANN401
        """Ask for a round."""
        return self.good(Kind.TRAIN, number, arrays={"parameters": parameters, **arrays})


def started(job: Recipe | None = None, **about: Any) -> tuple[Asker, NDArray[np.float32]]:  # noqa: ANN401
    """Return who asks a fresh site that has agreed to a job, and its first parameters."""
    asker = Asker(site(**about), job or recipe())
    asker.propose()
    return asker, Blueprint.of(asker.job).initial(b"first")


class Disk:
    """Checkpointers in memory, one for each job; they are full when somebody says so."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[dict[str, NDArray[Any]], int]] = {}
        self.full = False

    def __call__(self, job: str) -> Drawer:
        """Return what keeps a job's state."""
        return Drawer(self, job)


class Drawer:
    """See `train.Checkpointer`."""

    def __init__(self, disk: Disk, job: str) -> None:
        self._disk, self._job = disk, job

    def save(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
        """Keep, unless the disk is full."""
        if self._disk.full:
            raise OSError(28, "No space left on device")
        self._disk.kept[self._job] = {k: v.copy() for k, v in state.items()}, step

    def load(self) -> tuple[dict[str, NDArray[Any]], int] | None:
        """Give back."""
        return self._disk.kept.get(self._job)

    def clear(self) -> None:
        """Forget."""
        self._disk.kept.pop(self._job, None)
