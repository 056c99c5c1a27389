"""Which attacks there are: ours, and those that installed packages bring."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.attacks._situation import Attack

GROUP = "strongroom.attacks"

BUILTIN = {
    "membership.loss": "strongroom.attacks.membership:LossThreshold",
    "membership.combined": "strongroom.attacks.membership:Combined",
    "membership.lira": "strongroom.attacks.membership:Lira",
    "membership.lira_offline": "strongroom.attacks.membership:LiraOffline",
    "membership.lira_fixed": "strongroom.attacks.membership:LiraFixed",
    "membership.rmia": "strongroom.attacks.membership:Rmia",
    "membership.rmia_offline": "strongroom.attacks.membership:RmiaOffline",
    "membership.bavaria": "strongroom.attacks.membership:Bavaria",
    "membership.calibrated": "strongroom.attacks.membership:Calibrated",
    "membership.quantile": "strongroom.attacks.membership:Quantile",
    "membership.label_only": "strongroom.attacks.membership:LabelOnly",
    "membership.range": "strongroom.attacks.membership:Range",
    "privacy.one_run": "strongroom.attacks.privacy:OneRun",
    "privacy.estimate": "strongroom.attacks.privacy:Estimate",
    "extraction.exposure": "strongroom.attacks.extraction:Exposure",
    "extraction.memorised": "strongroom.attacks.extraction:Memorised",
    "extraction.free_run": "strongroom.attacks.extraction:FreeRun",
    "inversion.class_representative": "strongroom.attacks.inversion:ClassRepresentative",
    "attribute.inference": "strongroom.attacks.attribute:AttributeInference",
    "structure.stored": "strongroom.attacks.structure:StoredRows",
    "structure.leaves": "strongroom.attacks.structure:Leaves",
    "structure.regions": "strongroom.attacks.structure:Regions",
    "structure.parameters": "strongroom.attacks.structure:DegreesOfFreedom",
    "structure.settings": "strongroom.attacks.structure:RiskySettings",
    "reconstruction.linear": "strongroom.attacks.reconstruction:LinearReconstruction",
    "reconstruction.gradient": "strongroom.attacks.reconstruction:GradientInversion",
    "stealing.copy": "strongroom.attacks.stealing:CopyByQueries",
    "stealing.exact": "strongroom.attacks.stealing:ExactRecovery",
    "erasure.forgotten": "strongroom.attacks.erasure:Forgotten",
    "evasion.coordinate_search": "strongroom.attacks.evasion:CoordinateSearch",
}
"""Our attacks, in the order they are run; named here so that they work from a plain source tree."""


def attack_names() -> tuple[str, ...]:
    """Return the names of all attacks, ours first."""
    foreign = sorted({point.name for point in entry_points(group=GROUP)} - set(BUILTIN))
    return (*BUILTIN, *foreign)


def load_attack(name: str) -> Attack:
    """Return an attack by its name.

    Raises:
        KeyError: there is none; callers check against `attack_names` first.
    """
    if name in BUILTIN:
        module, _, attribute = BUILTIN[name].partition(":")
        made: Attack = getattr(import_module(module), attribute)()
        return made
    point = next((p for p in entry_points(group=GROUP) if p.name == name), None)
    if point is None:
        raise KeyError(name)
    foreign: Attack = point.load()()
    return foreign
