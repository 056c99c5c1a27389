"""A folder of Hugging Face: a model that classifies texts, or one that writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from strongroom.errors import DataError, InputError
from strongroom.models._huggingface import EMPTY, library, make_tokenizer, plain_config
from strongroom.models._huggingface_language import HuggingFaceLanguageModel
from strongroom.models._pretrained import read_pretrained
from strongroom.models._text import text_of
from strongroom.models.foreign._base import ForeignModel, guarded, need_classes
from strongroom.models.foreign._codecs import text_column
from strongroom.models.foreign._walk import digest_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from strongroom.data import Dataset
    from strongroom.models._pretrained import Pretrained
    from strongroom.models.foreign._reference import Options, Reference

_TOKENS_AT_ONCE = 16_384
_LONGEST = 512
_SEQUENCE = 128  # tokens a unit of a model that writes
_CLASSIFIES, _WRITES = "ForSequenceClassification", ("ForCausalLM", "LMHeadModel")


class HuggingFaceClassifier(ForeignModel):
    """A model with a head for sequence classification.

    Args:
        found: what its folder holds.
        classes: names; the configuration's own by default.
        target: the column that is predicted.
        column: where the text stands; the only column of text by default.

    Raises:
        InputError: it predicts numbers, or several labels at once.
        MissingExtraError: transformers isn't installed.
    """

    kind: ClassVar[str] = "huggingface"

    def __init__(
        self,
        found: Pretrained,
        *,
        classes: Sequence[Any] | None = None,
        target: str | None = None,
        column: str | None = None,
    ) -> None:
        transformers = library()
        config = plain_config(found.config)
        made = transformers.AutoConfig.for_model(**config)
        kinds = transformers.AutoModelForSequenceClassification
        network = kinds.from_config(made, trust_remote_code=False, attn_implementation="eager")
        network.load_state_dict(dict(found.weights))
        self.network: nn.Module = network.float().requires_grad_(requires_grad=False).eval()
        count = int(made.num_labels)
        if count < 2 or made.problem_type in {"regression", "multi_label_classification"}:  # noqa: PLR2004
            raise InputError("the model predicts numbers, or several labels at once")
        length = min(found.positions, _LONGEST)
        names = need_classes(classes or _labels(config, count), count)
        super().__init__(_TokenCodec(found.tokenizer, column, length), names, target)
        self._padding = made.pad_token_id
        self._family = str(config["model_type"])

    def __repr__(self) -> str:
        return f"HuggingFaceClassifier({self._family}, {len(self.classes)} classes)"

    def logits(self, batch: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return float32 [n, classes] for tokens int32 [n, t] as `read` gives them."""
        found: NDArray[np.float32] = guarded(self, lambda: self._logits(batch))
        self.queries += len(batch)
        return found

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `ForeignModel.predict_proba`."""
        return self.checked(torch.from_numpy(self.logits(batch)).softmax(dim=1).numpy(), len(batch))

    def _logits(self, batch: NDArray[np.int32]) -> NDArray[np.float32]:
        """Ask about texts of one length at a time: nothing then depends on how they are filled."""
        lengths = np.maximum((batch != EMPTY).sum(axis=1), 1)
        found = np.zeros((len(batch), len(self.classes)), np.float32)
        for length in np.unique(lengths):
            same = np.flatnonzero(lengths == length)
            step = max(1, _TOKENS_AT_ONCE // int(length))
            for start in range(0, len(same), step):
                rows = same[start : start + step]
                tokens = torch.from_numpy(np.ascontiguousarray(batch[rows, :length]))
                found[rows] = self._forward(tokens.clamp_min(0).long())
        return found

    def _forward(self, tokens: Tensor) -> NDArray[np.float32]:
        config: Any = self.network.config
        if self._padding is None:
            # Rows of one length need no filling; some families refuse a batch without its token.
            config.pad_token_id = -1
        with torch.no_grad():
            answer = self.network(input_ids=tokens, attention_mask=torch.ones_like(tokens))
        found: NDArray[np.float32] = answer.logits.float().numpy()
        return found

    def _content(self) -> Any:  # noqa: ANN401
        return {"classes": self.classes, "network": self.network}

    def describe(self) -> dict[str, Any]:
        """See `ForeignModel.describe`."""
        return {
            **super().describe(),
            "estimator": f"huggingface {self._family}",
            "answers": "logits",
            "parameters": sum(p.numel() for p in self.network.parameters()),
        }


class _TokenCodec:
    """A column of text as tokens int32 [n, length], filled up with `EMPTY`."""

    takes = "text"

    def __init__(self, tokenizer: str, column: str | None, length: int) -> None:
        self._tokenizer = make_tokenizer(tokenizer)
        self._tokenizer.enable_truncation(max_length=length)
        self.column, self.length = column, length

    def encode(self, dataset: Dataset, target: str) -> NDArray[np.int32]:
        """See `Codec.encode`."""
        self.column = self.column or text_column(dataset, target)
        texts = [text or "" for text in text_of(dataset, self.column)]
        tokens = np.full((len(texts), self.length), EMPTY, np.int32)
        for row, encoded in zip(tokens, self._tokenizer.encode_batch(texts), strict=True):
            row[: len(encoded.ids)] = encoded.ids
        return tokens

    def decode(self, batch: NDArray[Any]) -> NDArray[Any]:
        """See `Codec.decode`."""
        return batch


class ForeignWriter(HuggingFaceLanguageModel):
    """A model that writes, as its folder holds it: `losses`, `reading`, no class to a row.

    Args:
        found: what its folder holds.
        column: where the text stands; the only column of text by default.
    """

    kind, takes = "huggingface", "language"
    soft, fixed, deterministic = True, False, True
    fit = None

    def __init__(self, found: Pretrained, *, column: str | None = None) -> None:
        length = min(found.positions, _SEQUENCE)
        super().__init__(
            found.config,
            found.tokenizer,
            column or "",
            length=length,
            rank=0,
            weights=found.weights,
        )
        self.recipe: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        return f"ForeignWriter({self.config['model_type']}, {self.length} tokens)"

    def read(self, dataset: Dataset) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return sequences of tokens int32 [n, length], and what comes next int64 [n, length]."""
        self.column = self.column or text_column(dataset, "")
        return super().read(dataset)

    def digest(self) -> str:
        """Return SHA-256, hex, of the configuration and every tensor."""
        return digest_object({"config": self.config, "network": self.network})


def _labels(config: Mapping[str, Any], count: int) -> list[str] | None:
    """Return the names that a configuration gives its outputs, if they aren't made up."""
    told = config.get("id2label")
    if not isinstance(told, dict):
        return None
    names = [str(told.get(str(i), told.get(i, ""))) for i in range(count)]
    made_up = all(name in {"", f"LABEL_{i}"} for i, name in enumerate(names))
    return None if made_up else names


class HuggingFaceAdapter:
    """Folders with config.json, tokenizer.json and *.safetensors; nothing is fetched."""

    name = "huggingface"

    def recognises(self, reference: Reference) -> bool:
        """Tell whether it is a folder with a configuration."""
        folder = reference.folder
        return folder is not None and (folder / "config.json").is_file()

    def open(self, reference: Reference, options: Options) -> HuggingFaceClassifier | ForeignWriter:
        """See `Adapter.open`."""
        assert reference.path is not None  # noqa: S101 - see `recognises`
        column = options.columns[0] if options.columns else None
        kind = _architecture(reference.path)
        if kind.endswith(_CLASSIFIES):
            found = read_pretrained(reference.path, classifier=True)
            return HuggingFaceClassifier(
                found, classes=options.classes, target=options.target, column=column
            )
        if kind.endswith(_WRITES):
            return ForeignWriter(read_pretrained(reference.path, causal=True), column=column)
        raise InputError(
            f'a "{kind or "model without a named architecture"}" neither classifies texts nor '
            "writes them",
            where=str(reference.path),
            hint="config.json must name an architecture …ForSequenceClassification or …ForCausalLM",
        )


def _architecture(folder: Path) -> str:
    try:
        told = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            "not a JSON file, or a damaged one", where=str(folder / "config.json")
        ) from error
    names = told.get("architectures") if isinstance(told, dict) else None
    return str(names[0]) if isinstance(names, list) and names else ""
