"""One job at a site: its rounds in order, each answered once, and nothing between."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from strongroom.errors import BudgetExceededError, KeyRefusedError, RefusedError
from strongroom.federate._message import Kind, Message, MessageError
from strongroom.federate.secure import PHASES, Quantiser, SiteRound
from strongroom.federate.site._keep import save
from strongroom.federate.site._statement import sign_statement
from strongroom.privacy import check_budget
from strongroom.train import (
    LocalPlan,
    LocalTraining,
    Surroundings,
    measure_rows,
    prepare_rows,
)
from strongroom.vault import VerifyKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from strongroom.config import FederationSpec
    from strongroom.data import Dataset
    from strongroom.federate._model import Blueprint
    from strongroom.federate._recipe import Recipe
    from strongroom.federate.site._keep import Record
    from strongroom.privacy import Ledger
    from strongroom.progress import Progress
    from strongroom.train import Checkpointer
    from strongroom.vault import SigningKey

_NONCE = re.compile(r"[0-9a-f]{32}")
_MOST_NONCES = 1_000_000
_MOST_REFUSALS = 100
# What a request of each kind may carry; more is refused, as nobody would look at it.
_FACTS: Mapping[Kind, frozenset[str]] = {
    Kind.TRAIN: frozenset({"group", "keys", "scale"}),
    Kind.EVALUATE: frozenset(),
    Kind.FINISH: frozenset({"model", "outcome"}),
}
_ARRAYS: Mapping[Kind, frozenset[str]] = {
    Kind.TRAIN: frozenset({"parameters", "control"}),
    Kind.EVALUATE: frozenset({"parameters"}),
    Kind.FINISH: frozenset(),
}


class Evidence(Protocol):
    """Where a site keeps its own statements; `store.EvidenceLog` is one."""

    def append(self, statement: Mapping[str, Any]) -> object:
        """Add a statement, durably."""


@dataclass(frozen=True)
class Home:
    """What a site has and what it allows: the same for all jobs.

    Attributes:
        name: of the site.
        data: rows to train on, with roles.
        test: rows to measure on, or None.
        policy: `[federation]`.
        key: signs.
        ledger, account, budget: where private jobs are paid from.
        rows: declared, or None.
        evidence: the site's own log, or None.
        progress: is told every step.
    """

    name: str
    data: Dataset
    test: Dataset | None
    policy: FederationSpec
    key: SigningKey
    ledger: Ledger
    account: str
    budget: float | None
    rows: int | None
    evidence: Evidence | None
    progress: Progress


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
        self._sum: SiteRound | None = None
        self._evaluated: dict[int, tuple[str, dict[str, Any]]] = {}
        self._training = self._plan() if recipe.task == "train" else None

    def _plan(self) -> LocalTraining:
        recipe, home = self.recipe, self._home
        around = Surroundings(
            ledger=home.ledger,
            account=home.account,
            budget=home.budget,
            key=f"federate {recipe.job} {home.name}",
            rows=home.rows,
            progress=home.progress,
        )
        plan = LocalPlan(
            spec=recipe.train,
            rounds=recipe.rounds,
            local_epochs=recipe.local_epochs,
            guarantee=recipe.privacy,
            mu=recipe.strategy.mu if recipe.strategy.name == "fedprox" else 0.0,
        )
        prepared = prepare_rows(self.blueprint.model, recipe.train, home.data)
        training = LocalTraining(prepared, plan, around, seed=bytes.fromhex(self.record.secret))
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
        if self.stopped:
            raise RefusedError("the site was told to stop", hint="ask the people at the site")
        if request.kind in PHASES:
            return self._phase(request)
        handlers: dict[Kind, Callable[[Message], Message]] = {
            Kind.TRAIN: self._train,
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
        if len(self._nonces) >= _MOST_NONCES:
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
        scale, peers = self._company(request)
        asked = _digest(parameters, control, scale)
        if request.round == record.round and asked != record.asked:
            raise RefusedError(
                f"round {record.round:,} was asked before, with other parameters",
                hint="a round is answered once; go on with the next",
            )
        if request.round > record.round or not record.done:
            self._compute(request.round, parameters, control, scale, asked)
        save(record, self._checkpointer)
        if recipe.secure is None:
            arrays = {k: v for k, v in record.arrays.items() if k in ("update", "control")}
            return request.answer({"weight": training.weight}, arrays)
        self._open_sum(peers)
        return request.answer({"ready": True})

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
        self._sum = None
        try:
            save(record, self._checkpointer)
            self._reserve(first=not before.reserved)
        except BaseException:
            vars(record).update(vars(before))
            raise
        update = training.round(
            number,
            parameters,
            request=bytes.fromhex(asked),
            correction=None if control is None else control - own,
            stopped=self._stop.is_set,
        )
        if recipe.secure is not None:
            record.arrays = {"vector": self._vector(update, scale)}
        elif control is None:
            record.arrays = {"update": update}
        else:
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

    # --- secure sums

    def _company(self, request: Message) -> tuple[float, dict[str, VerifyKey]]:
        """Return what weights are relative to, and the keys of who is in the sum.

        Raises:
            RefusedError: too few, or other keys than this site knows.
        """
        recipe, secure = self.recipe, self.recipe.secure
        if secure is None:
            return 1.0, {}
        group, keys = request.facts.get("group"), request.facts.get("keys")
        if not isinstance(group, list) or not isinstance(keys, dict):
            raise MessageError("a secure round without group and keys")
        if not all(isinstance(name, str) and name in recipe.sites for name in group):
            raise RefusedError("a group with a site that the recipe doesn't invite")
        if len(set(group)) != len(group) or self._home.name not in group:
            raise RefusedError("a group that names a site twice, or not this one")
        least = max(secure.threshold, self._home.policy.min_sites)
        if len(group) < least:
            raise RefusedError(
                f"a sum of {len(group)} sites, where {least} are the least",
                hint="wait until more sites are there",
            )
        peers = {name: self._peer(name, keys.get(name)) for name in group}
        self.record.peers |= {name: key.to_text() for name, key in peers.items()}
        return self._scale(request), peers

    def _peer(self, name: str, told: Any) -> VerifyKey:  # noqa: ANN401 - JSON
        known = {self._home.name: self._home.key.public.to_text(), **self._home.policy.peers}
        expected = known.get(name, self.record.peers.get(name))
        try:
            key = VerifyKey.parse(told if isinstance(told, str) else "")
        except KeyRefusedError as error:
            raise MessageError(f'a group without a key of "{name}"') from error
        if expected is not None and key.to_text() != expected:
            pinned = name in self._home.policy.peers
            where = "the one pinned at this site" if pinned else "the one of earlier rounds"
            raise RefusedError(f'the key of "{name}" is not {where}')
        return key

    def _scale(self, request: Message) -> float:
        if self.recipe.weighting == "equal":
            return float(self.weight)
        scale = request.facts.get("scale")
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not scale > 0:
            raise MessageError('a secure round of weighted sites without "scale"')
        return float(scale)

    def _vector(self, update: NDArray[np.float32], scale: float) -> NDArray[np.int64]:
        secure = self.recipe.secure
        assert secure is not None  # noqa: S101 - asked for secure sums alone
        return Quantiser(secure, len(self.recipe.sites)).encode(update, self.weight / scale)

    def _open_sum(self, peers: Mapping[str, VerifyKey]) -> None:
        """Begin a secure sum of this round's vector, unless one of it may be known already."""
        record, secure = self.record, self.recipe.secure
        assert secure is not None  # noqa: S101 - asked for secure sums alone
        if record.revealed or (self._sum is not None and self._sum.revealed):
            raise RefusedError(
                f"the sum of round {record.round:,} may be known already: there is no second one",
                hint="go on with the next round",
            )
        home = self._home
        self._sum = SiteRound(
            home.name, home.key, peers, secure, job=self.recipe.job, round=record.round
        )
        self._sum.hold(record.arrays["vector"])

    def _phase(self, request: Message) -> Message:
        if self._sum is None:
            raise RefusedError(
                f"a {request.kind} without a round before it", hint="ask the site to train first"
            )
        answer = self._sum.answer(request)
        if self._sum.revealed and not self.record.revealed:
            self.record.revealed = True
            save(self.record, self._checkpointer)
        return answer

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
            if self._training is not None and record.reserved:
                self._training.reserve()
                privacy = self._training.state()
            statement, envelope = sign_statement(
                self.recipe, record, privacy, told, self._home.key, self._home.policy.peers,
                self._home.name,
            )  # fmt: skip
            record.statement, record.over = envelope, "finished"
            try:
                save(record, self._checkpointer)
            except BaseException:
                record.statement, record.over = None, ""
                raise
            if self._home.evidence is not None:
                self._home.evidence.append(statement)
            self.leave()
        return request.answer({"statement": record.statement})

    def end(self) -> None:
        """Forget what is unfinished; what was spent stays spent."""
        self.stop()
        self.record.over = self.record.over or "stopped"
        self.record.arrays = {}
        save(self.record, self._checkpointer)
        if self._training is not None and self.record.reserved:
            # Where the process ended before the ledger was asked, nothing is to be settled.
            with contextlib.suppress(BudgetExceededError):
                self._training.reserve()
        self.leave()

    def leave(self) -> None:
        """Settle with the ledger, and let go of rows and secrets."""
        if self._training is not None:
            self._training.settle()
        if self._sum is not None:
            self._sum.forget()
        self._training = self._sum = None
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
