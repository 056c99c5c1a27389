"""Could an attacker tell whether a person was in the training data (membership inference)?

In: a model, rows that it was trained on and rows that it wasn't. Out: a `RocResult`, of people too
where rows are known to be a person's, and the rows that are most exposed, by number. Pure functions
of (target's signals, references' signals, membership) do the scoring; nothing here reads or writes
files. `combined` is the default: it weighs what the others see.
"""

from strongroom.attacks._signal import confidence, confidence_of_logits
from strongroom.attacks.membership._bavaria import Bavaria, bavaria_scores
from strongroom.attacks.membership._calibrated import Calibrated, calibrated_scores
from strongroom.attacks.membership._combined import Combined, combined_scores
from strongroom.attacks.membership._judging import most_exposed, of_persons
from strongroom.attacks.membership._label_only import LabelOnly, label_only_scores
from strongroom.attacks.membership._lira import (
    Lira,
    LiraFixed,
    LiraOffline,
    lira,
    lira_offline_scores,
    lira_scores,
)
from strongroom.attacks.membership._loss_threshold import LossThreshold, loss_threshold
from strongroom.attacks.membership._quantile import Quantile, quantile_scores
from strongroom.attacks.membership._range import Range, range_scores
from strongroom.attacks.membership._rmia import Rmia, RmiaOffline, choose_a, rmia_scores

__all__ = [
    "Bavaria",
    "Calibrated",
    "Combined",
    "LabelOnly",
    "Lira",
    "LiraFixed",
    "LiraOffline",
    "LossThreshold",
    "Quantile",
    "Range",
    "Rmia",
    "RmiaOffline",
    "bavaria_scores",
    "calibrated_scores",
    "choose_a",
    "combined_scores",
    "confidence",
    "confidence_of_logits",
    "label_only_scores",
    "lira",
    "lira_offline_scores",
    "lira_scores",
    "loss_threshold",
    "most_exposed",
    "of_persons",
    "quantile_scores",
    "range_scores",
    "rmia_scores",
]
