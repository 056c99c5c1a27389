"""Sharded training: each person is in one shard, each shard makes a model, their mean answers.

Bourtoule et al. 2021 ("Machine Unlearning", SISA), without slices within a shard. Which shard a
person goes to depends on that person alone, and everything that a shard's training uses on its
rows and the settings: so taking somebody out changes one shard and leaves the others as they were,
bit for bit. They are taken over from an earlier model; the result is the one that a training from
nothing would have made without that person.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from strongroom.config import ColumnSpec
from strongroom.errors import ConfigError, DataError
from strongroom.models import ShardedModel, find_classes, metrics
from strongroom.train._preparation import subject_codes, target_classes
from strongroom.train._result import TrainResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from strongroom.config import TrainSpec
    from strongroom.data import Dataset
    from strongroom.models import TrainedModel
    from strongroom.progress import Progress
    from strongroom.train._guard import Surroundings

    Trainer = Callable[
        [Dataset, TrainSpec, Dataset | None, Mapping[str, ColumnSpec], Surroundings], TrainResult
    ]

EDITION = "strongroom shards 1"
_WHOLE = ("language-model", "huggingface")
_LEAST_CLASSES = 2


@dataclass(frozen=True)
class Earlier:
    """What an earlier training may give to this one.

    Attributes:
        model: an earlier model; shards of the same name are taken over. None: nothing is.
        secret: up to 64 bytes that name rows so that nobody else can check a guess about them.
        edition: names the code: another one takes nothing over.
    """

    model: TrainedModel | None = None
    secret: bytes = b""
    edition: str = ""


def train_sharded(
    trainer: Trainer,
    dataset: Dataset,
    spec: TrainSpec,
    test: Dataset | None,
    columns: Mapping[str, ColumnSpec],
    around: Surroundings,
    earlier: Earlier,
) -> TrainResult:
    """Train every shard that isn't taken over, and put all of them together.

    Raises:
        ConfigError: a model or guarantee that can't be trained in shards.
        DataError: a shard would be empty, or hold one class only.
    """
    begun = time.perf_counter()
    _check(spec)
    target, classes, _ = target_classes(dataset, columns)
    declared = (columns.get(target) or ColumnSpec()).model_copy(update={"categories": classes})
    columns = {**columns, target: declared}
    parts = _parts(dataset, spec, target, earlier.secret)
    about = [
        EDITION,
        earlier.edition,
        spec.model_dump(mode="json", exclude={"compare"}),
        {name: column.model_dump(mode="json") for name, column in sorted(columns.items())},
        sorted((name, str(role)) for name, role in dataset.roles.items()),
        dataset.subject,
        around.validation.fingerprint if around.validation is not None else None,
    ]
    kept = _shards_of(earlier.model)
    one = spec.model_copy(update={"shards": 1})
    shards, keys, results = [], [], []
    for number, part in enumerate(parts):
        key = _digest([*about, number, part.fingerprint], earlier.secret)
        shard = kept.get(key)
        if shard is None:
            share = replace(
                around,
                key=key,
                rows=None,
                progress=_Part(around.progress, number, len(parts)),
            )
            results.append(trainer(part, one, None, columns, share))
            shard = results[-1].model
        around.progress.step(number + 1, len(parts), f"shard {number + 1} of {len(parts)}")
        shards.append(shard)
        keys.append(key)
    if any(shard.meta() != shards[0].meta() for shard in shards):
        raise DataError(
            "the shards would read their rows in different ways: what is read was decided by rows",
            where=dataset.name,
            hint="declare it: categories and ranges under [data.columns], height and width of "
            "images; or take fewer shards",
        )
    model = ShardedModel(shards, keys)
    measured = {
        name: metrics(model.predict_proba(inputs), labels)
        for name, rows in (("train", dataset), ("test", test))
        if rows is not None
        for inputs, labels in (model.read(rows),)
    }
    return TrainResult(
        model=model,
        spec=spec,
        metrics=measured,
        privacy=None,
        canaries=None,
        steps=sum(result.steps for result in results),
        seconds=time.perf_counter() - begun,
        skipped=results[0].skipped if results else None,
        shards={
            "rows": [part.rows for part in parts],
            "taken_over": len(parts) - len(results),
        },
    )


def shard_of(dataset: Dataset, shards: int, secret: bytes = b"") -> NDArray[np.int64]:
    """Return int64 [rows]: the shard of each row, by a keyed hash of its person, or of itself.

    Adding or removing anybody moves nobody else; equal rows, and all rows of a person, go together.
    """
    if dataset.subject:
        subject_codes(dataset)  # refuses rows that name nobody
        marks = [str(v) for v in dataset.table.column(dataset.subject).to_pylist()]
    else:
        marks = [json.dumps(row, default=_text) for row in dataset.table.to_pylist()]
    found = [int(_digest([EDITION, mark], secret)[:16], 16) % shards for mark in marks]
    return np.array(found, np.int64)


def _parts(dataset: Dataset, spec: TrainSpec, target: str, secret: bytes) -> list[Dataset]:
    place = shard_of(dataset, spec.shards, secret)
    parts = [
        dataset.with_table(dataset.table.filter(pa.array(place == number)))
        for number in range(spec.shards)
    ]
    poor = sum(len(find_classes(part.table.column(target))) < _LEAST_CLASSES for part in parts)
    if poor:
        raise DataError(
            f"{poor} of {spec.shards} shards would hold no rows, or rows of one class only",
            where=dataset.name,
            hint="take fewer shards: [train] shards",
        )
    return parts


def _check(spec: TrainSpec) -> None:
    if spec.privacy is not None:
        raise ConfigError(
            "shards and a private training don't go together: training a shard again after a "
            "deletion would spend ε anew on the people who stay in it, and nothing accounts for it",
            where="[train]",
            hint="set shards = 1, or take [train.privacy] out",
        )
    if spec.model in _WHOLE:
        raise ConfigError(
            f'models of kind "{spec.model}" are not trained in shards',
            where="[train] shards",
            hint="set shards = 1",
        )


def _shards_of(model: TrainedModel | None) -> dict[str, TrainedModel]:
    if not isinstance(model, ShardedModel):
        return {}
    return dict(zip(model.keys, model.shards, strict=True))


def _digest(value: Any, secret: bytes) -> str:  # noqa: ANN401 - JSON
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), key=secret, digest_size=32).hexdigest()


def _text(value: object) -> str:
    """Return a cell as text; of what is large, its hash."""
    if isinstance(value, bytes):
        return hashlib.blake2b(value, digest_size=32).hexdigest()
    return str(value)


@dataclass(frozen=True)
class _Part:
    """The progress of one shard within that of all."""

    whole: Progress
    number: int
    shards: int

    def step(self, done: float, total: float, note: str = "") -> None:
        """Tell the whole what this shard's step means for it."""
        said = f"shard {self.number + 1} of {self.shards}, {note}".rstrip(", ")
        self.whole.step(self.number + done / max(total, 1e-9), self.shards, said)
