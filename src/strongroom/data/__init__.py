"""Datasets: tables (Arrow), text, images; roles; readers and writers; fingerprints.

In: a path, or anything that speaks the Arrow C stream (pandas, polars, pyarrow).
Out: a `Dataset`. This room never guesses roles (discover does) and never changes values.
"""

from strongroom.data._dataset import Dataset, Kind, Role
from strongroom.data._images import (
    decode_images,
    image_column,
    pixels,
    raw,
    resized,
    seen_sizes,
    without_metadata,
)
from strongroom.data._readers import read_content, read_dataset, read_table, readable
from strongroom.data._split import split
from strongroom.data._writers import write_table

__all__ = [
    "Dataset",
    "Kind",
    "Role",
    "decode_images",
    "image_column",
    "pixels",
    "raw",
    "read_content",
    "read_dataset",
    "read_table",
    "readable",
    "resized",
    "seen_sizes",
    "split",
    "without_metadata",
    "write_table",
]
