"""How thorough an audit is, in one place, and which attacks it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.attacks import about, attack_names, load_attack
from strongroom.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from strongroom.config import AuditSpec

INSPECTION = "file.inspection"
_ERASURE = "erasure"


@dataclass(frozen=True)
class Preset:
    """How thorough an audit is.

    Attributes:
        shadows: models that the attacker trains, where many are trained as one.
        fits: the same, where each is trained by itself.
        rows: of members and of non-members each, at most, that are attacked.
        evasion_rows: rows that are changed.
    """

    shadows: int
    fits: int
    rows: int
    evasion_rows: int


PRESETS = {
    "quick": Preset(16, 8, 4_000, 100),
    "standard": Preset(256, 32, 8_000, 300),
    "full": Preset(512, 128, 10_000, 1_000),
}


def preset_of(spec: AuditSpec) -> Preset:
    """Return the dimensions of an audit; those of a list of attacks are the standard's."""
    return PRESETS[spec.attacks if isinstance(spec.attacks, str) else "standard"]


def chosen(spec: AuditSpec, kind: str | None = None, *, forgotten: bool = True) -> tuple[str, ...]:
    """Return the attacks to run, in order: what costs little comes first.

    A preset leaves out what doesn't concern this kind of model at all, and the question of erasure
    where nothing was to be erased; a list is taken as it is.

    Raises:
        ConfigError: an attack that doesn't exist.
    """
    known = (*attack_names(), INSPECTION)
    if isinstance(spec.attacks, str):
        return tuple(
            n
            for n in known
            if n == INSPECTION
            or (_concerns(n, spec.attacks, kind) and (forgotten or not n.startswith(_ERASURE)))
        )
    for name in spec.attacks:
        if name not in known:
            raise ConfigError(
                f'unknown attack "{name}"',
                where="[audit] attacks",
                hint=did_you_mean(name, known) or f"known attacks: {', '.join(known)}",
            )
    return tuple(dict.fromkeys(spec.attacks))


def asked_for(name: str, spec: AuditSpec, policy: Iterable[str]) -> bool:
    """Tell whether an attack was named, or measures what the policy limits."""
    if not isinstance(spec.attacks, str):
        return True
    return not set(about(load_attack(name)).metrics).isdisjoint(policy)


def _concerns(name: str, preset: str, kind: str | None) -> bool:
    said = about(load_attack(name))
    return preset in said.presets and (kind is None or kind in said.kinds)
