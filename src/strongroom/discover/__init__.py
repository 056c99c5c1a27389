"""Where personal data is: in texts, in columns, and which role every column should have.

In: a text, a column of strings, or a `Dataset`. Out: `Detection`s with offsets in code points, or
a `Found` that says what each column looks like, the role it should have, and why in words.
This room never changes data and never keeps, prints or returns a value of it, and it needs no
model: names inside sentences are found only where the same row says them (`find_own_values`).
"""

from strongroom.discover._baseline import Baseline
from strongroom.discover._cache import ScanCache
from strongroom.discover._detection import Detection, Recognizer, resolve
from strongroom.discover._found import ColumnFound, EntityShare, Found
from strongroom.discover._inventory import scan_sources
from strongroom.discover._located import Located, source_spans, source_texts
from strongroom.discover._own import find_own_values
from strongroom.discover._pictures import PictureDetector, Seen, find_in_picture
from strongroom.discover._scan import find_dataset_spans, scan, scan_batches
from strongroom.discover._severity import (
    SPECIAL_CATEGORY,
    Severity,
    ranked,
    severity,
    worst_first,
)
from strongroom.discover._source import Place, find_in_source
from strongroom.discover._spans import entities_of, find_column_spans, find_hits, find_spans
from strongroom.discover.columns._roles import IDENTIFYING
from strongroom.discover.recognizers import BUILT_IN, load_recognizers

__all__ = [
    "BUILT_IN",
    "IDENTIFYING",
    "SPECIAL_CATEGORY",
    "Baseline",
    "ColumnFound",
    "Detection",
    "EntityShare",
    "Found",
    "Located",
    "PictureDetector",
    "Place",
    "Recognizer",
    "ScanCache",
    "Seen",
    "Severity",
    "entities_of",
    "find_column_spans",
    "find_dataset_spans",
    "find_hits",
    "find_in_picture",
    "find_in_source",
    "find_own_values",
    "find_spans",
    "load_recognizers",
    "ranked",
    "resolve",
    "scan",
    "scan_batches",
    "scan_sources",
    "severity",
    "source_spans",
    "source_texts",
    "worst_first",
]
