"""A Hugging Face model that writes text: all of it frozen but for low-rank adapters."""

from __future__ import annotations

from functools import cached_property
from inspect import signature
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError, MissingExtraError, TamperedError
from strongroom.models._huggingface import (
    adapt,
    check_tokens,
    library,
    make_body,
    make_tokenizer,
    plain_config,
)
from strongroom.models._protocol import digest_of
from strongroom.models._sequences import measure_sequences, sequence_losses
from strongroom.models._text import load_tensors, text_of
from strongroom.models._tokens import NO_TARGET, token_sequences

try:
    import torch
    from torch import Tensor, nn

    from strongroom.models._reading import Reads
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.models._reading import Seen

FORMAT = "strongroom/huggingface-language-model/1"
_TOKENS_AT_ONCE = 8_192
_TRIED = 32  # tokens


class Writer(nn.Module):
    """Tokens [n, t] to logits [n, t, vocabulary]: each position sees itself and what came before.

    Sequences are filled up at their end, which no earlier position sees, so there is no mask.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.body(input_ids=tokens.long(), use_cache=False).logits
        return logits


class HuggingFaceLanguageModel(Reads):
    """A model of what token comes next. Its unit is one sequence of `length` tokens.

    Args:
        config: the body's configuration, as its `config.json` says.
        tokenizer: the text of its `tokenizer.json`.
        column: where the text stands.
        length: tokens in a sequence.
        rank: of the adapters; 0 for none.
        weights: of the body, by name; without them it holds numbers of no meaning.

    Raises:
        MissingExtraError: transformers isn't installed.
        InputError: a configuration that can't be had without foreign code, or an unknown one.
    """

    target = ""

    def __init__(
        self,
        config: Mapping[str, Any],
        tokenizer: str,
        column: str,
        *,
        length: int,
        rank: int,
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.config = plain_config(config)
        self.column, self.length, self.rank = column, length, rank
        self._tokenizer_text = tokenizer
        self._tokenizer = make_tokenizer(tokenizer)
        body = make_body(self.config, causal=True)
        if weights is not None:
            body.load_state_dict(dict(weights))
        self.end = _one(body.config.eos_token_id, 0)
        self.begin = _one(body.config.bos_token_id, self.end)
        check_tokens(body, self._tokenizer, self.begin, self.end)
        self.vocabulary, self.context = int(body.config.vocab_size), length
        self.classes = tuple(f"token {i}" for i in range(self.vocabulary))
        self.adapters = adapt(body, rank) if rank else {}
        self.network = Writer(body)
        self.network.requires_grad_(requires_grad=False).eval()

    def __repr__(self) -> str:
        return (
            f"HuggingFaceLanguageModel({self.config['model_type']}, rank {self.rank} at "
            f"{len(self.adapters)} layers, {self.length} tokens)"
        )

    def trainable(self) -> Iterator[nn.Parameter]:
        """Give the parameters that are learnt: the adapters'."""
        for adapter in self.adapters.values():
            yield from adapter.down.parameters()
            yield from adapter.up.parameters()

    def sequences(
        self, texts: Iterable[str | None]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
        """Return what is read, what is to be predicted, and which text each sequence is from.

        See `byte_sequences`; tokens are the tokeniser's.
        """
        plain = [text if text and not text.isspace() else "" for text in texts]
        encoded = self._tokenizer.encode_batch(plain, add_special_tokens=False)
        return token_sequences(
            (e.ids for e in encoded), self.length, begin=self.begin, end=self.end
        )

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, vocabulary]: what follows each of the sequences int32 [n, t]."""
        last = [z[:, -1].softmax(dim=-1) for _, z in self._batches(batch)]
        found: NDArray[np.float32] = torch.cat(last).numpy()
        return found

    def read(self, dataset: Dataset) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See `sequences`."""
        inputs, labels, _ = self.sequences(text_of(dataset, self.column))
        return inputs, labels

    def sources(self, dataset: Dataset) -> NDArray[np.int64]:
        """Return the number of the row that each of the sequences of `read` is from."""
        return self.sequences(text_of(dataset, self.column))[2]

    def losses(self, inputs: NDArray[np.int32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return float64 [n]: each sequence's mean log loss of a token, in nats."""
        return sequence_losses(self._batches(inputs), labels)

    def measure(self, inputs: NDArray[np.int32], labels: NDArray[np.int64]) -> dict[str, Any]:
        """See `measure_sequences`; the bytes are those of the tokens, written out again."""
        kept = [row[(row != NO_TARGET) & (row != self.end)].tolist() for row in labels]
        texts = self._tokenizer.decode_batch(kept, skip_special_tokens=False)
        size = sum(len(text.encode("utf-8", "replace")) for text in texts)
        return measure_sequences(self._batches(inputs), labels, size)

    def read_on(
        self, tokens: Tensor, before: Tensor, seen: Seen | None
    ) -> tuple[Tensor, Seen | None]:
        """See `Reads.read_on`; nothing is kept of bodies whose cache isn't keys and values."""
        if self._keeps:
            return self._cached(tokens, seen)
        logits = self.network(torch.cat([before, tokens], dim=1))
        return logits[:, before.shape[1] :], None

    @cached_property
    def _keeps(self) -> bool:
        """Whether reading in two parts gives what reading at once does."""
        count = min(self.context, _TRIED)
        asked = torch.arange(2 * count, dtype=torch.int32).view(2, count) % self.vocabulary
        half = count // 2
        try:
            _, seen = self._cached(asked[:, :half], None)
            parted, _ = self._cached(asked[:, half:], seen)
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
            return False
        return torch.allclose(parted, self.network(asked)[:, half:], rtol=1e-3, atol=1e-3)

    def _cached(self, tokens: Tensor, seen: Seen | None) -> tuple[Tensor, Seen]:
        cache = library().DynamicCache()
        for number, (keys, values) in enumerate(seen or ()):
            cache.update(keys, values, number)
        body = self.network.body
        # Newer versions of transformers call it "cache", and warn of the old name.
        new = "cache" in signature(body.forward).parameters
        named = {"cache" if new else "past_key_values": cache}
        found = body(input_ids=tokens.long(), use_cache=True, **named)
        return found.logits, tuple((layer.keys, layer.values) for layer in cache.layers)

    def encode(self, texts: list[str]) -> list[list[int]]:
        """See `Reads.encode`."""
        return [e.ids for e in self._tokenizer.encode_batch(texts, add_special_tokens=False)]

    def decode(self, tokens: NDArray[np.integer[Any]]) -> list[str]:
        """See `Reads.decode`."""
        kept = [list(takewhile(lambda t: t not in {self.end, NO_TARGET}, r)) for r in tokens]
        texts: list[str] = self._tokenizer.decode_batch(kept, skip_special_tokens=False)
        return texts

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
            "classes": [],
            "target": "",
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
            raise TamperedError(f"not a Hugging Face language model of format {FORMAT}")
        try:
            model = cls(
                meta["config"],
                meta["tokenizer"],
                meta["column"],
                length=meta["length"],
                rank=meta["rank"],
            )
        except MissingExtraError:
            raise
        except InputError as error:
            raise TamperedError(error.what) from error
        load_tensors(model.network, tensors)
        return model

    def _batches(self, batch: NDArray[np.integer[Any]]) -> Iterator[tuple[slice, Tensor]]:
        step = max(1, _TOKENS_AT_ONCE // max(1, batch.shape[1]))
        for begin in range(0, max(len(batch), 1), step):
            part = slice(begin, begin + step)
            with torch.no_grad():
                yield part, self.network(torch.from_numpy(np.ascontiguousarray(batch[part])))


def _one(token: Any, otherwise: int) -> int:  # noqa: ANN401 - a configuration's own
    """Return a special token's number; some models have several."""
    if isinstance(token, list | tuple) and token:
        token = token[0]
    return int(token) if isinstance(token, int) else otherwise
