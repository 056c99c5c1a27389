"""What is to be run together: named parts with parameters, and no code.

A recipe is all that a site is asked to agree to. It is JSON, has one digest, and each part of it is
a choice among what Strongroom itself knows how to do; a site holds it against its own policy before
it reads a row (`site`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from strongroom.config import TrainSpec
from strongroom.federate._asked import Asked, Positive

Finite = Annotated[float, Field(allow_inf_nan=False)]
Rule = Literal["mean", "median", "trimmed-mean", "krum", "multi-krum", "bulyan", "norm-bound"]
Strategy = Literal["fedavg", "fedprox", "fedadam", "scaffold"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StrategySpec(_Part):
    """How sites' updates become the next model.

    Attributes:
        name: FedAvg (McMahan et al. 2017), FedProx (Li et al. 2020), FedAdam (Reddi et al. 2021),
            SCAFFOLD (Karimireddy et al. 2020).
        server_learning_rate: what the mean update is multiplied with.
        mu: of FedProx: how strongly a site is held to the round's model.
        beta1, beta2, tau: of FedAdam.
    """

    name: Strategy = "fedavg"
    server_learning_rate: Positive = 1.0
    mu: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.99
    tau: Positive = 1e-3


class SecureSpec(_Part):
    """Secure aggregation (Bonawitz et al. 2017; sparse graphs: Bell et al. 2020).

    Attributes:
        threshold: so many sites' values must be in a sum, or nobody learns it; more than half.
        neighbours: of each site in the graph of pairwise masks, rounded up to an even number; None:
            all others.
        colluders: so many sites may work with the server and learn nothing of the others but their
            sum; each site checks that threshold and graph allow it.
        bits: of the field's elements.
        bound: largest size of one coordinate of a weighted update; larger ones are told, not cut.
        precision: bits after the point.
    """

    threshold: Annotated[int, Field(ge=2, le=10_000)]
    neighbours: Annotated[int, Field(ge=2, le=10_000)] | None = None
    colluders: Annotated[int, Field(ge=0, le=10_000)] = 0
    bits: Literal[32, 64] = 64
    bound: Positive = 64.0
    precision: Annotated[int, Field(ge=4, le=40)] = 24


class SitePrivacySpec(_Part):
    """Differential privacy that the sites see to themselves.

    Attributes:
        unit: whose presence is hidden: a row's, a person's (`[data].subject`), or a whole site's.
        epsilon, delta: the guarantee of all rounds together, for each site's people.
        clip_norm: of one unit's gradient (example, person) or of a site's update (site).
        noise: each site's "own", enough alone; or "shared": each adds its part inside the secure
            sum, so that the sum of at least `threshold` sites has enough (distributed discrete
            Gaussian, Kairouz et al. 2021).
    """

    unit: Literal["example", "person", "site"] = "example"
    epsilon: Positive = 3.0
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    clip_norm: Positive = 1.0
    noise: Literal["own", "shared"] = "own"


class RuleSpec(_Part):
    """What is made of the updates, so that liars can't spoil it.

    Attributes:
        name: the mean, or a robust rule.
        liars: how many of the sites may lie; what median and the others must tolerate.
        bound: of "norm-bound": largest L2 norm of an update; None: the median norm of the round.
        groups: with secure aggregation: sums are made in so many groups, drawn anew each round, and
            the rule is applied to the groups' means; 1: one sum of all.
    """

    name: Rule = "mean"
    liars: Annotated[int, Field(ge=0)] = 0
    bound: Positive | None = None
    groups: Annotated[int, Field(ge=1)] = 1


class Recipe(Asked):
    """One job, whole.

    Attributes:
        task: train by gradients, grow boosted trees, or only evaluate a model. Trees need
            train.model = "trees", and their first round only counts.
        train: architecture and local optimizer; `epochs` and `privacy` of it are not used.
        model: meta data of the model (`models.TrainedModel.meta`), from which every site builds it.
        features: columns that a site's rows must have, with their Arrow types.
        rounds: how many.
        local_epochs: passes over a site's rows in a round.
        weighting: of sites in the mean: by their rows, or equal.
        strategy, rule: see there.
        secure, privacy: see there; None: without.
    """

    task: Literal["train", "trees", "evaluate"] = "train"
    train: TrainSpec = TrainSpec()
    model: dict[str, Any] = Field(default_factory=dict)
    features: dict[str, str] = Field(default_factory=dict)
    rounds: Annotated[int, Field(ge=1, le=100_000)] = 20
    local_epochs: Annotated[float, Field(gt=0, le=1000)] = 1.0
    weighting: Literal["rows", "equal"] = "rows"
    strategy: StrategySpec = StrategySpec()
    rule: RuleSpec = RuleSpec()
    secure: SecureSpec | None = None
    privacy: SitePrivacySpec | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.privacy is not None and self.privacy.noise == "shared" and self.secure is None:
            raise ValueError("shared noise needs secure aggregation: [secure]")
        if self.privacy is not None and self.privacy.unit == "site" and self.weighting == "rows":
            raise ValueError('site-level privacy needs weighting = "equal"')
        if self.secure is not None:
            smallest = len(self.sites) // self.rule.groups
            largest = -(-len(self.sites) // self.rule.groups)
            threshold, colluders = self.secure.threshold, self.secure.colluders
            if 2 * threshold <= largest + colluders or threshold > smallest:
                raise ValueError(
                    "threshold must be more than half of the sites of a group and its colluders, "
                    "and no more than all"
                )
            if self.rule.name != "mean" and self.rule.groups < 2:  # noqa: PLR2004 - one is no choice
                raise ValueError(
                    "a robust rule beside secure aggregation needs groups: [rule] groups"
                )
            if self.strategy.name == "scaffold":
                raise ValueError("SCAFFOLD's control variates are not securely summed: use another")
        elif self.rule.groups > 1:
            raise ValueError("groups are for secure aggregation")
        return self

    @model_validator(mode="after")
    def _fits_trees(self) -> Self:
        if self.task != "trees":
            return self
        if self.train.model != "trees":
            raise ValueError('the task "trees" grows models of kind "trees" alone')
        if self.rounds < 2:  # noqa: PLR2004 - one counts, one grows
            raise ValueError("trees need two rounds or more: the first only counts")
        if self.weighting != "rows":
            raise ValueError('trees grow on sums over rows: weighting = "rows"')
        if self.strategy != StrategySpec():
            raise ValueError("trees are grown on sums, by no other strategy: leave [job.strategy]")
        if self.privacy is not None and self.privacy.noise == "shared":
            raise ValueError(
                "the counts and the sums of trees need noise of two sizes, which isn't shared: "
                'noise = "own"'
            )
        if self.privacy is not None and self.privacy.unit == "site":
            raise ValueError("trees hide rows or persons; what a whole site adds isn't bounded")
        return self
