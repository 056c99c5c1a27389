"""An allowance that several estimators draw on, clones and all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NoReturn, Self

from strongroom.errors import InputError
from strongroom.notebook import html_table
from strongroom.privacy import MemoryLedger, compose

if TYPE_CHECKING:
    from strongroom.privacy import Entry, Ledger, Reservation, Spend


class PrivacyBudget:
    """The most ε that all fits together may spend on the same people.

    Scikit-learn clones estimators, once per fold and candidate; this object stays the same in all
    clones, so that what they spend adds up: by composition, as if every fit had seen every row,
    which is never less than what folds truly cost. It can't be sent to another process: searches
    that use it run with `n_jobs=1` or on threads.

    Args:
        epsilon: the most that may be spent, at the δ of the first fit; None only counts.
        ledger: where the spends are kept; in memory by default. `Workspace.ledger` keeps them.
        account: names the people in that ledger.
    """

    def __init__(
        self, epsilon: float | None = None, *, ledger: Ledger | None = None, account: str = "rows"
    ) -> None:
        if epsilon is not None and not epsilon > 0:
            raise InputError(f"a budget of ε = {epsilon:g} is not above 0")
        self.epsilon = epsilon
        self.account = account
        self._ledger = ledger or MemoryLedger()
        self._lock = threading.Lock()

    def reserve(self, account: str, spend: Spend, *, budget: float | None, key: str) -> Reservation:  # noqa: ARG002 - the ledger's signature
        """See `Ledger.reserve`; account and budget are this object's own."""
        with self._lock:
            return self._ledger.reserve(self.account, spend, budget=self.epsilon, key=key)

    def settle(self, reservation: Reservation) -> None:
        """See `Ledger.settle`."""
        with self._lock:
            self._ledger.settle(reservation)

    def entries(self, account: str = "") -> tuple[Entry, ...]:  # noqa: ARG002 - the ledger's signature
        """Every spend so far, oldest first."""
        return self._ledger.entries(self.account)

    @property
    def spent(self) -> float:
        """The ε of all spends together, at the δ of the first."""
        spends = [e.spend for e in self.entries()]
        return compose(spends, spends[0].delta) if spends else 0.0

    def __deepcopy__(self, memo: object) -> Self:
        # What scikit-learn's `clone` calls: a copy would be a second allowance for the same people.
        return self

    def __reduce__(self) -> NoReturn:
        raise InputError(
            "a privacy budget can't be sent to another process: it would be spent twice",
            hint="search with n_jobs=1, or leave the budget out of the estimator",
        )

    def __repr__(self) -> str:
        of = "" if self.epsilon is None else f" of {self.epsilon:g}"
        count = len(self.entries())
        return f"PrivacyBudget(spent ε = {self.spent:.4g}{of} in {count} fits)"

    def _repr_html_(self) -> str:
        rows = [
            (str(i), f"{e.spend.epsilon:.3f}", f"{e.spend.delta:g}", e.state.value)
            for i, e in enumerate(self.entries(), start=1)
        ]
        return html_table(rows, header=("fit", "ε", "δ", "state"), caption=repr(self))
