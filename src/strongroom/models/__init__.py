"""Models: the protocol that attacks and reports see, our own, adapters to others', encodings.

In: Arrow tables, column declarations, encoded batches.
Out: encodings that depend on types and declarations only, class probabilities, tensors and JSON.
Never: pickle; an encoding learnt from values. Encoders and metrics work without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from strongroom.models._additive import AdditiveModel, outputs_of
from strongroom.models._bins import TableBins
from strongroom.models._encoder import (
    ColumnKind,
    EncodedColumn,
    TableEncoder,
    encodable,
    squashed_numbers,
)
from strongroom.models._formats import model_from_parts
from strongroom.models._metrics import delong, encode_labels, find_classes, metrics, wilson
from strongroom.models._protocol import Model, TrainedModel, digest_of
from strongroom.models._sharded import ShardedModel
from strongroom.models._tokens import NO_TARGET, byte_sequences

if TYPE_CHECKING:
    from strongroom.models._huggingface import HuggingFaceModel
    from strongroom.models._huggingface_language import HuggingFaceLanguageModel
    from strongroom.models._image import CentredLinear, ImageKind, ImageModel, ImageShape
    from strongroom.models._pretrained import Pretrained, read_pretrained
    from strongroom.models._scattering import Scattering
    from strongroom.models._table import TableModel, build_network
    from strongroom.models._text import LanguageModel, TextKind, TextModel, TextShape, text_of
    from strongroom.models.bank import Bank, train_bank
    from strongroom.models.foreign import Opened, open_model

_LATER = {
    "Opened": "foreign",
    "open_model": "foreign",
    "Bank": "bank",
    "CentredLinear": "_image",
    "ImageKind": "_image",
    "ImageModel": "_image",
    "ImageShape": "_image",
    "Scattering": "_scattering",
    "train_bank": "bank",
    "HuggingFaceLanguageModel": "_huggingface_language",
    "HuggingFaceModel": "_huggingface",
    "LanguageModel": "_text",
    "Pretrained": "_pretrained",
    "TableModel": "_table",
    "TextKind": "_text",
    "TextModel": "_text",
    "TextShape": "_text",
    "build_network": "_table",
    "read_pretrained": "_pretrained",
    "text_of": "_text",
}

__all__ = [
    "NO_TARGET",
    "AdditiveModel",
    "Bank",
    "CentredLinear",
    "ColumnKind",
    "EncodedColumn",
    "HuggingFaceLanguageModel",
    "HuggingFaceModel",
    "ImageKind",
    "ImageModel",
    "ImageShape",
    "LanguageModel",
    "Model",
    "Opened",
    "Pretrained",
    "Scattering",
    "ShardedModel",
    "TableBins",
    "TableEncoder",
    "TableModel",
    "TextKind",
    "TextModel",
    "TextShape",
    "TrainedModel",
    "build_network",
    "byte_sequences",
    "delong",
    "digest_of",
    "encodable",
    "encode_labels",
    "find_classes",
    "metrics",
    "model_from_parts",
    "open_model",
    "outputs_of",
    "read_pretrained",
    "squashed_numbers",
    "text_of",
    "train_bank",
    "wilson",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name in _LATER:
        module = importlib.import_module(f"{__name__}.{_LATER[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
