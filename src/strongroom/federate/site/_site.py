"""A site: one answer for every request, refusals included, and never an exception."""

from __future__ import annotations

import re
import secrets
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from strongroom import __version__
from strongroom.errors import BudgetExceededError, DataError, RefusedError, StrongroomError
from strongroom.federate._message import Kind, Message, MessageError
from strongroom.federate._model import Blueprint
from strongroom.federate._recipe import Recipe
from strongroom.federate.analytics import read_query
from strongroom.federate.site._analyse import answer_query, told
from strongroom.federate.site._exit import LeakError, Traffic, check_leaving
from strongroom.federate.site._gate import Grounds, check_blueprint, check_recipe, describe
from strongroom.federate.site._home import Home
from strongroom.federate.site._job import Job, check_nonce, note_refusal
from strongroom.federate.site._keep import Record, load
from strongroom.progress import SILENT
from strongroom.train import rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from strongroom.config import ColumnSpec, FederationSpec
    from strongroom.data import Dataset
    from strongroom.federate.site._home import Evidence
    from strongroom.privacy import Ledger
    from strongroom.progress import Progress
    from strongroom.train import Checkpointer
    from strongroom.vault import SigningKey

_MOST_JOBS = 8
_MOST_OVER = 1000
_RECENT = 4096
_JOB = re.compile(r"[0-9a-f]{32}")
_PROPOSE = b"strongroom federate propose\0"


class Site:
    """A site of a federation; see `federate.Answers`.

    Args:
        name: its own.
        data: rows to train on, with roles.
        test: rows to measure on, or None.
        policy: `[federation]`: what it allows.
        key: signs what it agrees to and what it says at the end.
        ledger: where private jobs are reserved and settled.
        account: the data source that they are paid from.
        budget: the most ε that may ever be spent on it.
        columns: public declarations.
        rows: the declared number of rows (of people, where there is a subject); None: the count is
            rounded to two digits.
        checkpointer: gives, for a job's id, what keeps its state sealed; None: a killed site can't
            go on with a job.
        evidence: the site's own log, or None.
        approve: for policies that ask: whether people at the site said yes to a recipe, by digest.
        tell: is given what people at the site should know and nobody else: (job, text).
        progress: is told every local step.
    """

    def __init__(
        self,
        name: str,
        data: Dataset,
        test: Dataset | None,
        policy: FederationSpec,
        *,
        key: SigningKey,
        ledger: Ledger,
        account: str = "",
        budget: float | None = None,
        columns: Mapping[str, ColumnSpec] | None = None,
        rows: int | None = None,
        checkpointer: Callable[[str], Checkpointer] | None = None,
        evidence: Evidence | None = None,
        approve: Callable[[str], bool] = lambda digest: False,  # noqa: ARG005 - nobody said yes
        tell: Callable[[str, str], None] = lambda job, text: None,  # noqa: ARG005 - to nobody
        progress: Progress = SILENT,
    ) -> None:
        self._home = Home(
            name, data, test, policy, key, ledger, account, budget, rows, evidence, progress
        )
        self._columns = dict(columns or {})
        self._checkpointer, self._approve, self._tell = checkpointer, approve, tell
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._over: dict[str, Record] = {}
        self._recent: deque[str] = deque(maxlen=_RECENT)
        self._outside = Traffic()
        self.waiting: dict[str, Recipe] = {}

    @property
    def name(self) -> str:
        """The site's."""
        return self._home.name

    @property
    def jobs(self) -> dict[str, Recipe]:
        """The jobs that are going on, by id."""
        return {job: found.recipe for job, found in self._jobs.items()}

    def stop(self, job: str | None = None) -> None:
        """Stop a job, or all, at the next step: from any thread, at once."""
        for name, found in list(self._jobs.items()):
            if job is None or name == job:
                found.stop()

    def answer(self, request: Message) -> Message:
        """Do what is asked within the policy, or refuse; never raises."""
        if request.kind is Kind.STOP:
            # Before the lock: a round that is going on ends at its next step.
            self.stop(request.job)
        with self._lock:
            answer = self._attempt(request)
            record = self._record(request.job)
            if answer.kind is Kind.REFUSED and record is not None:
                note_refusal(record, request, answer.facts["why"])
            (record.traffic if record is not None else self._outside).count(request, answer)
            return answer

    def _attempt(self, request: Message) -> Message:
        try:
            answer = self._handle(request)
            self._check(request, answer)
        except DataError as error:
            # What is wrong with values is for the people at the site, not for the coordinator.
            self._tell(request.job, str(error))
            return _no(
                request,
                RefusedError(
                    "this site's rows can't be read by the job's model",
                    hint="the people at the site are told which columns, and why",
                ),
            )
        except BudgetExceededError as error:
            self._tell(request.job, str(error))
            return _no(
                request,
                RefusedError(
                    "this site's privacy budget doesn't cover the job",
                    hint="a smaller ε, or the people at the site raise [data] budget",
                ),
            )
        except StrongroomError as error:
            self._tell(request.job, f"refused {request.kind}: {error.what}")
            return _no(request, error)
        except Exception as error:  # noqa: BLE001 - whatever happens, nothing of it leaves
            self._tell(request.job, f"{request.kind} failed: {error!r}")
            return _no(
                request,
                RefusedError(
                    f"the site failed: {type(error).__name__}",
                    hint="the people at the site are told more",
                ),
            )
        return answer

    def _check(self, request: Message, answer: Message) -> None:
        """Look at what is about to leave: everything goes through here.

        Raises:
            LeakError: it doesn't leave.
        """
        job = self._jobs.get(request.job)
        size = job.blueprint.size if job is not None else 0
        check_leaving(answer, read_query(request).width if answer.kind is Kind.ANALYSE else size)
        record = self._record(request.job)
        traffic = record.traffic if record is not None else self._outside
        most = self._home.policy.max_bytes
        if answer.kind is not Kind.REFUSED and traffic.bytes_sent + answer.size > most:
            raise LeakError(
                f"this answer would be more than the {most:,} bytes that may leave in a job",
                hint="another [federation] max_bytes at the site",
            )

    def _record(self, job: str) -> Record | None:
        going = self._jobs.get(job)
        return going.record if going is not None else self._over.get(job)

    def _handle(self, request: Message) -> Message:
        if request.kind is Kind.DESCRIBE:
            self._fresh(request)
            return self._describe(request)
        if request.kind is Kind.PROPOSE:
            self._fresh(request)
            return self._propose(request)
        if request.kind is Kind.STOP:
            self._fresh(request)
            return self._stop(request)
        if request.kind is Kind.ANALYSE:
            self._fresh(request)
            return self._analyse(request)
        job = self._jobs.get(request.job)
        if job is None:
            return self._late(request)
        answer = job.answer(request)
        if job.record.over:
            self._remember(request.job)
        return answer

    def _late(self, request: Message) -> Message:
        """Answer about a job that isn't going on."""
        self._fresh(request)
        record = self._over.get(request.job)
        if record is None and request.kind is Kind.FINISH and _JOB.fullmatch(request.job):
            record = load(self._keeper(request.job))
        if record is None or not record.over:
            raise RefusedError(
                "this site knows no such job", hint="propose it (again: sites may have restarted)"
            )
        if request.kind is not Kind.FINISH or record.statement is None:
            raise RefusedError(f"the job is {record.over} at this site", hint="start another job")
        self._over[request.job] = record
        return request.answer({"statement": record.statement})

    def _keeper(self, job: str) -> Checkpointer | None:
        return self._checkpointer(job) if self._checkpointer is not None else None

    def _fresh(self, request: Message) -> None:
        check_nonce(request)
        if request.nonce in self._recent:
            raise RefusedError("a request that was made before: its nonce was seen")
        self._recent.append(request.nonce)

    def _describe(self, request: Message) -> Message:
        home = self._home
        if not home.policy.describe:
            raise RefusedError(
                "this site's policy doesn't describe its columns",
                hint="[federation] describe = true, or send the coordinator the declarations",
            )
        return request.answer(
            {
                "site": home.name,
                "version": __version__,
                "key": home.key.public.to_text(),
                "rows": home.rows or rounded(home.data.rows),
                **describe(home.data, self._columns),
            }
        )

    def _propose(self, request: Message) -> Message:
        if set(request.facts) != {"recipe"} or request.arrays:
            raise MessageError("a proposal is a recipe and nothing else")
        recipe = _read(request.facts["recipe"])
        if recipe.job != request.job:
            raise MessageError("a recipe of another job than the message's")
        digest = recipe.digest()
        known = self._jobs.get(recipe.job)
        if known is None:
            known = self._let_in(recipe, digest)
            self._jobs[recipe.job] = known
        elif known.record.digest != digest:
            raise RefusedError("this job was proposed before, with another recipe")
        if known.stopped:
            raise RefusedError("the site was told to stop", hint="ask the people at the site")
        home = self._home
        signature = home.key.sign(_PROPOSE + digest.encode() + b"\0" + home.name.encode())
        return request.answer(
            {
                "digest": digest,
                "weight": known.weight,
                "key": home.key.public.to_text(),
                "signature": signature.hex(),
            }
        )

    def _let_in(self, recipe: Recipe, digest: str) -> Job:
        home = self._home
        keeper = self._keeper(recipe.job)
        record = self._over.get(recipe.job) or load(keeper)
        kept = record is not None
        if record is not None and record.over:
            raise RefusedError(f"the job is {record.over} at this site", hint="start another job")
        if record is not None and record.digest != digest:
            raise RefusedError("this job was proposed before, with another recipe")
        if len(self._jobs) >= _MOST_JOBS:
            raise RefusedError(
                f"{_MOST_JOBS} jobs are going on at this site", hint="finish or stop one"
            )
        grounds = Grounds(home.name, home.policy, home.data)
        check_recipe(recipe, grounds)
        blueprint = Blueprint.of(recipe)
        check_blueprint(recipe, blueprint, grounds)
        if home.policy.approve == "ask" and not self._approve(digest):
            if len(self.waiting) < _MOST_JOBS:
                self.waiting[digest] = recipe
            raise PendingError(
                "waits for approval by the people at the site",
                hint=f"at the site: strongroom federate approve {recipe.job}",
            )
        self.waiting.pop(digest, None)
        record = record or Record(digest, secrets.token_hex(32))
        return Job(recipe, blueprint, home, record, kept=kept, checkpointer=keeper)

    def _stop(self, request: Message) -> Message:
        job = self._jobs.get(request.job)
        if job is None:
            raise RefusedError("this site knows no such job")
        job.end()
        self._remember(request.job)
        return request.answer()

    def _analyse(self, request: Message) -> Message:
        """Answer a query once; the same query again gets the same answer."""
        query = read_query(request)
        if query.job in self._jobs:
            raise RefusedError("this job is another task's")
        keeper = self._keeper(query.job)
        record = self._over.get(query.job) or load(keeper)
        if record is None:
            secret = secrets.token_hex(32)
            record = answer_query(query, self._home, self._approve, secret, keeper)
        elif record.digest != query.digest():
            raise RefusedError("this job was asked before, and something else")
        self._note_over(query.job, record)
        return told(request, record)

    def _remember(self, job: str) -> None:
        self._note_over(job, self._jobs.pop(job).record)

    def _note_over(self, job: str, record: Record) -> None:
        """Keep of a job that is over what is needed to say so."""
        if job not in self._over and len(self._over) >= _MOST_OVER:
            self._over.pop(next(iter(self._over)))
        self._over[job] = record


class PendingError(RefusedError):
    """Somebody at the site must say yes first."""


def _read(document: Any) -> Recipe:  # noqa: ANN401 - JSON
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))[:200]
        raise MessageError(f"the recipe can't be read: {first['msg'][:500]}", where=place) from None


def _no(request: Message, error: StrongroomError) -> Message:
    facts = {"why": _plain(error.what), "hint": _plain(error.hint or "")}
    pending = {"pending": True} if isinstance(error, PendingError) else {}
    return request.answer({**facts, **pending}, kind=Kind.REFUSED)


def _plain(text: str) -> str:
    """Return a text that can be written, whatever somebody put into a name."""
    return text[:1000].encode("utf-8", "replace").decode()
