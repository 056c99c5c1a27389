"""The rounds of a job, from the first invitation to the evidence of every site."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError, RefusedError
from strongroom.federate._message import Kind, Message
from strongroom.federate._model import Blueprint
from strongroom.federate._shared import SharedNoise
from strongroom.federate.coordinator import _state
from strongroom.federate.coordinator._evidence import gather_statements
from strongroom.federate.coordinator._gather import (
    UPDATE,
    Exchange,
    Gathered,
    RoundLostError,
    gather_clear,
    gather_sums,
)
from strongroom.federate.coordinator._grow import Growing
from strongroom.federate.coordinator._members import Member, Members, ask
from strongroom.federate.coordinator._metrics import measure
from strongroom.federate.coordinator._result import FederationResult
from strongroom.federate.rules import RULES, check_rule, combine
from strongroom.federate.strategies import make_strategy
from strongroom.models import AdditiveModel
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.federate._recipe import Recipe
    from strongroom.federate._seams import Channel
    from strongroom.progress import Progress
    from strongroom.train import Checkpointer
    from strongroom.vault import VerifyKey

_CURVE_POINTS = 20
_LOST_IN_A_ROW = 3
_FINISH_SECONDS = 60.0


class Coordinator:
    """Runs one job; see `run`.

    Args:
        recipe: the job.
        channel: to the sites.
        store: keeps the job's state after each round, sealed; None: a killed run starts again.
        pinned: public keys that sites must have; who isn't named is taken at its word.
        progress: is told every round and every answer.
        patience: seconds that a round waits for enough sites.
        pause: seconds between two looks for sites.

    Raises:
        ConfigError: the rule can't keep its promise with so many sites.
        InputError: the recipe's model can't be made.
    """

    def __init__(
        self,
        recipe: Recipe,
        channel: Channel,
        *,
        store: Checkpointer | None = None,
        pinned: Mapping[str, VerifyKey] | None = None,
        progress: Progress = SILENT,
        patience: float = 600.0,
        pause: float = 1.0,
    ) -> None:
        secure = recipe.secure is not None and recipe.rule.groups > 1
        count = recipe.rule.groups if secure else len(recipe.sites)
        check_rule(recipe.rule, count, "groups" if secure else "sites")
        self._recipe, self._channel, self._store = recipe, channel, store
        self._pinned, self._progress = dict(pinned or {}), progress
        self._patience, self._pause = patience, pause
        self._blueprint = Blueprint.of(recipe)
        self._noise = SharedNoise.of(recipe, self._blueprint.size)

    def run(self) -> FederationResult:
        """Invite, train round by round, and gather the evidence; or go on where a run stopped.

        Raises:
            RefusedError: too few sites take part; what was done is kept.
            InputError: another job stands unfinished in the store, or training broke down.
            TamperedError: the store's state isn't what was written.
        """
        started = time.monotonic()
        recipe = self._recipe
        self._take_up()
        state = self._state
        before = state.seconds
        # A secure round is never asked for twice: two sums that differ by a site are that site's.
        first = (state.begun if recipe.secure is not None else state.done) + 1
        if first > state.done + 1:
            self._note(state.begun, lost="the coordinator stopped during this round")
        lost = 0
        for number in range(first, recipe.rounds + 1):
            self._wait_for_sites(number)
            state.begun = number
            if recipe.secure is not None:
                self._keep()
            try:
                self._round(number)
                lost = 0
            except RoundLostError as error:
                self._note(number, lost=error.what)
                lost += 1
                if lost == _LOST_IN_A_ROW:
                    raise RefusedError(
                        f"{lost} rounds in a row gave no update: {error.what}",
                        where=f"round {number}",
                        hint="what was done is kept: mend what the refusals say, and run it again",
                    ) from error
            state.seconds = before + time.monotonic() - started
            self._keep()
        return self._finish(before + time.monotonic() - started)

    def stop(self) -> None:
        """Tell all sites to forget the unfinished job, and forget it here."""
        present = [s for s in self._channel.present() if s in self._recipe.sites]
        requests = {site: ask(self._recipe, Kind.STOP, 0) for site in present}
        self._channel.ask(requests, deadline=_FINISH_SECONDS)
        if self._store is not None:
            self._store.clear()

    def _take_up(self) -> None:
        recipe, size = self._recipe, self._blueprint.size
        kept = _state.load(self._store, recipe, size) if self._store is not None else None
        if kept is None:
            initial = self._blueprint.initial(bytes.fromhex(recipe.job)).astype(np.float64)
            kept = _state.JobState(initial, np.zeros(size))
        self._state = kept
        self._growing = None
        if isinstance(self._blueprint.model, AdditiveModel):
            self._growing = Growing(recipe, self._blueprint.model)
        self._strategy = self._growing or make_strategy(recipe.strategy, size)
        if kept.strategy:
            self._strategy.restore(kept.strategy)
        self._members = Members(
            recipe,
            self._channel,
            pinned=self._pinned,
            known={name: Member.from_json(m) for name, m in kept.members.items()},
            refusals=kept.refusals,
        )

    def _keep(self) -> None:
        self._state.strategy = self._strategy.state()
        self._state.members = {n: m.to_json() for n, m in self._members.ever.items()}
        if self._store is not None:
            _state.save(self._store, self._recipe, self._state)

    @property
    def _need(self) -> int:
        """How many sites a round needs: for the recipe, for the rule, for each of its sums."""
        recipe = self._recipe
        rows = RULES[recipe.rule.name].least(recipe.rule.liars) or 1
        each = recipe.secure.threshold if recipe.secure is not None else 1
        return max(recipe.min_sites, rows * each)

    def _wait_for_sites(self, number: int) -> None:
        """Invite until there are enough.

        Raises:
            RefusedError: there can't be, or there weren't within the patience.
        """
        recipe, members, need = self._recipe, self._members, self._need
        until = time.monotonic() + self._patience
        while True:
            members.invite(number, need)
            have = len(members.agreed)
            if have >= need:
                return
            if members.hopeful() < need or time.monotonic() >= until:
                said = [f"{r['site']}: {r['why']}" for r in members.refusals[-3:]]
                raise RefusedError(
                    f"{have} of the {need} sites that a round needs take part",
                    where=f"round {number}",
                    hint="; ".join(said) or "start the others: strongroom federate join",
                )
            waits = f"waits for sites: {have} of {need}"
            self._progress.step(number - 1, recipe.rounds, f"round {number} {waits}")
            time.sleep(self._pause)

    def _round(self, number: int) -> None:
        recipe, state = self._recipe, self._state
        if self._growing is not None:
            self._growing.begin(number, state.rounds)
        started = time.monotonic()
        asked = sorted(self._members.agreed)
        done: list[str] = []

        def heard(site: str, _answer: Message) -> None:
            done.append(site)
            told = f"round {number} of {recipe.rounds}: {len(done)} of {len(asked)} sites"
            self._progress.step(number - 1 + len(done) / len(asked), recipe.rounds, told)

        extra = self._strategy.sends()
        sent = {"parameters": state.parameters, **extra}
        exchange = Exchange(
            recipe,
            self._channel,
            self._members,
            number,
            {name: array.astype(np.float32) for name, array in sent.items()},
            self._blueprint.size,
            heard,
            self._noise,
        )
        if recipe.secure is None:
            gathered = gather_clear(exchange, (UPDATE, *extra))
        else:
            gathered = gather_sums(exchange, recipe.secure)
        about = {"asked": asked, "dropped": gathered.dropped}
        if recipe.rule.groups > 1:
            about["groups"] = gathered.groups
        combined, told = self._combine(gathered, about)
        share = len(gathered.sites) / len(recipe.sites)
        if self._growing is not None:
            self._growing.met([self._members.ever[site].weight for site in gathered.sites])
        self._move(self._strategy.step(state.parameters, combined, share), number)
        metrics = self._evaluate(number, state.parameters) if number in self._marks else None
        self._note(
            number,
            **about,
            answered=sorted(gathered.sites),
            tolerated=told,
            update_norm=float(np.linalg.norm(combined[UPDATE])),
            metrics=metrics,
            seconds=time.monotonic() - started,
        )
        said = f", accuracy {100 * metrics['accuracy']:.1f} %" if metrics else ""
        self._progress.step(
            number, recipe.rounds,
            f"round {number} of {recipe.rounds}: {len(gathered.sites)} sites{said}",
        )  # fmt: skip

    def _combine(
        self, gathered: Gathered, about: dict[str, Any]
    ) -> tuple[dict[str, NDArray[np.float64]], dict[str, Any]]:
        """Apply the rule.

        Raises:
            RoundLostError: there are too few for it.
        """
        recipe = self._recipe
        if len(gathered.sites) < recipe.min_sites:
            whys = "; ".join(f"{s}: {w}" for s, w in list(gathered.dropped.items())[:3])
            raise RoundLostError(
                f"{len(gathered.sites)} of the {recipe.min_sites} sites that are needed "
                f"gave an update ({whys})"
            )
        names = tuple(gathered.rows)
        weights = np.array([gathered.weights[name] for name in names])
        combined: dict[str, NDArray[np.float64]] = {}
        told: dict[str, Any] = {}
        try:
            for array in gathered.rows[names[0]]:
                rows = gathered.stacked(array)
                combined[array], said = combine(
                    recipe.rule, names, rows, weights, what=gathered.what
                )
                told = told or said
        except InputError as error:
            del about
            raise RoundLostError(error.what) from error
        return combined, told

    def _move(self, parameters: NDArray[np.float64], number: int) -> None:
        state = self._state
        # The sites read them as float32: what those can't hold is the end.
        if not (np.abs(parameters) <= np.finfo(np.float32).max).all():
            raise InputError(
                f"training broke down in round {number}: the parameters are not finite",
                hint="lower [train] learning_rate, or take a rule that tolerates liars",
            )
        state.parameters = parameters
        state.done = number
        if number > self._recipe.rounds // 2:
            state.summed = state.summed + parameters
            state.counted += 1

    @property
    def _marks(self) -> set[int]:
        rounds = self._recipe.rounds
        count = min(_CURVE_POINTS, rounds)
        return set(np.linspace(1, rounds, count).round().astype(int).tolist())

    def _evaluate(self, number: int, parameters: NDArray[np.float64]) -> dict[str, Any] | None:
        """Return the metrics on the sites' test rows; round 0 is after all."""
        return measure(self._recipe, self._channel, tuple(self._members.agreed), number, parameters)

    def _note(self, number: int, **facts: Any) -> None:  # noqa: ANN401 - JSON values
        self._state.rounds.append({"round": number, **facts})
        self._state.done = max(self._state.done, number)

    def _finish(self, seconds: float) -> FederationResult:
        """Set the model, and ask everybody who took part for its evidence."""
        recipe, state, members = self._recipe, self._state, self._members
        released = state.parameters
        averaged = recipe.train.average and recipe.task == "train" and state.counted > 1
        if averaged:
            released = state.summed / state.counted
        if not state.counted:
            raise RefusedError(
                "no round of the last half gave an update", hint="see the refusals of the sites"
            )
        self._blueprint.load(released.astype(np.float32))
        last = next((r["metrics"] for r in reversed(state.rounds) if r.get("metrics")), None)
        if averaged:
            last = self._evaluate(0, released) or last
        statements = gather_statements(
            recipe,
            self._channel,
            members.ever,
            model=self._blueprint.digest(),
            round_=recipe.rounds,
        )
        result = FederationResult(
            model=self._blueprint.model,
            recipe=recipe,
            rounds=tuple(state.rounds),
            metrics={"test": last} if last else {},
            statements=statements,
            refusals=tuple(members.refusals),
            members={n: m.to_json() for n, m in members.ever.items()},
            seconds=seconds,
        )
        if self._store is not None:
            self._store.clear()
        return result
