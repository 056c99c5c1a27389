"""Every check by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.discover.checks.americas import AMERICAS
from strongroom.discover.checks.asia_africa import AFRICA_OCEANIA, ASIA
from strongroom.discover.checks.europe_north import NORTH
from strongroom.discover.checks.europe_south import SOUTH
from strongroom.discover.checks.general import GENERAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.discover.checks._check import Check

CHECKS: Mapping[str, Check] = {
    check.name: check for check in (*GENERAL, *NORTH, *SOUTH, *AMERICAS, *ASIA, *AFRICA_OCEANIA)
}
