"""`strongroom.toml`, typed: parsed at the border, trusted inside.

The sections are the specifications that the rooms take: `TrainSpec` is `[train]` and also what
`strongroom.train(table, spec)` is given. Every section is frozen; unknown keys are errors with a
suggestion and the line they stand on.
"""

from __future__ import annotations

from strongroom.config._read import CONFIG_NAME, load, parse
from strongroom.config._sections import (
    AnonymizeSpec,
    AuditSpec,
    ColumnSpec,
    Config,
    DataSpec,
    DiscoverSpec,
    FederationPrivacySpec,
    FederationSpec,
    ImageSpec,
    Limit,
    ModelKind,
    PrivacySpec,
    ProjectSpec,
    SealSpec,
    TextSpec,
    TrainSpec,
    TreesSpec,
)

__all__ = [
    "CONFIG_NAME",
    "AnonymizeSpec",
    "AuditSpec",
    "ColumnSpec",
    "Config",
    "DataSpec",
    "DiscoverSpec",
    "FederationPrivacySpec",
    "FederationSpec",
    "ImageSpec",
    "Limit",
    "ModelKind",
    "PrivacySpec",
    "ProjectSpec",
    "SealSpec",
    "TextSpec",
    "TrainSpec",
    "TreesSpec",
    "load",
    "parse",
]
