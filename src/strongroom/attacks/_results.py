"""What attacks give back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class NotEvaluable:
    """An attack that could not be judged, and why, in a sentence for people.

    Attributes:
        reason: why.
        concerns: False where the question doesn't arise for this model at all, such as that of a
            tree's leaves without a tree: presets leave it out, and say so.
    """

    reason: str
    concerns: bool = True


@dataclass(frozen=True)
class RateAt:
    """A true-positive rate at a false-positive rate.

    Attributes:
        fpr: the false-positive rate asked for.
        tpr: members found when at most that share of non-members is accused.
        low, high: 95 % interval, chance in the threshold included.
        low_given, high_given: Clopper–Pearson, were the threshold given.
        false_positives: how many non-members the threshold rests on.
    """

    fpr: float
    tpr: float
    low: float
    high: float
    low_given: float
    high_given: float
    false_positives: int


@dataclass(frozen=True)
class Exposed:
    """A record that an attack singled out, named by where it stands, never by what it holds.

    Attributes:
        row: its number in the file of members, from 0.
        score: the attack's, high for members.
        fpr, fpr_high: the share of non-members that score as high, and the upper end of its 95 %
            Clopper-Pearson interval: how likely an accusation at this score is false.
        subject: the code of the person it belongs to, if people are known.
    """

    row: int
    score: float
    fpr: float
    fpr_high: float
    subject: int | None = None


@dataclass(frozen=True)
class RocResult:
    """How well members are told from non-members.

    Attributes:
        fpr, tpr, low, high: at most 300 points of the curve, with a pointwise 95 % band.
        auc, auc_low, auc_high: area under the whole curve and its 95 % interval.
        tpr_at: per false-positive rate; one without an entry can't be resolved by so few rows.
        members, nonmembers: rows judged.
        shadows: models that the attacker trained.
        queries: rows that the target was asked for.
        knowledge: what the attacker knows and may do.
        details: further facts, JSON values.
        exposed: the members that the attack is surest of, the most exposed first.
        persons: the same attack on people, each with all of their rows, if people are known.
        scores: histograms of the scores: `edges` of n bins, and the share of `members` and of
            `nonmembers` in each; the first and last bin hold what lies beyond.
    """

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    auc: float
    auc_low: float
    auc_high: float
    tpr_at: Mapping[float, RateAt]
    members: int
    nonmembers: int
    shadows: int = 0
    queries: int = 0
    knowledge: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    exposed: tuple[Exposed, ...] = ()
    persons: RocResult | None = None
    scores: Mapping[str, list[float]] = field(default_factory=dict)

    def curve(self) -> dict[str, list[float]]:
        """Return the points as JSON lists."""
        return {
            "fpr": list(self.fpr),
            "tpr": list(self.tpr),
            "low": list(self.low),
            "high": list(self.high),
        }


@dataclass(frozen=True)
class OneRunBound:
    """A certified lower bound on ε from one training run.

    Attributes:
        epsilon_lower: with `confidence`, the run's true ε (at `delta`) is at least this.
        delta: at which the bound holds.
        confidence: of the whole procedure, the choice of the number of guesses included.
        canaries: how many took part.
        guesses, correct: of the choice that gave the bound; the rest abstained.
        claimed: the ε that was claimed for the run, if known.
        reachable: what a run that leaks exactly what was claimed would be expected to show with
            that many canaries, if known.
        knowledge: what the attacker knows and may do.
    """

    epsilon_lower: float
    delta: float
    confidence: float
    canaries: int
    guesses: int
    correct: int
    claimed: float | None = None
    reachable: float | None = None
    knowledge: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class EpsilonEstimate:
    """An estimate of ε from one training run that takes a family of mechanisms for granted.

    Not certified: it holds if the run's mechanism is one of the family (its noise is not known) and
    the canaries don't disturb each other.

    Attributes:
        epsilon_low: with `confidence`, and under the assumptions, the run's ε is at least this.
        epsilon_likely: of the member of the family that fits the scores best.
        delta: at which both hold.
        confidence: of `epsilon_low`.
        canaries: how many took part.
        area: the chance that a canary that was in scores above one that wasn't, as measured.
        family: what is taken for granted, in words.
        claimed: the ε that was claimed for the run, if known.
        reachable: what a run that leaks exactly what was claimed would be expected to show with
            that many canaries.
        knowledge: what the attacker knows and may do.
    """

    epsilon_low: float
    epsilon_likely: float
    delta: float
    confidence: float
    canaries: int
    area: float
    family: str
    claimed: float | None = None
    reachable: float | None = None
    knowledge: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class EvasionResult:
    """How often small changes that a person could make flip the prediction.

    Attributes:
        rows: rows tried, all of them rightly classified before.
        flipped: rows for which valid changes were found that flip the prediction.
        low, high: 95 % Clopper–Pearson interval of their share.
        curve: (changed columns, share flipped, low, high) from 1 to the most allowed.
        columns: how often each column took part in a success.
        queries: rows that the target was asked for.
        adversarial: the rows tried, as changed; one that wasn't flipped stands unchanged.
        success: bool [rows].
        knowledge: what the attacker knows and may do.
        details: the limits that the changes kept, JSON values.
    """

    rows: int
    flipped: int
    low: float
    high: float
    curve: tuple[tuple[int, float, float, float], ...]
    columns: Mapping[str, int]
    queries: int
    adversarial: pa.Table
    success: NDArray[np.bool_]
    knowledge: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """The share of rows flipped."""
        return self.flipped / self.rows


@dataclass(frozen=True)
class Value:
    """One number that an attack measured.

    Attributes:
        metric: a metric id, such as `stealing.fidelity`.
        value: the number.
        low, high: its 95 % interval, where chance plays a part.
        method: how the interval was made.
        claim: what was claimed for it; a value above refutes the claim.
        details: further facts of this number, JSON values.
    """

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    method: str = ""
    claim: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """What an attack measured, where no more telling kind of result fits.

    Attributes:
        values: a number per metric.
        queries: rows that the target was asked for.
        knowledge: what the attacker knows and may do.
        details: further facts, JSON values.
    """

    values: tuple[Value, ...]
    queries: int = 0
    knowledge: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


Result = RocResult | OneRunBound | EpsilonEstimate | EvasionResult | Measured | NotEvaluable
