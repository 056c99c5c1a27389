"""The model of a job, made from its description alone, the same at every site.

A recipe carries what a model of ours says about itself (`TrainedModel.meta`). It comes from
somebody else, so every field is held to a type and a bound before anything of that size is made,
and only kinds that this room can train are known.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from strongroom.errors import InputError
from strongroom.models import (
    AdditiveModel,
    ColumnKind,
    ImageModel,
    ImageShape,
    LanguageModel,
    TableBins,
    TableEncoder,
    TableModel,
    TextModel,
    TextShape,
    outputs_of,
)
from strongroom.privacy import SecretStream
from strongroom.train import initialise_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from strongroom.federate._recipe import Recipe
    from strongroom.models import TrainedModel

MOST_PARAMETERS = 50_000_000
_MOST_POSITIONS = 1_000_000

Name = Annotated[str, Field(min_length=1, max_length=500)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Place = Annotated[int, Field(ge=0, le=_MOST_POSITIONS)]
Classes = Annotated[tuple[Name, ...], Field(min_length=2, max_length=10_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Column(_Part):
    """See `models.EncodedColumn`."""

    name: Name
    kind: ColumnKind
    start: Place
    stop: Place
    declared: bool
    integer: bool
    range: tuple[Finite, Finite] | None
    knots: tuple[Finite, ...]
    categories: tuple[str, ...]
    buckets: Annotated[int, Field(ge=0, le=4096)]
    bins: tuple[Finite, ...] = ()
    reference: tuple[Place, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind is ColumnKind.CATEGORY:
            places = len(self.categories) + 1 if self.categories else self.buckets
            sound = places > 0 and not (self.knots or self.bins or self.range)
            sound = sound and not (self.categories and self.buckets)
        else:
            places = len(self.knots) + (len(self.bins) + 1 if self.bins else 0)
            sound = len(self.knots) > 1 and not (self.categories or self.buckets)
            sound = sound and _rise(self.knots) and _rise(self.bins)
        if not sound or self.stop - self.start != places + 1:
            raise ValueError(f'the encoding of column "{self.name}" doesn\'t hold together')
        if any(place > places for place in self.reference):
            raise ValueError(f'a reference of column "{self.name}" lies outside of it')
        return self


class _Network(_Part):
    """A model whose parameters are those of a network."""

    def make(self) -> TrainedModel:
        raise NotImplementedError

    @property
    def size(self) -> int:
        # Without memory behind it.
        with torch.device("meta"):
            return sum(p.numel() for p in self.make().network.parameters())


class _Table(_Network):
    """See `models.TableModel`."""

    format: Literal["strongroom/table-model/1"]
    hidden: Annotated[tuple[Annotated[int, Field(gt=0, le=16_384)], ...], Field(max_length=32)]
    classes: Classes
    target: Name
    encoder: Annotated[tuple[_Column, ...], Field(min_length=1, max_length=10_000)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _follow(self.encoder)
        return self

    @property
    def kind(self) -> str:
        return "mlp" if self.hidden else "logistic"

    @property
    def columns(self) -> list[str]:
        return [column.name for column in self.encoder]

    def make(self) -> TableModel:
        encoder = TableEncoder.from_json([c.model_dump() for c in self.encoder])
        return TableModel(encoder, self.hidden, self.classes, target=self.target)


class _Bins(_Part):
    """See `models.TableBins`."""

    columns: Annotated[tuple[_Column, ...], Field(min_length=1, max_length=10_000)]
    edges: tuple[Annotated[tuple[Finite, ...], Field(max_length=8192)], ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _follow(self.columns)
        if len(self.edges) != len(self.columns):
            raise ValueError("there are more or fewer columns than columns with bins")
        for column, edges in zip(self.columns, self.edges, strict=True):
            category = column.kind is ColumnKind.CATEGORY
            known = category or all(place < len(column.knots) for place in column.reference[:1])
            if category == bool(edges) or not _rise(edges) or not known:
                raise ValueError(f'the bins of column "{column.name}" don\'t hold together')
        return self


class _Trees(_Part):
    """See `models.AdditiveModel`."""

    format: Literal["strongroom/additive-model/1"]
    classes: Classes
    target: Name
    bins: _Bins

    @property
    def size(self) -> int:
        return (1 + sum(self._places.sizes)) * outputs_of(len(self.classes))

    @property
    def _places(self) -> TableBins:
        return TableBins.from_json(self.bins.model_dump())

    @property
    def kind(self) -> str:
        return "trees"

    @property
    def columns(self) -> list[str]:
        return [column.name for column in self.bins.columns]

    def make(self) -> AdditiveModel:
        return AdditiveModel(self._places, self.classes, target=self.target)


class _ImageShape(_Part):
    """See `models.ImageShape`."""

    kind: Literal["scattering", "cnn"]
    height: Annotated[int, Field(ge=8, le=1024)]
    width: Annotated[int, Field(ge=8, le=1024)]
    colours: Literal[1, 3]
    scales: Annotated[int, Field(ge=1, le=5)]
    angles: Annotated[int, Field(ge=2, le=16)]
    groups: Annotated[int, Field(ge=1, le=100_000)]


class _Image(_Network):
    """See `models.ImageModel`."""

    format: Literal["strongroom/image-model/1"]
    shape: _ImageShape
    column: Name
    classes: Classes
    target: Name

    @property
    def kind(self) -> str:
        return self.shape.kind

    @property
    def columns(self) -> list[str]:
        return [self.column]

    def make(self) -> ImageModel:
        shape = ImageShape(**self.shape.model_dump())
        return ImageModel(shape, self.column, self.classes, target=self.target)


class _TextShape(_Part):
    """See `models.TextShape`."""

    kind: Literal["ngram", "text-classifier", "language-model"]
    buckets: Annotated[int, Field(ge=0, le=2**22)]
    length: Annotated[int, Field(ge=2, le=8192)]
    width: Annotated[int, Field(ge=8, le=4096)]
    layers: Annotated[int, Field(ge=1, le=48)]
    heads: Annotated[int, Field(ge=1, le=64)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        if self.kind != "language-model" and self.buckets < 2**8:
            raise ValueError("there are too few buckets")
        return self


class _Text(_Network):
    """See `models.TextModel` and `models.LanguageModel`."""

    format: Literal["strongroom/text-model/1", "strongroom/language-model/1"]
    shape: _TextShape
    column: Name
    classes: Classes
    target: Annotated[str, Field(max_length=500)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if ("language" in self.format) != (self.shape.kind == "language-model"):
            raise ValueError("the format of the text model isn't that of its kind")
        return self

    @property
    def kind(self) -> str:
        return self.shape.kind

    @property
    def columns(self) -> list[str]:
        return [self.column]

    def make(self) -> TextModel | LanguageModel:
        shape = TextShape(**self.shape.model_dump())
        if self.shape.kind == "language-model":
            return LanguageModel(shape, self.column)
        return TextModel(shape, self.column, self.classes, target=self.target)


_FORMATS: TypeAdapter[_Table | _Trees | _Image | _Text] = TypeAdapter(
    Annotated[_Table | _Trees | _Image | _Text, Field(discriminator="format")]
)


class Blueprint:
    """A model and its parameters as one vector, float32 [d].

    The vector holds what is trained, in the order of the network's own parameters; of trees, the
    constant and then each column's bins. What isn't trained (the centre that scattering can take
    away) stays zero in a federation.

    Attributes:
        model: ours; its network holds the parameters.
        size: d.
        columns: what it reads of a row, without the target.
    """

    def __init__(self, model: TrainedModel, columns: Sequence[str]) -> None:
        self.model = model
        self.columns = tuple(columns)
        self.size = sum(part.size for part in self._parts())

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """Make the model that a recipe describes; its parameters have no meaning yet.

        Raises:
            InputError: it is no description of ours, doesn't hold together, is another model than
                the recipe names, or is larger than any that is trained here.
        """
        try:
            found = _FORMATS.validate_python(recipe.model)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))[:200]
            raise InputError(
                f"the recipe's model can't be made: {first['msg']}", where=f"model.{place}"
            ) from error
        if found.kind != recipe.train.model:
            raise InputError(f'the recipe says "{recipe.train.model}" and describes another model')
        # Sizes first, without memory behind them.
        if found.size > MOST_PARAMETERS:
            raise InputError(
                f"a model of {found.size:,} parameters, where {MOST_PARAMETERS:,} are the most",
                hint="make [train] hidden, buckets or width smaller",
            )
        model: TrainedModel = found.make()
        if model.meta() != recipe.model:
            raise InputError("the recipe's model is described in another way than it is made")
        return cls(model, found.columns)

    def parameters(self) -> NDArray[np.float32]:
        """Return the parameters, copied."""
        return np.concatenate([part.ravel() for part in self._parts()])

    def _parts(self) -> list[NDArray[np.float32]]:
        """Return the parameters as they lie in the model, not copied."""
        if isinstance(self.model, AdditiveModel):
            return [self.model.constant, *self.model.shapes]
        return [p.detach().numpy() for p in self.model.network.parameters()]

    def load(self, vector: NDArray[np.floating[Any]]) -> None:
        """Set the parameters.

        Raises:
            InputError: a vector of another shape, or numbers that aren't finite.
        """
        self.check(vector)
        begin = 0
        for part in self._parts():
            part[...] = vector[begin : begin + part.size].reshape(part.shape)
            begin += part.size

    def check(self, vector: NDArray[np.floating[Any]]) -> None:
        """Refuse parameters that can't be this model's.

        Raises:
            InputError: a vector of another shape, or numbers that aren't finite.
        """
        if vector.shape != (self.size,):
            shape = "×".join(map(str, vector.shape))
            raise InputError(f"parameters of shape {shape}, where the model has {self.size:,}")
        if not np.isfinite(vector).all():
            raise InputError("the parameters hold numbers that aren't finite")

    def initial(self, seed: bytes) -> NDArray[np.float32]:
        """Set the parameters from coins, and return them: the same seed, the same parameters.

        Trees begin with nothing.
        """
        if isinstance(self.model, AdditiveModel):
            self.load(np.zeros(self.size))
            return self.parameters()
        initialise_model(self.model, SecretStream(hashlib.sha256(seed).digest()))
        return self.parameters()

    def digest(self) -> str:
        """Return SHA-256, hex, of the model as it stands."""
        return self.model.digest()


def _follow(columns: Sequence[_Column]) -> None:
    stops = [0, *(column.stop for column in columns)]
    if any(c.start != stop for c, stop in zip(columns, stops, strict=False)):
        raise ValueError("the columns of the encoding don't follow one another")
    if len({c.name for c in columns}) != len(columns):
        raise ValueError("a column is encoded twice")


def _rise(values: Sequence[float]) -> bool:
    return all(left < right for left, right in pairwise(values))
