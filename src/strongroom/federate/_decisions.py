"""What has been asked of a site and what its people say, as files beside its workspace.

`strongroom federate join` runs for weeks and holds the workspace; whoever says yes, no or stop does
so from another terminal. So each job is a file, written whole, that both look at.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from strongroom.errors import InputError, RefusedError, TamperedError
from strongroom.federate._recipe import Recipe
from strongroom.files import user_errors, write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

State = Literal["waits", "runs", "finished", "stopped"]
Said = Literal["", "yes", "no", "stop"]
_JOB = re.compile("[0-9a-f]{32}")
_SHORT = 4  # digits by which a job may be named at least


@dataclass(frozen=True)
class AskedJob:
    """A job as the site's people see it.

    Attributes:
        recipe: what was asked.
        state: how far it is.
        said: what people said.
        asked: when it was asked first, UTC.
    """

    recipe: Recipe
    state: State
    said: Said
    asked: str

    @property
    def job(self) -> str:
        """Its name."""
        return self.recipe.job


class Decisions:
    """The jobs of a site.

    Args:
        folder: of the files; below the site's workspace.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, recipe: Recipe, state: State) -> None:
        """Write down that a job was asked, or is in another state than it was."""
        known = self._find(recipe.job)
        if known is not None and known["state"] == state and known["digest"] == recipe.digest():
            return
        said = known["said"] if known and known["digest"] == recipe.digest() else ""
        asked = known["asked"] if known else f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
        self._write(recipe.job, {
            "recipe": recipe.model_dump(mode="json"), "digest": recipe.digest(), "state": state,
            "said": said, "asked": asked,
        })  # fmt: skip

    def approves(self, digest: str) -> bool:
        """Tell whether people said yes to the recipe of this digest.

        Raises:
            RefusedError: they said no.
        """
        said = next((k["said"] for k in self._known() if k["digest"] == digest), "")
        if said in {"no", "stop"}:
            raise RefusedError("the people at the site said no", hint="ask them")
        return said == "yes"

    def stopped(self) -> list[str]:
        """Return the jobs that people want stopped and that still go on."""
        return [
            k["recipe"]["job"]
            for k in self._known()
            if k["said"] == "stop" and k["state"] == "runs"
        ]

    def say(self, job: str, said: Literal["yes", "no", "stop"]) -> AskedJob:
        """Write down what people say.

        Args:
            job: its name, or the beginning of it.
            said: yes, no, or stop at once.

        Raises:
            InputError: no such job, or several; it is over.
        """
        known = self._named(job)
        if known["state"] in {"finished", "stopped"}:
            raise InputError(f"job {known['recipe']['job'][:8]} is {known['state']} already")
        self._write(known["recipe"]["job"], {**known, "said": said})
        return _read(self._named(known["recipe"]["job"]))

    def jobs(self) -> list[AskedJob]:
        """Return every job that was ever asked, oldest first."""
        return sorted(map(_read, self._known()), key=lambda job: job.asked)

    def _named(self, job: str) -> dict[str, Any]:
        fitting = [k for k in self._known() if k["recipe"]["job"].startswith(job)]
        if len(job) < _SHORT or len(fitting) != 1:
            raise InputError(
                f'"{job}" names {len(fitting) or "no"} jobs of this site'
                if len(job) >= _SHORT
                else f'"{job}" is too short to name a job',
                hint="strongroom federate jobs lists them",
            )
        return fitting[0]

    def _known(self) -> list[dict[str, Any]]:
        found = (self._find(path.stem) for path in self._folder.glob("*.json"))
        return [known for known in found if known is not None]

    def _find(self, job: str) -> dict[str, Any] | None:
        path = self._folder / f"{job}.json"
        if not _JOB.fullmatch(job) or not path.is_file():
            return None
        try:
            known: dict[str, Any] = json.loads(path.read_bytes())
            if set(known) != {"recipe", "digest", "state", "said", "asked"}:
                raise TamperedError("this job can't be read", where=str(path))
        except ValueError as error:
            raise TamperedError("this job can't be read", where=str(path)) from error
        return known

    def _write(self, job: str, known: Mapping[str, Any]) -> None:
        with user_errors(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes(self._folder / f"{job}.json", json.dumps(known, indent=1).encode(), mode=0o600)


def _read(known: Mapping[str, Any]) -> AskedJob:
    try:
        recipe = Recipe.model_validate(known["recipe"])
    except ValidationError as error:
        raise TamperedError("the recipe of a job can't be read") from error
    return AskedJob(recipe, known["state"], known["said"], known["asked"])
