"""What `scan` says of many files, and the pages it writes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from strongroom.cli._options import Common
    from strongroom.config import DiscoverSpec
    from strongroom.data.sources import PassedOver
    from strongroom.discover import Found
    from strongroom.errors import DataError

_IN_FULL, _LISTED, _KINDS, _ALTOGETHER = 3, 40, 4, 12
_ROOMY = 120
_ANY = "any"


def write(document: Mapping[str, Any], *, html: Path | None, record: Path | None) -> None:
    """Write the page and the draft that were asked for."""
    if html is None and record is None:
        return
    from strongroom import __version__
    from strongroom.files import write_bytes
    from strongroom.report import InventoryData, render_inventory, render_processing

    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    data = InventoryData(now, __version__, document)
    if html is not None:
        write_bytes(html, render_inventory(data).encode())
    if record is not None:
        write_bytes(record, render_processing(data).encode())


def counts(found: Sequence[Found]) -> dict[str, int]:
    """Return in how many places each entity stands, in all files together."""
    total: Counter[str] = Counter()
    for one in found:
        total.update(one.places)
    return dict(total)


def forbidden(places: Mapping[str, int], entities: Sequence[str]) -> list[str]:
    """Return a line for every entity that was found and should not have been."""
    asked = {e.upper() for e in entities}
    every = _ANY.upper() in asked
    return [
        f"{entity}: {n:,} place{'s' * (n != 1)}, where --fail-on asks for none"
        for entity, n in sorted(places.items())
        if n and (every or entity in asked)
    ]


def show(
    flags: Common,
    found: Sequence[Found],
    errors: Sequence[DataError],
    passed: Sequence[PassedOver],
) -> None:
    """Print a few files in full, or many in a line each."""
    console = flags.console
    if len(found) <= _IN_FULL:
        for one in found:
            console.say(str(one))
            for note in one.notes:
                console.say(f"  note: {note}", style="dim")
            console.say()
    else:
        _overview(flags, found)
    if console.as_json:
        return
    if passed:
        kinds = Counter(one.why for one in passed).most_common(3)
        said = ", ".join(f"{n:,} {why}" for why, n in kinds)
        console.talk(f"{len(passed):,} files that nobody named were passed over: {said}")
    for error in errors:
        console.error(error)


def _overview(flags: Common, found: Sequence[Found]) -> None:
    from strongroom.discover import worst_first

    holding = [f for f in found if any(f.places.values())]
    holding.sort(key=lambda f: (*worst_first(f.places), f.name))
    console = flags.console
    most = _KINDS if console.out.width >= _ROOMY else _KINDS // 2
    rows = [
        (f.name, f"{f.rows:,}", f"{sum(f.entities.values()):,}", _kinds(f.places, most))
        for f in holding[:_LISTED]
    ]
    if rows:
        console.table(("file", "records", "places", "what"), rows, numeric=(1, 2))
    if len(holding) > _LISTED:
        console.say(f"… and {len(holding) - _LISTED:,} more files, which weigh less", style="dim")
    places = sum(sum(f.entities.values()) for f in holding)
    console.say()
    console.say(
        f"{len(found):,} files looked at · personal data in {places:,} places of "
        f"{len(holding):,} files"
    )
    if holding:
        console.say(f"altogether: {_kinds(counts(found), most=_ALTOGETHER)}")
        console.talk("scan one file to see its columns; --html FILE draws the whole map")


def _kinds(entities: Mapping[str, int], most: int) -> str:
    from strongroom.discover import ranked

    order = ranked(entities)
    more = len(order) - most
    said = ", ".join(f"{entity} {places:,}" for entity, places in order[:most])
    return said + (f" and {more} more" if more > 0 else "")


def known_entities(entities: Sequence[str], spec: DiscoverSpec) -> None:
    """Refuse an entity that nothing finds.

    Raises:
        InputError: with what may have been meant.
    """
    if not entities:
        return
    from difflib import get_close_matches

    from strongroom.discover import SPECIAL_CATEGORY, entities_of

    known = (*entities_of(spec), SPECIAL_CATEGORY)
    for entity in entities:
        if entity.lower() != _ANY and entity.upper() not in known:
            close = get_close_matches(entity.upper(), known, 1)
            raise InputError(
                f'nothing finds "{entity}"',
                hint=f'did you mean "{close[0]}"?' if close else f"known: {', '.join(known)}",
            )
