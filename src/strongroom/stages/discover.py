"""discover: where personal data is, and what each column is for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from strongroom.data import Role
from strongroom.discover import scan
from strongroom.stages import _source
from strongroom.stages._stage import Outcome, Stage, Way

if TYPE_CHECKING:
    from collections.abc import Mapping


def _settings(way: Way) -> Any:  # noqa: ANN401 - JSON
    config = way.config
    return [
        config.discover.model_dump(),
        config.data.model_dump(include={"source", "test", "test_fraction", "target", "subject"}),
        _source.declared_roles(way),
        # Not for the outcome: reading again checks a newly named column before anything is spent.
        _source.named_columns(way),
        _source.digests(way),
    ]


def _work(way: Way) -> Outcome:
    train, _ = _source.read(way)
    target = way.config.data.target
    found = scan(train, way.config.discover, target=target, progress=way.view)
    roles = {c: r.value for c, r in found.roles.items()} | _source.declared_roles(way)
    document = {**found.to_json(), "path": way.config.data.source}
    return Outcome(
        {
            "files": [document],
            "roles": roles,
            "declared": _source.declared_roles(way),
            "free_text": list(found.free_text),
        }
    )


def _summary(doc: Mapping[str, Any]) -> str:
    counts = Counter(doc["roles"].values())
    parts = [
        f"{counts[role.value]} {word}"
        for role, word in (
            (Role.DIRECT_IDENTIFIER, "direct"),
            (Role.QUASI_IDENTIFIER, "quasi"),
            (Role.SENSITIVE, "sensitive"),
        )
    ]
    found = doc["files"][0]
    texts = sum(1 for c in found["columns"] if c.get("free_text"))
    line = f"{found['rows']:,} rows · {', '.join(parts)}"
    return line + (f" · {texts} free text" if texts else "")


STAGE = Stage(
    name="discover",
    reads={},
    rooms=("discover",),
    settings=_settings,
    work=_work,
    summary=_summary,
)
