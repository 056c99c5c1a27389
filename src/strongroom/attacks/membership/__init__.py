"""Could an attacker tell whether a person was in the training data (membership inference)?

In: a model, rows that it was trained on and rows that it wasn't. Out: a `RocResult`. Pure functions
of (scores, membership) do the judging; nothing here reads or writes files.
"""

from strongroom.attacks._signal import confidence, confidence_of_logits
from strongroom.attacks.membership._lira import Lira, lira, lira_scores
from strongroom.attacks.membership._loss_threshold import LossThreshold, loss_threshold

__all__ = [
    "Lira",
    "LossThreshold",
    "confidence",
    "confidence_of_logits",
    "lira",
    "lira_scores",
    "loss_threshold",
]
