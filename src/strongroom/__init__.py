"""Strongroom: train models on data that must not leak, and prove it.

    import strongroom as sr

    found = sr.scan(df)                                     # where personal data is
    safe = sr.anonymize(df, k=5, quasi=["age", "zip"])      # taken out; risk and loss measured
    made = sr.train(df, sr.TrainSpec(...), target="y")      # with differential privacy
    found = sr.audit(made.model, members=df, nonmembers=other)

Importing this package is light: what a function needs is imported when it is first used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names, for type checkers; at run time `_HOME` finds them
    from strongroom.api import anonymize, audit, audit_training, load_model, risk, scan, train
    from strongroom.config import (
        AnonymizeSpec,
        AuditSpec,
        ColumnSpec,
        DiscoverSpec,
        Limit,
        PrivacySpec,
        TrainSpec,
    )
    from strongroom.data import Dataset, Role
    from strongroom.estimators import PrivacyBudget, PrivateClassifier, PrivateSearch
    from strongroom.privacy import make_private

__version__ = "0.1.0"

__all__ = [
    "AnonymizeSpec",
    "AuditSpec",
    "ColumnSpec",
    "Dataset",
    "DiscoverSpec",
    "Limit",
    "PrivacyBudget",
    "PrivacySpec",
    "PrivateClassifier",
    "PrivateSearch",
    "Role",
    "TrainSpec",
    "__version__",
    "anonymize",
    "audit",
    "audit_training",
    "load_model",
    "make_private",
    "risk",
    "scan",
    "train",
]

_HOME = dict.fromkeys(("scan", "risk", "load_model", "audit_training"), "strongroom.api")
_HOME |= dict.fromkeys(
    ("AnonymizeSpec", "AuditSpec", "ColumnSpec", "DiscoverSpec", "Limit", "PrivacySpec"),
    "strongroom.config",
)
_HOME |= {"TrainSpec": "strongroom.config", "make_private": "strongroom.privacy"}
_HOME |= dict.fromkeys(("Dataset", "Role"), "strongroom.data")
_HOME |= dict.fromkeys(
    ("PrivacyBudget", "PrivateClassifier", "PrivateSearch"), "strongroom.estimators"
)


class _CallableRoom(ModuleType):
    """A room that shares its name with the function that is its front door.

    `strongroom.anonymize` is both the package with the parts and the call that does the whole.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
        front_door = getattr(
            importlib.import_module("strongroom.api"), self.__name__.rpartition(".")[2]
        )
        return front_door(*args, **kwargs)


_ROOMS = ("anonymize", "audit", "train")


class _Package(ModuleType):
    """This package: loads names late, and makes the rooms named above callable."""

    def __setattr__(self, name: str, value: object) -> None:
        # The import system sets each submodule on its package, whoever imported it first.
        if name in _ROOMS and isinstance(value, ModuleType):
            value.__class__ = _CallableRoom
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever is named so
        if name in _ROOMS:
            return importlib.import_module(f"strongroom.{name}")
        if name in _HOME:
            return getattr(importlib.import_module(_HOME[name]), name)
        raise AttributeError(f"module 'strongroom' has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
