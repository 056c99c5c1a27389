"""Every kind of model that we keep, by the format that its description names."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from strongroom.errors import TamperedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from strongroom.models._protocol import TrainedModel

# Format to (file, class); imported when it is first read.
FORMATS: Mapping[str, tuple[str, str]] = {
    "strongroom/table-model/1": ("_table", "TableModel"),
    "strongroom/additive-model/1": ("_additive", "AdditiveModel"),
    "strongroom/sharded-model/1": ("_sharded", "ShardedModel"),
    "strongroom/image-model/1": ("_image", "ImageModel"),
    "strongroom/text-model/1": ("_text", "TextModel"),
    "strongroom/language-model/1": ("_text", "LanguageModel"),
    "strongroom/huggingface-model/1": ("_huggingface", "HuggingFaceModel"),
    "strongroom/huggingface-language-model/1": (
        "_huggingface_language",
        "HuggingFaceLanguageModel",
    ),
}


def model_from_parts(tensors: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> TrainedModel:
    """Make a model again from what its `tensors` and `meta` gave.

    Raises:
        TamperedError: no format of ours, or the parts don't fit each other.
    """
    kind = meta.get("format")
    if not isinstance(kind, str) or kind not in FORMATS:
        raise TamperedError("not a model of a format that this version knows")
    file, name = FORMATS[kind]
    made: TrainedModel = getattr(
        importlib.import_module(f"strongroom.models.{file}"), name
    ).from_parts(tensors, meta)
    return made
