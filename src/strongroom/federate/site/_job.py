"""One job at a site: its rounds in order, each answered once, and nothing between."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import RefusedError
from strongroom.federate._message import Kind, Message, MessageError
from strongroom.federate.secure import PHASES
from strongroom.federate.site._keep import save
from strongroom.federate.site._statement import sign_statement
from strongroom.federate.site._sums import Sums
from strongroom.models import AdditiveModel
from strongroom.privacy import check_budget
from strongroom.train import (
    LocalGrowth,
    LocalPlan,
    LocalTraining,
    Surroundings,
    measure_rows,
    prepare_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from strongroom.federate._model import Blueprint
    from strongroom.federate._recipe import Recipe
    from strongroom.federate.site._home import Home
    from strongroom.federate.site._keep import Record
    from strongroom.train import Checkpointer

_NONCE = re.compile(r"[0-9a-f]{32}")
_FEW, _A_ROUND = 1000, 50  # requests that a job may take, most of them made again
_MOST_REFUSALS = 100
# What a request of each kind may carry; more is refused, as nobody would look at it.
_FACTS: Mapping[Kind, frozenset[str]] = {
    Kind.TRAIN: frozenset({"group", "keys", "scale"}),
    Kind.GROW: frozenset({"group", "keys", "scale"}),
    Kind.EVALUATE: frozenset(),
    Kind.FINISH: frozenset({"model", "outcome"}),
}
_ARRAYS: Mapping[Kind, frozenset[str]] = {
    Kind.TRAIN: frozenset({"parameters", "control"}),
    Kind.GROW: frozenset({"parameters"}),
    Kind.EVALUATE: frozenset({"parameters"}),
    Kind.FINISH: frozenset(),
}


class Job:
    """A job that the gate let in.

    Args:
        recipe: what was agreed to.
        blueprint: its model.
        home: the site.
        record: what is known of it; a fresh one, or what was kept.
        kept: the record was kept by an earlier process.
        checkpointer: keeps it; or None.

    Raises:
        DataError: rows that the model can't read.
        InputError: a plan that can't be trained.
        BudgetExceededError: the site's budget doesn't cover the job.
    """

    def __init__(
        self,
        recipe: Recipe,
        blueprint: Blueprint,
        home: Home,
        record: Record,
        *,
        kept: bool,
        checkpointer: Checkpointer | None,
    ) -> None:
        self.recipe, self.blueprint, self.record = recipe, blueprint, record
        self._home, self._kept, self._checkpointer = home, kept, checkpointer
        self._stop = threading.Event()
        self._nonces: set[str] = set()
        self._evaluated: dict[int, tuple[str, dict[str, Any]]] = {}
        self._sums = None
        if recipe.secure is not None:
            self._sums = Sums(recipe, recipe.secure, blueprint.size, home, record, checkpointer)
        self._training = self._plan() if recipe.task != "evaluate" else None

    def _plan(self) -> LocalTraining | LocalGrowth:
        recipe, home = self.recipe, self._home
        around = Surroundings(
            ledger=home.ledger,
            account=home.account,
            budget=home.budget,
            key=f"federate {recipe.job} {home.name}",
            rows=home.rows,
            progress=home.progress,
        )
        noise = self._sums.noise if self._sums is not None else None
        plan = LocalPlan(
            spec=recipe.train,
            rounds=recipe.rounds,
            local_epochs=recipe.local_epochs,
            guarantee=recipe.privacy,
            shared=noise.mechanism if noise is not None else None,
            mu=recipe.strategy.mu if recipe.strategy.name == "fedprox" else 0.0,
        )
        model, seed = self.blueprint.model, bytes.fromhex(self.record.secret)
        training: LocalTraining | LocalGrowth
        if isinstance(model, AdditiveModel):
            training = LocalGrowth(model, home.data, plan, around, seed=seed)
        else:
            prepared = prepare_rows(model, recipe.train, home.data)
            training = LocalTraining(prepared, plan, around, seed=seed)
        spend = training.spend
        if spend is not None and not self.record.reserved:
            earlier = [entry.spend for entry in home.ledger.entries(home.account)]
            check_budget(home.account, earlier, spend, home.budget)
        return training

    @property
    def weight(self) -> int:
        """What the site counts for: declared rows, or the count to two digits."""
        if self._training is not None:
            return self._training.weight
        return self._home.rows or 1

    def stop(self) -> None:
        """Stop at the next step; may be called from another thread."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Somebody said stop."""
        return self._stop.is_set()

    def answer(self, request: Message) -> Message:
        """Answer a request of this job.

        Raises:
            StrongroomError: it is refused.
        """
        self._once(request)
        if self.record.over and request.kind is not Kind.FINISH:
            raise RefusedError(f"the job is {self.record.over} at this site")
        if self.stopped and request.kind is not Kind.FINISH:
            raise RefusedError("the site was told to stop", hint="ask the people at the site")
        if request.kind in PHASES and self._sums is not None:
            return self._sums.answer(request)
        handlers: dict[Kind, Callable[[Message], Message]] = {
            (Kind.GROW if self.recipe.task == "trees" else Kind.TRAIN): self._train,
            Kind.EVALUATE: self._evaluate,
            Kind.FINISH: self._finish,
        }
        if request.kind not in handlers:
            raise RefusedError(f"this site knows no {request.kind} in a running job")
        odd = {*request.facts} - _FACTS[request.kind] | {*request.arrays} - _ARRAYS[request.kind]
        if odd:
            raise MessageError(f'a {request.kind} with "{min(odd)[:100]}", which nobody looks at')
        return handlers[request.kind](request)

    def _once(self, request: Message) -> None:
        check_nonce(request)
        if request.nonce in self._nonces:
            raise RefusedError("a request that was made before: its nonce was seen")
        if len(self._nonces) >= _FEW + _A_ROUND * self.recipe.rounds:
            raise RefusedError("more requests than a job can have")
        self._nonces.add(request.nonce)

    # --- rounds

    def _train(self, request: Message) -> Message:
        recipe, record, training = self.recipe, self.record, self._training
        if training is None:
            raise RefusedError(f'a job of the task "{recipe.task}" doesn\'t train')
        if not 1 <= request.round <= recipe.rounds:
            raise RefusedError(f"round {request.round:,} of a job of {recipe.rounds:,}")
        if request.round < record.round:
            raise RefusedError(
                f"round {request.round:,} after round {record.round:,}: rounds don't go back"
            )
        parameters, control = self._given(request)
        scale, peers = self._sums.company(request) if self._sums is not None else (1.0, {})
        asked = _digest(parameters, control, scale)
        if request.round == record.round and asked != record.asked:
            raise RefusedError(
                f"round {record.round:,} was asked before, with other parameters",
                hint="a round is answered once; go on with the next",
            )
        if request.round > record.round or not record.done:
            self._compute(request.round, parameters, control, scale, asked)
        save(record, self._checkpointer)
        if self._sums is not None:
            self._sums.open(peers)
            return request.answer({"ready": True})
        arrays = {k: v for k, v in record.arrays.items() if k in ("update", "control")}
        return request.answer({"weight": training.weight}, arrays)

    def _given(self, request: Message) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        shape = (self.blueprint.size,)
        parameters = request.require("parameters", "float32", shape)
        self.blueprint.check(parameters)
        if self.recipe.strategy.name != "scaffold":
            if "control" in request.arrays:
                raise MessageError("a control variate, which only SCAFFOLD has")
            return parameters, None
        control = request.require("control", "float32", shape)
        self.blueprint.check(control)
        return parameters, control

    def _compute(
        self,
        number: int,
        parameters: NDArray[np.float32],
        control: NDArray[np.float32] | None,
        scale: float,
        asked: str,
    ) -> None:
        """Make a round's answer: kept first that it is begun, then run, then the answer itself."""
        record, training, recipe = self.record, self._training, self.recipe
        assert training is not None  # noqa: S101 - asked by `_train`
        own = record.arrays.get("own", np.zeros_like(parameters))
        before = replace(record)
        record.round, record.asked, record.done, record.revealed = number, asked, False, False
        record.reserved = record.reserved or recipe.privacy is not None
        record.arrays = {"own": own} if control is not None else {}
        if self._sums is not None:
            self._sums.forget()
        try:
            save(record, self._checkpointer)
            self._reserve(first=not before.reserved)
        except BaseException:
            vars(record).update(vars(before))
            raise
        about: dict[str, Any] = {
            "request": bytes.fromhex(asked),
            "stopped": self._stop.is_set,
        }
        if self._sums is not None:
            vector = self._sums.vector(training, number, parameters, scale, about)
            record.arrays = {"vector": vector}
            record.done = True
            return
        if control is None:
            record.arrays = {"update": training.round(number, parameters, **about)}
        else:
            assert isinstance(training, LocalTraining)  # noqa: S101 - trees have no SCAFFOLD
            update = training.round(number, parameters, correction=control - own, **about)
            # Option II of Karimireddy et al. 2020, on what leaves: no row is looked at for it.
            change = -control - update / np.float32(training.steps * recipe.train.learning_rate)
            record.arrays = {"update": update, "control": change, "own": own + change}
        record.done = True

    def _reserve(self, *, first: bool) -> None:
        """Ask the ledger, before the first step.

        Raises:
            RefusedError: the job was reserved by a process of which nothing else is known: which
                rounds it answered can't be told, and one must not be answered twice.
        """
        if self._training is not None and self._training.reserve() and first and not self._kept:
            raise RefusedError(
                "this job was begun here before, and what was kept of it is gone",
                hint="its ε stays spent; start another job",
            )

    # --- measuring and the end

    def _evaluate(self, request: Message) -> Message:
        home = self._home
        if not home.policy.metrics:
            raise RefusedError(
                "this site's policy doesn't allow exact metrics", hint="[federation] metrics = true"
            )
        if home.test is None or not home.test.rows:
            raise RefusedError("this site has no test rows")
        if request.round > self.recipe.rounds:
            raise RefusedError(f"round {request.round:,} of a job of {self.recipe.rounds:,}")
        parameters = request.require("parameters", "float32", (self.blueprint.size,))
        asked = _digest(parameters, None, 0.0)
        known = self._evaluated.get(request.round)
        if known is not None and known[0] != asked:
            raise RefusedError(f"round {request.round:,} was measured before, on another model")
        if known is None:
            self.blueprint.load(parameters)
            found = measure_rows(self.blueprint.model, home.test)
            facts = {
                "rows": int(found["rows"]),
                "right": round(found["accuracy"] * found["rows"]),
                "log_loss": float(found["log_loss"]),
            }
            known = self._evaluated[request.round] = asked, facts
        return request.answer(known[1])

    def _finish(self, request: Message) -> Message:
        record = self.record
        if record.statement is None:
            told = {
                name: value
                for name in ("model", "outcome")
                if isinstance(value := request.facts.get(name), str) and len(value) <= 200  # noqa: PLR2004
            }
            privacy = None
            if self._training is not None and self._released:
                self._training.reserve()
                privacy = self._training.state()
            home = self._home
            statement, record.statement = sign_statement(
                self.recipe, record, privacy, told, home.key, home.policy.peers, home.name
            )
            if home.evidence is not None:
                home.evidence.append(statement)
            record.over = "finished"
        save(record, self._checkpointer)
        self.leave()
        return request.answer({"statement": record.statement})

    @property
    def _released(self) -> bool:
        """Something private left, or may have."""
        return self.record.reserved and (self.record.done or self.record.round > 1)

    def end(self) -> None:
        """Forget what is unfinished; what was spent stays spent."""
        self.stop()
        self.record.over = self.record.over or "stopped"
        self.record.arrays = {}
        save(self.record, self._checkpointer)
        if self._training is not None and self._released:
            self._training.reserve()
        self.leave()

    def leave(self) -> None:
        """Settle with the ledger, and let go of rows and secrets."""
        if self._training is not None:
            self._training.settle()
        if self._sums is not None:
            self._sums.forget()
        self._training = None
        self.record.arrays = {}


def note_refusal(record: Record, request: Message, why: str) -> None:
    """Remember a refusal for the statement."""
    if len(record.refusals) < _MOST_REFUSALS:
        told = {"kind": request.kind.value, "round": request.round, "why": why}
        record.refusals.append(told)


def check_nonce(request: Message) -> None:
    """Refuse a request whose nonce isn't one.

    Raises:
        MessageError: it isn't 32 hex digits.
    """
    if not _NONCE.fullmatch(request.nonce):
        raise MessageError("a request without a nonce of 32 hex digits")


def _digest(
    parameters: NDArray[np.float32], control: NDArray[np.float32] | None, scale: float
) -> str:
    found = hashlib.sha256(f"strongroom federate round {scale!r}\0".encode())
    for array in (parameters, control):
        found.update(b"-" if array is None else b"+" + array.astype("<f4").tobytes())
    return found.hexdigest()
