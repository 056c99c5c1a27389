"""Every check by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.discover.checks.general import GENERAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.discover.checks._check import Check

CHECKS: Mapping[str, Check] = {check.name: check for check in GENERAL}
