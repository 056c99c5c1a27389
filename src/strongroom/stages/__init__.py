"""The stages of the way, a file each, in order.

In: a `Way` (configuration, workspace, what earlier stages left). Out: an `Outcome` (a document of
metrics and names, never values; sealed artefacts). A stage calls the rooms and keeps what they
return; it computes nothing itself and keeps nothing in memory for the next.
"""

from strongroom.stages import anonymize, audit, discover, report, seal, train
from strongroom.stages._judge import judged
from strongroom.stages._stage import Outcome, Reads, Stage, View, Way

STAGES: tuple[Stage, ...] = (
    discover.STAGE,
    anonymize.STAGE,
    seal.STAGE,
    train.STAGE,
    audit.STAGE,
    report.STAGE,
)

__all__ = ["STAGES", "Outcome", "Reads", "Stage", "View", "Way", "judged"]
