"""`strongroom federate run`: the coordinator's job, from the first question to the evidence."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli._federate_init import DEFAULT_FOLDER
from strongroom.cli._federate_serve import size
from strongroom.cli._options import WORKSPACE_NAME, Common, common
from strongroom.errors import InputError, RefusedError

if TYPE_CHECKING:
    from strongroom.cli.console import Bar, Console
    from strongroom.config import ColumnSpec
    from strongroom.federate import Channel, Recipe, Settings
    from strongroom.federate.coordinator import FederationResult
    from strongroom.federate.evidence import FederationEvidence
    from strongroom.federate.flare._channel import FlareChannel
    from strongroom.stages.federation import Unfinished
    from strongroom.store import Workspace

MODEL_FOLDER, REPORT_FOLDER, MEASURED_FOLDER = "model", "report", "report-measured"
_PATIENCE = 600.0
_LOOK = 0.5
_ANSWERS = re.compile(r": \d+ of \d+ sites$")  # of a round that goes on: for the bar alone


@click.command("run")
@click.argument("folder", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, metavar="[DIR]")
@click.option("--rounds", type=click.IntRange(min=1), help="Instead of [job] rounds.")
@click.option("--wait", "patience", type=click.FloatRange(min=0), default=_PATIENCE,
              metavar="SECONDS", show_default=True,
              help="How long to wait for enough sites.")  # fmt: skip
@click.option("--again", is_flag=True, help="Give up the unfinished job and begin a new one.")
@click.option("--evaluate", "model", type=click.Path(path_type=Path), metavar="MODEL",
              help="Train nothing: let the sites measure this model on test rows.")  # fmt: skip
@common
def run(
    flags: Common,
    folder: Path,
    rounds: int | None,
    patience: float,
    again: bool,
    model: Path | None,
) -> int:
    """Train what DIR/federation.toml says, with the sites that are there.

    A run that was killed goes on at its last finished round.
    """
    from strongroom.federate import flare, read_settings
    from strongroom.stages.federation import Unfinished, document, release_model, write_report

    flags = _at(flags, folder)
    console, settings = flags.console, read_settings(folder)
    if rounds is not None:
        settings = settings.model_copy(
            update={"job": settings.job.model_copy(update={"rounds": rounds})}
        )
    kit = flare.read_kit(folder / "coordinator", "coordinator")
    with (
        flags.open_workspace(settings, "federate run") as workspace,
        flare.connect(kit) as channel,
    ):
        if model is not None:
            evidence = _measure(console, workspace, channel, settings, model, patience)
        else:
            unfinished = Unfinished(workspace)
            if again:
                _give_up(unfinished, channel)
            recipe = _recipe(console, unfinished, channel, settings, patience)
            evidence = _train(console, workspace, channel, recipe, settings, patience)
            release_model(workspace, evidence.result, folder / MODEL_FOLDER)
        report = folder / (MEASURED_FOLDER if model is not None else REPORT_FOLDER)
        agrees = write_report(workspace, evidence, settings.policy, report)
    where = {} if model else {"folder": str(folder / MODEL_FOLDER)}
    where["report"] = str(report)
    console.document("federate-run", {**document(evidence), **where, "within_policy": agrees})
    _show(console, evidence)
    if model is None:
        console.say(f"Model: {folder / MODEL_FOLDER}, signed; sealed in {folder / WORKSPACE_NAME} "
                    "with every site's evidence.")  # fmt: skip
    console.say(f"Report: {report / 'report.html'}, .json, .sarif")
    console.say(_verdict(evidence.result), style="bold green" if agrees else "bold red")
    if not agrees:
        console.say("The policy says no: see the report.", style="bold red")
    return 0 if agrees else 1


def _train(
    console: Console,
    workspace: Workspace,
    channel: FlareChannel,
    recipe: Recipe,
    settings: Settings,
    patience: float,
) -> FederationEvidence:
    from strongroom.stages.federation import run_job

    with console.bar("rounds") as bar:
        try:
            return run_job(workspace, channel, recipe, settings, progress=_Rounds(console, bar),
                           patience=patience)  # fmt: skip
        except KeyboardInterrupt:
            console.talk("\ninterrupted; the finished rounds are kept: the same command goes on, "
                         "--again begins anew")  # fmt: skip
            raise


def _measure(
    console: Console,
    workspace: Workspace,
    channel: FlareChannel,
    settings: Settings,
    model: Path,
    patience: float,
) -> FederationEvidence:
    """Let the sites measure a released model on their test rows."""
    from strongroom import load_model
    from strongroom.stages.federation import measure_model

    released = load_model(model).model
    _await_sites(console, channel, settings, patience)
    return measure_model(workspace, channel, released, settings)


def stop_everywhere(flags: Common, folder: Path) -> int:
    """Tell all sites that can be reached to forget the coordinator's job, and forget it here."""
    from strongroom.federate import flare, read_settings
    from strongroom.stages.federation import Unfinished

    flags = _at(flags, folder)
    kit = flare.read_kit(folder / "coordinator", "coordinator")
    with flags.open_workspace(read_settings(folder), "federate stop") as workspace:
        unfinished = Unfinished(workspace)
        recipe = unfinished.load()
        if recipe is None:
            raise InputError("no job of this coordinator is unfinished", where=str(folder))
        with flare.connect(kit) as channel:
            told = _give_up(unfinished, channel)
    flags.console.document("federate-stop", {"job": recipe.job, "sites": told})
    flags.console.say(f"Stopped job {recipe.job[:8]} at {', '.join(told) or 'no site'}; its rounds "
                      "are forgotten, and what it has spent stays spent.")  # fmt: skip
    return 0


def _at(flags: Common, folder: Path) -> Common:
    """Return the flags with the coordinator's workspace, unless another was named."""
    named = flags.workspace_path != flags.config_path.parent / WORKSPACE_NAME
    workspace = flags.workspace_path if named else folder / WORKSPACE_NAME
    return replace(flags, config_path=folder / "federation.toml", workspace_path=workspace)


def _give_up(unfinished: Unfinished, channel: FlareChannel) -> list[str]:
    from strongroom.federate.coordinator import Coordinator

    recipe = unfinished.load()
    if recipe is None:
        return []
    told = [site for site in channel.present() if site in recipe.sites]
    Coordinator(recipe, channel).stop()
    unfinished.clear()
    return told


def _recipe(
    console: Console,
    unfinished: Unfinished,
    channel: FlareChannel,
    settings: Settings,
    patience: float,
) -> Recipe:
    """Return the recipe of the job: of the unfinished one, or planned with the sites."""
    from strongroom.federate import in_words
    from strongroom.federate.coordinator import plan_recipe

    recipe = unfinished.load()
    if recipe is not None and not unfinished.fits(settings):
        raise InputError(
            f"job {recipe.job[:8]} is unfinished, and federation.toml or --rounds say another now",
            hint="give the old settings to go on with it; --again gives it up",
        )
    goes_on = recipe is not None
    if recipe is None:
        _await_sites(console, channel, settings, patience)
        # Everybody with a kit is invited, and may come late; who is there says what columns are.
        columns = _declared(console, channel, settings)
        recipe = plan_recipe(channel, settings, sites=channel.sites, columns=columns)
    console.say(f"Job {recipe.job[:8]}" + (", which goes on:" if goes_on else ":"))
    for about, what in in_words(recipe):
        console.say(f"  {about:<9} {what}")
    return recipe


def _declared(console: Console, channel: Channel, settings: Settings) -> dict[str, ColumnSpec]:
    """Return what the sites' private statistics say of columns that nobody declared."""
    if settings.analyse is None:
        return {}
    from strongroom.federate.analytics import declare

    analysis = declare(channel, settings)
    if analysis is None:
        return {}
    for site, why in analysis.refused.items():
        console.say(f"{site} told no statistics: {why}", style="yellow")
    found = analysis.columns()
    spent = f"ε = {settings.analyse.epsilon:g} at each site beside the job's own"
    console.say(f"Asked {len(analysis.sites)} sites about columns, {spent}:")
    for name, spec in found.items():
        ends = f"{spec.range[0]:g} to {spec.range[1]:g}" if spec.range else ""
        console.say(f"  {name:<9} {ends or f'{len(spec.categories)} categories'}")
    for name in settings.analyse.columns:
        if name not in found:
            console.say(f"  {name:<9} too few rows to say anything", style="yellow")
    return found


def _await_sites(
    console: Console, channel: FlareChannel, settings: Settings, patience: float
) -> None:
    need = settings.job.min_sites
    until = time.monotonic() + patience
    before: list[str] = []
    while len(here := channel.present()) < need:
        if time.monotonic() > until:
            raise RefusedError(
                f"{len(here)} of the {need} sites that a round needs are here",
                hint="start the others: strongroom federate join; or a smaller [job] min_sites",
            )
        if here != before or not before:
            console.talk(f"waits for sites: {len(here)} of {need} are here"
                         f"{': ' + ', '.join(here) if here else ''}")  # fmt: skip
            before = here or ["nobody"]
        time.sleep(_LOOK)


class _Rounds:
    """The rounds as a bar on a terminal, and as a line each elsewhere."""

    def __init__(self, console: Console, bar: Bar) -> None:
        self._console = console
        self._bar = bar
        self._said = ""

    def step(self, done: float, total: float, note: str = "") -> None:
        """Show how far the rounds are."""
        if self._console.live:
            self._bar.step(done, total, note)
        elif note != self._said and not _ANSWERS.search(note):
            self._console.talk(note)
        self._said = note


def _show(console: Console, evidence: FederationEvidence) -> None:
    result = evidence.result
    console.say()
    per_site = result.metrics.get("test", {}).get("per_site", {})
    stated = evidence.stated
    rows = []
    for site, statement in result.statements.items():
        test, sent = per_site.get(site), stated.get(site)
        rows.append(
            [
                site,
                f"{100 * test['right'] / test['rows']:.1f} %" if test else "–",
                f"{test['rows']:,}" if test else "–",
                f"{statement.privacy.epsilon:.2f}" if statement.privacy else "–",
                size(sum(flow.bytes for flow in sent.sent.values())) if sent else "–",
                "signed" if statement.verified else statement.why,
            ]
        )
    console.table(["site", "accuracy", "test rows", "ε", "sent", "evidence"], rows,
                  numeric=[1, 2, 3, 4])  # fmt: skip
    console.say()
    for site, why in _absent(result).items():
        console.say(f"{site} took no part: {why}", style="yellow")
    console.say(f"The coordinator could see {result.seen}.")
    for finding in evidence.findings():
        if finding.status.value in {"warn", "fail"}:
            console.finding(finding.to_json())
    for warning in result.warnings:
        console.say(f"warning: {warning}", style="yellow")


def _absent(result: FederationResult) -> dict[str, str]:
    """Return who was invited and never agreed, and why."""
    why = {refusal["site"]: refusal["why"] for refusal in result.refusals}
    return {
        site: why.get(site, "it was never there")
        for site in result.recipe.sites
        if site not in result.members
    }


def _verdict(result: FederationResult) -> str:
    done = sum("lost" not in r for r in result.rounds)
    what = f"{done} rounds" if result.rounds else "measured"
    text = f"{what} with {len(result.members)} sites in {result.seconds:.1f} s"
    if "test" in result.metrics:
        test = result.metrics["test"]
        low, high = test["accuracy_interval"]
        text += f": accuracy {100 * test['accuracy']:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        text += f" on {test['rows']:,} rows"
    if result.privacy:
        text += f"; proved ε = {result.privacy.epsilon:.2f} at δ = {result.privacy.delta:g}"
    return text + "."
