"""A model behind an address: asked politely, answered partly, every row paid for once."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from strongroom.errors import EndpointError, InputError
from strongroom.models.foreign._base import ForeignModel, one_hot
from strongroom.models.foreign._codecs import TextCodec
from strongroom.models.foreign._labels import class_name, class_names, find_target, read_labels
from strongroom.models.foreign._mapping import Mapped, at_path, map_endpoint, read_mapping
from strongroom.models.foreign._openapi import mapping_from
from strongroom.models.foreign._table_codec import TableCodec
from strongroom.models.foreign._transport import GarbageError, TooLargeError, Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.models.foreign._reference import Options, Reference

_PROBED = 3  # rows that are asked twice
_GIVES_UP = 3  # requests in a row without an answer
_CHANGED = 1e-6
_ROUNDED = 2e-2
_OPENAPI = "openapi"


class EndpointModel(ForeignModel):
    """A `Model` that asks an endpoint.

    Each row is sent once: answers are kept, so a second attack on the same rows costs nothing.

    Args:
        mapped: how to ask.
        classes: names in the order of the probabilities; where the answer names them, its own.
        target, columns: see `open_model`.

    Attributes:
        unsteadiness: by how much the same row's probabilities differed when it was asked twice.
        partial: whether rows stayed without an answer.
    """

    kind: ClassVar[str] = "endpoint"

    def __init__(
        self,
        mapped: Mapped,
        *,
        classes: Sequence[Any] | None = None,
        target: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        given = classes or mapped.classes
        names = columns or mapped.columns
        codec = (
            TextCodec(names[0] if names else None) if mapped.row == "value" else TableCodec(names)
        )
        self.soft = mapped.probabilities is not None
        if given is None and mapped.probabilities is None:
            raise InputError(
                "an endpoint that says labels only doesn't say which there are",
                hint="name them all (classes)",
            )
        super().__init__(codec, given or ("0", "1"), target)
        self.soft = mapped.probabilities is not None
        self._classes_known = given is not None
        self._mapped = mapped
        self._batch = 1 if mapped.single else mapped.batch
        self._answers: dict[bytes, NDArray[np.float32]] = {}
        self.unsteadiness = 0.0
        self.partial = False
        self._why = ""

    def __repr__(self) -> str:
        return f"EndpointModel({self._mapped.transport.shown}, {self.queries:,} rows asked)"

    def read(self, dataset: Dataset) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """See `ForeignModel.read`; a few rows are asked twice, to see whether answers change.

        Raises:
            EndpointError: it doesn't answer usably.
        """
        self.target = find_target(dataset, self.target)
        inputs = self.codec.encode(dataset, self.target)
        self._probe(inputs[:_PROBED])
        return inputs, read_labels(dataset, self.target, self.classes)

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `ForeignModel.predict_proba`; rows that were asked before cost nothing.

        Raises:
            EndpointError: a row stayed without an answer; those that have one are kept.
        """
        found = self._collect(batch)
        lacking = int(np.isnan(found[:, 0]).sum()) if len(found) else 0
        if lacking:
            raise EndpointError(
                f"{lacking:,} of {len(batch):,} rows have no answer: {self._why}",
                where=self._mapped.transport.shown,
                hint="run it again later: what was answered is not asked again in this process",
            )
        return found

    def as_encoder(self) -> None:
        """Return nothing: a search among changed rows would ask for tens of thousands of them."""

    def answered(self, batch: NDArray[Any]) -> NDArray[np.bool_]:
        """Ask about all rows, and return which of them have an answer, bool [n].

        An audit attacks those, and says that its findings are partial.
        """
        found = self._collect(batch)
        return ~np.isnan(found[:, 0]) if len(found) else np.zeros(0, np.bool_)

    def _collect(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, classes], NaN for rows without an answer."""
        keys = [np.ascontiguousarray(row).tobytes() for row in batch]
        first = {key: place for place, key in reversed(list(enumerate(keys)))}
        waiting = [place for key, place in sorted(first.items(), key=lambda e: e[1])]
        waiting = [place for place in waiting if keys[place] not in self._answers]
        failed = 0
        while waiting and failed < _GIVES_UP:
            part, waiting = waiting[: self._batch], waiting[self._batch :]
            try:
                answer = self._ask(batch[part])
            except TooLargeError:
                if self._batch == 1:
                    self._why = "a request of one row is too large for it"
                    break
                self._batch = max(1, self._batch // 2)
                waiting = part + waiting
                continue
            except EndpointError as error:
                self._why, failed = error.what, failed + 1
                continue
            failed = 0
            for place, row in zip(part, answer, strict=True):
                self._answers[keys[place]] = row
        nothing = np.full(len(self.classes), np.nan, np.float32)
        found = np.array([self._answers.get(key, nothing) for key in keys], np.float32)
        found = found.reshape(len(batch), len(self.classes))
        self.partial = self.partial or bool(np.isnan(found).any())
        return found

    def _ask(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        budget = self._mapped.budget
        if budget is not None and self.queries + len(rows) > budget:
            raise EndpointError(
                f"the budget of {budget:,} rows is used up", where=self._mapped.transport.shown
            )
        written = self._written(rows)
        self.queries += len(rows)
        found: NDArray[np.float32] = self._mapped.transport.ask(
            self._mapped.request(written), lambda answer: self._understood(answer, len(rows))
        )
        return found

    def _written(self, rows: NDArray[Any]) -> list[Any]:
        """Return rows as the endpoint reads them: objects, lists or texts."""
        if isinstance(self.codec, TextCodec):
            return list(self.codec.decode(rows))
        columns = self.codec.columns if isinstance(self.codec, TableCodec) else ()
        values = [
            [_plain(v) for v in column.decode(rows[:, i]).tolist()]
            for i, column in enumerate(columns)
        ]
        lists = [list(row) for row in zip(*values, strict=True)]
        if self._mapped.row == "list":
            return lists
        names = [column.name for column in columns]
        return [dict(zip(names, row, strict=True)) for row in lists]

    def _understood(self, answer: Any, rows: int) -> NDArray[np.float32]:  # noqa: ANN401 - JSON
        """Return float32 [rows, classes].

        Raises:
            GarbageError: it isn't that; says how.
        """
        if self._mapped.probabilities is None:
            entries = at_path(answer, self._mapped.label or "", rows)
            return self._labelled(entries)
        entries = at_path(answer, self._mapped.probabilities, rows)
        if not self._classes_known:
            first = entries[0]
            names = list(first) if isinstance(first, dict) else range(_width(first))
            self.classes = class_names(names)
            self._classes_known = True
        found = np.array([self._chances(entry) for entry in entries], np.float64)
        if not np.isfinite(found).all() or found.min() < -_ROUNDED:
            raise GarbageError("it holds values that are no probabilities")
        total = found.sum(axis=1, keepdims=True)
        if np.abs(total - 1).max() > _ROUNDED:
            raise GarbageError("the probabilities of a row don't sum to 1")
        shares: NDArray[np.float32] = (np.maximum(found, 0) / total).astype(np.float32)
        return shares

    def _chances(self, entry: Any) -> list[float]:  # noqa: ANN401 - JSON
        if isinstance(entry, dict):
            missing = [c for c in self.classes if c not in entry]
            if missing or len(entry) != len(self.classes):
                raise GarbageError("a row has other classes than the one before")
            entry = [entry[c] for c in self.classes]
        if isinstance(entry, list) and len(entry) == 1 and len(self.classes) == 2:  # noqa: PLR2004
            entry = entry[0]
        if _is_number(entry) and len(self.classes) == 2:  # noqa: PLR2004 - of the second class
            return [1 - float(entry), float(entry)]
        if not isinstance(entry, list) or len(entry) != len(self.classes):
            raise GarbageError(f"a row hasn't {len(self.classes)} probabilities")
        if not all(_is_number(v) for v in entry):
            raise GarbageError("a probability isn't a number")
        return [float(v) for v in entry]

    def _labelled(self, entries: list[Any]) -> NDArray[np.float32]:
        places = {name: place for place, name in enumerate(self.classes)}
        names = [entry[0] if isinstance(entry, list) and entry else entry for entry in entries]
        told = [class_name(name) for name in names]
        if any(name not in places for name in told):
            raise GarbageError("it names a class that isn't known")
        return one_hot(np.array([places[name] for name in told], np.int64), len(self.classes))

    def _probe(self, rows: NDArray[Any]) -> None:
        """Ask a few rows twice, past what is kept.

        Raises:
            EndpointError: it doesn't answer usably.
        """
        part = rows[: max(1, min(len(rows), self._batch))]
        if not len(part):
            return
        first, second = (self._ask(part) for _ in range(2))
        self.unsteadiness = max(self.unsteadiness, float(np.abs(first - second).max()))
        self.deterministic = self.unsteadiness <= _CHANGED
        for row, answer in zip(part, first, strict=True):
            self._answers.setdefault(np.ascontiguousarray(row).tobytes(), answer)

    def _content(self) -> Any:  # noqa: ANN401
        return {"classes": self.classes, "address": self._mapped.transport.shown}

    def describe(self) -> dict[str, Any]:
        """See `ForeignModel.describe`."""
        transport = self._mapped.transport
        return {
            **super().describe(),
            "estimator": transport.shown,
            "answers": "probabilities" if self.soft else "labels",
            "deterministic": self.deterministic,
            "unsteadiness": self.unsteadiness,
            "partial": self.partial,
            "rows_asked": self.queries,
            "requests": transport.requests,
            "retried": transport.retried,
        }


def _plain(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if value is None or isinstance(value, str | bool | int):
        return value
    return str(value)  # a date


def _is_number(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, int | float) and not isinstance(value, bool)


def _width(entry: Any) -> int:  # noqa: ANN401 - JSON
    return max(2, len(entry)) if isinstance(entry, list) else 2


class EndpointAdapter:
    """Addresses, TOML mappings and OpenAPI documents."""

    name = "endpoint"

    def recognises(self, reference: Reference) -> bool:
        """Tell by http in front, by .toml, or by the key `openapi` in JSON."""
        if reference.text.startswith(("http://", "https://")):
            return True
        if reference.suffix == ".toml":
            return True
        return reference.suffix == ".json" and b'"openapi"' in reference.head

    def open(self, reference: Reference, options: Options) -> EndpointModel:
        """See `Adapter.open`; nothing is asked yet, but for an OpenAPI document."""
        told = self._told(reference, options)
        return EndpointModel(
            map_endpoint(told),
            classes=options.classes,
            target=options.target,
            columns=options.columns,
        )

    def _told(self, reference: Reference, options: Options) -> dict[str, Any]:
        given = dict(options.mapping)
        if reference.suffix == ".toml" and reference.path is not None:
            told = {**read_mapping(reference.path), **given}
            beside = reference.path.parent
            if isinstance(told.get("ca"), str):
                told["ca"] = str(beside / told["ca"])
            document = told.pop(_OPENAPI, None)
            return {**_described(str(document), beside, told), **told} if document else told
        if reference.path is not None:
            return {**_described(str(reference.path), Path(), given), **given}
        if "response" in given:
            return {**given, "url": reference.text}
        return {**_described(reference.text, Path(), given), **given}


def _described(place: str, beside: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Return the mapping that an OpenAPI document gives, from a file or an address."""
    if not place.startswith(("http://", "https://")):
        try:
            document = json.loads((beside / place).read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                "not an OpenAPI document in JSON", where=place, hint="convert YAML to JSON first"
            ) from error
        base = str(told.get("url", ""))
        return mapping_from(document, base)
    connection: dict[str, Any] = {
        k: told[k] for k in ("headers", "ca", "plaintext", "timeout") if k in told
    }
    for address in (place, place.rstrip("/") + "/openapi.json"):
        reading = map_endpoint(
            {**connection, "url": address, "method": "GET", "response": {"label": "openapi"}}
        ).transport
        reading.retries = 1
        try:
            document = _fetched(reading)
        except EndpointError:
            continue
        finally:
            reading.close()
        if isinstance(document, dict) and _OPENAPI in document:
            return mapping_from(document, address)
    raise InputError(
        "there is no OpenAPI document at this address",
        where=Transport(place, plaintext=True).shown,
        hint="write a mapping: a TOML file with url, [request] and [response] (docs/formats.md)",
    )


def _fetched(transport: Transport) -> Any:  # noqa: ANN401 - JSON
    return transport.ask(None, lambda answer: answer)
