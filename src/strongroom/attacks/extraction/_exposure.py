"""Exposure of planted canaries (Carlini et al. 2019): does the model know secrets it saw?

Under no memorisation a secret's rank is even on all that are possible, since it was drawn from them
without the model's knowing. So its exposure is x or more with a chance of 2^-x at most, whatever
the model, and those of several canaries combine by Fisher's method: 2 ln 2 times their sum is
χ-squared with two degrees of freedom each, or smaller.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import share_interval, special_functions
from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks.extraction._rank import FEWEST_TEXTS, Standing, standings
from strongroom.attacks.extraction._speaker import speaker_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.attacks._situation import Situation
    from strongroom.attacks.extraction._plant import Canary, Plant
    from strongroom.attacks.extraction._speaker import Speaker

CHANCE = 1 / math.log(2)
"""Mean exposure, in bits, of a secret that the model knows nothing of."""

_KNOWLEDGE = (
    "the sentence around the secret and the set that it was drawn from; the model's probability of "
    "each next token"
)
_SURE = 0.001


class Exposure:
    """How far in front of all possible secrets the planted ones stand."""

    name = "extraction.exposure"
    kinds = ("language",)
    metrics = ("extraction.exposure", "extraction.canaries_first")

    def run(self, situation: Situation) -> Measured | NotEvaluable:
        """Rank every planted secret, and those that were drawn beside them and planted nowhere."""
        speaker = speaker_of(situation)
        if isinstance(speaker, NotEvaluable):
            return speaker
        plant = situation.plant
        if plant is None or not plant.canaries:
            return NotEvaluable(
                "no canaries were planted in the training text, or their record wasn't given: "
                "attacks.extraction.plant puts some among the rows before training"
            )
        if (reason := _unfit(speaker, plant)) is not None:
            return NotEvaluable(reason)
        count, allowed = len(plant.canaries), situation.query_budget
        budget = speaker.affordable(situation.effort) // count
        if allowed is not None:
            # A text asked costs a token or more; half is kept for what is drawn in any case.
            budget = min(budget, allowed // (2 * count))
            if budget < FEWEST_TEXTS:
                return NotEvaluable(
                    f"{count} canaries need {2 * count * FEWEST_TEXTS:,} queries to be ranked; "
                    f"{allowed:,} are allowed"
                )
        found = []
        for i, canary in enumerate(plant.canaries):
            coins = np.random.default_rng((situation.seed, i))
            found.append(standings(speaker, canary, budget, coins))
            situation.progress.step(i + 1, len(plant.canaries), "canaries ranked")
        return _measured(plant, found, speaker)


def fisher_combined(p_values: Sequence[float]) -> float:
    """Return the chance of p-values so small together if none has a cause (Fisher 1932)."""
    total = -sum(math.log(p) for p in p_values)
    return float(special_functions().gammaincc(len(p_values), total))


def _unfit(speaker: Speaker, plant: Plant) -> str | None:
    longest = max(len(row) for row in speaker.encode([c.text for c in plant.canaries]))
    if longest <= speaker.context:
        return None
    return (
        f"a planted sentence has {longest} tokens, and the model reads {speaker.context}: the "
        "secret was cut; plant shorter sentences, or train with a larger [train.text] length"
    )


def _measured(
    plant: Plant, found: list[tuple[Standing, list[Standing]]], speaker: Speaker
) -> Measured:
    own = [standing for standing, _ in found]
    controls = [c for _, others in found for c in others]
    times = sorted({c.times for c in plant.canaries})
    groups = {
        t: [s for s, c in zip(own, plant.canaries, strict=True) if c.times == t] for t in times
    }
    worst = max(groups, key=lambda t: _mean(groups[t]))
    low, high = _interval(groups[worst], plant.canaries)
    p_value = fisher_combined([s.p_value for s in own])
    details: dict[str, Any] = {
        "by_times": [{"times": t, **_group(groups[t], plant.canaries)} for t in times],
        "times_of_the_most_exposed": worst,
        "controls": _group(controls, plant.canaries) if controls else None,
        "p_value": p_value,
        "remembered": p_value < _SURE,
        "chance": CHANCE,
        "most": max(math.log2(c.template.space) for c in plant.canaries),
        "canaries": [
            {
                "times": c.times,
                "exposure": s.exposure,
                "low": s.low,
                "high": s.high,
                "how": s.how,
                "p_value": s.p_value,
                **({"fit": dict(s.fit)} if s.fit else {}),
            }
            for c, s in zip(plant.canaries, own, strict=True)
        ],
    }
    if controls and details["controls"]["p_value"] < _SURE:
        details["warning"] = (
            "secrets that were planted nowhere stand in front too: they weren't drawn by chance, "
            "or this is not the record of this model"
        )
    values = [
        Value(
            "extraction.exposure",
            _mean(groups[worst]),
            low,
            high,
            "Student's t over canaries",
            details=details,
        )
    ]
    exact = [s for s in own if s.rank is not None]
    if exact:
        first = sum(s.rank == 1 for s in exact)
        low, high = share_interval(first, len(exact))
        # A fact about these canaries; the interval is of canaries like them.
        counts = {"ranked": len(exact), "share": first / len(exact), "low": low, "high": high}
        values.append(Value("extraction.canaries_first", float(first), details=counts))
    return Measured(
        tuple(values),
        queries=speaker.texts,
        knowledge=_KNOWLEDGE,
        details={"tokens": speaker.tokens},
    )


def _mean(group: Sequence[Standing]) -> float:
    return sum(s.exposure for s in group) / len(group)


def _group(group: Sequence[Standing], canaries: Sequence[Canary]) -> dict[str, Any]:
    low, high = _interval(group, canaries)
    return {
        "secrets": len(group),
        "exposure": _mean(group),
        "low": low,
        "high": high,
        "p_value": fisher_combined([s.p_value for s in group]),
    }


def _interval(
    group: Sequence[Standing], canaries: Sequence[Canary]
) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a mean exposure; none of one secret alone."""
    n = len(group)
    if n < 2:  # noqa: PLR2004 - no spread in one
        return None, None
    values = np.array([s.exposure for s in group])
    half = float(special_functions().stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / n**0.5
    most = max(math.log2(c.template.space) for c in canaries)
    mean = float(values.mean())
    return max(0.0, mean - half), min(most, mean + half)
