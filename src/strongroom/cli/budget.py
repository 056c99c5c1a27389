"""`strongroom budget`: what was spent, and what a training would spend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from strongroom.cli._chart import chart
from strongroom.cli._options import Common, common
from strongroom.errors import InputError
from strongroom.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.cli.console import Console

_GAUGE = 40
_TITLES = {
    "epochs": "epochs",
    "batch_size": "batch",
    "noise_multiplier": "noise σ",
    "epsilon": "ε",
}


def _batch(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> int | str | None:
    """Read a number of rows, or "full"."""
    if value is None or value == "full":
        return value
    if not value.isdigit() or not int(value):
        raise click.BadParameter(f'"{value}" is neither a number of rows nor full', context,
                                 parameter)  # fmt: skip
    return int(value)


_ABOVE_0 = click.FloatRange(min=0, min_open=True)


@click.command("budget", help="Show what has been spent of the privacy budget, or plan a training.")
@click.argument("action", type=click.Choice(["show", "plan"]), default="show")
@click.argument("account", required=False)
@click.option("--epsilon", type=_ABOVE_0, help="plan: the guarantee; left out, it is found.")
@click.option("--noise", type=_ABOVE_0, help="plan: σ over the clip norm; left out, it is found.")
@click.option("--epochs", type=_ABOVE_0, help="plan: passes over the rows.")
@click.option("--batch-size", callback=_batch, metavar="N|full", help="plan: expected batch.")
@click.option("--rows", type=click.IntRange(min=1), help="plan: the declared number of rows.")
@click.option("--delta", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="plan: δ.")
@click.option(
    "--picture", type=click.Path(path_type=Path), metavar="SVG", help="plan: draw it there too."
)
@common
def command(
    flags: Common,
    action: str,
    account: str | None,
    picture: Path | None,
    **asked: Any,  # noqa: ANN401
) -> int:
    """Show the ledger of an account (of this project by default), or plan a training."""
    if action == "show":
        given = [f"--{n.replace('_', '-')}" for n, v in asked.items() if v is not None]
        if given or picture:
            raise InputError(f"{(given or ['--picture'])[0]} goes with: strongroom budget plan")
        return _show(flags, account)
    if account is not None:
        raise InputError("a plan is for this project's own account", hint="leave the name out")
    return _plan(flags, asked, picture)


def _show(flags: Common, account: str | None) -> int:
    config = flags.config()
    account = account or config.project.name
    limit = config.data.budget if account == config.project.name else None
    with flags.read_workspace(config) as workspace:
        doc = workspace.budget(account, limit)
    flags.console.document("budget", doc)
    rows = [
        [
            e["created"][:19].replace("T", " "),
            e["run"] or "–",
            e["state"],
            f"{e['epsilon']:.3f}",
            f"{e['delta']:g}",
            f"one {e['unit']}",
            e["id"],
        ]
        for e in doc["entries"]
    ]
    if not rows:
        flags.console.say(f'Nothing was spent on "{account}".')
        return 0
    head = ["when (UTC)", "run", "state", "ε", "δ", "hides", "entry"]
    flags.console.table(head, rows, numeric=[3, 4])
    flags.console.say()
    if limit and flags.console.drawing:
        flags.console.say(_gauge(doc["spent"], limit))
    of = f" of {limit:g}" if limit else " (no budget is set: [data] budget)"
    flags.console.say(
        f'Spent ε = {doc["spent"]:.3f}{of} on "{account}" at δ = {doc["delta"]:g}, composed over '
        f"{len(rows)} run{'' if len(rows) == 1 else 's'}."
    )
    open_ones = sum(e["state"] == "reserved" for e in doc["entries"])
    if open_ones:
        flags.console.say(
            f"{open_ones} of them did not finish: what was reserved counts as spent. The same "
            "command with the same settings continues them."
        )
    return 0


def _gauge(spent: float, limit: float) -> str:
    """Draw a fuel gauge: what is left of the budget."""
    full = min(round(spent / limit * _GAUGE), _GAUGE)
    return f"{'━' * full}{'╌' * (_GAUGE - full)} {100 * max(1 - spent / limit, 0):.0f} % left"


def _plan(flags: Common, asked: Mapping[str, Any], picture: Path | None) -> int:
    from strongroom.cli._planning import planned

    doc = planned(flags, asked)
    if picture is not None:
        from strongroom.report import render_plan

        write_bytes(picture, render_plan(doc).encode())
    doc["picture"] = str(picture) if picture else None
    flags.console.document("budget", doc)
    console, plan = flags.console, doc["plan"]
    batch = "every row" if plan["sampling_rate"] == 1 else f"{plan['batch_size']:,} rows"
    console.say(
        f"ε = {plan['epsilon']:.3f} at δ = {plan['delta']:g}: {plan['steps']:,} steps "
        f"({plan['epochs']:.4g} epochs of {plan['rows']:,} rows), {batch} a step, noise σ = "
        f"{plan['noise_multiplier']:.4g}."
    )
    console.say(f"Found: {_TITLES[doc['solved']]}. One number changed, the rest as they are:")
    for panel in doc["panels"]:
        over = panel["over"]
        values = [(_short(row[over]), f"{row['epsilon']:.2f}") for row in panel["rows"]]
        console.say()
        console.table([_TITLES[over], *(v for v, _ in values)], [["ε", *(e for _, e in values)]],
                      numeric=range(1, len(values) + 1))  # fmt: skip
        if console.drawing:
            at = next((i for i, r in enumerate(panel["rows"]) if r[over] == plan[over]), None)
            points = [(_short(r[over]), r["epsilon"]) for r in panel["rows"]]
            for line in chart(points, say="{:.2f}".format, here=at):
                console.say(line)
    _say_accuracy(console, doc)
    _say_account(console, doc["budget"])
    if doc["note"]:
        console.say(doc["note"])
    if picture is not None:
        console.say(f"Picture: {picture}")
    return 0


def _say_accuracy(console: Console, doc: Mapping[str, Any]) -> None:
    rows = [
        [f"{r['epsilon']:.3g}", f"{r['noise_multiplier']:.4g}", _known(r)] for r in doc["accuracy"]
    ]
    console.say()
    console.table(["ε", "needs σ", "accuracy on unseen rows"], rows, numeric=[1])
    if not any(r["measured"] for r in doc["accuracy"]):
        console.say("Nothing was measured with these epochs and this batch in this workspace: "
                    "strongroom train --sweep epsilon=0.5,1,2,4,8 does.")  # fmt: skip


def _known(row: Mapping[str, Any]) -> str:
    if row["measured"]:
        return f"{_measure(row['measured'])}  ({row['measured']['from']})"
    if row["between"]:
        low, high = row["between"]
        return (
            f"not measured; {_measure(low)} at ε = {low['epsilon']:.3g}, "
            f"{_measure(high)} at {high['epsilon']:.3g}"
        )
    return "not measured"


def _measure(point: Mapping[str, Any]) -> str:
    value = point["value"]
    if point["measure"] == "accuracy":
        return f"{100 * value:.1f} %"
    return f"{point['measure']} {value:.1f}"


def _say_account(console: Console, left: Mapping[str, Any] | None) -> None:
    if left is None:
        return
    console.say()
    limit = left["budget"]
    of = f" of {limit:g}" if limit else ""
    said = (
        f'"{left["account"]}" stands at ε = {left["spent"]:.3f}{of}; after this training at '
        f"{left['after']:.3f}"
    )
    if left["fits"]:
        console.say(f"{said}.")
    else:
        console.say(f"{said}: it would be refused.", style="bold red")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:.3g}"
