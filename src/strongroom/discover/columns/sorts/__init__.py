"""What a column may hold, most telling first; one file per family.

A table is judged from the top: the first sort that the column's name says and its values fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.discover.columns.sorts.facts import FACTS
from strongroom.discover.columns.sorts.identifiers import IDENTIFIERS
from strongroom.discover.columns.sorts.people import PEOPLE
from strongroom.discover.columns.sorts.places import PLACES
from strongroom.discover.columns.sorts.sensitive import SENSITIVE

if TYPE_CHECKING:
    from strongroom.discover.columns._sort import Sort

SORTS: tuple[Sort, ...] = (*IDENTIFIERS, *PEOPLE, *PLACES, *FACTS, *SENSITIVE)
