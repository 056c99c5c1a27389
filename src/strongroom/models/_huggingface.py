"""A Hugging Face model that classifies text: a frozen body, low-rank adapters, our own last layer.

The model that is kept is whole: configuration, tokeniser and every tensor are in it, so it is read
back without the folder that it came from, and no code comes with it.
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import DataError, InputError, MissingExtraError, TamperedError
from strongroom.models._metrics import encode_labels
from strongroom.models._protocol import digest_of
from strongroom.models._text import load_tensors, text_of

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from strongroom.data import Dataset

FORMAT = "strongroom/huggingface-model/1"
EMPTY = -1
"""What fills a row of tokens after its text."""

# Where attention's queries and values are made, by the names that the common families use.
_ADAPTED = re.compile(r"(^|\.)(query|value|q_proj|v_proj|q_lin|v_lin|c_attn|Wqkv|query_key_value)$")
_SCALE = 2.0
_TOKENS_AT_ONCE = 16_384
# Each can make the library fetch or run something, or means weights that aren't plain numbers.
_REFUSED = ("auto_map", "quantization_config", "custom_pipelines")
_DROPPED = ("attn_implementation", "_attn_implementation", "dtype", "torch_dtype")


class Adapted(nn.Module):
    """A frozen linear layer with a trained one of low rank beside it (LoRA, Hu et al. 2021).

    Args:
        frozen: [..., inputs] to [..., outputs].
        inputs, outputs: its widths.
        rank: of what is added.
    """

    def __init__(self, frozen: nn.Module, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.frozen = frozen
        self.down = nn.Linear(inputs, rank, bias=False)
        self.up = nn.Linear(rank, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the frozen layer gives, and what was learnt beside it."""
        found: Tensor = self.frozen(x) + self.up(self.down(x)) * _SCALE
        return found


class Classifier(nn.Module):
    """Tokens [n, t] through a body to the mean of its last states, and on to logits."""

    def __init__(self, body: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(width, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits [n, classes]."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        # An empty text is read as one token: a softmax over nothing is not a number.
        kept = (tokens != EMPTY) | (places == 0)
        states = self.body(
            input_ids=tokens.clamp_min(0).long(), attention_mask=kept.long()
        ).last_hidden_state
        share = kept[:, :, None].to(states.dtype)
        logits: Tensor = self.head((states * share).sum(dim=1) / share.sum(dim=1))
        return logits


class HuggingFaceModel:
    """A `Model` that says which class a text is of.

    Args:
        config: the body's configuration, as its `config.json` says.
        tokenizer: the text of its `tokenizer.json`.
        column: where the text stands.
        classes: what is told apart, in the order of the outputs.
        target: the column that is predicted.
        length: tokens read of each text.
        rank: of the adapters.
        weights: of the body, by name; without them it holds numbers of no meaning.

    Raises:
        MissingExtraError: transformers isn't installed.
        InputError: a configuration that can't be had without foreign code, or an unknown one.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        tokenizer: str,
        column: str,
        classes: Sequence[str],
        *,
        target: str,
        length: int,
        rank: int,
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.config = plain_config(config)
        self.column, self.classes, self.target = column, tuple(classes), target
        self.length, self.rank = length, rank
        self._tokenizer_text = tokenizer
        self._tokenizer = make_tokenizer(tokenizer)
        self._tokenizer.enable_truncation(max_length=length)
        body = make_body(self.config)
        if weights is not None:
            body.load_state_dict(dict(weights))
        check_tokens(body, self._tokenizer)
        self.adapters = adapt(body, rank)
        self.network = Classifier(body, int(body.config.hidden_size), len(self.classes))
        self.network.requires_grad_(requires_grad=False).eval()

    def __repr__(self) -> str:
        return (
            f"HuggingFaceModel({self.config['model_type']}, rank {self.rank} at "
            f"{len(self.adapters)} layers, {self.column} → {len(self.classes)} classes)"
        )

    def trainable(self) -> Iterator[nn.Parameter]:
        """Give the parameters that are learnt: the adapters' and the last layer's."""
        for adapter in self.adapters.values():
            yield from adapter.down.parameters()
            yield from adapter.up.parameters()
        yield from self.network.head.parameters()

    def tokens(self, texts: Iterable[str | None]) -> NDArray[np.int32]:
        """Return int32 [n, t], t at most `length`: the tokeniser's, then `EMPTY`."""
        rows = [e.ids for e in self._tokenizer.encode_batch([t or "" for t in texts])]
        widest = max((len(r) for r in rows), default=0)
        tokens = np.full((len(rows), max(widest, 1)), EMPTY, np.int32)
        for row, ids in zip(tokens, rows, strict=True):
            row[: len(ids)] = ids
        return tokens

    def logits(self, batch: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return float32 [n, classes] for tokens int32 [n, t]."""
        step = max(1, _TOKENS_AT_ONCE // batch.shape[1])
        with torch.no_grad():
            parts = [
                self.network(torch.from_numpy(np.ascontiguousarray(batch[i : i + step])))
                for i in range(0, max(len(batch), 1), step)
            ]
        found: NDArray[np.float32] = torch.cat(parts).numpy()
        return found

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `Model.predict_proba`."""
        found: NDArray[np.float32] = torch.from_numpy(self.logits(batch)).softmax(dim=1).numpy()
        return found

    def predict_texts(self, texts: Iterable[str | None]) -> NDArray[np.float32]:
        """Return float32 [n, classes] for texts."""
        return self.predict_proba(self.tokens(texts))

    def read(self, dataset: Dataset) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See `TrainedModel.read`."""
        if self.target not in dataset.columns:
            raise DataError(f'the target column "{self.target}" is not in these rows')
        labels = encode_labels(dataset.table.column(self.target), self.classes)
        return self.tokens(text_of(dataset, self.column)), labels

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters by name, copied."""
        return {k: v.numpy().copy() for k, v in self.network.state_dict().items()}

    def meta(self) -> dict[str, Any]:
        """Return everything but the tensors, as plain JSON values."""
        return {
            "format": FORMAT,
            "config": self.config,
            "tokenizer": self._tokenizer_text,
            "column": self.column,
            "classes": list(self.classes),
            "target": self.target,
            "length": self.length,
            "rank": self.rank,
        }

    def digest(self) -> str:
        """See `digest_of`."""
        return digest_of(self)

    def describe(self) -> dict[str, Any]:
        """See `TrainedModel.describe`."""
        return {
            "kind": f"huggingface {self.config['model_type']}",
            "classes": list(self.classes),
            "target": self.target,
            "inputs": self.length,
            "columns": [self.column],
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "trained": sum(p.numel() for p in self.trainable()),
        }

    @classmethod
    def from_parts(
        cls, tensors: Mapping[str, NDArray[np.float32]], meta: Mapping[str, Any]
    ) -> Self:
        """Make the model again from what `tensors` and `meta` gave.

        Raises:
            TamperedError: the parts don't fit each other.
            MissingExtraError: transformers isn't installed.
        """
        if meta.get("format") != FORMAT:
            raise TamperedError(f"not a Hugging Face model of format {FORMAT}")
        try:
            model = cls(
                meta["config"],
                meta["tokenizer"],
                meta["column"],
                meta["classes"],
                target=meta["target"],
                length=meta["length"],
                rank=meta["rank"],
            )
        except MissingExtraError:
            raise
        except InputError as error:
            raise TamperedError(error.what) from error
        load_tensors(model.network, tensors)
        return model


def plain_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what only says how to compute.

    Raises:
        InputError: it asks for code or weights of a kind that are never loaded.
    """
    for name in _REFUSED:
        if config.get(name):
            raise InputError(
                f'the model\'s configuration asks for "{name}"',
                hint="only models whose code is part of transformers are loaded, in plain numbers",
            )
    if not isinstance(config.get("model_type"), str):
        raise InputError("the model's configuration names no model_type")
    return {key: value for key, value in config.items() if key not in _DROPPED}


def make_body(config: Mapping[str, Any], *, causal: bool = False) -> Any:  # noqa: ANN401 - a transformers.PreTrainedModel
    """Return the network of a configuration, with parameters of no meaning.

    Args:
        config: see `plain_config`.
        causal: with the layer that predicts the next token.

    Raises:
        MissingExtraError: transformers isn't installed.
        InputError: a kind of model that this version of transformers doesn't know.
    """
    transformers = library()
    try:
        made = transformers.AutoConfig.for_model(**config)
        kind = transformers.AutoModelForCausalLM if causal else transformers.AutoModel
        body = kind.from_config(made, trust_remote_code=False, attn_implementation="eager")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f'transformers cannot make a model of type "{config["model_type"]}" from this '
            "configuration",
            hint="a newer version of transformers may know it",
        ) from error
    return body.float()


def check_tokens(body: Any, tokenizer: Any, *special: int) -> None:  # noqa: ANN401 - untyped
    """Refuse a tokeniser whose tokens the body doesn't have.

    Raises:
        InputError: it has more, or a special token is none of the body's.
    """
    known = int(body.config.vocab_size)
    most = max(tokenizer.get_vocab_size(with_added_tokens=True), *(s + 1 for s in special), 0)
    if most > known:
        raise InputError(
            f"the tokeniser goes up to token {most - 1:,}, the model knows {known:,}",
            hint="config.json and tokenizer.json must be of the same model",
        )


def adapt(body: nn.Module, rank: int) -> dict[str, Adapted]:
    """Put adapters beside the layers that make attention's queries and values.

    Raises:
        InputError: the body has no layer with a name of the kind that is known.
    """
    found = {}
    for name, layer in list(body.named_modules()):
        weight = getattr(layer, "weight", None)
        if not _ADAPTED.search(name) or not isinstance(weight, Tensor) or weight.dim() != 2:  # noqa: PLR2004 - a matrix
            continue
        high, wide = weight.shape
        if not isinstance(layer, nn.Linear):  # GPT-2 keeps its matrices the other way round
            wide, high = high, wide
        parent, _, own = name.rpartition(".")
        adapted = Adapted(layer, wide, high, rank)
        setattr(body.get_submodule(parent), own, adapted)
        found[name] = adapted
    if not found:
        raise InputError(
            "no attention layer of this model has a name that is known",
            hint='those of BERT, RoBERTa, DistilBERT, GPT-2, Llama and Mistral are: "query", '
            '"q_proj", "q_lin", "c_attn"',
        )
    return found


def library() -> Any:  # noqa: ANN401 - the module transformers
    """Return transformers, told to be quiet.

    Raises:
        MissingExtraError: it isn't installed.
    """
    try:
        transformers: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise MissingExtraError("transformers", "huggingface") from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def make_tokenizer(text: str) -> Any:  # noqa: ANN401 - a tokenizers.Tokenizer
    """Return the tokeniser of a tokenizer.json, without padding and truncation.

    Raises:
        MissingExtraError: tokenizers isn't installed.
        InputError: it is damaged.
    """
    try:
        tokenizers: Any = importlib.import_module("tokenizers")
    except ImportError as error:
        raise MissingExtraError("transformers", "huggingface") from error
    try:
        made: Any = tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exceptions
        raise InputError("the model's tokenizer.json is none, or a damaged one") from error
    made.no_padding()
    made.no_truncation()
    return made
