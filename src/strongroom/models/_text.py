"""Our models of text: hashed n-grams with a linear layer, a transformer, a writer.

Saved as tensors and JSON. What a text becomes depends on that text and the shape alone.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np

from strongroom.errors import DataError, InputError, MissingExtraError, TamperedError
from strongroom.models._metrics import encode_labels
from strongroom.models._protocol import digest_of
from strongroom.models._tokens import (
    BYTE_TOKENS,
    EDGE,
    byte_sequences,
    gram_tokens,
    word_tokens,
)

try:
    import torch
    from torch import Tensor, nn

    from strongroom.models._reading import Reads
    from strongroom.models._sequences import measure_sequences, sequence_losses
    from strongroom.models._transformer import GramNetwork, Transformer
except ImportError as error:
    raise MissingExtraError("torch", "train") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from strongroom.data import Dataset
    from strongroom.models._reading import Seen

FORMAT = "strongroom/text-model/1"
LANGUAGE_FORMAT = "strongroom/language-model/1"
TextKind = Literal["ngram", "text-classifier", "language-model"]
_TOKENS_AT_ONCE = 65_536
_NAMES = (*(f"byte {b:02x}" for b in range(EDGE)), "edge")


@dataclass(frozen=True)
class TextShape:
    """What a text becomes and what reads it; public.

    Attributes:
        kind: of model.
        buckets: of the hash, for "ngram" and "text-classifier".
        length: tokens read of a text, or bytes in a sequence.
        width, layers, heads: of the transformer.
    """

    kind: TextKind
    buckets: int = 2**16
    length: int = 1024
    width: int = 128
    layers: int = 2
    heads: int = 4

    def network(self, classes: int) -> nn.Module:
        """Return a network of this shape with parameters of no meaning."""
        if self.kind == "ngram":
            return GramNetwork(self.buckets, classes)
        causal = self.kind == "language-model"
        return Transformer(
            BYTE_TOKENS if causal else self.buckets,
            self.length,
            self.width,
            self.layers,
            self.heads,
            BYTE_TOKENS if causal else classes,
            causal=causal,
        )

    def tokens(self, texts: Iterable[str | None]) -> NDArray[np.int32]:
        """Return the tokens of each text, int32 [n, t]; not for "language-model"."""
        read = gram_tokens if self.kind == "ngram" else word_tokens
        return read(texts, self.buckets, self.length)


def text_of(dataset: Dataset, column: str) -> list[str | None]:
    """Return a column of text as it stands.

    Raises:
        DataError: no such column, or it holds something else.
    """
    dataset.require(column)
    values = dataset.table.column(column)
    if str(values.type) not in {"string", "null"}:
        raise DataError(
            f'the column "{column}" holds {values.type}, not text',
            where=dataset.name,
            hint="name a column of text in [train.text] column",
        )
    texts: list[str | None] = values.to_pylist()
    return texts


class _Text:
    """What the models of text share.

    Args:
        shape: how a text is read and by what.
        column: where the text stands.
        classes: what is told apart, in the order of the outputs.
        target: the column that is predicted; none for a language model.
    """

    format: ClassVar[str]

    def __init__(
        self, shape: TextShape, column: str, classes: Sequence[str], *, target: str
    ) -> None:
        self.shape = shape
        self.column = column
        self.classes = tuple(classes)
        self.target = target
        self.network = shape.network(len(self.classes))
        self.network.requires_grad_(requires_grad=False).eval()

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters by name, copied."""
        return {k: v.numpy().copy() for k, v in self.network.state_dict().items()}

    def meta(self) -> dict[str, Any]:
        """Return everything but the tensors, as plain JSON values."""
        return {
            "format": self.format,
            "shape": asdict(self.shape),
            "column": self.column,
            "classes": list(self.classes),
            "target": self.target,
        }

    def describe(self) -> dict[str, Any]:
        """See `TrainedModel.describe`."""
        return {
            "kind": self.shape.kind,
            "classes": list(self.classes) if self.target else [],
            "target": self.target,
            "inputs": self.shape.length,
            "columns": [self.column],
            "parameters": sum(p.numel() for p in self.network.parameters()),
        }

    def _batches(self, batch: NDArray[np.integer[Any]]) -> Iterator[tuple[slice, Tensor]]:
        """Give the network's outputs part by part."""
        step = max(1, _TOKENS_AT_ONCE // max(1, batch.shape[1]))
        for begin in range(0, max(len(batch), 1), step):
            part = slice(begin, begin + step)
            with torch.no_grad():
                yield part, self.network(torch.from_numpy(np.ascontiguousarray(batch[part])))


class TextModel(_Text):
    """A `Model` that says which class a text is of: "ngram" or "text-classifier"."""

    format = FORMAT

    def __repr__(self) -> str:
        return f"TextModel({self.shape.kind}, {self.column} → {len(self.classes)} classes)"

    def digest(self) -> str:
        """See `digest_of`."""
        return digest_of(self)

    def logits(self, batch: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return float32 [n, classes] for tokens int32 [n, t]."""
        found: NDArray[np.float32] = torch.cat([z for _, z in self._batches(batch)]).numpy()
        return found

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """See `Model.predict_proba`."""
        found: NDArray[np.float32] = torch.from_numpy(self.logits(batch)).softmax(dim=1).numpy()
        return found

    def predict_texts(self, texts: Iterable[str | None]) -> NDArray[np.float32]:
        """Return float32 [n, classes] for texts."""
        return self.predict_proba(self.shape.tokens(texts))

    def read(self, dataset: Dataset) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """See `TrainedModel.read`."""
        if self.target not in dataset.columns:
            raise DataError(f'the target column "{self.target}" is not in these rows')
        labels = encode_labels(dataset.table.column(self.target), self.classes)
        return self.shape.tokens(text_of(dataset, self.column)), labels

    @classmethod
    def from_parts(
        cls, tensors: Mapping[str, NDArray[np.float32]], meta: Mapping[str, Any]
    ) -> Self:
        """Make the model again from what `tensors` and `meta` gave.

        Raises:
            TamperedError: the parts don't fit each other.
        """
        if meta.get("format") != cls.format or meta["shape"]["kind"] == "language-model":
            raise TamperedError(f"not a text model of format {FORMAT}")
        shape = TextShape(**meta["shape"])
        model = cls(shape, meta["column"], meta["classes"], target=meta["target"])
        load_tensors(model.network, tensors)
        return model


class LanguageModel(_Text, Reads):
    """A model of what byte comes next. Its unit is one sequence of `shape.length` bytes.

    It is a `Model`, whose classes are the 256 bytes and the edge of a text.
    """

    format = LANGUAGE_FORMAT
    begin = end = EDGE
    vocabulary = BYTE_TOKENS

    def __init__(self, shape: TextShape, column: str) -> None:
        super().__init__(shape, column, _NAMES, target="")
        self.context = shape.length

    def __repr__(self) -> str:
        shape = self.shape
        return f"LanguageModel(width {shape.width}, {shape.layers} layers, {shape.length} bytes)"

    def digest(self) -> str:
        """See `digest_of`."""
        return digest_of(self)

    def predict_proba(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, 257]: what follows each of the sequences int32 [n, t]."""
        last = [z[:, -1].softmax(dim=-1) for _, z in self._batches(batch)]
        found: NDArray[np.float32] = torch.cat(last).numpy()
        return found

    def read(self, dataset: Dataset) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return sequences and what is to be predicted in them (see `byte_sequences`)."""
        inputs, labels, _ = byte_sequences(text_of(dataset, self.column), self.shape.length)
        return inputs, labels

    def sources(self, dataset: Dataset) -> NDArray[np.int64]:
        """Return the number of the row that each of the sequences of `read` is from."""
        return byte_sequences(text_of(dataset, self.column), self.shape.length)[2]

    def losses(self, inputs: NDArray[np.int32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return float64 [n]: each sequence's mean log loss of a byte, in nats."""
        return sequence_losses(self._batches(inputs), labels)

    def measure(self, inputs: NDArray[np.int32], labels: NDArray[np.int64]) -> dict[str, Any]:
        """Measure the model on sequences, each read without what came before it.

        A token is a byte or the end of a text; see `measure_sequences`.
        """
        size = int(((labels >= 0) & (labels < EDGE)).sum())
        return measure_sequences(self._batches(inputs), labels, size)

    def read_on(
        self, tokens: Tensor, before: Tensor, seen: Seen | None
    ) -> tuple[Tensor, Seen | None]:
        """See `Reads.read_on`."""
        network = cast("Transformer", self.network)
        return network.read_on(tokens, before, seen)

    def encode(self, texts: list[str]) -> list[list[int]]:
        """See `Reads.encode`."""
        return [list(text.encode("utf-8", "replace")) for text in texts]

    def decode(self, tokens: NDArray[np.integer[Any]]) -> list[str]:
        """See `Reads.decode`; bytes that are no UTF-8 become "\ufffd"."""
        return [bytes(row[: _length(row)]).decode("utf-8", "replace") for row in tokens.tolist()]

    def perplexity(self, texts: Iterable[str | None]) -> float:
        """Return the perplexity of a token over texts.

        Raises:
            InputError: there is no text.
        """
        inputs, labels, _ = byte_sequences(texts, self.shape.length)
        if not len(labels):
            raise InputError("there is no text to measure on")
        return float(self.measure(inputs, labels)["perplexity"])

    def generate(self, prompt: str, count: int, *, seed: int = 0, temperature: float = 1.0) -> str:
        """Return up to `count` bytes that the model writes after `prompt`, as text.

        It ends early where the model ends the text. Bytes that are no UTF-8 become "\ufffd".

        Args:
            prompt: what was written before; the last `shape.length - 1` bytes of it count.
            count: how many bytes, at most.
            seed: the same seed writes the same text on the same machine.
            temperature: 1 draws from the model's probabilities; towards 0, the likeliest byte.

        Raises:
            InputError: a temperature that isn't positive.
        """
        if not (temperature > 0 and math.isfinite(temperature)):
            raise InputError(f"a temperature of {temperature:g} is not above 0")
        coins = np.random.default_rng(seed)
        tokens, written = [EDGE, *prompt.encode("utf-8", "replace")], bytearray()
        for _ in range(count):
            seen = np.array([tokens[-self.shape.length :]], np.int32)
            with torch.no_grad():
                logits = self.network(torch.from_numpy(seen))[0, -1].double()
            proba = (logits / temperature).softmax(dim=0).numpy()
            token = min(int(np.searchsorted(proba.cumsum(), coins.random())), EDGE)
            if token == EDGE:
                break
            tokens.append(token)
            written.append(token)
        return written.decode("utf-8", "replace")

    @classmethod
    def from_parts(
        cls, tensors: Mapping[str, NDArray[np.float32]], meta: Mapping[str, Any]
    ) -> Self:
        """See `TextModel.from_parts`."""
        if meta.get("format") != cls.format or meta["shape"]["kind"] != "language-model":
            raise TamperedError(f"not a language model of format {LANGUAGE_FORMAT}")
        model = cls(TextShape(**meta["shape"]), meta["column"])
        load_tensors(model.network, tensors)
        return model


def _length(row: list[int]) -> int:
    """Return how many bytes there are before the first token that is none."""
    return next((i for i, token in enumerate(row) if not 0 <= token < EDGE), len(row))


def load_tensors(network: nn.Module, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Set a network's parameters.

    Raises:
        TamperedError: names or shapes don't fit the network, or a value isn't finite.
    """
    expected = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    if expected != {k: tuple(v.shape) for k, v in tensors.items()}:
        raise TamperedError("the tensors do not fit the architecture that the model names")
    if not all(np.isfinite(v).all() for v in tensors.values()):
        raise TamperedError("a tensor of the model holds NaN or infinite values")
    network.load_state_dict({k: torch.tensor(v, dtype=torch.float32) for k, v in tensors.items()})
