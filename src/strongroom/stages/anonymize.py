"""anonymize: personal data taken out, with what that cost and what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from strongroom.anonymize import anonymize, minimize, only_tokens
from strongroom.data import Role
from strongroom.discover import IDENTIFYING, find_dataset_spans, find_own_values
from strongroom.stages import _source
from strongroom.stages._stage import Outcome, Reads, Stage, Way

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.config import DiscoverSpec
    from strongroom.data import Dataset


def _settings(way: Way) -> Any:  # noqa: ANN401 - JSON
    config = way.config
    return [
        config.anonymize.model_dump(),
        {c: s.model_dump(include={"role", "hierarchy"}) for c, s in config.data.columns.items()},
        _source.digests(way),
    ]


def _work(way: Way) -> Outcome:
    config, workspace = way.config, way.workspace
    train, test = (_source.with_roles(way, part) for part in _source.read(way))
    secret = workspace.keyring.subkey("pseudonym")
    texts = way.docs["discover"]["free_text"]
    done = anonymize(
        train,
        config.anonymize,
        columns=config.data.columns,
        pseudonym_key=secret,
        discover_spec=config.discover,
        text_columns=texts,
        progress=way.view,
    )
    held_out = minimize(test, config.anonymize, secret, config.discover, text_columns=texts).dataset
    outputs = {
        "minimized": workspace.put_dataset("minimized", done.minimized).digest,
        "anonymized": workspace.put_dataset("anonymized", done.dataset).digest,
        "test": workspace.put_dataset("test", held_out).digest,
    }
    residual = (
        _residual(done.minimized, config.discover)
        + _residual(done.dataset, config.discover)
        + _own_residual(train, done.minimized, texts)
    )
    return Outcome(
        {
            **done.to_json(),
            "settings": config.anonymize.model_dump(mode="json"),
            "residual_identifiers": residual,
            "rows": {"minimized": done.minimized.rows, "anonymized": done.dataset.rows},
        },
        outputs,
    )


def _residual(dataset: Dataset, spec: DiscoverSpec) -> int:
    """Count the identifiers that a second look still finds in what is to be handed on.

    Our own pseudonyms aren't any, though their letters may fall into the shape of one.
    """
    texts = [c for c in dataset.columns if pa.types.is_string(dataset.table[c].type)]
    ours = [c for c in texts if only_tokens(dataset.table[c], c)]
    rest = dataset.with_table(dataset.table.drop_columns(ours))
    return sum(hit.entity in IDENTIFYING for _, _, hit in find_dataset_spans(rest, spec))


def _own_residual(raw: Dataset, minimized: Dataset, texts: Sequence[str]) -> int:
    """Count the places where a row's text still says what its own identifiers said."""
    own = {c: raw.table.column(c) for c in raw.columns_with(Role.DIRECT_IDENTIFIER)}
    kept = [c for c in texts if c in minimized.columns]
    return sum(len(find_own_values(minimized.table.column(c), own)) for c in kept if own)


def _summary(doc: Mapping[str, Any]) -> str:
    before, after = doc["before"], doc["after"]
    redacted = sum(doc["redacted"].values())
    parts = [f"{redacted:,} redacted from text"] if redacted else []
    if after["k"] is not None:
        share = 100 * doc["suppressed"] / max(before["rows"], 1)
        risks = f"re-identification risk 1 in {before['k']:,} → 1 in {after['k']:,}"
        size = f"k={after['k']}" + (f" l={after['l']}" if after["l"] is not None else "")
        parts = [size, risks, f"{share:.1f} % suppressed", *parts]
    return " · ".join(parts) or "nothing to take out"


STAGE = Stage(
    name="anonymize",
    reads={"discover": Reads(doc=True)},
    rooms=("discover", "anonymize"),
    settings=_settings,
    work=_work,
    summary=_summary,
)
