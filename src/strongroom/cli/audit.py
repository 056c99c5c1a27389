"""`strongroom audit`: attack a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from strongroom.cli._options import Common, common
from strongroom.cli._way import walk
from strongroom.errors import InputError
from strongroom.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command("audit", help="Attack a model and say what it proves.")
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--members", help="File with rows the model was trained on.")
@click.option("--nonmembers", help="File with rows it was not trained on.")
@click.option("--preset", type=click.Choice(["quick", "standard", "full"]), help="How thorough.")
@click.option("--sarif", type=click.Path(path_type=Path), help="Also write SARIF 2.1.0 here.")
@common
def command(
    flags: Common,
    model: Path | None,
    members: str | None,
    nonmembers: str | None,
    preset: str | None,
    sarif: Path | None,
) -> int:
    """Audit MODEL (a folder that Strongroom released), or without it, the one of this project."""
    if model is None:
        if members or nonmembers or preset:
            raise InputError(
                "--members, --nonmembers and --preset go with MODEL",
                hint="[audit] in strongroom.toml says how this project's own model is audited",
            )
        document = _own(flags)
    else:
        document = _foreign(flags, model, members, nonmembers, preset or "standard")
    if sarif is not None:
        _write_sarif(sarif, document)
    flags.console.document("audit", document)
    for finding in document["findings"]:
        flags.console.finding(finding)
    flags.console.say()
    ok = document["verdict"]["ok"]
    flags.console.say(document["verdict"]["text"], style="bold green" if ok else "bold red")
    return 0 if ok else 1


def _own(flags: Common) -> dict[str, Any]:
    from strongroom.stages import judged

    docs = {k: dict(v) for k, v in walk(flags, "audit", until="audit").docs.items()}
    findings, verdict = judged(docs, flags.config().policy)
    return {
        **docs["audit"],
        "findings": [f.to_json() for f in findings],
        "verdict": verdict.to_json(),
    }


def _foreign(
    flags: Common, model: Path, members: str | None, nonmembers: str | None, preset: str
) -> dict[str, Any]:
    from strongroom import api
    from strongroom.data import read_dataset

    if not members or not nonmembers:
        raise InputError(
            "which rows did the model see, and which not?",
            hint="--members FILE --nonmembers FILE",
        )
    policy = flags.config().policy if flags.config_path.exists() else {}
    with flags.console.bar("audit") as bar:
        audit = api.audit(
            api.load_model(model),
            members=read_dataset(members),
            nonmembers=read_dataset(nonmembers),
            preset=preset,
            policy=policy,
            progress=bar,
        )
    return audit.to_json()


def _write_sarif(path: Path, document: Mapping[str, Any]) -> None:
    import json
    from datetime import UTC, datetime

    from strongroom import __version__
    from strongroom.report import ReportData, render_sarif

    data = ReportData(
        project="audit",
        generated=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        audit=document,
        verdict=document["verdict"],
    )
    write_bytes(path, json.dumps(render_sarif(data), indent=1).encode())
