"""A pre-trained model from a local folder: JSON and safetensors are read, and nothing else.

Nothing is fetched, no code of the folder is run and no pickle is opened.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from strongroom.errors import DataError
from strongroom.models._huggingface import library, plain_config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
_POOLING = "pooler"  # the last states are averaged, so nothing is lost where it is missing
_POSITIONS = 512


@dataclass(frozen=True)
class Pretrained:
    """What was read of a model's folder.

    Attributes:
        config: the configuration.
        tokenizer: the text of tokenizer.json.
        weights: of the body, by name.
    """

    config: dict[str, Any]
    tokenizer: str
    weights: Mapping[str, Tensor]

    @property
    def positions(self) -> int:
        """How many tokens the body can read."""
        config = self.config
        most = config.get("max_position_embeddings") or config.get("n_positions") or _POSITIONS
        # RoBERTa and its like begin to count after the padding.
        return max(1, int(most) - 2)


def read_pretrained(folder: Path, *, causal: bool = False, classifier: bool = False) -> Pretrained:
    """Read a model's folder: JSON and safetensors, and nothing else.

    Args:
        folder: where it is.
        causal: with the layer that predicts the next token.
        classifier: with the layers that say which class a text is of.

    Raises:
        DataError: a file is missing or damaged, weights lie in pickles only, or some are missing.
        InputError: the configuration asks for foreign code.
        MissingExtraError: transformers isn't installed.
    """
    if not folder.is_dir():
        raise DataError(
            "no such folder",
            where=str(folder),
            hint="[train.text] folder is relative to strongroom.toml; nothing is downloaded",
        )
    config = _json(folder / "config.json")
    tokenizer = folder / "tokenizer.json"
    if not tokenizer.is_file():
        raise DataError(
            "the folder has no tokenizer.json",
            where=str(folder),
            hint="AutoTokenizer.from_pretrained(…).save_pretrained(…) in transformers writes one",
        )
    if not any(folder.glob("*.safetensors")):
        pickled = [p.name for p in sorted(folder.iterdir()) if p.suffix in _PICKLES]
        raise DataError(
            f"its weights are in {pickled[0]}, which could run code when it is read"
            if pickled
            else "the folder has no *.safetensors",
            where=str(folder),
            hint="where you trust the file, convert it once, elsewhere: "
            "model.save_pretrained(…) in transformers writes safetensors",
        )
    config = plain_config(config)
    head = "AutoModelForCausalLM" if causal else "AutoModel"
    head = "AutoModelForSequenceClassification" if classifier else head
    return Pretrained(config, tokenizer.read_text("utf-8"), _weights(folder, config, head))


def _weights(folder: Path, config: Mapping[str, Any], head: str) -> Mapping[str, Tensor]:
    transformers = library()
    try:
        made = transformers.AutoConfig.for_model(**config)
        body, found = getattr(transformers, head).from_pretrained(
            folder,
            config=made,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="eager",
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # the library and safetensors raise of every kind
        raise DataError(
            f'the weights cannot be loaded as a "{config["model_type"]}" model',
            where=str(folder),
            hint="a file is damaged or missing, or this version of transformers doesn't know it",
        ) from error
    averaged = head == "AutoModel"
    missing = sorted(k for k in found["missing_keys"] if not (averaged and _POOLING in k))
    if missing:
        raise DataError(
            f'{len(missing):,} weights are not in its files, such as "{missing[0]}"',
            where=str(folder),
            hint="they would be made up: take the folder of the whole model",
        )
    weights: dict[str, Tensor] = body.state_dict()
    return weights


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"the folder has no {path.name}", where=str(path.parent))
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise DataError("not a JSON file, or a damaged one", where=str(path)) from error
    if not isinstance(found, dict):
        raise DataError("not the configuration of a model", where=str(path))
    return found
