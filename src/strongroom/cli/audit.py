"""`strongroom audit`: attack a model."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from strongroom.cli._findings import print_changes, print_exposed, print_findings
from strongroom.cli._history import last_audit, place_of, read_audit, remember
from strongroom.cli._options import Common, common
from strongroom.cli._way import walk
from strongroom.errors import InputError
from strongroom.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from strongroom.config import Limit

    Command = Callable[..., Any]

_TRAINING = ("claimed_epsilon", "delta", "sampling_rate", "canaries", "runs")
_FOREIGN = (
    *("members", "nonmembers", "target", "preset", "attack", "sensitive", "immutable", "subject"),
    *("mapping", "classes", "columns", "weights", "predictions", "recipe", "query_budget"),
    *("shadows", "planted"),
)


def _file(help_text: str, *names: str) -> Callable[[Command], Command]:
    return click.option(*names, type=click.Path(path_type=Path), metavar="FILE", help=help_text)


def _count(least: int, help_text: str, name: str, **more: Any) -> Callable[[Command], Command]:  # noqa: ANN401 - click's own
    return click.option(name, type=click.IntRange(least), metavar="N", help=help_text, **more)


_HELP = """Attack MODEL and say what it proves; without MODEL, this project's own.

MODEL is a folder that Strongroom released or one of Hugging Face; a file of ONNX, XGBoost, LightGBM
or skops; an http(s) address; or package.module:function, which returns an estimator, a torch module
or a function from rows to probabilities. A pickle is never opened.
"""


@click.command("audit", help=_HELP, short_help="Attack a model and say what it proves.")
@click.argument("model", required=False)
@click.option("--members", metavar="FILE", help="Rows the model was trained on.")
@click.option("--nonmembers", metavar="FILE", help="Rows of the same kind that it never saw.")
@click.option("--target", metavar="COLUMN", help="What the model predicts, if it doesn't say.")
@click.option("--predictions", is_flag=True, help="There is no MODEL: the files hold predictions.")
@click.option("--preset", type=click.Choice(["quick", "standard", "full"]), help="How thorough.")
@click.option("--attack", multiple=True, metavar="NAME", help="Run this one; may be repeated.")
@click.option(
    "--sensitive", multiple=True, metavar="COLUMN", help="What an attacker wants to learn."
)
@click.option("--immutable", multiple=True, metavar="COLUMN", help="What nobody can change.")
@click.option("--subject", metavar="COLUMN", help="Whose row it is; attacks people, too.")
@_file("Rows that were to be deleted: the rows, or one column that names them.", "--forgotten")
@_file("The record of canaries that stand in the training text (JSON).", "--planted")
@_file("How to talk to an endpoint (TOML).", "--mapping")
@_file("Weights (safetensors) for the network that package.module:function builds.", "--weights")
@click.option("--classes", metavar="A,B", help="Names in the order of the model's outputs.")
@click.option("--columns", metavar="A,B", help="What the model takes, in its order.")
@click.option("--recipe", metavar="MODULE:FIT", help="Trains models like it: fit(rows, labels).")
@click.option(
    "--training",
    metavar="MODULE:TRAIN",
    help="Audit a training function instead of a MODEL: does it keep the claimed ε?",
)
@click.option("--claimed-epsilon", type=float, metavar="E", help="What is claimed for --training.")
@click.option("--delta", type=float, metavar="D", help="Of that claim; 1e-5 by default.")
@click.option("--sampling-rate", type=float, metavar="Q", help="Its chance of a row per step.")
@_count(20, "Records to plant in --training; more show more.", "--canaries")
@_count(1, "How often --training is run.", "--runs")
@_count(1, "Rows that one attack may ask the model for.", "--query-budget")
@_count(1, "Models that the attacker trains; the preset's by default.", "--shadows")
@_count(0, "Of the attacker's coins.", "--seed", default=0)
@_file("Compare with this audit (its --json).", "--previous")
@_file("Also write SARIF 2.1.0 here.", "--sarif")
@_file("Also write a page that stands alone here.", "--html")
@_count(1, "Name the N members that are easiest to recognise, by row.", "--exposed")
@click.option("--every", is_flag=True, help="Show what each attack found, not the worst alone.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where what reference models said is kept for the next audit.",
)
@click.option("--no-cache", is_flag=True, help="Keep nothing.")
@common
def command(
    flags: Common,
    model: str | None,
    sarif: Path | None,
    html: Path | None,
    previous: Path | None,
    exposed: int | None,
    **asked: Any,  # noqa: ANN401 - the options above
) -> int:
    """Audit MODEL, or without it the one of this project."""
    every = asked.pop("every")
    then = read_audit(previous) if previous else None
    if asked["training"]:
        document, before = _training(flags, model, asked), None
    elif model is None and not asked["predictions"]:
        given = [name for name in (*_FOREIGN, *_TRAINING) if asked[name]]
        if given:
            flag = f"--{given[0].replace('_', '-')}"
            raise InputError(
                f"{flag} goes with MODEL",
                hint="[audit] in strongroom.toml says how this project's own model is audited",
            )
        before, document = _own(flags)
        then = then or before
    else:
        document, before = _foreign(flags, model, asked)
        then = then or before
    changes = [] if then is None else _changes(then, document)
    document = {**document, "changes": changes}
    if sarif is not None:
        from strongroom.report import render_sarif

        write_bytes(sarif, json.dumps(render_sarif(_data(document, then)), indent=1).encode())
    if html is not None:
        from strongroom.report import render_html

        write_bytes(html, render_html(_data(document, then)).encode())
    flags.console.document("audit", document)
    _print(flags, document, then, exposed=exposed, every=every)
    return 0 if document["verdict"]["ok"] else 1


def _own(flags: Common) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Audit the project's own model; return the audit before, if this one is new, and this one."""
    from strongroom.stages import judged

    before = None
    if (flags.workspace_path / "state.db").exists():
        with flags.read_workspace() as workspace:
            last = workspace.stage("audit")
            before = dict(last.doc) if last else None
    docs = {k: dict(v) for k, v in walk(flags, "audit", until="audit").docs.items()}
    findings, verdict = judged(docs, flags.config().policy)
    now = {
        **docs["audit"],
        "findings": [f.to_json() for f in findings],
        "verdict": verdict.to_json(),
    }
    unchanged = before is not None and before["seconds"] == docs["audit"]["seconds"]
    return (None if unchanged else before), now


def _foreign(
    flags: Common, model: str | None, asked: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Audit a model that anybody made; return the audit, and the last one of the same model."""
    from strongroom.audit import audit_any, chosen_spec, subject_of

    members, nonmembers = asked["members"], asked["nonmembers"]
    if not members or not nonmembers:
        raise InputError(
            "which rows did the model see, and which not?",
            hint="--members FILE --nonmembers FILE",
        )
    if model is not None and asked["predictions"]:
        raise InputError(
            "--predictions means that there is no MODEL",
            hint="--predictions --members FILE --nonmembers FILE, or MODEL without --predictions",
        )
    policy = _policy(flags, asked["attack"])
    spec = chosen_spec(
        asked["preset"] or "standard",
        asked["attack"],
        sensitive=asked["sensitive"],
        immutable=asked["immutable"],
        shadows=asked["shadows"],
        query_budget=asked["query_budget"],
        seed=asked["seed"],
    )
    cache = None if asked["no_cache"] else asked["cache"] or _default_cache()
    subject = subject_of(
        model,
        target=asked["target"],
        classes=_names(asked["classes"]),
        columns=_names(asked["columns"]),
        mapping=_mapping(asked["mapping"]),
        weights=asked["weights"],
    )
    how = asked["preset"] or "standard", *asked["attack"]
    place = None if cache is None else place_of(cache, model or "", members, nonmembers, *how)
    before = last_audit(place)
    with flags.console.bar("audit") as bar:
        audit = audit_any(
            subject,
            members=members,
            nonmembers=nonmembers,
            target=asked["target"],
            person=asked["subject"],
            forgotten=asked["forgotten"],
            planted=asked["planted"],
            recipe=asked["recipe"],
            spec=spec,
            policy=policy,
            cache=cache,
            reproduce=_reproduce(model, asked),
            progress=bar,
        )
    document = audit.to_json()
    remember(place, document)
    return document, before


def _training(flags: Common, model: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Audit a training function."""
    from strongroom.audit import audit_function

    if model is not None:
        raise InputError(
            "--training audits a training function, and no MODEL",
            hint="leave out MODEL, or --training",
        )
    if asked["claimed_epsilon"] is None or not asked["members"]:
        raise InputError(
            "what is claimed for the training, and on which rows?",
            hint="--claimed-epsilon E --delta D --members FILE --target COLUMN",
        )
    settings = {n: asked[n] for n in _TRAINING if asked[n] is not None}
    policy = _policy(flags, ("privacy.one_run", "privacy.estimate"))
    words = [("training", asked["training"]), ("members", asked["members"])]
    words += [("target", asked["target"]), *settings.items()]
    with flags.console.bar("audit") as bar:
        return audit_function(
            asked["training"],
            asked["members"],
            target=asked["target"],
            policy=policy,
            seed=asked["seed"],
            reproduce=_command(None, [*words, ("seed", asked["seed"])]),
            progress=bar,
            **settings,
        ).to_json()


def _policy(flags: Common, attacks: Sequence[str]) -> Mapping[str, Limit]:
    """Return the limits of the configuration; of named attacks, those on what these measure."""
    if not flags.config_path.exists():
        return {}
    from strongroom.attacks import about, attack_names, load_attack

    limits = flags.config().policy
    if not attacks:
        return limits
    known = [a for a in attacks if a in attack_names()]
    asked = {m for a in known for m in about(load_attack(a)).metrics}
    return {m: limit for m, limit in limits.items() if m in asked}


def _default_cache() -> Path:
    from platformdirs import user_cache_path

    told = os.environ.get("STRONGROOM_CACHE")
    return (Path(told) if told else user_cache_path("strongroom")) / "audit"


def _names(listed: str | None) -> list[str] | None:
    return [n.strip() for n in listed.split(",") if n.strip()] if listed else None


def _mapping(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read it: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise InputError(f"not valid TOML: {error}", where=str(path)) from error


def _reproduce(model: str | None, asked: Mapping[str, Any]) -> str:
    """Return the command as it was given, less where results went."""
    return _command(model, [(name, asked[name]) for name in (*_FOREIGN, "forgotten", "seed")])


def _command(model: str | None, options: Sequence[tuple[str, Any]]) -> str:
    import shlex

    words = ["strongroom", "audit", *([model] if model else [])]
    for name, value in options:
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple):
            words += [part for each in value for part in (flag, str(each))]
        elif value is not None and value is not False:
            words += [flag, str(value)]
    return shlex.join(words)


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    from strongroom.audit import Finding, comparison

    old, new = ([Finding.from_json(f) for f in each["findings"]] for each in (then, now))
    return [{**asdict(c), "direction": c.direction.value} for c in comparison(old, new)]


def _data(document: Mapping[str, Any], then: Mapping[str, Any] | None) -> Any:  # noqa: ANN401
    """Return what report pages are made of."""
    from datetime import UTC, datetime

    from strongroom import __version__
    from strongroom.report import ReportData

    return ReportData(
        project=document.get("examined", {}).get("name") or "audit",
        generated=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        audit=document,
        verdict=document["verdict"],
        previous=tuple(then["findings"]) if then else None,
        page="audit",
    )


def _print(
    flags: Common,
    document: Mapping[str, Any],
    then: Mapping[str, Any] | None,
    *,
    exposed: int | None,
    every: bool,
) -> None:
    console = flags.console
    about = document.get("examined", {})
    if about:
        kinds = " · ".join(filter(None, (about.get("format"), about.get("kind"))))
        preset = about["preset"] if isinstance(about["preset"], str) else "chosen attacks"
        console.say(
            f"{about['name'] or 'model'} · {kinds} · {about['members']:,} members, "
            f"{about['nonmembers']:,} non-members · {preset} · {document['seconds']:.1f} s"
        )
        console.say()
    print_findings(console, document["findings"], every=every)
    if exposed:
        print_exposed(console, document.get("exposed", []), exposed)
    if then is not None:
        print_changes(console, document["changes"], then.get("when") or "the last audit")
    left_out = document.get("examined", {}).get("left_out", {})
    if every and left_out:
        console.say("left out, for the question doesn't arise", style="bold")
        for name, why in left_out.items():
            console.say(f"  {name}: {why}", style="dim")
        console.say()
    for note in document.get("notes", []):
        console.say(f"note: {note}", style="yellow")
    verdict = document["verdict"]
    console.say(verdict["text"], style="bold green" if verdict["ok"] else "bold red")
