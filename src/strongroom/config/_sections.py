"""The sections of `strongroom.toml`: each is the specification that a room takes."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
CountryCode = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectSpec(_Section):
    """`[project]`."""

    name: str = Field(min_length=1)


class ColumnSpec(_Section):
    """`[data.columns.NAME]`: what the user *declares* instead of the data teaching it.

    Attributes:
        role: overrides what discover suggests.
        range: public lower and upper bound of a number; values outside are clamped for training.
        knots: public knots of the linear-spline basis, inside the range.
        bins: how many fine bins the range is cut into, beside the knots: a step function, where
            single values matter.
        log: they are even in log(1 + distance from the lower bound), for a long tail.
        reference: the value that most rows have, as far as is known in public: its place is
            written as 0, which leaves more of the clip norm to what is rare.
        categories: the public list of categories; anything else is "other".
        hierarchy: generalisation of categories for anonymize: value to the list of ever more
            general values, nearest first.
    """

    role: (
        Literal["direct_identifier", "quasi_identifier", "sensitive", "target", "feature", "ignore"]
        | None
    ) = None
    range: tuple[Finite, Finite] | None = None
    knots: tuple[Finite, ...] = ()
    bins: Annotated[int, Field(ge=0, le=4096)] = 0
    log: bool = False
    reference: str | Finite | None = None
    categories: tuple[str, ...] = ()
    hierarchy: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.range and self.range[0] >= self.range[1]:
            raise ValueError("range must go from a lower to a higher number")
        if self.knots and list(self.knots) != sorted(set(self.knots)):
            raise ValueError("knots must rise and not repeat")
        if self.categories and (self.range or self.knots):
            raise ValueError("a column has either categories or a range, not both")
        if self.knots and not (
            self.range and self.range[0] < self.knots[0] and self.knots[-1] < self.range[1]
        ):
            raise ValueError("knots must lie inside the range")
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories must not repeat")
        if self.bins and not self.range:
            raise ValueError("bins need a range that they cut")
        if self.log and not self.bins:
            raise ValueError("log says how bins lie: give bins too")
        return self

    @model_validator(mode="after")
    def _reference_known(self) -> Self:
        if self.reference is None:
            return self
        if isinstance(self.reference, str):
            if self.reference not in self.categories:
                raise ValueError("the reference must be one of the categories")
        elif not (self.range and self.range[0] <= self.reference <= self.range[1]):
            raise ValueError("the reference must lie in the range")
        return self


class DataSpec(_Section):
    """`[data]`.

    Attributes:
        source: file with the rows to protect and to train on, relative to strongroom.toml.
        test: file with the rows to test on; without it `test_fraction` is held out by keyed hash.
        validation: file with rows that are nobody's secret (published, or made up), by which a
            training may stop early; see [train] patience.
        target: the column to predict.
        subject: the column that says which person a row belongs to (the privacy unit).
        rows: the *declared* number of training rows, a public constant: sampling rate and
            normaliser come from it, never from the private count.
        budget: the most ε that may ever be spent on this source, at the δ of the first spending.
        columns: declarations per column.
    """

    source: str
    test: str | None = None
    validation: str | None = None
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.25
    target: str | None = None
    subject: str | None = None
    rows: Annotated[int, Field(gt=0)] | None = None
    budget: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    columns: dict[str, ColumnSpec] = Field(default_factory=dict)


class DiscoverSpec(_Section):
    """`[discover]`.

    Attributes:
        country: ISO 3166 code for phone numbers and national ids written without one.
        countries: further ones whose numbers are known without a word beside them.
        min_score: spans below it are dropped.
        max_rows: rows looked at per column to name its type; 0 is all of them.
        names: look for names, places and the like in sentences, with the model in the package.
        allow: terms that are nobody's secret and never reported, in capitals or small letters.
        deny: entity to terms that are always reported as it.
        recognizers: files with recognizers of your own: rules in `.toml`, or `.py`, which is run.
    """

    country: CountryCode = "US"
    countries: tuple[CountryCode, ...] = ()
    min_score: Fraction = 0.5
    max_rows: Annotated[int, Field(ge=0)] = 0
    names: bool = True
    allow: tuple[str, ...] = ()
    deny: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    recognizers: tuple[str, ...] = ()

    def __hash__(self) -> int:
        """Hash by content: what is compiled for a specification is kept under it."""
        return hash(self.model_dump_json())


class AnonymizeSpec(_Section):
    """`[anonymize]`; see `strongroom.anonymize`.

    Attributes:
        k: every combination of quasi-identifiers is shared by at least k rows.
        l: and holds at least l distinct values of each sensitive column.
        suppression_limit: the largest share of rows that may be left out.
        direct: what happens to direct identifiers.
        pseudonymise: these columns are pseudonymised even when `direct` is "drop".
        text: what replaces personal data in free text: its label, a mask, or a surrogate that is
            the same for the same value.
        method: which algorithm groups the rows.
    """

    k: Annotated[int, Field(ge=1)] = 5
    l: Annotated[int, Field(ge=1)] = 1  # noqa: E741 - the field's own letter
    suppression_limit: Fraction = 0.02
    direct: Literal["drop", "pseudonymise"] = "drop"
    pseudonymise: tuple[str, ...] = ()
    text: Literal["label", "mask", "surrogate"] = "label"
    method: Literal["mondrian"] = "mondrian"


class SealSpec(_Section):
    """`[seal]`.

    Attributes:
        recipients: further age recipients ("age1…") that shall be able to open every artefact,
            beside the workspace's own key.
        identity: file of the workspace key; by default in the user's configuration folder.
    """

    recipients: tuple[str, ...] = ()
    identity: str | None = None


ModelKind = Literal[
    "logistic",
    "mlp",
    "trees",
    "scattering",
    "cnn",
    "ngram",
    "text-classifier",
    "language-model",
    "huggingface",
]
"""What can be trained: three kinds of table models, two of images, four of text."""


class PrivacySpec(_Section):
    """`[train.privacy]`: the guarantee asked for and how the mechanism reaches it.

    Attributes:
        epsilon, delta: the guarantee of the whole training.
        clip_norm: the L2 bound on one example's gradient; where it adapts, the first.
        clipping: of the whole gradient or of each layer's; scaling every gradient to the norm
            (AUTO-S); or a norm that follows the quantile of the gradients' norms and pays for it.
        quantile: the share of gradients that an adaptive norm leaves as they are.
        sampling: of batches: every row by its own coin, a fixed number, shuffled epochs, or every
            row into one batch of each epoch by its own die.
        noise: of the steps: independent, or correlated by a banded matrix or by buffered linear
            Toeplitz sums (DP-FTRL), for data that come in an order that can't be secret.
        bands: of the banded matrix, at most.
        rows_per_subject: where there is a subject, so many of a person's rows at most take part,
            as one gradient; the others are left out, by secret coins.
        preprocessing: share of the budget (of μ²) for private quantiles, from which numbers
            without a declared range get their knots and bounds; 0 keeps the fixed rules.
        canaries: how many canaries ride along for the one-run audit (0: none). A few thousand come
            near the proved ε; a thousand don't.
        rehearsal: the canaries ride in a rehearsal on made-up rows, which is thrown away, and not
            in the training itself.
    """

    epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3.0
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    clip_norm: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    clipping: Literal["flat", "per-layer", "automatic", "adaptive"] = "flat"
    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.5
    sampling: Literal["poisson", "fixed-size", "shuffled", "balls-in-bins"] = "poisson"
    noise: Literal["independent", "banded", "blt"] = "independent"
    bands: Annotated[int, Field(ge=1, le=1024)] = 16
    rows_per_subject: Annotated[int, Field(ge=1, le=1024)] = 1
    preprocessing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    canaries: Annotated[int, Field(ge=0, le=100_000)] = 0
    rehearsal: bool = False


class ImageSpec(_Section):
    """`[train.image]`: how images become numbers.

    Attributes:
        column: the images to read; by default the only column of them.
        height, width: the size that every image is brought to; by default the one that all have.
        colours: 1 or 3; by default 3 if any image has them.
        scales, angles: of the scattering; see `strongroom.models.Scattering`.
        groups: of the scattering's channels that are normalised together, in each image.
        centre: the noise multiplier of the mean of all images' features, which scattering takes
            away first; it is paid from the same ε. 0: nothing is taken away.
        augment: views of every image, of which the gradient is averaged (De et al. 2022).
        shift: the most pixels that a view is moved by, down or across.
        flip: half of the views are mirrored, left to right.
    """

    column: str | None = None
    height: Annotated[int, Field(ge=8, le=1024)] | None = None
    width: Annotated[int, Field(ge=8, le=1024)] | None = None
    colours: Literal[1, 3] | None = None
    scales: Annotated[int, Field(ge=1, le=5)] = 2
    angles: Annotated[int, Field(ge=2, le=16)] = 8
    groups: Annotated[int, Field(ge=1)] | None = None
    centre: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 8.0
    augment: Annotated[int, Field(ge=1, le=64)] = 1
    shift: Annotated[int, Field(ge=0, le=32)] = 1
    flip: bool = False

    @model_validator(mode="after")
    def _both_sides(self) -> Self:
        if (self.height is None) != (self.width is None):
            raise ValueError("height and width are given together, or neither")
        return self


class TreesSpec(_Section):
    """`[train.trees]`: additive trees, one per column and round.

    Attributes:
        rounds: how many; each is one noisy release of all columns' histograms.
        learning_rate: share of a Newton step that a round takes.
        leaves: of a tree, cut at random places of a number's bins.
        trees: that share one histogram; their mean is taken.
        detail: share of a round's step that each bin takes alone, without its neighbours.
        counts: share of the privacy budget (of μ²) for how many rows each bin has.
    """

    rounds: Annotated[int, Field(ge=1, le=10_000)] = 40
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.4
    leaves: Annotated[int, Field(ge=2, le=1024)] = 32
    trees: Annotated[int, Field(ge=1, le=64)] = 4
    detail: Fraction = 0.3
    counts: Annotated[float, Field(gt=0, lt=1)] = 0.05


class TextSpec(_Section):
    """`[train.text]`: how text becomes numbers. Nothing of it is learnt from the rows.

    Attributes:
        column: the text to read; by default the only column of free text.
        buckets: what words and n-grams are hashed into, for "ngram" and "text-classifier".
        length: tokens read of each text: n-grams, words, or the bytes of one sequence.
        width, layers, heads: of a transformer.
        unit: whose presence the guarantee of a language model hides: one "sequence" of `length`
            bytes, or a whole "row", of which one sequence takes part. A [data].subject goes first.
        folder: of the Hugging Face model to start from.
        lora_rank: of the adapters that are trained beside its frozen layers.
    """

    column: str | None = None
    buckets: Annotated[int, Field(ge=2**8, le=2**22)] | None = None
    length: Annotated[int, Field(ge=2, le=8192)] | None = None
    width: Annotated[int, Field(ge=8, le=4096)] = 128
    layers: Annotated[int, Field(ge=1, le=48)] = 2
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    unit: Literal["sequence", "row"] = "sequence"
    folder: str | None = None
    lora_rank: Annotated[int, Field(ge=1, le=256)] = 8

    @model_validator(mode="after")
    def _whole_heads(self) -> Self:
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        return self


class TrainSpec(_Section):
    """`[train]`; see `strongroom.train`.

    Attributes:
        model: the architecture.
        hidden: widths of the MLP's hidden layers.
        epochs: passes over the data, in expectation.
        batch_size: expected size of a Poisson batch, or "full" for every row in every step.
        learning_rate: of the optimizer.
        weight_decay: decoupled.
        optimizer: what turns the noisy mean gradient into a step; "adam-corrected" takes the
            noise's own variance out of Adam's second moment (Tang et al. 2024).
        average: train returns the mean of the last half of the iterates (post-processing: free).
        patience: stop after so many looks (of 20 in a training) without improvement, and keep the
            best parameters seen; 0 never stops early. A private training looks at [data] validation
            alone, which must be public; a plain one without it holds a tenth of its rows out.
        compare: also train the same model without privacy, for comparison; it is not released.
        shards: so many models, each of its own people, of which the mean answers: to take a person
            out, only one of them is trained again. Not with privacy.
        privacy: the guarantee, or None for training without privacy.
        image: for models of images.
        text: for models of text.
        trees: for "trees".
        seed: makes a training without privacy repeatable. A private one that is given a seed is
            marked "not private".
    """

    model: ModelKind = "logistic"
    hidden: tuple[Annotated[int, Field(gt=0)], ...] = (64,)
    epochs: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 100
    batch_size: Annotated[int, Field(gt=0)] | Literal["full"] = "full"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    optimizer: Literal["sgd", "momentum", "adam", "adam-corrected"] = "adam"
    average: bool = True
    patience: Annotated[int, Field(ge=0, le=100)] = 0
    compare: bool = True
    privacy: PrivacySpec | None = None
    image: ImageSpec = ImageSpec()
    text: TextSpec = TextSpec()
    trees: TreesSpec = TreesSpec()
    shards: Annotated[int, Field(ge=1, le=256)] = 1
    seed: Annotated[int, Field(ge=0)] | None = None

    @property
    def kind(self) -> Literal["table", "image", "text", "language"]:
        """What such a model takes."""
        if self.model in ("scattering", "cnn"):
            return "image"
        if self.model in ("ngram", "text-classifier"):
            return "text"
        if self.model == "language-model":
            return "language"
        return "text" if self.model == "huggingface" else "table"


class AuditSpec(_Section):
    """`[audit]`.

    Attributes:
        attacks: a preset or a list of attack names.
        shadows: shadow models for membership inference; 0 takes the preset's.
        immutable: columns that nobody can change to fool the model, such as an age.
        sensitive: columns that an attacker wants to learn about people; by default those that have
            that role.
        query_budget: how many rows one attack may ask the model for, at most.
        seed: of the attacker's coins, so that an audit can be repeated.
    """

    attacks: Literal["quick", "standard", "full"] | tuple[str, ...] = "standard"
    shadows: Annotated[int, Field(ge=0)] = 0
    immutable: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    query_budget: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0


class Limit(_Section):
    """One line of `[policy]`: the metric must lie between `min` and `max`."""

    min: Finite | None = None
    max: Finite | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a limit needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be above max")
        return self


class FederationPrivacySpec(_Section):
    """`[federation.privacy]`: the weakest guarantee under which the site takes part.

    Attributes:
        unit: the smallest unit that must be hidden: a site's is larger than a person's, and a
            person's larger than an example's.
        epsilon, delta: the most that one job may spend.
    """

    unit: Literal["example", "person", "site"] = "example"
    epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3.0
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5


class FederationSpec(_Section):
    """`[federation]`: what this site lets a federation do, whatever a coordinator asks.

    Attributes:
        site: its name in the federation.
        approve: "policy": what the policy allows runs; "ask": each job also waits until somebody
            at the site says yes: `strongroom federate approve JOB`.
        tasks: what may be asked of the site.
        models: which models may be trained; empty: all that this version can.
        max_rounds: of one job.
        max_bytes: that may leave the site in one job.
        min_sites: no job with fewer.
        secure: jobs without secure aggregation are refused.
        privacy: no job without differential privacy of at least this strength: the unit, the most ε
            and δ of one job. What all jobs together may spend is `[data].budget`.
        describe: the coordinator may learn the columns' names, types and declarations.
        metrics: the site tells exact counts of right answers on its test rows, which no noise
            covers.
        examine: every answer is searched for the site's own rows before it leaves, beside the table
            of what may leave; takes memory for an index of the rows.
        peers: public keys of the other sites, as they print them: without them, who the others are
            is taken from the coordinator.
    """

    site: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")] | None = None
    approve: Literal["policy", "ask"] = "policy"
    tasks: tuple[Literal["train", "trees", "evaluate", "analyse"], ...] = (
        "train",
        "trees",
        "evaluate",
        "analyse",
    )
    models: tuple[ModelKind, ...] = ()
    max_rounds: Annotated[int, Field(ge=1)] = 1000
    max_bytes: Annotated[int, Field(ge=1)] = 2_000_000_000
    min_sites: Annotated[int, Field(ge=1)] = 2
    secure: bool = False
    privacy: FederationPrivacySpec | None = None
    describe: bool = True
    metrics: bool = True
    examine: bool = False
    peers: dict[str, str] = Field(default_factory=dict)


class Config(_Section):
    """The whole of `strongroom.toml`."""

    project: ProjectSpec
    data: DataSpec
    discover: DiscoverSpec = DiscoverSpec()
    anonymize: AnonymizeSpec = AnonymizeSpec()
    seal: SealSpec = SealSpec()
    train: TrainSpec = TrainSpec()
    audit: AuditSpec = AuditSpec()
    federation: FederationSpec = FederationSpec()
    policy: dict[str, Limit] = Field(default_factory=dict)
