"""The recipe of anything that can be fitted anew: one model after another, in processes."""

from __future__ import annotations

import hashlib
import pickle
import secrets
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from strongroom.attacks._signal import confidence
from strongroom.errors import InputError, StrongroomError
from strongroom.models.bank import threads
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from strongroom.attacks._situation import Rows
    from strongroom.attacks.references._recipe import Origin
    from strongroom.models import Model
    from strongroom.progress import Progress

    Fit = Callable[[NDArray[Any], NDArray[np.integer], int], Model]

_FEWEST_EACH = 2  # models for a process: a new one takes a second or two to begin


@dataclass(frozen=True)
class FittedRecipe:
    """Trains by a function (inputs, labels, seed) to a model.

    Attributes:
        fit: the function.
        about: what decides how it trains, JSON values: the key of caches.
        origin: whether it is the target's own recipe.
        where: "processes", or "here" for what can't leave this one. Processes need joblib, which
            comes with scikit-learn; without it everything is fitted here.
        together: models between two stops at which what is finished is kept.
    """

    fit: Fit
    about: Mapping[str, Any]
    origin: Origin = "own"
    where: Literal["processes", "here"] = "processes"
    together: int = 16
    slow = True

    @classmethod
    def of(cls, target: Model) -> FittedRecipe:
        """Return the recipe of a model that can be fitted anew (`fit`, `recipe`)."""
        fit: Fit = target.fit  # type: ignore[attr-defined] # looked for by the caller
        about = getattr(target, "recipe", None) or {"model": type(target).__qualname__}
        if "function" in about and "source" not in about:
            # A name says nothing of what a function does today: what it trains is kept for nobody.
            about = {**about, "only_now": secrets.token_hex(16)}
        torch_module = getattr(target, "network", None) is not None
        return cls(fit, about, where="here" if torch_module else "processes")

    def identity(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        return {"recipe": "fitted", "about": dict(self.about)}

    def describe(self) -> Mapping[str, Any]:
        """See `Recipe`."""
        return {"shadows_trained": "by the target's own fit"} if self.origin == "own" else {}

    def train(
        self,
        rows: Rows,
        classes: int,
        membership: NDArray[np.bool_],
        *,
        seed: int,
        first: int,
        learnt: float,
        progress: Progress,
    ) -> FittedModels:
        """See `Recipe`; nothing is fitted before something is asked."""
        del classes, learnt
        seeds = [seed_of(seed, first + m) for m in range(len(membership))]
        return FittedModels(self, rows, membership, seeds, progress)


@dataclass(eq=False)
class FittedModels:
    """Models that are fitted, asked, and forgotten: many of them may not fit into memory.

    Asked about other rows later, they are fitted again, to the same by the same seeds.
    """

    recipe: FittedRecipe
    rows: Rows
    membership: NDArray[np.bool_]
    seeds: list[int]
    progress: Progress = SILENT
    workers: int = field(default_factory=threads)

    def confidence(self, rows: Rows) -> NDArray[np.float32]:
        """See `Fitted`.

        Raises:
            InputError: a process died, or the model can't be fitted on a part of its rows.
        """
        models = len(self.membership)
        out = np.empty((models, len(rows)), np.float32)
        for number, signal in enumerate(self._signals(rows)):
            out[number] = signal
            self.progress.step(number + 1, models)
        return out

    def _signals(self, asked: Rows) -> Iterator[NDArray[np.float32]]:
        jobs = list(zip(self.membership, self.seeds, strict=True))
        workers = min(self.workers, len(jobs) // _FEWEST_EACH)
        if workers > 1 and self.recipe.where == "processes":
            parallel = _processes(workers)
            if parallel is not None:
                yield from _in_processes(parallel, self.recipe.fit, self.rows, asked, jobs, workers)
                return
        for member, seed in jobs:
            yield _one(self.recipe.fit, self.rows, asked, member, seed)


def _one(
    fit: Fit, rows: Rows, asked: Rows, member: NDArray[np.bool_], seed: int
) -> NDArray[np.float32]:
    """Fit one model and ask it."""
    chosen = np.flatnonzero(member)
    try:
        model = fit(rows.inputs[chosen], rows.labels[chosen], seed)
        found = confidence(model, asked)
    except (StrongroomError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            f"the model can't be fitted on {len(chosen):,} of its rows: {type(error).__name__}",
            hint="its recipe must train on any large part of the data",
        ) from error
    signal: NDArray[np.float32] = found.astype(np.float32)
    return signal


def _several(
    packed: bytes,
    folder: str,
    rows: Rows,
    asked: Rows | None,
    jobs: list[tuple[NDArray[np.bool_], int]],
) -> list[NDArray[np.float32]]:
    """Fit a few models in a process; None asks about the rows that they were fitted on."""
    # The function may be a user's, in the folder that they stand in.
    if folder not in sys.path:
        sys.path.insert(0, folder)
    fit: Fit = pickle.loads(packed)  # noqa: S301 - packed by the process that asks, for this one
    return [_one(fit, rows, rows if asked is None else asked, *job) for job in jobs]


def _processes(workers: int) -> Any:  # noqa: ANN401 - joblib's
    try:
        from joblib import Parallel, parallel_config
    except ImportError:
        return None
    with parallel_config(backend="loky", inner_max_num_threads=1):
        # Rows go through pipes: files that processes share would put them onto a disk.
        return Parallel(n_jobs=workers, return_as="generator", max_nbytes=None, pre_dispatch="all")


def _in_processes(
    parallel: Any,  # noqa: ANN401
    fit: Fit,
    rows: Rows,
    asked: Rows,
    jobs: list[tuple[NDArray[np.bool_], int]],
    workers: int,
) -> Iterator[NDArray[np.float32]]:
    from joblib import delayed
    from joblib.externals.loky.cloudpickle_wrapper import dumps

    packed, here = dumps(fit), str(Path.cwd())
    # Each part carries the rows along: few parts, yet enough that nobody waits long for the last.
    size = max(1, len(jobs) // (2 * workers))
    parts = [jobs[begin : begin + size] for begin in range(0, len(jobs), size)]
    same = None if asked is rows else asked
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a worker that was idle too long
            for found in parallel(
                delayed(_several)(packed, here, rows, same, part) for part in parts
            ):
                yield from found
    except StrongroomError:
        raise
    except Exception as error:
        if type(error).__name__ in {"TerminatedWorkerError", "BrokenProcessPool"}:
            raise InputError(
                "a process that fitted shadow models died",
                hint="most often memory ran out: attack fewer rows, or set OMP_NUM_THREADS=1 to "
                "fit one at a time",
            ) from error
        raise


def seed_of(seed: int, number: int) -> int:
    """Return a seed below 2³¹ for one model."""
    digest = hashlib.sha256(f"{seed} {number}".encode()).digest()
    return int.from_bytes(digest[:4], "little") >> 1
