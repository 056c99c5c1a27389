"""One site's part of trees that several sites grow: what its rows add up to, and nothing more.

The first round asks how many rows each bin has, the others for the sums of residuals at the scores
that are sent. Both are what central training releases of its own rows (`_boosting`), with the same
clipping, noise and accounting; trees are grown by whoever adds up the sites' sums. Scores may come
from anybody: one row's part of a round is clipped whatever they are.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from strongroom.errors import DataError, InputError
from strongroom.privacy import PrivacyStatement, SecretStream, Unit
from strongroom.train._boosting import Growth, Noises, Places, RowSums
from strongroom.train._federated import PUBLIC
from strongroom.train._local import LocalPlan, LocalWork, privacy_of, told_to_stop
from strongroom.train._preparation import one_row_each, rounded, subject_codes
from strongroom.train._trees import plan_noises

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from strongroom.config import TreesSpec
    from strongroom.data import Dataset
    from strongroom.models import AdditiveModel
    from strongroom.privacy import Mechanism
    from strongroom.train._guard import Surroundings
    from strongroom.train._local import Guarantee


class LocalGrowth(LocalWork):
    """A site's rounds of one job of trees.

    Args:
        model: whose bins are counted; its shapes are neither read nor written.
        dataset: the rows.
        plan: of it, the settings of trees, how many rounds, and the guarantee are used.
        around: ledger, account, budget, the key of this job at this site, the declared rows.
        seed: see `LocalWork`.

    Attributes:
        weight: the declared number of rows (of people, where there is a subject), or the count
            rounded to two digits. Never the private count.

    Raises:
        DataError: no rows, or rows that the model can't read.
        InputError: a job of fewer than two rounds.
    """

    def __init__(
        self,
        model: AdditiveModel,
        dataset: Dataset,
        plan: LocalPlan,
        around: Surroundings,
        *,
        seed: bytes,
    ) -> None:
        super().__init__(plan, around, seed)
        if not dataset.rows:
            raise DataError("there are no rows to learn from", where=dataset.name)
        self._spec = plan.spec.model_copy(update={"privacy": self._privacy, "seed": None})
        self._places = Places.of(model)
        self._codes, self._labels = model.read(dataset)
        self._subjects = subject_codes(dataset)
        people = self._subjects
        units = len(self._labels) if people is None else int(people.max()) + 1
        self.weight = around.rows or rounded(units)
        self._noises = noises_of(plan.spec.trees, plan.rounds, plan.guarantee)

    @property
    def rows_unit(self) -> Unit:
        """See `LocalWork`."""
        return Unit.EXAMPLE if self._subjects is None else Unit.SUBJECT

    @property
    def booked(self) -> tuple[Mechanism, ...]:
        """See `LocalWork`: the counts, and all rounds of sums."""
        return () if self._noises is None else (self._noises.counts, self._noises.rounds)

    @cached_property
    def _sums(self) -> RowSums:
        codes, labels = self._codes, self._labels
        if self._subjects is not None:
            chosen = one_row_each(self._subjects, self._coins)
            codes, labels = codes[chosen], labels[chosen]
        return RowSums(self._places, codes, labels, self._noises)

    def round(
        self,
        number: int,
        parameters: NDArray[np.float32],
        *,
        request: bytes = b"",
        stopped: Callable[[], bool] = lambda: False,
    ) -> NDArray[np.float32]:
        """Return what the rows add up to, over `weight`: float32 [d].

        Args:
            number: of the round, from 1; the first counts: how many rows each bin has stands at
                the first of its outputs, and 0 at the others.
            parameters: scores, float32 [d] for [1 + bins, outputs].
            request: digest of what the round was asked with; coins come from it too.
            stopped: looked at before anything is summed.

        Raises:
            StoppedError: `stopped` said so.
            BudgetExceededError: see `reserve`.
        """
        coins = SecretStream(self._seed_of(number, request))
        if stopped():
            raise told_to_stop()
        if number == 1:
            found = np.zeros(self._places.shape)
            found[:, 0] = self._sums.counts(coins)
        else:
            scores = parameters.astype(np.float64).reshape(self._places.shape)
            found = self._sums.residuals(scores, number - 1, coins)
        self._around.progress.step(1, 1, f"round {number}")
        mean: NDArray[np.float32] = (found / self.weight).astype(np.float32).ravel()
        return mean

    def state(self) -> PrivacyStatement | None:
        """Return what was proved, or None without privacy or before the first round."""
        if self._guarded is None:
            return None
        rounds = self.plan.rounds - 1
        left = (
            f"everything that left the site: noisy counts of the bins, and up to {rounds:,} rounds "
            "of noisy histograms; the trees grown on them are post-processing"
        )
        people = ("one row per person takes part, chosen by secret coins",)
        return self._guarded.state(
            covered=(
                left,
                "encoding by the recipe's bins, row by row",
                *(people if self.rows_unit is Unit.SUBJECT else ()),
            ),
            not_covered=PUBLIC,
            public_rows=self.weight,
            declared=self._around.rows is not None,
            sampling="every row in every round",
        )


def noises_of(spec: TreesSpec, rounds: int, guarantee: Guarantee | None) -> Noises | None:
    """Return the releases of a federated job of trees at one site, or None without privacy.

    Args:
        spec: the settings; the job's rounds stand in for those of `spec`.
        rounds: of the job: one that counts, and at least one of sums.
        guarantee: or None.

    Raises:
        InputError: fewer than two rounds.
    """
    if rounds < 2:  # noqa: PLR2004 - see above
        raise InputError(
            "trees need two rounds or more: the first only counts", hint="[job] rounds"
        )
    if guarantee is None:
        return None
    settings = spec.model_copy(update={"rounds": rounds - 1})
    return plan_noises(privacy_of(guarantee), settings)


def grow_from(
    model: AdditiveModel,
    plan: LocalPlan,
    counts: NDArray[np.float64],
    sites: int,
    stream: SecretStream,
) -> Growth:
    """Return what makes trees of the sites' sums.

    Args:
        model: whose bins were counted.
        plan: of the job, as each site has it.
        counts: float64 [d], the sum of what the sites answered to the first round.
        sites: how many they were, each with its own noise.
        stream: the coins of where trees are cut: nobody's secret.

    Raises:
        InputError: see `noises_of`.
    """
    places = Places.of(model)
    noises = noises_of(plan.spec.trees, plan.rounds, plan.guarantee)
    counted = counts.reshape(places.shape)[:, 0]
    return Growth(places, plan.spec.trees, counted, noises, stream, sites=sites)
