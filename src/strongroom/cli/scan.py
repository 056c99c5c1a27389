"""`strongroom scan`: where personal data is."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from strongroom.cli import _inventory as inventory
from strongroom.cli import _source as source
from strongroom.cli._options import Common, common
from strongroom.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.config import DiscoverSpec
    from strongroom.data.sources import Limits, PassedOver
    from strongroom.discover import Found

# Each process takes half a gigabyte.
_MOST_JOBS = 8
# What these ask for is made of a whole scan, and --spans and --evaluate make none.
_OF_SCANS = ("html", "sarif", "record", "baseline", "write_baseline", "fail_on", "sample")

Command = TypeVar("Command", bound="Callable[..., Any]")


def _file(help_text: str, *flags: str) -> Callable[[Command], Command]:
    return click.option(*flags, type=click.Path(path_type=Path), metavar="FILE", help=help_text)


@click.command(
    "scan",
    help="Find personal data and secrets in files, folders, archives, mail, pictures, databases.",
)
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--target", help="The column to predict, so that it isn't guessed.")
@click.option("--country", help="For local phone numbers and ids.  [default: US]")
@click.option("--countries", metavar="DE,FR", help="Further countries whose ids are known alone.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Drop what is less sure.  [0.5]")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Look at N records a file.")
@click.option("--no-names", is_flag=True, help="Patterns only: no names, places, addresses.")
@click.option("--no-ocr", is_flag=True, help="Don't read text in pictures and scanned pages.")
@click.option("--recognizers", multiple=True, metavar="FILE", help="Your own: .toml or .py.")
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes.  [default: cores]"
)
@click.option("--fresh", is_flag=True, help="Read unchanged files again.")
@click.option("--spans", is_flag=True, help="JSON lines, one per find: path, row, field, offsets.")
@click.option("--reveal", is_flag=True, help="With --spans or --evaluate: the values. Careful.")
@_file("Also write a page with a heat map here.", "--html")
@_file("Also write SARIF for code scanners here.", "--sarif")
@_file("Also write a draft of the record of processing (GDPR Art. 30) here, as CSV.", "--record")
@_file("Finds that are known already: not counted again by --fail-on.", "--baseline")
@click.option("--write-baseline", is_flag=True, help="Write what is found now to --baseline.")
@click.option("--fail-on", multiple=True, metavar="ENTITY", help="Exit 1 if found: SECRET, any, …")
@_file("Measure against texts whose answers are known (JSON lines).", "--evaluate")
@common
def command(flags: Common, paths: tuple[str, ...], **asked: Any) -> int:  # noqa: ANN401
    """Look at each file; what can't be read is named and makes the exit code 2."""
    _alone(asked)
    spec = _spec(flags, asked)
    if asked["evaluate"]:
        from strongroom.cli import _evaluation

        return _evaluation.run(flags, asked["evaluate"], paths, spec, reveal=asked["reveal"])
    from strongroom.compiled import never_compiled
    from strongroom.data.sources import Limits

    if not paths:
        raise InputError(
            "missing argument PATH...: nothing to scan",
            hint="- is standard input; for all flags: strongroom scan --help",
        )
    if never_compiled():
        flags.console.talk("compiling what searches, once on this machine: about half a minute")
    limits = Limits(ocr=not asked["no_ocr"])
    if asked["spans"]:
        return _spans(flags, paths, spec, limits, asked)
    return _scan(flags, paths, spec, limits, asked)


def _alone(asked: dict[str, Any]) -> None:
    """Refuse flags that would be passed over in silence."""
    for only in ("spans", "evaluate"):
        beside = next((name for name in _OF_SCANS if asked[name]), None)
        if asked[only] and beside:
            raise InputError(
                f"--{beside.replace('_', '-')} does nothing beside --{only}",
                hint="scan once with each",
            )
    if asked["reveal"] and not asked["spans"] and not asked["evaluate"]:
        raise InputError("--reveal does nothing alone", hint="--spans --reveal prints each value")


def _spec(flags: Common, asked: dict[str, Any]) -> DiscoverSpec:
    """Return `[discover]` of the configuration, if there is one, with the flags over it."""
    from strongroom.config import DiscoverSpec

    spec = flags.config().discover if flags.config_path.exists() else DiscoverSpec()
    said: dict[str, Any] = {}
    if asked["country"]:
        said["country"] = _country(asked["country"])
    if asked["countries"]:
        said["countries"] = tuple(_country(c) for c in asked["countries"].split(","))
    if asked["min_score"] is not None:
        said["min_score"] = asked["min_score"]
    if asked["sample"]:
        said["max_rows"] = asked["sample"]
    if asked["no_names"]:
        said["names"] = False
    if asked["recognizers"]:
        said["recognizers"] = asked["recognizers"]
    return spec.model_copy(update=said)


def _country(code: str) -> str:
    code = code.strip()
    if len(code) != 2 or not (code.isascii() and code.isalpha()):  # noqa: PLR2004 - alpha-2
        raise InputError(f'"{code}" is not a country code', hint="two letters, such as US or DE")
    return code.upper()


def _scan(
    flags: Common,
    paths: tuple[str, ...],
    spec: DiscoverSpec,
    limits: Limits,
    asked: dict[str, Any],
) -> int:
    inventory.known_entities(asked["fail_on"], spec)
    found, errors, passed = _looked(flags, paths, spec, limits, asked)
    if errors and not found and len(errors) == 1:
        raise errors[0]
    if not errors and not found:
        raise DataError("nothing here that can be read", where=", ".join(paths))
    document: dict[str, Any] = {"files": [f.to_json() for f in found]}
    counts = inventory.counts(found)
    if asked["sarif"] or asked["baseline"]:
        secrets = source.find(
            paths,
            spec,
            baseline=asked["baseline"],
            anew=asked["write_baseline"],
            jobs=_jobs(asked["jobs"]),
        )
        counts["SECRET"] = secrets.new + secrets.beside(found)
        document["secrets"] = secrets.to_json()
        listed = {str(error) for error in errors}
        errors += [error for error in secrets.errors if str(error) not in listed]
        source.write(secrets, asked["sarif"], errors)
    elif asked["write_baseline"]:
        raise InputError("where to?", hint="--baseline FILE --write-baseline")
    document["errors"] = [{"what": e.what, "where": e.where, "hint": e.hint} for e in errors]
    document["passed_over"] = [{"path": p.path, "why": p.why} for p in passed]
    inventory.write(document, html=asked["html"], record=asked["record"])
    document["refused"] = inventory.forbidden(counts, asked["fail_on"])
    inventory.show(flags, found, errors, passed)
    if "secrets" in document:
        flags.console.say(str(secrets))
    for line in document["refused"]:
        flags.console.say(line, style="bold red")
    for name in ("html", "record", "sarif", "baseline"):
        if asked[name] and (name != "baseline" or asked["write_baseline"]):
            flags.console.talk(f"wrote {asked[name]}")
    flags.console.document("scan", document)
    if errors:
        return 2
    return 1 if document["refused"] else 0


def _looked(
    flags: Common,
    paths: tuple[str, ...],
    spec: DiscoverSpec,
    limits: Limits,
    asked: dict[str, Any],
) -> tuple[list[Found], list[DataError], list[PassedOver]]:
    """Return what was scanned, what couldn't be, and what nobody named and nothing reads."""
    from strongroom.data.sources import PassedOver, Unreadable
    from strongroom.discover import ScanCache, scan_sources

    cache = None if asked["fresh"] else ScanCache(spec, asked["target"], limits)
    found: list[Found] = []
    errors: list[DataError] = []
    passed: list[PassedOver] = []
    with flags.console.bar("scan") as bar:
        for one in scan_sources(
            paths,
            spec,
            target=asked["target"],
            limits=limits,
            cache=cache,
            jobs=_jobs(asked["jobs"]),
            progress=bar,
        ):
            if isinstance(one, Unreadable):
                errors.append(one.error)
            elif isinstance(one, PassedOver):
                passed.append(one)
            else:
                found.append(one)
    return found, errors, passed


def _jobs(asked: int | None) -> int:
    """Return what was asked, or the cores that we may use, if the memory for them is likely."""
    if asked:
        return asked
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, _MOST_JOBS)


def _spans(
    flags: Common,
    paths: tuple[str, ...],
    spec: DiscoverSpec,
    limits: Limits,
    asked: dict[str, Any],
) -> int:
    from strongroom.data.sources import Unreadable
    from strongroom.discover import source_spans

    failed = False
    for one in source_spans(paths, spec, limits=limits, jobs=_jobs(asked["jobs"])):
        if isinstance(one, Unreadable):
            flags.console.error(one.error)
            failed = True
            continue
        line = one.to_json()
        if asked["reveal"]:
            line["value"] = one.value
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    return 2 if failed else 0
