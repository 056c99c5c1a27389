"""`strongroom federate join`: this site, in the foreground."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from strongroom.cli._federate_jobs import decisions
from strongroom.cli._federate_serve import size
from strongroom.cli._options import Common, common
from strongroom.errors import InputError, StrongroomError

if TYPE_CHECKING:
    from strongroom.cli.console import Console
    from strongroom.config import Config, FederationSpec
    from strongroom.federate import Answers, Decisions, Message
    from strongroom.federate._decisions import State
    from strongroom.federate.evidence import LeakReport
    from strongroom.federate.flare import Kit
    from strongroom.federate.site import Site

_LOOK = 0.5  # seconds between two looks at what people say
_AGAIN = 2.0  # seconds between two tries to reach the server
_WAITS = "waits for approval"  # of which a line of its own tells
_CONNECTION = {
    "joined": "connected to the server",
    "lost": "lost the server; it is tried again until it is back",
    "back": "the server is back",
}


@click.command("join")
@click.argument("kit", type=click.Path(path_type=Path))
@common
def join(flags: Common, kit: Path) -> int:
    """Run this site with its KIT, a zip file or a folder, until Ctrl-C.

    Its rows, policy, budget and key are those of the strongroom.toml beside you. The rows are
    sealed first, as strongroom run would.
    """
    from strongroom.federate import flare
    from strongroom.stages.federation import check_name, examined, make_site

    flare.need_flare()
    # FLARE goes to the kit's folder, and takes this process along.
    flags = replace(
        flags,
        config_path=flags.config_path.resolve(),
        workspace_path=flags.workspace_path.resolve(),
    )
    console, config = flags.console, flags.config()
    mine = flare.read_kit(kit, "site")
    check_name(config, mine.name)
    _seal(flags)
    asked = decisions(flags)
    view = _View(console, asked)
    with flags.open_workspace(config, "federate join") as workspace:
        site = make_site(
            config, workspace, mine.name, approve=asked.approves, tell=view.tell, progress=view
        )
        answers = examined(site, config, workspace, told=view.searched, alarmed=view.alarmed)
        view.watch(site)
        _introduce(console, config, site, mine)
        flare.leave_after(lambda: _answer(console, mine, answers, view))


def _answer(console: Console, kit: Kit, answers: Answers, view: _View) -> int:
    from strongroom.federate import flare

    try:
        _wait_for_server(console, kit)
        code = flare.join(kit, answers, view.answered, view.connection)
    except StrongroomError as error:
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        code = 130
    if code == 130:  # noqa: PLR2004 - interrupted
        console.talk("\nstopped; a job that goes on can go on without this site, and "
                     "strongroom federate join takes part again")  # fmt: skip
    return code


def _seal(flags: Common) -> None:
    """Seal the rows, as `strongroom run --until seal`, in a process that takes its memory along."""
    console = flags.console
    command = [
        *(sys.executable, "-m", "strongroom", "run", "--until", "seal"),
        *("--config", str(flags.config_path), "--workspace", str(flags.workspace_path)),
        *(["--json"] if console.as_json else []),
        *(["--quiet"] if console.quiet else []),
    ]
    done = subprocess.run(  # noqa: S603 - this Python, our own verb
        command, check=False, stdout=subprocess.PIPE if console.as_json else None
    )
    if done.returncode:
        # It has said why; with --json, on what was its stdout.
        sys.stdout.write((done.stdout or b"").decode("utf-8", "replace"))
        raise click.exceptions.Exit(done.returncode)


def _introduce(console: Console, config: Config, site: Site, kit: Kit) -> None:
    policy, budget = config.federation, config.data.budget
    if console.as_json:
        return
    console.say(f"Site {site.name} of the federation at {kit.host}:{kit.port}.")
    console.say(f"  policy    {_policy(policy)}")
    account = f'at most ε = {budget:g} on "{config.project.name}"' if budget else "no limit is set"
    console.say(f"  budget    {account}")
    ask = "people say yes to each job" if policy.approve == "ask" else "what the policy allows runs"
    console.say(f"  approval  {ask}: strongroom federate jobs")
    console.say("Ctrl-C stops.")


def _policy(policy: FederationSpec) -> str:
    most = f"at most {policy.max_rounds:,} rounds and {size(policy.max_bytes)} out of the site"
    least = f"at least {policy.min_sites} sites"
    secure = "secure sums only" if policy.secure else "updates in the clear too"
    private = policy.privacy
    needs = (
        f"ε ≤ {private.epsilon:g} for each {private.unit} in a job"
        if private
        else "jobs without differential privacy too"
    )
    return f"{most}, {least}, {secure}, {needs}"


def _wait_for_server(console: Console, kit: Kit) -> None:
    """Wait until somebody listens; a certificate that isn't taken is told at once."""
    from strongroom.federate.flare import probe

    said = False
    while True:
        try:
            probe(kit)
        except InputError as error:
            if not said:
                console.talk(f"{error.what} at {error.where}: waiting for the server")
            said = True
            time.sleep(_AGAIN)
        else:
            return


class _View:
    """What is shown of a site at work; it also carries people's words to the site."""

    def __init__(self, console: Console, asked: Decisions) -> None:
        self._console = console
        self._asked = asked
        self._site: Site | None = None
        self._agreed: set[str] = set()
        self._told: set[tuple[str, str]] = set()
        self._lost = False

    def watch(self, site: Site) -> None:
        """Look for people who want a job stopped, beside all else."""
        self._site = site
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        stopped: set[str] = set()
        while self._site is not None:
            for job in set(self._asked.stopped()) - stopped:
                self._site.stop(job)
                stopped.add(job)
                self._line("stopped", job, "stopped, as somebody here said")
            time.sleep(_LOOK)

    def step(self, done: float, total: float, note: str = "") -> None:
        """Local steps are too many to show."""

    def searched(self, job: str, report: LeakReport) -> None:
        """Tell what a search of all that left came to."""
        self._line("searched", job, f"searched before it left: {report}")

    def alarmed(self, job: str, report: LeakReport) -> None:
        """Tell that an answer was held back."""
        self._line("alarm", job, f"an answer was held back: {report}")

    def connection(self, what: str) -> None:
        """Tell of the connection to the server."""
        if what == "back" and not self._lost:
            return
        self._lost = what == "lost"
        self._line(what, "", _CONNECTION[what])

    def tell(self, job: str, text: str) -> None:
        """Tell what only people here may know, once: the coordinator asks again and again."""
        if (job, text) not in self._told and _WAITS not in text:
            self._line("told", job, text)
        self._told.add((job, text))

    def answered(self, request: Message, answer: Message) -> None:
        """Tell what was asked and answered, and write down which jobs there are."""
        from strongroom.federate import Kind, in_a_line

        site = self._site
        if site is None:
            return
        job, kind = request.job, request.kind
        for recipe in list(site.waiting.values()):
            if not any(k.job == recipe.job for k in self._asked.jobs()):
                self._line("waits", recipe.job, f"{in_a_line(recipe)}: waits for you: "
                           f"strongroom federate approve {recipe.job[:8]}")  # fmt: skip
            self._asked.note(recipe, "waits")
        refused = answer.kind is Kind.REFUSED
        if kind is Kind.PROPOSE and not refused:
            recipe = site.jobs[job]
            self._asked.note(recipe, "runs")
            if job not in self._agreed:
                self._line("agreed", job, f"agreed: {in_a_line(recipe)}")
            self._agreed.add(job)
        elif kind in (Kind.TRAIN, Kind.GROW) and not refused:
            self._line("round", job, f"round {request.round} is trained", round=request.round)
        elif kind in {Kind.FINISH, Kind.STOP} and not refused:
            state: State = "finished" if kind is Kind.FINISH else "stopped"
            for known in self._asked.jobs():
                if known.job == job:
                    self._asked.note(known.recipe, state)
            self._line(state, job, f"{state}{_sent(answer)}")

    def _line(self, event: str, job: str, text: str, **more: Any) -> None:  # noqa: ANN401 - JSON
        if self._console.as_json:
            document = {"event": event, "job": job or None, "text": text, **more}
            line = json.dumps({"schema": "strongroom/federate-join/1", **document},
                              ensure_ascii=False)  # fmt: skip
            sys.stdout.write(line + "\n")
        now = f"{dt.datetime.now():%H:%M:%S}"  # noqa: DTZ005 - the clock on the wall
        self._console.say(f"{now}  {f'job {job[:8]}  ' if job else ''}{text}")
        sys.stdout.flush()


def _sent(answer: Message) -> str:
    """Say how much a finished job has sent, by the site's own statement."""
    from strongroom.vault import dsse_payload

    if "statement" not in answer.facts:
        return ""
    told = json.loads(dsse_payload(answer.facts["statement"]))["predicate"]["traffic"]["sent"]
    total = sum(kind["bytes"] for kind in told.values())
    return f"; {size(total)} left this site in all, and the evidence is in its log"
