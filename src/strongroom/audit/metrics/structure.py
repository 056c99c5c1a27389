"""What a model's own structure gives away."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric
from strongroom.config import Limit

_STANDARDS = (
    "OWASP AISVS 1.0 11.3.3",
    "MITRE ATLAS AML.T0024.000",
    "NIST AI 100-2",
    "GDPR Art. 32",
    "EDPB Opinion 28/2024",
)
_LARGER_LEAVES = "grow smaller trees: raise min_samples_leaf (min_child_samples, min_child_weight)"

METRICS = (
    Metric(
        "structure.stored_points",
        "How many rows of the training data stand in the model as they are (stored points)",
        Severity.CRITICAL,
        _STANDARDS,
        "whoever has this file has these rows: take a model that doesn't keep them (not nearest "
        "neighbours, no support vectors), or keep the file as safe as the data",
        limit=Limit(max=0),
    ),
    Metric(
        "structure.smallest_leaf",
        "How few people stand behind one leaf of a tree (smallest leaf)",
        Severity.MEDIUM,
        _STANDARDS,
        _LARGER_LEAVES,
        lower_is_better=False,
        limit=Limit(min=5),
    ),
    Metric(
        "structure.smallest_region",
        "How few people in the training data share one answer of the model (k-anonymity of its "
        "regions)",
        Severity.LOW,
        _STANDARDS,
        _LARGER_LEAVES,
        lower_is_better=False,
    ),
    Metric(
        "structure.class_disclosure_share",
        "For how many people in the training data the model rules a class out altogether (class "
        "disclosure)",
        Severity.LOW,
        _STANDARDS,
        _LARGER_LEAVES,
    ),
    Metric(
        "structure.small_group_share",
        "How many people in the training data share their answer with fewer than ten of some class "
        "(small groups)",
        Severity.LOW,
        _STANDARDS,
        _LARGER_LEAVES,
    ),
    Metric(
        "structure.degrees_of_freedom",
        "How many rows there are for what the model could choose freely (residual degrees of "
        "freedom)",
        Severity.LOW,
        _STANDARDS,
        "fewer parameters (smaller trees, fewer of them, narrower layers) or more rows",
        lower_is_better=False,
    ),
    Metric(
        "structure.risky_settings",
        "Whether the settings are among those that leak most: 1 they are, 0 they are not "
        "(unnecessary risk)",
        Severity.LOW,
        _STANDARDS,
        "shallower trees, larger leaves or fewer trees; see the settings in the details",
    ),
)
