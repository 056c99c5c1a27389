"""`strongroom train`: the way up to the model, or the model at several ε."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from strongroom.cli._chart import chart
from strongroom.cli._options import Common, common
from strongroom.cli._way import walk
from strongroom.cli.console import StageView
from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.cli.console import Console

_OPEN = (
    "Trained without differential privacy, because --no-privacy asked for it: [train.privacy] was "
    "not used, nothing was spent, and nothing is proved. A policy on privacy.epsilon refuses this "
    "model."
)


@click.command("train", help="Train the model of strongroom.toml, with differential privacy.")
@click.option("--again", is_flag=True, help="Train anew although nothing changed: spends again.")
@click.option("--discard", is_flag=True, help="Give up an interrupted training; its ε stays spent.")
@click.option("--no-privacy", is_flag=True, help="Train without privacy, whatever the file says.")
@click.option(
    "--sweep",
    metavar="epsilon=A,B,…",
    help="Train at each ε instead, and say what it costs in accuracy. Each training spends.",
)
@click.option(
    "--public",
    type=click.Path(path_type=Path),
    metavar="DATA",
    help="With --sweep: rows that are nobody's secret, to sweep on for nothing.",
)
@common
def command(
    flags: Common,
    again: bool,
    discard: bool,
    no_privacy: bool,
    sweep: str | None,
    public: Path | None,
) -> int:
    """Run discover, anonymize and seal where they changed, then train."""
    if discard:
        _discard(flags)
    if sweep is not None:
        if no_privacy:
            raise InputError(
                "--sweep and --no-privacy exclude each other",
                hint="a sweep trains without privacy anyway, to compare",
            )
        return _sweep(flags, sweep, public, again=again)
    if public is not None:
        raise InputError("--public goes with --sweep", hint="--sweep epsilon=0.5,1,2,4,8")
    return _train(flags, again=again, no_privacy=no_privacy)


def _discard(flags: Common) -> None:
    with flags.open_workspace(flags.config(), "train --discard") as workspace:
        count = workspace.discard_unfinished()
    if not count:
        flags.console.talk("no training stands unfinished")


def _train(flags: Common, *, again: bool, no_privacy: bool) -> int:
    from strongroom.privacy import PrivacyStatement

    changes = {"privacy": None} if no_privacy else {}
    result = walk(
        flags, "train", until="train", again_from="train" if again else None, train=changes
    )
    trained = result.docs["train"]
    flags.console.document("train", trained)
    flags.console.say()
    if trained["privacy"]:
        flags.console.say(str(PrivacyStatement.from_json(trained["privacy"])))
    elif no_privacy:
        flags.console.say(_OPEN)
    else:
        flags.console.say("Trained without differential privacy: strongroom.toml has no "
                          "[train.privacy], so nothing is proved.")  # fmt: skip
    _tell_unfinished(flags)
    return 0


def _tell_unfinished(flags: Common) -> None:
    config = flags.config()
    with flags.read_workspace(config) as workspace:
        entries = workspace.budget(config.project.name, None)["entries"]
    count = sum(e["state"] == "reserved" for e in entries)
    if count:
        some = "an earlier training" if count == 1 else f"{count} earlier trainings"
        flags.console.talk(
            f"what {some} reserved and never finished stays spent: strongroom budget"
        )


def _sweep(flags: Common, text: str, public: Path | None, *, again: bool) -> int:
    from strongroom import pipeline
    from strongroom.stages.sweep import Sweep, parse

    asked = Sweep(parse(text), public)
    config = flags.config()
    view = StageView(flags.console)
    with flags.open_workspace(config, "train --sweep") as workspace:
        try:
            swept = pipeline.sweep(
                config, flags.config_path.parent, workspace, view, asked, again=again
            )
            ledger = workspace.budget(config.project.name, config.data.budget)
        except KeyboardInterrupt:
            flags.console.talk(
                "\ninterrupted; the points that are done are kept: the same command continues"
            )
            raise
        finally:
            view.stop()
    ledger = {key: ledger[key] for key in ("account", "budget", "spent", "delta")}
    flags.console.document("train", {"sweep": {**swept, "ledger": ledger}})
    _show(flags.console, swept, ledger)
    return 0


def _show(console: Console, swept: Mapping[str, Any], ledger: Mapping[str, Any]) -> None:
    measure, points = swept["measure"], swept["points"]
    accuracy = measure == "accuracy"

    def say(value: float) -> str:
        return f"{100 * value:.1f} %" if accuracy else f"{value:.1f}"

    def cost(point: Mapping[str, Any]) -> str:
        if point["epsilon"] is None:
            return "–"
        lost = point["cost"] * (100 if accuracy else 1)
        return f"{lost:+.1f}{' points' if accuracy else ''}"

    rows = [
        [
            "without privacy" if p["epsilon"] is None else f"{p['epsilon']:g}",
            say(p["value"]),
            f"[{say(p['interval'][0])}, {say(p['interval'][1])}]" if p["interval"] else "–",
            cost(p),
            f"{p['noise_multiplier']:.3g}" if p["noise_multiplier"] else "–",
        ]
        for p in points
    ]
    console.say()
    console.table(["ε", measure, "95 % interval", "costs", "noise σ"], rows, numeric=[1, 2, 3, 4])
    if console.drawing:
        flat = points[-1]["value"]
        drawn = [(f"ε={p['epsilon']:g}", p["value"]) for p in points if p["epsilon"]]
        console.say()
        for line in chart(drawn, say=say, floor=(f"without privacy {say(flat)}", flat)):
            console.say(line)
    console.say()
    if _by_chance(points):
        console.say("Differences that lie within the intervals may be chance.")
    if swept["public"]:
        console.say(
            f"Measured on {points[0]['rows']:,} rows of {swept['public']}, taken as public: no ε "
            "was spent. With more rows each ε costs less, with fewer more."
        )
    else:
        console.say(
            f"The points spent ε = {swept['spent']:.3f} together at δ = {swept['delta']:g}: "
            "their models are thrown away, but choosing by these figures lets them out. The rows "
            "that they were tested on are not covered: the figures are exact."
        )
        of = f" of {ledger['budget']:g}" if ledger["budget"] else ""
        console.say(f'Spent so far ε = {ledger["spent"]:.3f}{of} on "{ledger["account"]}".')
    console.say(f"Picture: {swept['picture']}")


def _by_chance(points: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the interval of a point holds what was reached without privacy."""
    flat = points[-1]["value"]
    spreads = (p["interval"] for p in points[:-1] if p["interval"])
    return any(low <= flat <= high for low, high in spreads)
