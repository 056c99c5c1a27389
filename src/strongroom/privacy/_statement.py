"""What a guarantee says, whom it covers and what it doesn't: after NIST SP 800-226."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from strongroom.privacy._relation import Relation, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class PrivacyStatement:
    """The differential-privacy claim of one release, with everything needed to judge it.

    Attributes:
        unit: whose presence the guarantee hides (one example, or all rows of one subject).
        relation: the neighbouring relation.
        epsilon, delta: the guarantee.
        accountant: how ε was computed from the events.
        sampling: how each step's batch was drawn.
        sampling_rate: the chance of one unit to be in a step's batch.
        noise_multiplier: standard deviation of the noise over the clip norm.
        clip_norm: L2 bound on one unit's gradient.
        steps: noisy gradients that were released.
        noise_source: where the coins came from.
        events: every composed mechanism fact, as JSON values.
        covered: what stands between the first private byte and the release and is data-independent
            or paid for.
        not_covered: what the guarantee takes as public or leaves out.
        warnings: what a reader should stumble over, each with its reason.
        private: False where the coins are known to somebody (a seed was given): then this is a
            rehearsal and no guarantee.
    """

    unit: Unit
    relation: Relation
    epsilon: float
    delta: float
    accountant: str
    sampling: str
    sampling_rate: float
    noise_multiplier: float
    clip_norm: float
    steps: int
    noise_source: str
    events: tuple[Mapping[str, Any], ...]
    covered: tuple[str, ...] = ()
    not_covered: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    private: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "unit": self.unit.value,
            "relation": self.relation.value,
            "epsilon": self.epsilon,
            "delta": self.delta,
            "accountant": self.accountant,
            "sampling": self.sampling,
            "sampling_rate": self.sampling_rate,
            "noise_multiplier": self.noise_multiplier,
            "clip_norm": self.clip_norm,
            "steps": self.steps,
            "noise_source": self.noise_source,
            "events": [dict(e) for e in self.events],
            "covered": list(self.covered),
            "not_covered": list(self.not_covered),
            "warnings": list(self.warnings),
            "private": self.private,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> PrivacyStatement:
        """Read back what `to_json` gave."""
        plain = dict(document)
        plain["unit"] = Unit(plain["unit"])
        plain["relation"] = Relation(plain["relation"])
        plain["events"] = tuple(dict(e) for e in plain["events"])
        for name in ("covered", "not_covered", "warnings"):
            plain[name] = tuple(plain[name])
        return cls(**plain)

    def __str__(self) -> str:
        head = "private" if self.private else "NOT PRIVATE (the coins are known)"
        lines = [
            f"{head}: ε = {self.epsilon:.4g} at δ = {self.delta:.3g} per {self.unit.value}",
            f"  neighbours   {self.relation.value.replace('_', ' ')}",
            f"  mechanism    {self.steps} Gaussian steps, {self.sampling}",
            f"  noise        σ = {self.noise_multiplier:.4g} × clip norm {self.clip_norm:g}",
            f"  accounting   {self.accountant}",
            f"  coins        {self.noise_source}",
        ]
        for title, texts in (
            ("covered", self.covered),
            ("not covered", self.not_covered),
            ("warning", self.warnings),
        ):
            lines += [f"  {title:<12} {text}" for text in texts]
        return "\n".join(lines)


def guarantee_warnings(epsilon: float, delta: float, rows: int) -> tuple[str, ...]:
    """Return the warnings that (ε, δ) deserve for `rows` units, each with its reason."""
    found = []
    if delta >= 1 / rows:
        found.append(
            f"δ = {delta:.3g} is at least 1/n = {1 / rows:.3g} for n = {rows:,}: a mechanism that "
            "publishes one whole row at random would satisfy it; choose δ well below 1/n"
        )
    if epsilon > LOOSE_EPSILON:
        found.append(
            f"ε = {epsilon:.3g} is above {LOOSE_EPSILON:g}: the bound alone promises little; "
            "rely on the measured leakage only with care"
        )
    return tuple(found)


LOOSE_EPSILON = 10.0
